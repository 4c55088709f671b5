"""The history: one line for every round, with all its steps, only ever appended to, and read as columns."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import InvalidValue, NotInstalled, UnknownName, near_matches
from charrnn.storage import budget, series
from charrnn.storage.faults import reading
from charrnn.storage.jsonfile import dump_json
from charrnn.storage.lines import Lines
from charrnn.storage.rows import GOTO, STEPS
from charrnn.table import Table

KERAS = {
    "loss": "train_loss",
    "val_loss": "valid_loss",
    "accuracy": "train_accuracy",
    "val_accuracy": "valid_accuracy",
    "lr": "learnrate",
}
SPARE = ("characters", "batches", "train_accuracy", "seconds", "chars_per_s", "learnrate", "valid_accuracy", "epoch")


class History:
    """The rows that led to the present state, in order; those of abandoned ways stay on disk but are not shown.

    Going back in time is an appended line too, which says after which line to go on: the rows are read by walking from
    the last line backwards, following these.

    A row may carry training steps, as columns packed into text (see `charrnn.storage.series`). They are shown by
    `steps`, and a row that holds nothing else is not shown among the rows.

    Parameters
    ----------
    path : pathlib.Path
        The file; it need not exist yet.
    model : str
        Identifies the model that the rows belong to.
    writing : callable
        Returns the lock to hold while appending.
    max_memory : int
        Bytes that the rows may take.

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

    def __init__(
        self,
        path: Path,
        model: str,
        writing: Callable[[], AbstractContextManager[None]],
        max_memory: int = budget.MEMORY,
    ) -> None:
        self.path = path
        self._writing = writing
        self._lines = Lines(path, model, max_memory)
        self._return_to: int | None = None  # rows from here on were left aside, which is not yet on disk

    def append(self, row: dict[str, Any], steps: Mapping[str, np.ndarray] | None = None) -> None:
        """Append a row. It survives the end of the process at once, and a power cut from the next checkpoint on.

        Parameters
        ----------
        row : dict
            JSON-able values by column name.
        steps : mapping of str to numpy.ndarray, optional
            Columns of the training steps since the last row, (n,) each; one is "step", the number of the step.

        Raises
        ------
        InvalidValue
            If the row cannot be written as JSON.
        WorkdirLocked, SaveFailed
            If another process is writing, the disk is full or read-only.
        """
        for name in (GOTO, STEPS):
            if name in row:
                raise InvalidValue(f"{name!r} cannot name a column: the history uses it itself. Choose another name.")
        self._write({**row, STEPS: series.pack(steps)} if steps else row)

    def goto(self, mark: int) -> None:
        """Go on from where the history was when `mark` was read (0: from the start); rows since are left aside."""
        if mark == self.mark:
            return
        if mark < self.lines and self._lines.texts[-1] != dump_json({GOTO: mark}, ""):
            self._return_to = None
            self._write({GOTO: mark})
        self._return_to = None

    @contextlib.contextmanager
    def provisional(self) -> Iterator[None]:
        """Leave the rows that a `with` block appends aside again if it raises, as when the save after them fails.

        They may be appended again then. The caller forgets them after the block, not before it.
        """
        mark = self.mark
        try:
            yield
        except BaseException:
            self._return_to = mark if mark < self.lines else None
            raise

    @property
    def mark(self) -> int:
        """Where the history stands: the number of lines up to now, to go back to with `goto`."""
        return self.lines if self._return_to is None else self._return_to

    @property
    def lines(self) -> int:
        """How many lines the file has, those of abandoned ways included."""
        self._lines.refresh()
        return len(self._lines.texts)

    def digest(self, lines: int | None = None) -> str:
        """Return the digest of the first so many lines, by default of all."""
        return self._lines.digest(self.lines if lines is None else lines)

    def sync(self) -> None:
        """Force all rows to the disk."""
        self._lines.sync()

    def to_bytes(self) -> bytes:
        """Return the content of the file, up to its last whole line."""
        self._lines.refresh()
        return self._lines.to_bytes()

    def columns(self) -> dict[str, np.ndarray]:
        """Return each column as an array, shape (rows,): numbers with nan where a row lacks them, else objects."""
        found = list(self)
        names = list(dict.fromkeys(name for row in found for name in row))
        return {name: series.column([row.get(name) for row in found]) for name in names}

    def steps(self) -> dict[str, np.ndarray]:
        """Return the columns of all training steps, (steps,) each: `step` as int32, the others as float32."""
        with reading(self.path, "history"):
            return series.join(series.unpack(row[STEPS]) for row in self._way() if STEPS in row)

    def to_pandas(self) -> Any:
        """Return the columns as a `pandas.DataFrame` (of the steps: ``DataFrame(history.steps())``).

        Raises
        ------
        NotInstalled
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise NotInstalled("This needs pandas, which is not installed: pip install pandas") from None
        return pandas.DataFrame(self.columns())

    @property
    def damaged(self) -> int:
        """How many rows on disk are damaged or missing."""
        self._lines.refresh()
        return self._lines.lost

    @property
    def torn(self) -> int:
        """How many bytes follow the last whole row: one being written now, or one whose writing a crash cut short."""
        self._lines.refresh()
        return self._lines.torn

    def discard_torn_row(self) -> None:
        """Truncate the file after the last whole row; only for the holder of the lock."""
        self._lines.discard_torn()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        found = ({name: value for name, value in row.items() if name != STEPS} for row in self._way())
        return filter(None, found)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column, (rows,), by its name, also by that of Keras: "loss" is `train_loss`."""
        columns = self.columns()
        found = KERAS.get(name, name) if name not in columns else name
        if found not in columns:
            raise UnknownName(f"The history has no column {name!r}. {near_matches(str(name), columns)}")
        return columns[found]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        found = list(self)
        shown = Table(found[-10:], spare=SPARE)
        title = f"History: {len(found)} rows" + (f", the last {len(shown)}:" if len(shown) < len(found) else "")
        return f"{title}\n{shown!r}" if found else f"{title}; training writes them."

    def _repr_html_(self) -> str:
        return Table(self)._repr_html_()

    def _way(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that led here, in order, with all that they carry."""
        n = self.mark - 1
        way = []
        while n > 0:  # line 0 names the format
            line = self._lines.texts[n]
            row = {} if line is None else json.loads(line)
            if row and GOTO not in row:
                way.append(row)
            n = min(row.get(GOTO, n), n) - 1
        return reversed(way)

    def _write(self, row: dict[str, Any]) -> None:
        texts = [dump_json(row, "a row of the history")]
        with self._writing():
            self._lines.discard_torn()
            if self._return_to is not None:
                texts.insert(0, dump_json({GOTO: self._return_to}, ""))
            self._lines.append(texts)
            self._return_to = None
