"""The labels of one column, each with its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charrnn.errors import CorruptFile, UnknownName, near_matches

NO_LABEL = 0


class LabelTable:
    """The labels that documents have in one column. Id 0 stands for none; the others follow by name.

    Parameters
    ----------
    name
        The column.
    counts
        How many documents have each label.

    Attributes
    ----------
    labels : tuple of str
        The labels, sorted.
    ids : dict
        The id of each label, and of None.

    Examples
    --------
    >>> authors = LabelTable("author", {"Keats": 2, "Blake": 7})
    >>> authors
    <LabelTable author: Blake (7), Keats (2)>
    >>> authors.idof("Keats"), authors.idof(None), authors.labelof(1), authors.size
    (2, 0, 'Blake', 3)
    """

    def __init__(self, name: str, counts: Mapping[str, int]) -> None:
        self.name = name
        self.counts = {label: counts[label] for label in sorted(counts)}
        self.labels = tuple(self.counts)
        self.ids: dict[str | None, int] = {None: NO_LABEL, **{label: i for i, label in enumerate(self.labels, 1)}}

    @property
    def size(self) -> int:
        """The number of ids, that of no label included."""
        return len(self.labels) + 1

    def idof(self, label: str | None) -> int:
        """Return the id of a label, 0 for None.

        Raises
        ------
        UnknownName
            No document has this label.
        """
        if label not in self.ids:
            raise UnknownName(f"No document has the {self.name} {label!r}. {near_matches(str(label), self.labels)}")
        return self.ids[label]

    def labelof(self, label_id: int) -> str | None:
        """Return the label of an id, None for 0."""
        return None if label_id == NO_LABEL else self.labels[label_id - 1]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return {"name": self.name, "counts": self.counts}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> LabelTable:
        """Restore a table from its record.

        Raises
        ------
        CorruptFile
            The record is not one of labels.
        """
        try:
            return cls(str(record["name"]), {str(label): int(n) for label, n in record["counts"].items()})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CorruptFile(f"The record of the labels is damaged: {error!r}. Restore it from a copy.") from error

    def __len__(self) -> int:
        return len(self.labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelTable) and (self.name, self.counts) == (other.name, other.counts)

    def __hash__(self) -> int:
        return hash((self.name, self.labels))

    def __repr__(self) -> str:
        shown = ", ".join(f"{label} ({n:,})" for label, n in list(self.counts.items())[:20])
        return f"<LabelTable {self.name}: {shown}{', ...' if len(self) > 20 else ''}>"
