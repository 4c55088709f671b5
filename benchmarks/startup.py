"""Measure start-up times: the import, a new model's first training step, a saved model's first text.

    python -m benchmarks.startup

Whole processes are timed, from start to end; the first does nothing. "New" runs with an empty home and cache directory
each time, "load" with the caches of the run before.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.contenders import installed
from benchmarks.report import MarkdownTable, print_environment
from charrnn.data.builtin.corpora import pydoc_topics

NEW = """
import sys
from charrnn import ModelState
ms = ModelState.initfromsrcfile("text.txt", "model")
ms.train(callback=lambda step: sys.exit())  # leaves after the first step
"""
LOAD = """
from charrnn import ModelState
print(ModelState.load("model").generate(100))
"""
ROUNDS = 5


def seconds(code: str, folder: Path, caches: Path) -> float:
    """Return the time in which a fresh process runs some code in a folder."""
    start = time.perf_counter()
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=folder, env=environment(caches), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def environment(caches: Path) -> Mapping[str, str]:
    """Return an environment in which all libraries cache in one directory."""
    checkout = str(Path(__file__).parent.parent)
    places = {"HOME": caches, "XDG_CACHE_HOME": caches, "NUMBA_CACHE_DIR": caches / "numba"}
    paths = os.pathsep.join([checkout, os.environ.get("PYTHONPATH", "")])
    return os.environ | {name: str(place) for name, place in places.items()} | {"PYTHONPATH": paths}


def measure(code: str) -> list[float]:
    """Return durations of some code that needs no files."""
    with tempfile.TemporaryDirectory() as folder:
        return [seconds(code, Path(folder), Path(folder)) for _ in range(ROUNDS)]


def measure_models() -> tuple[list[float], list[float]]:
    """Return durations of making a model and taking one step, and of loading it and generating a text."""
    new, load = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder, caches = Path(name), Path(name) / "caches"
            caches.mkdir()
            (folder / "text.txt").write_text(pydoc_topics())
            new.append(seconds(NEW, folder, caches))
            load.append(seconds(LOAD, folder, caches))
    return new, load


def main() -> None:
    """Print a table."""
    print_environment()
    table = MarkdownTable("what", "median, s", "min, s")
    measured = {"Python alone": measure("pass"), "import charrnn": measure("import charrnn")}
    if installed("torch"):
        measured["import torch"] = measure("import torch")
    measured["new model to first step"], measured["load to 100 characters"] = measure_models()
    for what, durations in measured.items():
        table.row(what, statistics.median(durations), min(durations))


if __name__ == "__main__":
    main()
