"""`model.json`: the facts that never change about a model, and its files of encoded text."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from charrnn.errors import CorruptFile
from charrnn.storage import budget, jsonfile
from charrnn.storage.belongings import MODEL_FILE
from charrnn.storage.faults import reading
from charrnn.storage.plain import opened
from charrnn.storage.schema import Optional

VERSION = 1
Facts = dict[str, Any]
_SHAPE = {
    "id": str,
    "created": Optional(str),
    "model": dict,
    "data": {str: {"size": int, "sha256": str}},
    "inventory": Optional(bool),
}


@dataclass(frozen=True)
class ModelFile:
    """The contents of `model.json`.

    Attributes
    ----------
    id : str
        Identifies the model; every other file of it carries it too.
    created : str
        When it was made (ISO 8601, UTC).
    model : Facts
        The facts given at its creation.
    data : dict of str to Facts
        Size in bytes and SHA-256 of each file of encoded text, by name.
    inventory : bool
        Whether the directory was made with an inventory.
    """

    id: str
    created: str
    model: Facts
    data: dict[str, Facts]
    inventory: bool = True

    @classmethod
    def new(cls, model: Facts, data: Path) -> ModelFile:
        """Return the contents for a new model with these facts and encoded text in the folder `data`."""
        files = {file.name: file_facts(file) for file in sorted(data.iterdir())}
        return cls(uuid.uuid4().hex, datetime.now(UTC).isoformat(), model, files)

    @classmethod
    def read(cls, path: Path, max_memory: int = budget.MEMORY) -> ModelFile:
        """Read the file of the working directory `path`.

        Raises
        ------
        CorruptFile, NewerFormat, FileNotFoundError
            See `jsonfile.read`. The names of data files must be plain ones, which lead nowhere else.
        """
        file = path / MODEL_FILE
        body = jsonfile.read(file, "model", VERSION, max_memory)
        jsonfile.require_content(body, _SHAPE, file)
        corpus = body["model"].get("corpus")
        named = corpus.get("filename") if isinstance(corpus, dict) else None
        for name in [*body["data"], *([named] if isinstance(named, str) else [])]:
            if not is_plain_name(name):
                raise CorruptFile(f"{file} names {name!r} as a file of encoded text, which leads out of its folder.")
        created = body.get("created") or "an unknown time"
        return cls(body["id"], created, body["model"], body["data"], body.get("inventory") is True)

    def to_bytes(self) -> bytes:
        """Return the content of the file that holds this."""
        return jsonfile.to_bytes("model", VERSION, dict(vars(self)))


def is_plain_name(name: str) -> bool:
    r"""Return whether a name is one of a file in its folder, on every system.

    >>> [is_plain_name(name) for name in ("text.npy", "../text.npy", "C:text.npy", "a\\b", "", "..")]
    [True, False, False, False, False, False]
    """
    alone = PurePosixPath(name).name == name and PureWindowsPath(name).name == name
    return alone and name not in ("", ".", "..") and "\0" not in name


def file_facts(file: Path) -> Facts:
    """Return size (bytes) and SHA-256 of a plain file, read in blocks.

    Raises
    ------
    CorruptFile, FileUnreadable, FileNotFoundError
        If it is not a plain file, cannot be read, or does not exist.
    """
    with reading(file), opened(file) as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
        return {"size": content.tell(), "sha256": digest}
