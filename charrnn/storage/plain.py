"""Opening plain files only: no links, pipes or devices, which a received directory may hold to lead elsewhere."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from charrnn.errors import CorruptFile
from charrnn.storage.faults import reading

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def require_plain(path: Path, directory: bool = False) -> bool:
    """Return whether `path` exists; raise if it is anything but a plain file (or `directory`).

    Raises
    ------
    CorruptFile
        If it is a link, a pipe, a device or the like. It is not followed and not opened.
    """
    if not exists(path):
        return False
    with reading(path):
        mode = os.lstat(path).st_mode
    if not (stat.S_ISDIR(mode) if directory else stat.S_ISREG(mode)):
        raise CorruptFile(
            f"{path} is {_KINDS.get(stat.S_IFMT(mode), 'a plain file')}, expected a plain "
            f"{'directory' if directory else 'file'}: it is not opened. Put the real one in its place."
        )
    return True


def exists(path: Path) -> bool:
    """Return whether anything is at `path`, a broken link included.

    Raises
    ------
    FileUnreadable
        If the system does not say: a disk that fails must not make files look missing.
    """
    with reading(path):
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain file for reading in a `with` block; links are not followed, and pipes do not block.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    CorruptFile
        If it is not a plain file.
    """
    if not require_plain(path):
        raise FileNotFoundError(f"{path} does not exist.")
    with open(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # exchanged just now
            raise CorruptFile(f"{path} is not a plain file: it is not read.")
        yield file


def read_plain(path: Path) -> bytes:
    """Return the content of a plain file; raises as `opened`."""
    with reading(path), opened(path) as file:
        return file.read()
