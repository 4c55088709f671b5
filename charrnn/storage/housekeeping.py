"""Keeping house among working directories: listing, renaming, copying, pruning, removing."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from charrnn.errors import CharRNNError, InvalidValue
from charrnn.storage import lookup
from charrnn.storage.belongings import CHECKPOINTS, DATA, disk_use, foreign, is_model, is_own
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.creation import resolve, staged
from charrnn.storage.faults import reading, writing
from charrnn.storage.lock import LOCK, OWNER, WriterLock
from charrnn.storage.plain import exists, require_plain
from charrnn.storage.thinning import thin
from charrnn.storage.workdir import WorkDir
from charrnn.table import Table

_MEGA = 1e6
_KEPT = ("model.json", "refs.json", "inventory.json", "history.jsonl", DATA, CHECKPOINTS)  # in a copy


def models(folder: str | os.PathLike[str]) -> Table:
    """Return a table of the models in a folder, one below another's name in the order of the last change.

    A model that cannot be read has a row that says why; one of a newer charrnn says which version it needs.

    Raises
    ------
    InvalidValue
        If `folder` is not a directory.
    FileUnreadable
        If it cannot be read.
    """
    parent = resolve(folder)
    with reading(parent, "folder"):
        if not parent.is_dir():
            raise InvalidValue(f"{parent} is not a directory: expected one that holds working directories.")
        found = [path for path in (parent, *parent.iterdir()) if not path.name.startswith(".") and is_model(path)]
    rows = sorted((_row(path, parent) for path in found), key=lambda row: row["changed"] or "", reverse=True)
    return Table(rows, cut=("state",), spare=("branch", "steps", "checkpoints", "changed"))


def rename(path: str | os.PathLike[str], new: str | os.PathLike[str]) -> WorkDir:
    """Move a working directory to another place on the same disk, and open it there.

    Parameters
    ----------
    path : str or os.PathLike
        The working directory.
    new : str or os.PathLike
        Its new path; a name alone is one beside the old one.

    Raises
    ------
    NotAModelDirectory
        If the directory holds no model.
    InvalidValue
        If there is something at the new place.
    WorkdirLocked, SaveFailed
        If another process is writing; the directory cannot be moved.
    """
    workdir, target = WorkDir.open(path), _place(path, new)
    with workdir.lock() if os.name != "nt" else contextlib.nullcontext(), writing(target):
        _require_nothing(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(workdir.path, target)
        (target / OWNER).unlink(missing_ok=True)
    return WorkDir.open(target)


def copy(path: str | os.PathLike[str], new: str | os.PathLike[str]) -> WorkDir:
    """Copy a working directory as it stands now, and open the copy; arguments and errors as for `rename`.

    Only charrnn's own files are copied, and neither links nor leftovers.
    """
    workdir, target = WorkDir.open(path), _place(path, new)
    with workdir.lock():
        names = [
            file.relative_to(workdir.path)
            for file in sorted(workdir.path.rglob("*"))
            if _is_kept(file.relative_to(workdir.path).as_posix()) and require_plain(file)
        ]
        with staged(target, overwrite=False) as stage, writing(stage):
            (stage / CHECKPOINTS).mkdir()
            for name in names:
                (stage / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(workdir.path / name, stage / name)
    return WorkDir.open(target)


def prune(path: str | os.PathLike[str]) -> list[Checkpoint]:
    """Remove all checkpoints that `thin` may, and return them.

    The best, the pinned, those with a note, and the first and the last of every branch stay.

    Raises
    ------
    NotAModelDirectory, WorkdirLocked, SaveFailed
        If the directory holds no model; another process is writing; the directory is read-only.
    """
    return thin(WorkDir.open(path), max_bytes=0)


def remove(path: str | os.PathLike[str]) -> list[str]:
    """Remove a model, and return the names of the files that are not charrnn's, which stay.

    The directory goes too if nothing else is in it. Damaged files are removed, too.

    Raises
    ------
    NotAModelDirectory, WorkdirLocked, SaveFailed
        As `prune`.
    """
    target = resolve(path)
    if not is_model(target):
        WorkDir.open(target)  # which says what is wrong
    with WriterLock(target).held(), writing(target):
        left = foreign(target)
        for folder, folders, names in os.walk(target, topdown=False):
            for name in [*names, *(name for name in folders if os.path.islink(Path(folder, name)))]:
                file = Path(folder, name)
                if is_own(file.relative_to(target).as_posix()) and file.name != LOCK:
                    file.unlink(missing_ok=True)
            if folder != os.fspath(target) and not os.listdir(folder):
                os.rmdir(folder)
    with writing(target):
        (target / LOCK).unlink(missing_ok=True)
        if not left:
            target.rmdir()
    return left


def _row(path: Path, parent: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"model": "." if path == parent else path.name}
    row |= dict.fromkeys(("modeltype", "branch", "steps", "checkpoints", "best_loss", "changed"))
    state = ""
    try:
        workdir = WorkDir.open(path)
        refs, found, lost = workdir.snapshot()
        best, last = lookup.best(found), max(found, key=lambda c: c.time, default=None)
        row |= {
            "modeltype": workdir.model.get("modeltype"),
            "branch": refs.branch,
            "steps": last.step if last else 0,
            "checkpoints": len(found),
            "best_loss": best.loss if best else None,
            "changed": f"{last.time:%Y-%m-%d %H:%M}" if last else None,
        }
        state = f"{len(lost)} checkpoints damaged or missing" if lost else ""
        if workdir.owner() is not None:
            state = "being written" if not state else f"{state}; being written"
    except (CharRNNError, OSError) as error:
        state = str(error)
    with contextlib.suppress(OSError):
        row["MB"] = round(disk_use(path) / _MEGA, 1)
    return row | {"state": state}


def _place(path: str | os.PathLike[str], new: str | os.PathLike[str]) -> Path:
    """Return the new path; a name alone is one beside the old one."""
    if isinstance(new, str | os.PathLike) and os.path.basename(os.fspath(new)) == os.fspath(new):
        new = resolve(path).parent / new
    target = resolve(new)
    _require_nothing(target)
    return target


def _require_nothing(target: Path) -> None:
    if exists(target):
        raise InvalidValue(f"{target} exists: expected a path where nothing is. Choose another one.")


def _is_kept(name: str) -> bool:
    """Return whether a file of a model goes into its copy."""
    hidden = name.rpartition("/")[2].startswith(".")
    return is_own(name) and not hidden and not name.endswith((".damaged", ".tmp")) and name.split("/")[0] in _KEPT
