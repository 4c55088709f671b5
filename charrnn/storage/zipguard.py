"""Opening zip files of strangers: how many members there are, and how large, is known before any is read."""

from __future__ import annotations

import contextlib
import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from charrnn.errors import CorruptFile
from charrnn.storage.faults import reading
from charrnn.storage.plain import opened

_END = struct.Struct("<4s4H2LH")  # the end of central directory record
_END64 = struct.Struct("<4sQ2H2L4Q")  # and its form for large files
_LOCATOR = struct.Struct("<4sLQL")
_LARGEST_DIRECTORY = 64_000  # bytes; a name and 46 for each member


@contextlib.contextmanager
def opened_zip(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip with few members for reading in a `with` block.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    what : str
        What it should be, for the messages.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    CorruptFile, FileUnreadable, TooLarge
        If it is not an intact zip, has very many members, or cannot be read.
    """
    with reading(path, what), opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END.size))
        tail = file.read()
        if len(tail) < _END.size or tail[:4] != b"PK\x05\x06":
            raise CorruptFile(f"{path} is not an intact zip, or has a comment at its end, which a {what} has not.")
        directory = _END.unpack(tail)[5]
        at = size - _END.size - _LOCATOR.size
        file.seek(max(0, at))
        locator = file.read(_LOCATOR.size)
        if at >= 0 and locator[:4] == b"PK\x06\x07":
            file.seek(at - _END64.size)
            directory = _END64.unpack(file.read(_END64.size))[8]
        if directory > _LARGEST_DIRECTORY:
            raise CorruptFile(f"{path} lists its members in {directory:,} bytes, far more than a {what}: refused.")
        file.seek(0)
        with zipfile.ZipFile(file) as bundle:
            yield bundle
