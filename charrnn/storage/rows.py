"""The lines of the history's file: ``{"n": ..., "check": ..., "row": ...}``: number, checksum, row."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import charrnn
from charrnn.errors import NewerFormat
from charrnn.storage.jsonfile import check_format, dump_json
from charrnn.storage.schema import Optional, require_shape

VERSION = 1
GOTO = "__goto__"
STEPS = "__steps__"
_SHAPE = {GOTO: Optional(int), STEPS: Optional({str: str})}


class Line(NamedTuple):
    """A line that is as it was written: its number, and its row as JSON."""

    n: int
    text: str


def header(model: str) -> str:
    """Return the row of line 0, which names the format and the model."""
    row = {"format": "charrnn history", "version": VERSION, "charrnn": charrnn.__version__, "model": model}
    return dump_json(row, "the head of the history")


def written(model: str, n: int, text: str) -> bytes:
    """Return line `n` of a model's history; `text` is its row as JSON."""
    check = hashlib.sha256(f"{model} {n} {text}".encode("ascii")).hexdigest()[:16]
    return f'{{"n": {n}, "check": "{check}", "row": {text}}}\n'.encode("ascii")


def parsed(model: str, line: bytes, path: Path) -> Line | None:
    """Return a line, or None if it is not exactly as `written` makes it.

    Raises
    ------
    NewerFormat
        If it is the head of a history that a newer charrnn wrote.
    """
    try:
        document = json.loads(line)
        n, row = document["n"], document["row"]
        text = dump_json(row, "")
        if type(n) is not int or written(model, n, text).strip() != line:
            return None
        if n == 0:
            check_format(row, path, "history", VERSION)
        else:
            require_shape(row, _SHAPE, "row")
    except NewerFormat:
        raise
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return Line(n, text)


def foreign(line: bytes, model: str) -> bool:
    """Return whether a line is the head of another model's history.

    >>> foreign(written("a", 0, header("a")), "b"), foreign(written("b", 0, header("b")), "b"), foreign(b"?", "b")
    (True, False, False)
    """
    try:
        row: Any = json.loads(line)["row"]
        return isinstance(row["model"], str) and row["model"] != model and row["format"] == "charrnn history"
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
