"""Files whose bytes change, that are cut short, deleted, exchanged, or replaced by links: each must be named."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from benchmarks.durable.verdict import Verdict, require
from charrnn.errors import CharRNNError
from charrnn.storage.repair import examine
from charrnn.storage.timetravel import note
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage import damage
from tests.storage.states import new_workdir

STEPS = (10, 20, 30, 40)
Harm = Callable[[Path, Random], str]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".lock"))


def flips(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Change one bit: first every bit of the JSON files, one file after the other, then any bit of any file."""
    workdir = _noted(parent / "flips")
    intact = damage.contents(workdir.path)
    every = ((file, bit) for file in _files(workdir.path) for bit in range(8 * file.stat().st_size))
    some = ((file, rng.randrange(8 * file.stat().st_size)) for file in itertools.cycle(_files(workdir.path)))
    for pair in itertools.zip_longest(every, some):
        for file, bit in filter(None, pair):
            content = bytearray(file.read_bytes())
            content[bit // 8] ^= 1 << bit % 8
            yield _judged(workdir, file, bytes(content), intact)


def truncations(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Cut a file short anywhere; a history too at the end of a row."""
    workdir = _noted(parent / "truncations")
    intact = damage.contents(workdir.path)
    for file in itertools.cycle(_files(workdir.path)):
        content = file.read_bytes()
        ends = [n + 1 for n, byte in enumerate(content[:-1]) if byte == ord("\n")] or [0]
        at = rng.choice(ends) if file.suffix == ".jsonl" and rng.random() < 0.5 else rng.randrange(len(content))
        yield _judged(workdir, file, content[:at], intact)


def _judged(workdir: WorkDir, file: Path, content: bytes, intact: tuple) -> Verdict:
    """Give a file another content for a moment, and say what reading the directory then gives."""
    former = file.read_bytes()
    file.write_bytes(content)
    try:
        found = damage.judge(workdir.path, intact)
    finally:
        file.write_bytes(former)
    require(found != damage.MISSED, f"{file} was changed, and no error named it")
    return Verdict.HARMLESS if found == damage.HARMLESS else Verdict.FOUND


def losses(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Delete, exchange or link files and folders: `verify` names each, and a repair makes the directory whole."""
    original = _noted(parent / "original")
    other = new_workdir(parent / "other", STEPS)
    for n in itertools.count():
        path = parent / str(n)
        shutil.copytree(original.path, path)
        harms: dict[str, Harm] = {
            "deleted": _deleted,
            "linked": _linked,
            "swapped": _swapped,
            "foreign": lambda path, rng: _foreign(path, other.path, rng),
        }
        kind = rng.choice(list(harms))
        name = harms[kind](path, rng)
        if name:
            problems = verify(_session(original.path, path)).problems
            require(any(name in problem for problem in problems), f"{name} was {kind}: {problems}")
            if name != "model.json":
                examine(path).carry_out()
                require(verify(WorkDir.open(path)).ok, f"{name} was {kind}, and the repair left damage")
            yield Verdict.FOUND
        shutil.rmtree(path)


def _noted(path: Path) -> WorkDir:
    workdir = new_workdir(path, STEPS)
    note(workdir, "a note", "best")
    return workdir


def _session(original: Path, path: Path) -> WorkDir:
    """Return a session, opened before `model.json` was harmed."""
    try:
        return WorkDir(path)
    except (CharRNNError, OSError):
        aside = path / "aside"
        os.rename(path / "model.json", aside) if os.path.lexists(path / "model.json") else None
        shutil.copy(original / "model.json", path)
        session = WorkDir(path)
        (path / "model.json").unlink()
        os.rename(aside, path / "model.json") if os.path.lexists(aside) else None
        return session


def _deleted(path: Path, rng: Random) -> str:
    target = rng.choice([*_files(path), path / "data", path / "checkpoints"])
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return target.relative_to(path).as_posix()


def _linked(path: Path, rng: Random) -> str:
    target = rng.choice(_files(path))
    target.unlink()
    target.symlink_to(rng.choice(["/dev/zero", "/etc/hostname", "nowhere"]))
    return target.relative_to(path).as_posix()


def _swapped(path: Path, rng: Random) -> str:
    one, two = rng.sample(_files(path), 2)
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    names = {one.relative_to(path).as_posix(), two.relative_to(path).as_posix()}
    return "model.json" if "model.json" in names else min(names)


def _foreign(path: Path, other: Path, rng: Random) -> str:
    target = rng.choice([file for file in _files(path) if file.suffix != ".npy"])
    name = target.relative_to(path).as_posix()
    shutil.copy(other / name, target)
    return name
