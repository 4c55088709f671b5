"""The inventory: the expected checkpoints and length of the history, so that missing ones are noticed.

A checkpoint is published by the renaming of its file, not here: the inventory is written after it, and before
checkpoints are thinned away. So a crash leaves at most more than the inventory lists, never less.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from charrnn.storage import budget, jsonfile
from charrnn.storage.faults import ForeignFile

VERSION = 1
_SHAPE = {
    "model": str,
    "checkpoints": {str: {"serial": int, "branch": str}},
    "newest": int,
    "lines": int,
    "digest": str,
    "revision": int,
    "data": bool,
}


class Listed(NamedTuple):
    """A checkpoint that should be there: its serial number and its branch."""

    serial: int
    branch: str


@dataclass(frozen=True)
class Inventory:
    """The contents of `inventory.json`.

    Attributes
    ----------
    model : str
        The id of the model.
    checkpoints : dict of str to Listed
        Serial number and branch of those that exist, by name.
    newest : int
        The highest serial number ever given: 0 if no checkpoint was ever saved.
    lines, digest : int, str
        How many lines the history has, and their digest (see `History.digest`).
    revision : int
        Of the refs.
    data : bool
        Whether the encoded text is there; a model imported from a bundle has none.
    """

    model: str
    checkpoints: dict[str, Listed] = field(default_factory=dict)
    newest: int = 0
    lines: int = 0
    digest: str = hashlib.sha256().hexdigest()
    revision: int = 0
    data: bool = True

    def to_bytes(self) -> bytes:
        """Return the content of the file that holds this."""
        checkpoints = {name: entry._asdict() for name, entry in self.checkpoints.items()}
        return jsonfile.to_bytes("inventory", VERSION, {**vars(self), "checkpoints": checkpoints})

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Inventory:
        """Return the inventory that `to_bytes` wrote."""
        checkpoints = {name: Listed(entry["serial"], entry["branch"]) for name, entry in body["checkpoints"].items()}
        kept = {item.name: body[item.name] for item in dataclasses.fields(cls)}
        return cls(**{**kept, "checkpoints": checkpoints})

    @classmethod
    def read(cls, path: Path, model: str, max_memory: int = budget.MEMORY) -> Inventory | None:
        """Read the inventory of a model; None where there is none, as in directories of charrnn 0.1.

        Raises
        ------
        CorruptFile
            If it is damaged, or belongs to another model; see also `jsonfile.read`.
        """
        try:
            body = jsonfile.read(path, "inventory", VERSION, max_memory)
        except FileNotFoundError:
            return None
        jsonfile.require_content(body, _SHAPE, path)
        if body["model"] != model:
            raise ForeignFile.of(path)
        return cls.from_json(body)
