"""Which files of a directory are charrnn's own: those that it may replace and remove."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

MODEL_FILE = "model.json"
REFS_FILE = "refs.json"
HISTORY_FILE = "history.jsonl"
INVENTORY_FILE = "inventory.json"
DATA = "data"
CHECKPOINTS = "checkpoints"
REPAIRED = "before-repair"  # followed by a number: what a repair replaced

_FILES = {MODEL_FILE, REFS_FILE, HISTORY_FILE, INVENTORY_FILE, ".lock", ".lock-owner.json"}
_CHECKPOINT = re.compile(r"e\d{4,}-s\d{8,}-v[^/]*\.safetensors(\.damaged(-\d+)?)?")
_TEMPORARY = re.compile(r"\.tmp-.*")


def is_model(path: Path) -> bool:
    """Return whether `path` is a working directory."""
    try:
        return stat.S_ISREG(os.lstat(path / MODEL_FILE).st_mode)
    except (OSError, ValueError):
        return False


def is_own(name: str) -> bool:
    """Return whether a path inside a working directory, written with ``/``, is one that charrnn writes.

    >>> [is_own(name) for name in ("model.json", "data/text.npy", "checkpoints/e0000-s00000001-v2.5.safetensors")]
    [True, True, True]
    >>> [is_own(name) for name in ("alice.txt", "data/alice.txt", "checkpoints/README.md", "notes/model.json")]
    [False, False, False, False]
    """
    folder, _, file = name.rpartition("/")
    if folder == "":
        return file in _FILES or bool(_TEMPORARY.fullmatch(file))
    if folder == CHECKPOINTS:
        return bool(_CHECKPOINT.fullmatch(file) or _TEMPORARY.fullmatch(file))
    if folder == DATA:
        return file.endswith((".npy", ".tmp")) or bool(_TEMPORARY.fullmatch(file))
    return folder.split("/")[0].startswith(REPAIRED)


def foreign(path: Path) -> list[str]:
    """Return the paths of all files in a working directory that are not charrnn's, written with ``/``."""
    return [name for name in _files(path) if not is_own(name)]


def move_foreign(former: Path, new: Path) -> list[str]:
    """Move the files that are not charrnn's from a former directory to the same places in the new one.

    Returns
    -------
    list of str
        Their paths. One whose place is taken gets a name that says where it comes from.
    """
    moved = foreign(former)
    for name in moved:
        place = new / name
        place.parent.mkdir(parents=True, exist_ok=True)
        while os.path.lexists(place):
            place = place.with_name(f"former-{place.name}")
        os.rename(former / name, place)
    return moved


def disk_use(path: Path) -> int:
    """Return how many bytes the files in a directory have."""
    return sum(os.lstat(path / name).st_size for name in _files(path))


def _files(path: Path) -> Iterator[str]:
    """Yield the paths of everything in a directory but plain directories; links are not followed."""
    for folder, folders, names in os.walk(path):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(folder, name).relative_to(path).as_posix()
