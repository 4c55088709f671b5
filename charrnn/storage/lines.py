"""The file of the history as numbered lines: read as they are appended, checked, and forced to the disk."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

from charrnn.errors import DamageWarning
from charrnn.storage import budget, rows
from charrnn.storage.atomic import sync_directory
from charrnn.storage.faults import ForeignFile, reading, writing
from charrnn.storage.plain import exists, opened, require_plain

_LONGEST_GAP = 1_000_000  # lines: a number beyond is damage


class Lines:
    """The lines of a model's history.

    Parameters
    ----------
    path : pathlib.Path
        The file; it need not exist yet.
    model : str
        Identifies the model that the lines belong to.
    max_memory : int
        Bytes that their values may take.

    Attributes
    ----------
    texts : list of str or None
        The JSON text of each row by its number; None for a damaged one.
    damaged, missing : int
        Counts of lines that are not rows, and of numbers without a line.
    """

    def __init__(self, path: Path, model: str, max_memory: int = budget.MEMORY) -> None:
        self.path = path
        self._model = model
        self._max_memory = max_memory
        self._start_over(None)

    def _start_over(self, file: tuple[int, int] | None) -> None:
        self.texts: list[str | None] = []
        self.damaged = self.missing = 0
        self._digest = hashlib.sha256()  # of all lines
        self._file = file  # device and inode
        self._size = self._memory = 0  # bytes read so far, whole lines only; bytes that their values may take
        self._synced = -1  # bytes known to be forced to the disk

    def refresh(self) -> None:
        """Read the whole lines that were appended since the last time."""
        if not require_plain(self.path):
            return
        with reading(self.path, "history"), opened(self.path) as file:
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) != self._file or status.st_size < self._size:  # replaced by another file
                self._start_over((status.st_dev, status.st_ino))
            if status.st_size == self._size:
                return
            budget.require_memory(self.path, self._memory + 2 * (status.st_size - self._size), self._max_memory)
            file.seek(self._size)
            whole, _, _ = file.read().rpartition(b"\n")
        self._memory += budget.json_memory(whole)
        budget.require_memory(self.path, self._memory, self._max_memory)
        before = self.lost
        for line in whole.splitlines() if whole else []:
            self._read(line)
        self._size += len(whole) + 1 if whole else 0
        if self.lost > before:
            warnings.warn(
                f"{self.path}: left out {self.lost - before} damaged rows. Checkpoints are not concerned.",
                DamageWarning,
                stacklevel=4,
            )

    def append(self, texts: list[str]) -> None:
        """Append rows; only for the holder of the lock."""
        self.discard_torn()
        require_plain(self.path)
        if not self.texts:
            texts = [rows.header(self._model), *texts]
        start = len(self.texts)
        content = b"".join(rows.written(self._model, start + i, text) for i, text in enumerate(texts))
        with writing(self.path):
            with open(self.path, "ab") as file:
                file.write(content)
                status = os.fstat(file.fileno())
            if not start:
                sync_directory(self.path.parent)
        self._file = status.st_dev, status.st_ino
        for text in texts:
            self._take(text)
        self._size += len(content)

    @property
    def lost(self) -> int:
        """How many rows are damaged or missing."""
        return max(self.damaged, self.missing)

    @property
    def torn(self) -> int:
        """How many bytes follow the last whole line."""
        with reading(self.path, "history"):
            return os.lstat(self.path).st_size - self._size if exists(self.path) else 0

    def discard_torn(self) -> None:
        """Truncate the file after the last whole line; only for the holder of the lock."""
        self.refresh()
        if torn := self.torn:
            with writing(self.path):
                os.truncate(self.path, self._size)
            warnings.warn(
                f"{self.path}: discarded the last {torn} bytes, a row whose writing was cut short.",
                DamageWarning,
                stacklevel=2,
            )

    def sync(self) -> None:
        """Force all lines to the disk."""
        with writing(self.path):
            if self._synced != self._size and require_plain(self.path):
                with open(self.path, "rb+") as file:
                    os.fsync(file.fileno())
                self._synced = self._size

    def digest(self, lines: int) -> str:
        """Return the digest of the first so many lines."""
        if lines == len(self.texts):
            return self._digest.hexdigest()
        found = hashlib.sha256()
        for n, text in enumerate(self.texts[:lines]):
            found.update(self._content(n, text))
        return found.hexdigest()

    def to_bytes(self) -> bytes:
        """Return the content of the file, up to its last whole line."""
        if not require_plain(self.path):
            return b""
        with reading(self.path, "history"), opened(self.path) as file:
            return file.read(self._size)

    def _read(self, line: bytes) -> None:
        if not self.texts and not self.damaged and rows.foreign(line, self._model):
            raise ForeignFile.of(self.path)
        found = rows.parsed(self._model, line, self.path)
        if found is None or not 0 <= found.n - len(self.texts) <= _LONGEST_GAP:  # damaged, or there already
            self.damaged += 1
            return
        self.missing += found.n - len(self.texts)
        while len(self.texts) < found.n:
            self._take(None)
        self._take(found.text)

    def _take(self, text: str | None) -> None:
        self._digest.update(self._content(len(self.texts), text))
        self.texts.append(text)

    def _content(self, n: int, text: str | None) -> bytes:
        return b"?\n" if text is None else rows.written(self._model, n, text)
