"""Building a directory beside its place and moving it there whole, so that a failure leaves nothing half-made."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

from charrnn.errors import DamageWarning, InvalidValue, ModelExists, WorkdirLocked
from charrnn.storage.atomic import save_failed, sync_directory, sync_tree
from charrnn.storage.lock import WriterLock

MODEL_FILE = "model.json"
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def resolve(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path, with `~` and links followed, or raise InvalidValue for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise InvalidValue(f"{path!r} is no path of a directory, such as 'workdirs/alice'.")
    return Path(path).expanduser().resolve()


@contextlib.contextmanager
def staged(target: Path, overwrite: bool) -> Iterator[Path]:
    """Give a `with` block an empty directory to fill; move it to `target` when the block ends well, else remove it.

    Raises
    ------
    ModelExists
        `target` holds a model and `overwrite` is False.
    InvalidValue
        `target` is a file, or holds other things than a model.
    WorkdirLocked
        Another process is writing to the model that would be replaced.
    SaveFailed
        The disk is full or read-only.
    """
    with contextlib.ExitStack() as stack:
        if is_model(target):
            if not overwrite:
                raise ModelExists(
                    f"{target} already holds a model. Load it (ModelState.load), choose another directory, or pass "
                    "overwrite=True to replace it for good."
                )
            stack.enter_context(WriterLock(target).held())
        elif target.exists() and not _is_empty(target):
            what = "holds other files than a model" if target.is_dir() else "is a file"
            raise InvalidValue(f"{target} {what}: expected a new or empty directory. Choose another one.")
        new_parents = [parent for parent in target.parents if not parent.exists()]
        stage = _sibling(target, "new")
        try:
            _make(stage)
            _remove_leftovers(target, but=stage)
            with WriterLock(stage).held():
                yield stage
                sync_tree(stage)
        except BaseException as error:
            shutil.rmtree(stage, ignore_errors=True)
            with contextlib.suppress(OSError):
                for parent in new_parents:
                    parent.rmdir()
            if isinstance(error, OSError) and error.errno in _DISK_FULL:
                raise save_failed(stage, error) from error
            raise
    _move(stage, target)


def is_model(path: Path) -> bool:
    """Tell whether `path` is a working directory."""
    return (path / MODEL_FILE).is_file()


def restore_replaced(target: Path) -> None:
    """Bring back the model at `target` if a crash came between moving it aside and moving its successor in."""
    retired = sorted(target.parent.glob(_pattern(target, "old")))
    if retired and not target.exists():
        os.rename(retired[0], target)
        warnings.warn(
            f"{target}: its replacement was cut short; the former model is back.", DamageWarning, stacklevel=3
        )


def _make(stage: Path) -> None:
    try:
        stage.mkdir(parents=True)
    except OSError as error:
        raise save_failed(stage, error) from error


def _move(stage: Path, target: Path) -> None:
    retired = _sibling(target, "old")
    try:
        if target.exists():
            os.rename(target, retired)
        os.rename(stage, target)
        sync_directory(target.parent)
    except OSError as error:
        raise save_failed(target, error) from error
    shutil.rmtree(retired, ignore_errors=True)


def _sibling(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}-{uuid.uuid4().hex[:8]}")


def _pattern(target: Path, kind: str) -> str:
    return f".{target.name.replace('[', '[[]')}.{kind}-*"


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _remove_leftovers(target: Path, but: Path) -> None:
    """Remove what killed processes had begun to build for `target`; a live one's is locked, and stays."""
    for leftover in target.parent.glob(_pattern(target, "new")):
        if leftover != but:
            with contextlib.suppress(WorkdirLocked), WriterLock(leftover).held():
                shutil.rmtree(leftover, ignore_errors=True)
    if target.exists():
        for leftover in target.parent.glob(_pattern(target, "old")):
            shutil.rmtree(leftover, ignore_errors=True)
