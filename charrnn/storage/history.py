"""The history: one line for every round, with all its steps, only ever appended to, and read as columns."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import DamageWarning, InvalidValue, NewerFormat, NotInstalled
from charrnn.storage import series
from charrnn.storage.atomic import save_failed, sync_directory
from charrnn.storage.jsonfile import check_format, dump_json
from charrnn.table import Table

VERSION = 1
_GOTO = "__goto__"
_STEPS = "__steps__"
SPARE = ("characters", "batches", "train_accuracy", "seconds", "chars_per_s", "learnrate", "valid_accuracy", "epoch")


class History:
    """The rows that led to the present state, in order; those of abandoned ways stay on disk but are not shown.

    Every line is `{"n": ..., "check": ..., "row": ...}`: its number, a checksum over model, number and row, the row.
    Going back in time is an appended line too, which says after which line to go on: the rows are read by walking from
    the last line backwards, following these.

    A row may carry training steps, as columns packed into text (see `charrnn.storage.series`). They are shown by
    `steps`, and a row that holds nothing else is not shown among the rows.

    Parameters
    ----------
    path
        The file; it need not exist yet.
    model
        Identifies the model that the rows belong to.
    writing
        Returns the lock to hold while appending.

    Examples
    --------
    >>> import contextlib, tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     history = History(Path(directory, "history.jsonl"), "m", contextlib.nullcontext)
    ...     history.append({"step": 1, "loss": 3.5})
    ...     mark = history.mark
    ...     history.append({"step": 2, "loss": 9.9})
    ...     history.goto(mark)
    ...     history.append({"step": 2, "loss": 2.5})
    ...     history.columns()["loss"].tolist()
    [3.5, 2.5]
    """

    def __init__(self, path: Path, model: str, writing: Callable[[], AbstractContextManager[None]]) -> None:
        self.path = path
        self._model = model
        self._writing = writing
        self._lines: list[str | None] = []  # the JSON text of each row by its number; None where it is damaged
        self._damaged = 0  # lines read that are no rows
        self._missing = 0  # numbers that no line has
        self._size = 0  # bytes read so far: whole lines only

    def append(self, row: dict[str, Any], steps: Mapping[str, np.ndarray] | None = None) -> None:
        """Append a row. It survives the end of the process at once, and a power cut from the next checkpoint on.

        Parameters
        ----------
        row
            JSON-able values by column name.
        steps
            Columns of the training steps since the last row, (n,) each; one is "step", the number of the step.

        Raises
        ------
        InvalidValue
            The row cannot be written as JSON.
        WorkdirLocked, SaveFailed
            Another process is writing; the disk is full or read-only.
        """
        for name in (_GOTO, _STEPS):
            if name in row:
                raise InvalidValue(
                    f"{name!r} is no possible name of a column: the history uses it itself. Choose another."
                )
        self._write({**row, _STEPS: series.pack(steps)} if steps else row)

    def goto(self, mark: int) -> None:
        """Go on from where the history was when `mark` was read (0: anew); rows since are left aside, not erased."""
        if mark < self.mark and self._lines[-1] != dump_json({_GOTO: mark}, ""):
            self._write({_GOTO: mark})

    @property
    def mark(self) -> int:
        """The number of lines on disk, to go back to with `goto`."""
        self._refresh()
        return len(self._lines)

    def sync(self) -> None:
        """Force all rows to the disk."""
        if self.path.exists():
            with open(self.path, "rb+") as file:
                os.fsync(file.fileno())

    def to_bytes(self) -> bytes:
        """Return the content of the file, up to its last whole line."""
        self._refresh()
        return self.path.read_bytes()[: self._size] if self.path.exists() else b""

    def columns(self) -> dict[str, np.ndarray]:
        """Return each column as an array, shape (rows,): numbers with nan where a row lacks them, else objects."""
        rows = list(self)
        names = list(dict.fromkeys(name for row in rows for name in row))
        return {name: _column([row.get(name) for row in rows]) for name in names}

    def steps(self) -> dict[str, np.ndarray]:
        """Return the columns of all training steps, (steps,) each: `step` as int32, the others as float32."""
        return series.join(series.unpack(row[_STEPS]) for row in self._way() if _STEPS in row)

    def to_pandas(self) -> Any:
        """Return the columns as a `pandas.DataFrame` (of the steps: ``DataFrame(history.steps())``).

        Raises
        ------
        NotInstalled
            There is no pandas.
        """
        try:
            import pandas
        except ImportError:
            raise NotInstalled("This needs pandas, which is not installed: pip install pandas") from None
        return pandas.DataFrame(self.columns())

    @property
    def damaged(self) -> int:
        """How many rows on disk are damaged or missing."""
        self._refresh()
        return self._lost()

    @property
    def torn(self) -> int:
        """How many bytes follow the last whole row: one being written now, or one whose writing a crash cut short."""
        self._refresh()
        return self.path.stat().st_size - self._size if self.path.exists() else 0

    def discard_torn_row(self) -> None:
        """Cut off what follows the last whole row; only for who holds the lock."""
        if torn := self.torn:
            try:
                os.truncate(self.path, self._size)
            except OSError as error:
                raise save_failed(self.path, error) from error
            warnings.warn(
                f"{self.path}: discarded the last {torn} bytes, a row whose writing was cut short.",
                DamageWarning,
                stacklevel=2,
            )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows = ({name: value for name, value in row.items() if name != _STEPS} for row in self._way())
        return filter(None, rows)

    def _way(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that led here, in order, with all that they carry."""
        self._refresh()
        n = len(self._lines) - 1
        way = []
        while n > 0:  # line 0 names the format
            line = self._lines[n]
            row = {} if line is None else json.loads(line)
            if row and _GOTO not in row:
                way.append(row)
            n = min(row.get(_GOTO, n), n) - 1
        return reversed(way)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        rows = list(self)
        shown = Table(rows[-10:], spare=SPARE)
        title = f"History: {len(rows)} rows" + (f", the last {len(shown)}:" if len(shown) < len(rows) else "")
        return f"{title}\n{shown!r}" if rows else f"{title}; training writes them."

    def _repr_html_(self) -> str:
        return Table(self)._repr_html_()

    def _write(self, row: dict[str, Any]) -> None:
        text = dump_json(row, "a row of the history")
        with self._writing():
            self.discard_torn_row()
            header = dump_json({"format": "charrnn history", "version": VERSION, "model": self._model}, self.path.name)
            texts = [text] if self._lines else [header, text]
            lines = "".join(self._line(len(self._lines) + i, text) for i, text in enumerate(texts))
            try:
                with open(self.path, "ab") as file:
                    file.write(lines.encode("ascii"))
                if not self._lines:
                    sync_directory(self.path.parent)
            except OSError as error:
                raise save_failed(self.path, error) from error
            self._lines += texts
            self._size += len(lines)

    def _refresh(self) -> None:
        """Read the whole lines that were appended since the last time."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            if file.seek(0, os.SEEK_END) < self._size:  # replaced by another file
                self._lines, self._damaged, self._missing, self._size = [], 0, 0, 0
            file.seek(self._size)
            content = file.read()
        whole, _, _ = content.rpartition(b"\n")
        lost_before = self._lost()
        for line in whole.splitlines() if whole else []:
            n, text = self._parse(line)
            if n < len(self._lines):  # damaged, or there already
                self._damaged += 1
            else:
                self._missing += n - len(self._lines)
                self._lines += [None] * (n - len(self._lines)) + [text]
        self._size += len(whole) + 1 if whole else 0
        if self._lost() > lost_before:
            warnings.warn(
                f"{self.path}: left out {self._lost() - lost_before} damaged rows. Checkpoints are not concerned.",
                DamageWarning,
                stacklevel=3,
            )

    def _lost(self) -> int:
        return max(self._damaged, self._missing)

    def _line(self, n: int, text: str) -> str:
        check = hashlib.sha256(f"{self._model} {n} {text}".encode("ascii")).hexdigest()[:16]
        return f'{{"n": {n}, "check": "{check}", "row": {text}}}\n'

    def _parse(self, line: bytes) -> tuple[int, str]:
        """Return number and row of a line; number -1 if the line is not exactly what `_line` makes."""
        try:
            document = json.loads(line)
            n, text = document["n"], dump_json(document["row"], "")
            if n == 0:
                check_format(document["row"], self.path, "history", VERSION)
            intact = self._line(n, text).encode("ascii").strip() == line
        except NewerFormat:
            raise
        except (ValueError, KeyError, TypeError, RecursionError):
            return -1, ""
        return (n, text) if intact else (-1, "")


def _column(values: list[Any]) -> np.ndarray:
    """Return an array of numbers where all values are numbers (None: nan), else of objects."""
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.int64)
    if all(value is None or isinstance(value, (int, float)) for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
