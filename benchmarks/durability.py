"""Stress-test the working directory: kills, damage and full disks, hundreds of times, and a count of the losses.

    python -m benchmarks.durability            # some minutes
    python -m benchmarks.durability --scale 0.1

Prints a table of the trials: how many, survived or found, and lost (the goal is none); then the cost of saving.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from charrnn.errors import DamageWarning, SaveFailed
from charrnn.storage.bundle import export_bundle
from charrnn.storage.timetravel import branch, note
from charrnn.storage.workdir import WorkDir
from charrnn.table import Table
from tests.storage import damage
from tests.storage.states import new_workdir, record_of, same, save, state_after
from tests.storage.writer import ROOT, after_kill, run_and_kill

STEPS = (10, 20, 30, 40)


def kills(parent: Path, times: int, rng: random.Random) -> Counter:
    """Kill writers (kill -9) at random moments; each continues from the state that the one before left."""
    verdicts: Counter = Counter()
    for n in range(times):
        if n % 25 == 0:
            path, reached = new_workdir(parent / f"kills{n}").path, 0
        try:
            reached = after_kill(path, run_and_kill(path, after=rng.uniform(0, 0.15)), reached)
            verdicts["survived"] += 1
        except Exception as error:
            print(f"LOST at kill {n}: {error!r}", file=sys.stderr)
            verdicts["lost"] += 1
    return verdicts


def damages(parent: Path, times: int, rng: random.Random, harm) -> Counter:
    """Let `harm` change the bytes of a file of a working directory, then read the directory."""
    workdir = new_workdir(parent / harm.__name__, STEPS)
    note(workdir, "a note", "best")
    intact = damage.contents(workdir.path)
    files = sorted(path for path in workdir.path.rglob("*.*") if path.is_file() and not path.name.startswith(".lock"))
    verdicts: Counter = Counter()
    for n in range(times):
        path = files[n % len(files)]
        content = path.read_bytes()
        path.write_bytes(harm(content, rng))
        verdict = damage.judge(workdir.path, intact)
        if verdict == damage.MISSED and harm is truncated and path.name == "history.jsonl":
            verdict = damage.HARMLESS  # as if the rows had not been written yet: no wrong value was given
        verdicts[verdict] += 1
        path.write_bytes(content)
    return verdicts


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Return `content` with one bit changed."""
    changed = bytearray(content)
    changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncated(content: bytes, rng: random.Random) -> bytes:
    """Return the beginning of `content`."""
    return content[: rng.randrange(len(content))]


def full_disks(parent: Path, times: int, rng: random.Random) -> Counter:
    """Let the disk fill up in the middle of a save, a branching, or an export; then continue."""
    verdicts: Counter = Counter()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    workdir = new_workdir(parent / "full", STEPS)
    for n in range(times):
        acts = [
            lambda: save(workdir, 50),
            lambda: branch(workdir, "b"),
            lambda: export_bundle(workdir, parent / "b.zip"),
        ]
        before = damage.contents(workdir.path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (rng.randrange(250), limits[1]))
        try:
            acts[n % 3]()
            verdict = "lost"  # it cannot have been saved
        except SaveFailed:
            verdict = "survived"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        facts, checkpoints, rows = damage.contents(workdir.path)
        if (facts, checkpoints) != before[:2] or rows[: len(before[2])] != before[2]:
            verdict = "lost"
        verdicts[verdict] += 1
    return verdicts


def reads(parent: Path, times: int, rng: random.Random) -> Counter:
    """Read the last and the best while another process saves, branches and thins without pause."""
    path = new_workdir(parent / "reads").path
    command = [sys.executable, "-m", "tests.storage.writer", str(path)]
    verdicts: Counter = Counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout
        for _ in range(2):  # it begins, and has saved once
            writer.stdout.readline()
        workdir = WorkDir.open(path)
        for _ in range(times):
            arrays, record = workdir.read(rng.choice(["last", "best"]))
            verdicts["survived" if same(arrays, state_after(record["step"])) else "lost"] += 1
        writer.kill()
    return verdicts


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
    parser.add_argument("--scale", type=float, default=1.0, help="do this many times as much (default: 1)")
    parser.add_argument("--random-seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.random_seed)
    warnings.simplefilter("ignore", DamageWarning)
    scale = arguments.scale
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        parent = Path(folder)
        trials = {
            "kill -9": lambda: kills(parent, round(300 * scale), rng),
            "bit flips": lambda: damages(parent, round(3000 * scale), rng, flipped),
            "truncations": lambda: damages(parent, round(1000 * scale), rng, truncated),
            "disk full": lambda: full_disks(parent, round(300 * scale), rng),
            "reads beside a writer": lambda: reads(parent, round(2000 * scale), rng),
        }
        for what, trial in trials.items():
            started = time.perf_counter()
            verdicts = trial()
            table.append(
                {
                    "what": what,
                    "tried": verdicts.total(),
                    "survived or found": verdicts["survived"] + verdicts[damage.FOUND],
                    "no value changed": verdicts[damage.HARMLESS],
                    "lost or missed": verdicts["lost"] + verdicts[damage.MISSED],
                    "seconds": round(time.perf_counter() - started),
                }
            )
        print(table, Table(costs(parent)), sep="\n\n")
    if any(row["lost or missed"] for row in table):
        sys.exit(1)


if __name__ == "__main__":
    main()
