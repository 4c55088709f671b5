"""Classification: the probability of each label for a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrnn.data.documents.labels import NO_LABEL, LabelTable
from charrnn.errors import InvalidValue, UnknownName, near_matches
from charrnn.generation.scoring import surprises

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model

ROWS = 64  # labels scored in one batch


@dataclass(frozen=True, eq=False)
class Classification:
    """The probability of each label for a text.

    Parameters
    ----------
    probabilities : dict of str to float
        Probability by label, the likeliest first.
    nats : dict of str to float
        Surprise at the whole text by label, -ln p(text | label), in nats.

    Examples
    --------
    >>> Classification({"Blake": 0.75, "Keats": 0.25}, {"Blake": 8.0, "Keats": 9.1}).best
    'Blake'
    """

    probabilities: dict[str, float]
    nats: dict[str, float]

    @property
    def best(self) -> str:
        """The likeliest label."""
        return next(iter(self.probabilities))

    def __repr__(self) -> str:
        shown = list(self.probabilities.items())[:10]
        rest = ", ..." if len(shown) < len(self.probabilities) else ""
        return ", ".join(f"{label} {p:.2f}" for label, p in shown) + rest


def classify(
    model: Model, charset: CharSet, tables: Sequence[LabelTable], text: str, column: str | None = None
) -> Classification:
    """Return the probability of each label of a column for a text, with a uniform prior over labels.

    Parameters
    ----------
    model : Model
    charset : CharSet
        Characters, with begin and end symbols.
    tables : sequence of LabelTable
        The label columns of the model's documents.
    text : str
    column : str, optional
        The column to classify by; may be left out if there is only one.

    Returns
    -------
    Classification

    Raises
    ------
    InvalidValue
        If the documents have no labels, `column` is missing though there are several, or the text is empty.
    UnknownName
        If `column` is not one of the label columns.
    """
    names = [table.name for table in tables]
    if not names:
        raise InvalidValue("The documents of this model have no labels: make one with labels=... to classify.")
    if column is None and len(names) > 1:
        raise InvalidValue(f"This model has the label columns {', '.join(names)}: name one, as in column={names[0]!r}.")
    column = names[0] if column is None else column
    if column not in names:
        raise UnknownName(f"column={column!r} is not a label column. {near_matches(column, names)}")
    k, targets = names.index(column), charset.encode(text)
    choices = np.full((len(tables[k]), len(tables)), NO_LABEL, np.int32)
    choices[:, k] = np.arange(1, tables[k].size)
    parts = np.split(choices, range(ROWS, len(choices), ROWS))
    nats = np.concatenate([surprises(model, charset, targets, part).sum(axis=0, dtype="float64") for part in parts])
    weights = np.exp(nats.min() - nats)
    order = np.argsort(nats, kind="stable")
    labels = tables[k].labels
    return Classification(
        {labels[i]: float(weights[i] / weights.sum()) for i in order}, {labels[i]: float(nats[i]) for i in order}
    )
