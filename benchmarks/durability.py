"""Stress-test the working directory: kills, damage, full disks and races, again and again, and a count of the losses.

    python -m benchmarks.durability                 # five minutes
    python -m benchmarks.durability --minutes 600
    python -m benchmarks.durability --only fuzzing flips

Prints a table of the trials and their verdicts (the goal is no loss); then the cost of saving. A loss is printed at
once, with the seed that reproduces it.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.durable import crashes, damages, fuzz, races
from benchmarks.durable.verdict import Trial, Verdict
from charrnn.errors import DamageWarning
from charrnn.storage.workdir import WorkDir
from charrnn.table import Table
from tests.storage.states import new_workdir, record_of

TRIALS: dict[str, Trial] = {
    "kills": crashes.kills,
    "power cuts": crashes.power_cuts,
    "full disks": crashes.full_disks,
    "failing calls": crashes.failing_calls,
    "flips": damages.flips,
    "truncations": damages.truncations,
    "deletions, links, swaps": damages.losses,
    "loads beside a writer": races.loads,
    "verify beside a writer": races.verifications,
    "parallel exports": races.exports,
    "fuzzing": fuzz.inputs,
}
MOST_TOLD = 5  # losses of one kind, in full


def run(name: str, trial: Trial, seconds: float, seed: int) -> dict[str, object]:
    """Let a trial make attempts for so long, and return its row of the table."""
    counts: Counter[Verdict] = Counter()
    slowest, memory, start = 0.0, _peak(), time.perf_counter()
    for beginning in range(seed, seed + 10**9, 1000):  # after a loss, it begins again with another seed
        with tempfile.TemporaryDirectory() as folder:
            attempts = trial(Path(folder).resolve(), random.Random(beginning))
            try:
                while time.perf_counter() - start < seconds:
                    began = time.perf_counter()
                    counts[next(attempts)] += 1
                    slowest = max(slowest, time.perf_counter() - began)
            except Exception:
                counts[Verdict.LOST] += 1
                if counts[Verdict.LOST] <= MOST_TOLD:
                    print(f"LOST in {name}, --random-seed {beginning}:", file=sys.stderr)
                    traceback.print_exc()
            finally:
                attempts.close()  # type: ignore[attr-defined]
        if time.perf_counter() - start >= seconds:
            break
    return {
        "what": name,
        "tried": counts.total(),
        "survived or found": counts[Verdict.SURVIVED] + counts[Verdict.FOUND],
        "no value changed": counts[Verdict.HARMLESS],
        "lost or missed": counts[Verdict.LOST],
        "slowest, s": f"{slowest:.1f}",
        "more memory, MB": _peak() - memory,
    }


def _peak() -> int:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1_000_000 if sys.platform == "darwin" else 1_000)


def costs(parent: Path) -> Iterator[dict[str, object]]:
    """Measure saving and loading for some sizes of state."""
    for megabytes in (1, 10, 100):
        workdir = new_workdir(parent / f"cost{megabytes}")
        values = np.random.default_rng(0).normal(size=(20, megabytes * 1_000_000 // 80)).astype(np.float32)
        arrays = {f"param/{i}": row for i, row in enumerate(values)}
        saving, loading = [], []
        for step in range(5):
            started = time.perf_counter()
            checkpoint = workdir.save_checkpoint(arrays, record_of(step))
            saved = time.perf_counter()
            WorkDir.open(workdir.path).read()
            saving.append(1000 * (saved - started))
            loading.append(1000 * (time.perf_counter() - saved))
        over = checkpoint.path.stat().st_size - values.nbytes
        yield {
            "state, MB": megabytes,
            "save, ms": round(statistics.median(saving), 1),
            "load, ms": round(statistics.median(loading), 1),
            "bytes over": over,
        }


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="for all kinds together (default: 5)")
    parser.add_argument("--only", nargs="+", choices=list(TRIALS), help="these kinds alone")
    parser.add_argument("--random-seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DamageWarning)
    chosen = arguments.only or list(TRIALS)
    seconds = 60 * arguments.minutes / len(chosen)
    table = Table(run(name, TRIALS[name], seconds, arguments.random_seed) for name in chosen)
    print(table)
    with tempfile.TemporaryDirectory() as folder:
        print("", Table(costs(Path(folder))), sep="\n")
    if any(row["lost or missed"] for row in table):
        sys.exit(1)


if __name__ == "__main__":
    main()
