"""Writing files so that a crash at any instant leaves either the old file or the new one, whole.

A file is written under a temporary name, forced to the disk, and renamed. Only the holder of the lock writes, so
whatever still bears a temporary name when the lock is next taken was left by a crash and can go.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from charrnn.errors import CharRNNError, SaveFailed

TEMPORARY = ".tmp-"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a `with` block a file to write, which takes the place of `path` when the block ends well.

    Raises
    ------
    SaveFailed
        The disk is full, the directory read-only or gone. The former file, if any, is untouched.
    """
    temporary = path.with_name(TEMPORARY + path.name)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_directory(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, CharRNNError):
            raise save_failed(path, error) from error
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Replace or create `path` with `content`; when this returns, a power cut no longer undoes it.

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
    with replacing(path) as file:
        file.write(content)


def save_failed(path: Path, error: OSError) -> SaveFailed:
    """Word the system's refusal to write `path`."""
    return SaveFailed(
        f"could not write {path}: {error.strerror or error}. Everything saved before is untouched; make room, or "
        "make the directory writable, then save again."
    )


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
    """Remove the temporary files that a crash left in `directory`, and return the names they were meant for."""
    leftovers = sorted(directory.glob(TEMPORARY + "*"))
    for leftover in leftovers:
        leftover.unlink()
    return [leftover.name.removeprefix(TEMPORARY) for leftover in leftovers]
