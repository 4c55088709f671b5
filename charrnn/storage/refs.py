"""The small changing facts of a working directory: which branch is current, where each began, pins and notes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charrnn.errors import CorruptFile
from charrnn.storage import budget, jsonfile
from charrnn.storage.faults import ForeignFile
from charrnn.storage.schema import Optional

VERSION = 1
MAIN = "main"
_SHAPE = {
    "branch": str,
    "branches": {str: {"base": Optional(str), "after": int}},
    "pinned": [str],
    "notes": {str: str},
    "model": Optional(str),
    "revision": Optional(int),
}


@dataclass(frozen=True)
class Branch:
    """The checkpoint that a branch continues from.

    Attributes
    ----------
    base : str or None
        Name of the checkpoint that it goes on from (None: from the beginning).
    after : int
        Checkpoints of this branch count only if their serial is greater: those up to it were left behind by going back.
    """

    base: str | None = None
    after: int = 0


@dataclass
class Refs:
    """The contents of `refs.json`.

    Saving a checkpoint never touches it: the newest checkpoint of a branch is found by its serial, so that publishing
    one is the renaming of one file.

    Attributes
    ----------
    branch : str
        The branch that a model goes on with when it is loaded.
    branches : dict of str to Branch
        All branches by name.
    pinned, notes : list of str, dict of str to str
        Names of checkpoints that are kept, and notes on checkpoints by their names.
    model : str or None
        The id of the model that this belongs to (None: not recorded, as charrnn 0.1 wrote it).
    revision : int
        How often the file was changed.

    Examples
    --------
    >>> refs = Refs()
    >>> refs.branches["lower-lr"] = Branch(base="e0001-s00000100-v2.000", after=7)
    >>> Refs.from_json(refs.to_json()) == refs
    True
    """

    branch: str = MAIN
    branches: dict[str, Branch] = field(default_factory=lambda: {MAIN: Branch()})
    pinned: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    revision: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Refs:
        """Return the refs that `to_json` wrote."""
        branches = {name: Branch(branch.get("base"), branch["after"]) for name, branch in body["branches"].items()}
        known = {item.name: body[item.name] for item in dataclasses.fields(cls) if body.get(item.name) is not None}
        return cls(**{**known, "branches": branches})

    @classmethod
    def read(cls, path: Path, model: str, max_memory: int = budget.MEMORY) -> Refs:
        """Read the file of a model.

        Raises
        ------
        CorruptFile
            If it is damaged, or belongs to another model; see also `jsonfile.read`.
        """
        body = jsonfile.read(path, "refs", VERSION, max_memory)
        jsonfile.require_content(body, _SHAPE, path)
        if body["branch"] not in body["branches"]:
            raise CorruptFile(f"{path} is damaged: the current branch, {body['branch']}, is not among its branches.")
        if body.get("model") not in (None, model):
            raise ForeignFile.of(path)
        return cls.from_json(body)

    def to_bytes(self) -> bytes:
        """Return the content of the file that holds this."""
        return jsonfile.to_bytes("refs", VERSION, self.to_json())

    def named(self) -> set[str]:
        """Return the names of the checkpoints that something here speaks of, and that must therefore stay."""
        bases = {branch.base for branch in self.branches.values() if branch.base}
        return bases | set(self.pinned) | set(self.notes)

    @property
    def fresh(self) -> bool:
        """Whether nothing was ever recorded here."""
        return dataclasses.replace(self, model=None, revision=0) == Refs()
