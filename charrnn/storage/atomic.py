"""Writing files so that a crash at any instant leaves either the old file or the new one, whole.

A file is written under a temporary name of its own, forced to the disk, and renamed. Its writer holds a lock on the
temporary file, so that the next one to write the same file can tell a leftover of a crash, which goes, from a file that
is being written.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from charrnn.storage.faults import writing

TEMPORARY = ".tmp-"
_UNIQUE = re.compile(rf"{re.escape(TEMPORARY)}([0-9a-f]{{8}}-)?")


@contextlib.contextmanager
def replacing(path: Path, lasting: bool = True) -> Iterator[BinaryIO]:
    """Give a `with` block a file to write, which takes the place of `path` when the block ends well.

    Parameters
    ----------
    path : pathlib.Path
        The file to replace or create.
    lasting : bool
        Whether the new file must be there after a power cut; otherwise it may be the former one again, whole.

    Raises
    ------
    SaveFailed
        If the disk is full, or the directory read-only or gone. The former file, if any, is untouched.
    """
    with writing(path):
        _discard(path.parent.glob(f"{TEMPORARY}*-{_literal(path.name)}"))
        with _temporary(path) as file:
            temporary = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if os.name == "nt":  # which renames no open file
                    file.close()
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
        if lasting:
            sync_directory(path.parent)


def write_atomically(path: Path, content: bytes, lasting: bool = True) -> None:
    """Replace or create `path` with `content`; when this returns, a power cut no longer undoes it if it is `lasting`.

    Raises
    ------
    SaveFailed
        As `replacing`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     write_atomically(Path(directory, "a.txt"), b"whole")
    ...     print(os.listdir(directory), Path(directory, "a.txt").read_text())
    ['a.txt'] whole
    """
    with replacing(path, lasting) as file:
        file.write(content)


def sync_directory(directory: Path) -> None:
    """Force the names in `directory` to the disk, without which a renamed file may vanish in a power cut."""
    if os.name == "nt":  # Windows cannot open directories, and its file system journals names by itself
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Force every file and name under `root` to the disk."""
    for folder, _, names in os.walk(root):
        for name in names:
            with open(Path(folder, name), "rb+") as file:
                os.fsync(file.fileno())
        sync_directory(Path(folder))


def discard_temporaries(directory: Path) -> list[str]:
    """Remove the temporary files that crashes left in `directory`; return the names that they were meant for."""
    return _discard(directory.glob(TEMPORARY + "*"))


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside `path`, locked as long as it is open."""
    while True:
        name = f"{TEMPORARY}{uuid.uuid4().hex[:8]}-{path.name}"
        with open(path.with_name(name), "xb") as file:
            if _lock(file.fileno()) and Path(file.name).exists():  # else taken for a leftover before it was locked
                yield file
                return


def _discard(leftovers: Iterator[Path]) -> list[str]:
    """Remove those temporary files that nobody is writing; return the names that they were meant for."""
    names = []
    for leftover in sorted(leftovers):
        with contextlib.suppress(OSError), _for_locking(leftover) as descriptor:
            if descriptor is None or _lock(descriptor):
                leftover.unlink()
                names.append(_UNIQUE.sub("", leftover.name, count=1))
    return names


@contextlib.contextmanager
def _for_locking(path: Path) -> Iterator[int | None]:
    """Open a temporary file to see whether it is locked; None for anything but a plain file, and on Windows.

    Windows removes no open file, so that nothing needs a lock there.
    """
    if os.name == "nt" or path.is_symlink() or not path.is_file():
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if another has locked it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nothing is known of others
        pass
    return True


def _literal(name: str) -> str:
    """Return a name as glob takes it literally."""
    return re.sub(r"([\[*?])", r"[\1]", name)
