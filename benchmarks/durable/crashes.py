"""Processes killed, power cut, disks full, system calls that fail: what was saved must be there."""

from __future__ import annotations

import contextlib
import itertools
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from benchmarks.durable.verdict import Verdict, require
from charrnn.errors import CharRNNError, SaveFailed
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.thinning import thin
from charrnn.storage.timetravel import branch, checkout, note, pin
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage import damage
from tests.storage.crash import Camera
from tests.storage.failing import CODES, failing
from tests.storage.states import new_workdir, same, save, state_after
from tests.storage.writer import after_kill, run_and_kill

ACTS: dict[str, Callable[[WorkDir, Random], object]] = {
    "save": lambda workdir, rng: save(workdir, workdir.find().step + 1),
    "note": lambda workdir, rng: note(workdir, f"note {rng.random()}", "best"),
    "pin": lambda workdir, rng: pin(workdir, rng.choice(workdir.checkpoints)),
    "back": lambda workdir, rng: checkout(workdir, rng.choice(workdir.checkpoints)),
    "branch": lambda workdir, rng: branch(workdir, f"b{rng.getrandbits(30)}", rng.choice(workdir.checkpoints)),
    "thin": lambda workdir, rng: thin(workdir, max_bytes=0),
}


def recovered(path: Path) -> WorkDir:
    """Open what a crash left, as a writer; raise Lost unless its last checkpoint is whole and nothing is missing."""
    workdir = WorkDir.open(path)
    checkpoint = checkout(workdir)
    require(same(workdir.read(checkpoint)[0], state_after(checkpoint.step)), f"{checkpoint} is wrong")
    problems = verify(workdir).problems
    require(not problems, f"after a crash: {problems}")
    return workdir


def kills(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Kill writers (kill -9) at random moments, each going on from what the one before left."""
    for n in itertools.count():
        if n % 25 == 0:
            path, reached = new_workdir(parent / str(n)).path, 0
        reached = after_kill(path, run_and_kill(path, after=rng.uniform(0, 0.15)), reached)
        yield Verdict.SURVIVED


def power_cuts(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Cut the power before every system call of a random act, on a file system that keeps only what was forced."""
    for n in itertools.count():
        folder = parent / str(n)
        workdir = new_workdir(folder / "model", (1, 2, 3))
        patch = pytest.MonkeyPatch()
        before = workdir.find().step
        with contextlib.closing(Camera(workdir.path, folder / "album", patch)) as camera:
            try:
                ACTS[rng.choice(list(ACTS))](workdir, rng)
                camera.take()
            finally:
                patch.undo()
        after = workdir.find().step
        for picture in range(1, camera.pictures + 1):
            step = recovered(folder / "album" / "unpowered" / str(picture)).find().step
            allowed = {after} if picture == camera.pictures else {before, after}
            require(step in allowed, f"after a power cut step {step} is the last, not one of {allowed}")
            yield Verdict.SURVIVED
        shutil.rmtree(folder)


def full_disks(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Let the disk fill up in the middle of a save, a branching, or an export; then go on."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    workdir = new_workdir(parent / "full", (10, 20, 30, 40))
    acts = [
        lambda: save(workdir, 50),
        lambda: branch(workdir, "b"),
        lambda: export_bundle(workdir, parent / "b.zip"),
    ]
    for n in itertools.count():
        before = damage.contents(workdir.path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (rng.randrange(250), limits[1]))
        try:
            acts[n % 3]()
        except SaveFailed:
            saved = False
        else:
            saved = True
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        require(not saved, "a save on a full disk did not fail")
        facts, checkpoints, rows = damage.contents(workdir.path)
        require((facts, checkpoints) == before[:2], "a full disk changed what was saved")
        require(rows[: len(before[2])] == before[2], "a full disk changed the history")
        yield Verdict.SURVIVED


def failing_calls(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Let one system call of an act fail: only charrnn's errors come out, and nothing saved is lost."""
    original = new_workdir(parent / "original", (1, 2, 3))
    bundle = export_bundle(original, parent / "given.zip")
    acts = {
        **ACTS,
        "load": lambda workdir, rng: WorkDir.open(workdir.path).load(),
        "export": lambda workdir, rng: export_bundle(workdir, workdir.path.parent / "m.zip"),
        "import": lambda workdir, rng: import_bundle(bundle, workdir.path.parent / "copy"),
        "verify": lambda workdir, rng: verify(workdir),
    }
    for n in itertools.count():
        folder = parent / str(n)
        shutil.copytree(original.path, folder / "model")
        with failing(rng.randrange(1, 120), rng.choice(CODES), str(folder)), contextlib.suppress(CharRNNError):
            rng.choice(list(acts.values()))(WorkDir.open(folder / "model"), rng)
        recovered(folder / "model")
        shutil.rmtree(folder)
        yield Verdict.SURVIVED
