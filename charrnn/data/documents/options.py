"""How documents are found in a source, as a person says it and as a model records it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from charrnn import checks
from charrnn.data.documents.csvtables import Column
from charrnn.data.documents.source import Delimiter, Labels
from charrnn.errors import CorruptFile

FORMATS = ("csv", "jsonl", "json")  # of tables
KINDS = ("text", "documents", "music", *FORMATS)


@dataclass(frozen=True)
class DocumentOptions:
    r"""How documents are found in a source, see `charrnn.data.documents.source.Documents.open`.

    `documents` says whether there are any; None leaves that to the source. `kind` is a kind
    of data, or a format of tables.

    >>> options = DocumentOptions(labels=["author"], delimiter="---")
    >>> options.chosen
    {'labels': ('author',), 'delimiter': '---'}
    >>> DocumentOptions.from_json(options.to_json()) == options
    True
    """

    documents: bool | None = None
    text: Column | None = None
    labels: Labels = ()
    kind: str | None = None
    delimiter: Delimiter | None = None
    header: bool | None = None
    only: Mapping[str, str | Collection[str]] | None = None
    min_documents: int | Mapping[str, int] = 1

    def __post_init__(self) -> None:
        for name in ("documents", "header"):
            if getattr(self, name) is not None:
                checks.flag(name, getattr(self, name))
        if self.kind is not None:
            checks.known("kind", self.kind, KINDS)
        if isinstance(self.labels, list):
            object.__setattr__(self, "labels", tuple(self.labels))
        if isinstance(self.only, Mapping):
            object.__setattr__(self, "only", {name: _plain(labels) for name, labels in self.only.items()})

    @property
    def chosen(self) -> dict[str, Any]:
        """The options that are not as they are by default."""
        default = DocumentOptions()
        given = {name: value for name, value in vars(self).items() if name != "documents"}
        return {name: value for name, value in given.items() if value != getattr(default, name)}

    @property
    def format(self) -> str | None:
        """The format of tables, where it is given."""
        return self.kind if self.kind in FORMATS else None

    @property
    def about_documents(self) -> list[str]:
        """The names of the options given that only documents have, `documents` itself aside."""
        return [name for name in self.chosen if name != "kind" or self.format]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record, in which a delimiter is marked as literal or as a pattern."""
        record = dict(vars(self))
        if isinstance(self.delimiter, re.Pattern):
            record["delimiter"] = {"pattern": self.delimiter.pattern, "flags": self.delimiter.flags}
        elif self.delimiter is not None:
            record["delimiter"] = {"literal": self.delimiter}
        if self.only is not None:
            record["only"] = [[name, list(labels)] for name, labels in self.only.items()]
        if isinstance(self.min_documents, Mapping):
            record["min_documents"] = [[name, number] for name, number in self.min_documents.items()]
        if isinstance(self.labels, tuple):
            record["labels"] = list(self.labels)
        elif isinstance(self.labels, Mapping):
            record["labels"] = dict(self.labels)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> DocumentOptions:
        """Restore options from their record; a delimiter without a mark is a pattern, as all were once.

        Raises
        ------
        CorruptFile
            If the record is not one of such options.
        """
        if unknown := record.keys() - {field.name for field in fields(cls)}:
            raise CorruptFile(f"The record of how documents are found has {', '.join(sorted(unknown))}: unknown names.")
        kept = dict(record)
        try:
            kept["delimiter"] = _delimiter(kept.get("delimiter"))
            if kept.get("only") is not None:
                kept["only"] = {name: tuple(labels) for name, labels in kept["only"]}
            if isinstance(kept.get("min_documents"), list):
                kept["min_documents"] = {name: int(number) for name, number in kept["min_documents"]}
            return cls(**kept)
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise CorruptFile(f"The record of how documents are found is damaged: {error!r}.") from error


def _delimiter(record: Any) -> Delimiter | None:
    """Restore a delimiter.

    >>> _delimiter({"literal": "|"}), _delimiter("^-+$") == re.compile("^-+$", re.MULTILINE)
    ('|', True)
    """
    if isinstance(record, str):
        return re.compile(record, re.MULTILINE)
    if record is None:
        return None
    if "literal" in record:
        return str(record["literal"])
    return re.compile(str(record["pattern"]), int(record["flags"]))


def _plain(labels: Any) -> Any:
    """Return labels to keep as a tuple, sets in order."""
    if isinstance(labels, str) or not isinstance(labels, Collection):
        return (labels,)
    return tuple(sorted(labels, key=str)) if isinstance(labels, set | frozenset) else tuple(labels)
