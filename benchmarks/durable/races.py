"""Readers beside a writer, exports side by side: each gets what some moment held, whole."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from benchmarks.durable.verdict import Verdict, require
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, same, state_after
from tests.storage.writer import ROOT


@contextlib.contextmanager
def _writer(path: Path) -> Iterator[None]:
    """Let another process save, branch and thin without pause for a `with` block."""
    command = [sys.executable, "-m", "tests.storage.writer", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout
        for _ in range(2):  # it begins, and has saved once
            writer.stdout.readline()
        try:
            yield
        finally:
            writer.kill()


def loads(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Load the last and the best while another process saves, branches and thins: never untrained, never wrong."""
    for n in itertools.count():
        path = new_workdir(parent / str(n)).path
        with _writer(path):
            for _ in range(500):
                checkpoint, arrays = WorkDir.open(path).load(rng.choice([None, "best"]))
                require(same(arrays, state_after(checkpoint.step)), f"{checkpoint} was read wrong")
                yield Verdict.SURVIVED


def verifications(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Verify while another process writes: it is never called damaged."""
    for n in itertools.count():
        path = new_workdir(parent / str(n)).path
        with _writer(path):
            for _ in range(100):
                problems = verify(WorkDir.open(path)).problems
                require(not problems, f"called damaged while it was written: {problems}")
                yield Verdict.SURVIVED


def exports(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Export to one file from eight threads at once: each succeeds, and the file is whole."""
    workdir = new_workdir(parent / "model", (10, 20))
    for n in itertools.count():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: export_bundle(WorkDir.open(workdir.path), parent / "m.zip"), range(8)))
        copy = import_bundle(parent / "m.zip", parent / f"copy{n}")
        require(same(copy.read()[0], state_after(20)), "an exported file is wrong")
        yield Verdict.SURVIVED
