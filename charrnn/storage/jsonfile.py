"""JSON documents that name their format and version and carry a checksum of their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import CorruptFile, InvalidValue, NewerFormat


def dump_json(value: Any, what: str) -> str:
    """Return `value` as one line of ASCII JSON; floats survive bit for bit, numpy scalars become Python's.

    Raises
    ------
    InvalidValue
        Something in it has no form in JSON; `what` says in the message what was being written.

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

    return json.dumps(value, default=plain)


def sha256(text: str) -> str:
    """Return the hexadecimal digest of an ASCII text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def document_bytes(kind: str, version: int, body: dict[str, Any]) -> bytes:
    """Return the content of a file that holds `body`, with its format's name `kind`, its `version` and checksum."""
    text = dump_json(body, f"the {kind} file")
    document = {"format": f"charrnn {kind}", "version": version, "sha256": sha256(text), "body": json.loads(text)}
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def read_document(path: Path, kind: str, version: int) -> dict[str, Any]:
    """Return the body of the document at `path`.

    Raises
    ------
    CorruptFile
        It is truncated, altered, or of another kind.
    NewerFormat
        It was written by a charrnn that knows a later `version` of this format.
    FileNotFoundError
        There is no such file.
    """
    try:
        document = json.loads(path.read_text("ascii"))
        check_format(document, path, kind, version)
        body = document["body"]
        intact = sha256(dump_json(body, path.name)) == document["sha256"]
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
        raise CorruptFile(f"{path} is damaged: not a readable charrnn {kind} file ({error!r}).") from error
    if not intact:
        raise CorruptFile(f"{path} is damaged: its content does not match its checksum.")
    return body


def check_format(document: dict[str, Any], path: Path, kind: str, version: int) -> None:
    """Refuse a file of another format than `kind`, or of a later version than `version`."""
    if document["format"] != f"charrnn {kind}":
        raise CorruptFile(f"{path} is not a charrnn {kind} file: its format is {document['format']!r}.")
    found = document["version"]
    if not isinstance(found, int) or found < 1:
        raise CorruptFile(f"{path} is damaged: its format version is {found!r}.")
    if found > version:
        raise NewerFormat(
            f"{path} has version {found} of the {kind} format, and this charrnn reads up to {version}: "
            "a newer charrnn wrote it. Upgrade charrnn to open it."
        )
