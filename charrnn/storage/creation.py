"""Building a directory beside its place and moving it there whole, so that a failure leaves nothing half-made."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

from charrnn.errors import CharRNNError, DamageWarning, InvalidValue, ModelExists, SaveFailed, WorkdirLocked
from charrnn.storage.atomic import sync_directory, sync_tree
from charrnn.storage.belongings import is_model, move_foreign
from charrnn.storage.faults import writing
from charrnn.storage.lock import OWNER, WriterLock
from charrnn.storage.plain import exists

_LOOKS = 20
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def resolve(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path, with `~` and links followed.

    Raises
    ------
    InvalidValue
        If it cannot be the path of a file or directory.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidValue(f"{path!r} is not a path of a directory, such as 'workdirs/alice'.")
    try:
        found = Path(path).expanduser().resolve()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            found.lstat()  # from Python 3.13 on, `resolve` does not mind a name that is too long
    except (OSError, ValueError, RuntimeError) as error:  # a circle of links, a null character, an unknown home
        raise InvalidValue(f"{os.fspath(path)!r} cannot be a path: {error}. Choose another one.") from error
    return found


@contextlib.contextmanager
def staged(target: Path, overwrite: bool) -> Iterator[Path]:
    """Give a `with` block an empty directory to fill; move it to `target` when the block ends well, else remove it.

    Files in a replaced directory that are not charrnn's stay there.

    Raises
    ------
    ModelExists
        If `target` holds a model and `overwrite` is False.
    InvalidValue
        If `target` is a file, or holds other things than a model.
    WorkdirLocked
        If another process is writing to the model that would be replaced.
    SaveFailed
        If the disk is full or read-only.
    """
    with contextlib.ExitStack() as stack:
        with writing(target):
            restore_replaced(target)
            _require_free(target, overwrite, stack)
            new_parents = [parent for parent in target.parents if not parent.exists()]
            stage = _sibling(target, "new")
        try:
            with writing(stage):
                stage.mkdir(parents=True)
                _remove_leftovers(target, but=stage)
            stack.enter_context(WriterLock(stage).held())  # a sign of life, until it is moved
            yield stage
            with writing(stage):
                sync_tree(stage)
        except BaseException as error:
            shutil.rmtree(stage, ignore_errors=True)
            with contextlib.suppress(OSError):
                for parent in new_parents:
                    parent.rmdir()
            if isinstance(error, OSError) and not isinstance(error, CharRNNError) and error.errno in _DISK_FULL:
                with writing(stage):
                    raise
            raise
        if os.name == "nt":  # which moves no directory with an open file
            stack.close()
        _move(stage, target)  # under both locks: nobody begins to write in between, or takes it for a crash
        with contextlib.suppress(OSError):
            (target / OWNER).unlink(missing_ok=True)


def _require_free(target: Path, overwrite: bool, stack: contextlib.ExitStack) -> None:
    """Raise unless a model may be made at `target`; lock the one that is to be replaced until the stack is closed."""
    if is_model(target):
        if not overwrite:
            raise ModelExists(
                f"{target} already holds a model. Load it (ModelState.load), choose another directory, or pass "
                "overwrite=True to replace it permanently."
            )
        stack.enter_context(WriterLock(target).held())
    elif exists(target) and not _is_empty(target):
        what = "holds other files than a model" if target.is_dir() else "is a file"
        raise InvalidValue(f"{target} {what}: expected a new or empty directory. Choose another one.")


def restore_replaced(target: Path) -> None:
    """Bring back the model at `target` if a crash came between moving it aside and moving its successor in.

    The successor is still beside it then. Without one, the directory was replaced, and moved or removed later.
    """
    stages = [] if os.path.lexists(target) else list(target.parent.glob(_pattern(target, "new")))
    if not stages or any(_is_being_built(stage) for stage in stages):
        return
    for retired in sorted(target.parent.glob(_pattern(target, "old"))):
        if is_model(retired):
            with writing(target):
                os.rename(retired, target)
            warnings.warn(
                f"{target}: its replacement was cut short; the former model is back.", DamageWarning, stacklevel=3
            )
            return


def _is_being_built(stage: Path) -> bool:
    """Return whether a live process builds this directory; wait a while for it to be moved into its place."""
    for _ in range(_LOOKS):
        try:
            with WriterLock(stage).held():
                return False
        except SaveFailed:  # it is in its place now
            return not stage.exists()
        except WorkdirLocked:
            time.sleep(0.05)  # seconds
    return True


def _move(stage: Path, target: Path) -> None:
    retired = _sibling(target, "old")
    with writing(target):
        replaces = exists(target)
        if replaces:
            os.rename(target, retired)
        try:
            os.rename(stage, target)
        except OSError:
            if replaces:
                os.rename(retired, target)
            shutil.rmtree(stage, ignore_errors=True)
            raise
        sync_directory(target.parent)
    if replaces:
        _retire(retired, target)


def _retire(retired: Path, target: Path) -> None:
    """Remove a replaced directory, after moving files that are not charrnn's to the new one."""
    try:
        move_foreign(retired, target)
    except (OSError, CharRNNError) as error:
        raise SaveFailed(
            f"{target} is replaced, but files in the former one, {retired}, could not be moved to it: {error}. Move "
            "them yourself, then remove that directory."
        ) from error
    shutil.rmtree(retired, ignore_errors=True)


def _sibling(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}-{uuid.uuid4().hex[:8]}")


def _pattern(target: Path, kind: str) -> str:
    return f".{target.name.replace('[', '[[]')}.{kind}-*"


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _remove_leftovers(target: Path, but: Path) -> None:
    """Remove unfinished directories of killed processes for `target`; that of a live process is locked, and stays."""
    for leftover in target.parent.glob(_pattern(target, "new")):
        if leftover != but:
            with contextlib.suppress(WorkdirLocked, SaveFailed), WriterLock(leftover).held():
                shutil.rmtree(leftover, ignore_errors=True)
    if target.exists():
        for leftover in target.parent.glob(_pattern(target, "old")):
            _retire(leftover, target)
