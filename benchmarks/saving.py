"""Measure the cost of saving: a checkpoint's bytes against the state, and its time against training between two.

python -m benchmarks.saving                # some minutes
python -m benchmarks.saving --rounds 3
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from charrnn import ModelState, corpora
from charrnn.session import train as training
from charrnn.table import Table

SIZES = [(128, 2), (256, 2), (512, 2)]  # state size, layers


def measure(state_size: int, layers: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Return the size of checkpoints and the times of saving and loading, over a few rounds of an epoch."""
    ms = ModelState.initfromsrcfile(corpora.path("pydoc"), folder / "model", state_size=state_size, layers=layers)
    saving: list[float] = []
    save = training._save

    def timed(*args: Any) -> str:
        started = time.perf_counter()
        name = save(*args)
        saving.append(time.perf_counter() - started)
        return name

    with mock.patch.object(training, "_save", timed):
        ms.train(train_len=1, valid_len=1, print_every=0)  # compiles
        saving.clear()
        summary = ms.train(num_rounds=rounds, print_every=0)
    state = sum(array.nbytes for array in ms.model.arrays().values()) + ms.place.state.nbytes
    started = time.perf_counter()
    ModelState.load(ms.path)
    loaded = time.perf_counter()
    per_step = ms.history.path.stat().st_size / ms.steps
    return {
        "model": f"{layers}×{state_size}",
        "state, MB": round(state / 1e6, 2),
        "file over state, bytes": ms.checkpoint.path.stat().st_size - state,
        "history, bytes a step": round(per_step, 1),
        "round, s": round(summary.seconds / rounds, 1),
        "save, ms": round(1000 * statistics.median(saving), 1),
        "save, % of training": round(100 * sum(saving) / summary.seconds, 3),
        "load, ms": round(1000 * (loaded - started), 1),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    table = Table()
    for state_size, layers in SIZES:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            table.append(measure(state_size, layers, rounds, Path(folder)))
    print(table)


if __name__ == "__main__":
    main()
