"""The labels of one column with their ids, and the choice of labels by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from charrnn.data.documents.document import as_text
from charrnn.errors import CorruptFile, InvalidValue, UnknownName, near_matches
from charrnn.wording import plural

NO_LABEL = 0
SHOWN = 8  # labels of a column in one line


class LabelTable:
    """The labels that documents have in one column. Id 0 stands for none; the others follow by name.

    Parameters
    ----------
    name : str
        The column.
    counts : mapping of str to int
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

    def idof(self, label: str | float | None) -> int:
        """Return the id of a label, 0 for None; numbers are labels as they are written in a table.

        Raises
        ------
        UnknownName
            If no document has this label.
        InvalidValue
            If it is a mixture of several labels.
        """
        if isinstance(label, list | set | dict):
            raise InvalidValue(
                f"{label!r} is not a label of {self.name}: expected one, or several with shares {{...: 0.6, ...: 0.4}}."
            )
        name = None if label is None else as_text(label, "")
        if name not in self.ids:
            raise UnknownName(f"No document has the {self.name} {label!r}. {near_matches(str(name), self.labels)}")
        return self.ids[name]

    def labelof(self, label_id: int) -> str | None:
        """Return the label of an id, None for 0."""
        return None if label_id == NO_LABEL else self.labels[label_id - 1]

    def summary(self) -> str:
        """Return the column and its most frequent labels.

        >>> LabelTable("author", {"Keats": 2, "Blake": 7}).summary()
        'author: Blake (7), Keats (2)'
        """
        most = sorted(self.counts, key=lambda label: -self.counts[label])[:SHOWN]
        shown = ", ".join(f"{label} ({self.counts[label]:,})" for label in most)
        more = f", ... {plural(len(self), 'label')} in all" if len(self) > SHOWN else ""
        return f"{self.name}: {shown}{more}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return {"name": self.name, "counts": self.counts}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> LabelTable:
        """Restore a table from its record.

        Raises
        ------
        CorruptFile
            If the record is not one of labels.
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


Choice = str | None | Mapping[str, float]


def shares(tables: Sequence[LabelTable], label: Choice | Mapping[str, Choice]) -> list[dict[int, float]]:
    """Return for each label column the shares of its label ids, which sum up to 1.

    Parameters
    ----------
    tables : sequence of LabelTable
        The label columns.
    label : Choice or mapping of str to Choice
        A label, or a mixture as in ``{"Blake": 0.6, "Keats": 0.4}``, where there is one column; by column, as in
        ``{"author": "Blake"}``, where there are several; None for no label.

    Raises
    ------
    UnknownName
        If a column or label does not exist.
    InvalidValue
        If the model has no labels, the column is ambiguous, or shares are out of range.

    Examples
    --------
    >>> authors, forms = LabelTable("author", {"Blake": 7, "Keats": 2}), LabelTable("form", {"ode": 3})
    >>> shares([authors], "Keats"), shares([authors], {"Blake": 3, "Keats": 1})
    ([{2: 1.0}], [{1: 0.75, 2: 0.25}])
    >>> shares([authors, forms], {"form": "ode"})
    [{0: 1.0}, {1: 1.0}]
    """
    if label is None:
        return [{NO_LABEL: 1.0} for _ in tables]
    names = [table.name for table in tables]
    if not tables:
        raise InvalidValue(f"label={label!r}: the documents of this model have no labels.")
    if not (isinstance(label, Mapping) and label.keys() & set(names)):
        if len(tables) > 1:
            example = next((label for label in tables[0].labels), None)
            hint = f'such as label={{"{names[0]}": {example!r}}}'
            raise InvalidValue(
                f"label={label!r}: this model has the label columns {', '.join(names)}; name one, {hint}."
            )
        label = {names[0]: cast(Choice, label)}
    for name in label:
        if name not in names:
            raise UnknownName(f"There is no label column {name!r}. {near_matches(name, names)}")
    return [_shares(table, label.get(table.name)) for table in tables]


def only_label(table: LabelTable, parts: Mapping[int, float]) -> int:
    """Return the id that shares are all of, or raise InvalidValue for a mixture."""
    if len(parts) != 1:
        raise InvalidValue(f"One {table.name} is needed here, not a mixture.")
    return next(iter(parts))


def _shares(table: LabelTable, choice: Any) -> dict[int, float]:
    if isinstance(choice, Mapping):
        ids = {table.idof(name): share for name, share in choice.items()}
    else:
        ids = {table.idof(choice): 1.0}
    if (
        not ids
        or not all(isinstance(share, float | int | np.number) and 0 <= share < math.inf for share in ids.values())
        or not sum(ids.values())
    ):
        raise InvalidValue(f"The shares of {table.name} must be numbers from 0 up, not all 0: got {choice!r}.")
    total = sum(ids.values())
    return {label_id: share / total for label_id, share in ids.items()}
