"""The small changing facts of a working directory: which branch is current, where each began, pins and notes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charrnn.storage.jsonfile import document_bytes, read_document

VERSION = 1
MAIN = "main"


@dataclass(frozen=True)
class Branch:
    """Where a branch goes on from.

    Attributes
    ----------
    base
        Name of the checkpoint that it goes on from (None: from the beginning).
    after
        Checkpoints of this branch count only if their serial is greater: those up to it were left behind by going back.
    """

    base: str | None = None
    after: int = 0


@dataclass
class Refs:
    """What `refs.json` holds.

    Saving a checkpoint never touches it: the newest checkpoint of a branch is found by its serial, so that publishing
    one is the renaming of one file.

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

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Refs:
        """Return what `to_json` was given."""
        branches = {name: Branch(**branch) for name, branch in body["branches"].items()}
        return cls(**{**body, "branches": branches})

    @classmethod
    def read(cls, path: Path) -> Refs:
        """Read `path` (see `jsonfile.read_document` for what is raised)."""
        return cls.from_json(read_document(path, "refs", VERSION))

    def to_bytes(self) -> bytes:
        """Return the content of the file that holds this."""
        return document_bytes("refs", VERSION, self.to_json())

    def named(self) -> set[str]:
        """Return the names of the checkpoints that something here speaks of, and that must therefore stay."""
        bases = {branch.base for branch in self.branches.values() if branch.base}
        return bases | set(self.pinned) | set(self.notes)
