"""JSON files that name their format and version and carry a checksum of their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import charrnn
from charrnn.errors import CorruptFile, InvalidValue, NewerFormat
from charrnn.storage import budget
from charrnn.storage.faults import reading
from charrnn.storage.plain import read_plain
from charrnn.storage.schema import Optional, require_shape

_HEAD = {"format": str, "version": int, "sha256": str, "body": dict, "charrnn": Optional(str), "check": Optional(str)}


def dump_json(value: Any, what: str) -> str:
    """Return `value` as one line of ASCII JSON; floats survive bit for bit, numpy scalars become Python's.

    Parameters
    ----------
    value : object
        Dicts, lists, strings, numbers.
    what : str
        What is being written, for the message.

    Raises
    ------
    InvalidValue
        If something in it has no form in JSON.

    Examples
    --------
    >>> dump_json({"loss": np.float64(0.1), "note": "é"}, "a record")
    '{"loss": 0.1, "note": "\\\\u00e9"}'
    """

    def plain(item: Any) -> Any:
        if isinstance(item, np.generic):
            return item.item()
        raise InvalidValue(
            f"{what} holds a {type(item).__name__}, which JSON cannot hold: expected numbers, strings, lists, "
            "dicts. Put arrays among the arrays."
        )

    try:
        return json.dumps(value, default=plain)
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(f"{what} holds what JSON cannot hold: {error}.") from error


def sha256(text: str) -> str:
    """Return the hexadecimal digest of an ASCII text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def to_bytes(kind: str, version: int, body: dict[str, Any]) -> bytes:
    """Return the content of a file that holds `body`, with its format's name `kind`, its `version` and checksums."""
    text = dump_json(body, f"the {kind} file")
    head = {"format": f"charrnn {kind}", "version": version, "charrnn": charrnn.__version__, "sha256": sha256(text)}
    return (json.dumps({**head, "check": _check(head), "body": json.loads(text)}, indent=1) + "\n").encode("ascii")


def read(path: Path, kind: str, version: int, max_memory: int = budget.MEMORY) -> dict[str, Any]:
    """Return the body of the file at `path`.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    kind, version : str, int
        Its format, and the last version of it that is known.
    max_memory : int
        Bytes that its values may take.

    Raises
    ------
    CorruptFile, FileUnreadable, TooLarge
        If it is truncated, altered, of another kind, cannot be read, or would take too much memory.
    NewerFormat
        If it was written by a charrnn that knows a later `version` of this format.
    FileNotFoundError
        If it does not exist.
    """
    with reading(path, f"{kind} file"):
        content = read_plain(path)
        budget.require_memory(path, budget.json_memory(content), max_memory)
        document = json.loads(content.decode("ascii"))
        check_format(document, path, kind, version)
        require_content(document, _HEAD, path)
        body = document["body"]
        intact = sha256(dump_json(body, path.name)) == document["sha256"]
        intact &= document.keys() <= _HEAD.keys() and ("check" in document) == ("charrnn" in document)
    if not intact or ("check" in document and not _head_is_intact(document)):
        raise CorruptFile(f"{path} is damaged: its content does not match its checksum.")
    return body


def check_format(document: Any, path: Path, kind: str, version: int) -> None:
    """Raise unless a file's head names the format `kind`, in no later version than `version`.

    A later version is believed only if its checksum agrees: it might be a flipped digit.
    """
    require_content(document, {"format": str, "version": int}, path)
    if document["format"] != f"charrnn {kind}":
        raise CorruptFile(f"{path} is not a charrnn {kind} file: its format is {document['format']!r}.")
    found = document["version"]
    if found < 1:
        raise CorruptFile(f"{path} is damaged: its format version is {found!r}.")
    if found > version:
        if "check" in document and not _head_is_intact(document):
            raise CorruptFile(f"{path} is damaged: its format version {found} does not match its checksum.")
        if "check" not in document and "body" in document:  # as charrnn 0.1 wrote version 1
            raise CorruptFile(f"{path} is damaged: its format version is {found}, without a checksum.")
        writer = document.get("charrnn")
        name = f"charrnn {writer}" if isinstance(writer, str) else "a newer charrnn"
        raise NewerFormat(
            f"{path} has version {found} of the {kind} format, and this charrnn ({charrnn.__version__}) reads up to "
            f"{version}: {name} wrote it. Upgrade charrnn to that version or a later one to open it."
        )


def _head_is_intact(document: dict[str, Any]) -> bool:
    head = {name: value for name, value in document.items() if name not in ("check", "body")}
    return document["check"] == _check(head)


def _check(head: dict[str, Any]) -> str:
    return sha256(json.dumps(head, sort_keys=True))[:16]


def require_content(value: Any, shape: Any, path: Path) -> None:
    """Raise CorruptFile, naming the file, unless its contents have the shape; see `schema.require_shape`."""
    try:
        require_shape(value, shape, "content")
    except CorruptFile as error:
        raise CorruptFile(f"{path} is damaged: its {error}.") from error
