"""Score a text: nats, bits, perplexity, and the surprise at each character."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from charrnn.data.documents.dataset import BEGIN
from charrnn.errors import InvalidValue

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model

BLOCK = 256  # characters scored by one call of the compiled function
MOST_SHOWN = 4000  # characters coloured on a page
DARKEST = 8.0  # nats that have the full colour


@dataclass(frozen=True, eq=False)
class Score:
    """The surprise of a model at a text.

    Parameters
    ----------
    text : str
        The text as the model reads it.
    per_char : numpy.ndarray
        Surprise at each character of the text, -ln p, in nats, (T,).

    Examples
    --------
    >>> score = Score("ab", np.log([2.0, 8.0]))
    >>> round(score.bits, 6), round(score.perplexity, 6)
    (2.0, 4.0)
    >>> score
    1.386 nats/char = 2.000 bits/char, perplexity 4.00, over 2 characters (2.8 nats in all)
    most surprising: 'b' at 1 (2.1)
    """

    text: str
    per_char: np.ndarray

    @property
    def nats(self) -> float:
        """Mean surprise in nats per character."""
        return float(self.per_char.mean())

    @property
    def bits(self) -> float:
        """Mean surprise in bits per character."""
        return self.nats / math.log(2)

    @property
    def perplexity(self) -> float:
        """The exponential of the mean surprise: the number of equally likely characters with the same surprise."""
        return float(np.exp(self.nats))

    @property
    def total_nats(self) -> float:
        """Surprise at the whole text, -ln p(text), in nats."""
        return float(self.per_char.sum())

    def __repr__(self) -> str:
        worst = [at for at in np.argsort(-self.per_char, kind="stable")[:5] if self.per_char[at] > self.nats]
        surprises = ", ".join(f"{self.text[at]!r} at {at} ({self.per_char[at]:.1f})" for at in worst)
        return (
            f"{self.nats:.3f} nats/char = {self.bits:.3f} bits/char, perplexity {self.perplexity:.2f}, "
            f"over {len(self.text):,} characters ({self.total_nats:,.1f} nats in all)"
            + (f"\nmost surprising: {surprises}" if surprises else "")
        )

    def _repr_html_(self) -> str:
        """Return the text as HTML; the background is darker for more surprising characters."""
        spans = "".join(
            f'<span title="{nats:.2f} nats" style="background: rgba(217, 89, 31, {min(nats / DARKEST, 1):.2f})">'
            f"{html.escape(ch)}{'⏎' * (ch == chr(10))}</span>"
            for ch, nats in zip(self.text[:MOST_SHOWN], self.per_char.tolist(), strict=False)
        )
        more = "..." * (len(self.text) > MOST_SHOWN)
        style = "font-family: monospace; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext"
        about = f'<div style="white-space: pre-line">{html.escape(repr(self))}</div>'
        return f'{about}<div dir="auto" style="{style}">{spans}{more}</div>'


def score(
    model: Model,
    charset: CharSet,
    text: str,
    on_unknown: Literal["replace", "skip", "error"] = "replace",
    labels: Sequence[int] = (),
) -> Score:
    """Return the surprise at a text, read from a blank state as the beginning of a line or of a document.

    Parameters
    ----------
    model : Model
    charset : CharSet
    text : str
    on_unknown : {"replace", "skip", "error"}
        Treatment of characters that the model does not know.
    labels : sequence of int
        The id of the text's label in each column.

    Returns
    -------
    Score

    Raises
    ------
    InvalidValue
        If the text is empty.
    UnknownCharacters
        If `on_unknown` is "error" and the text holds characters that the model does not know.
    """
    targets = charset.encode(text, on_unknown)
    errors = surprises(model, charset, targets, np.array([labels], np.int32))
    return Score(charset.decode(targets), errors[:, 0].astype(np.float64))


def surprises(model: Model, charset: CharSet, targets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return -ln p, in nats, of each symbol of a text (T,) under each of R choices of labels (R, K), as (T, R)."""
    if not len(targets):
        raise InvalidValue("There is nothing to score: give a text of at least one character.")
    before = charset.idxofspecial(BEGIN) if BEGIN in charset.specials else charset.idxofchar("\n")
    inputs = np.concatenate([[before], targets[:-1]]).astype(np.int32)
    rows = len(labels)
    state = model.freshstate(rows)
    errors = []
    for at in range(0, len(targets), BLOCK):
        # The last block is padded to full length, so that JAX compiles for a single shape.
        x, y = (
            np.repeat(_filled(symbols[at : at + BLOCK])[:, np.newaxis], rows, axis=1) for symbols in (inputs, targets)
        )
        ids = np.broadcast_to(labels, (BLOCK, *labels.shape)) if labels.shape[1] else None
        block, state = model.errors(x, y, state, None, ids)
        errors.append(np.asarray(block))
    return np.concatenate(errors)[: len(targets)]


def _filled(symbols: np.ndarray) -> np.ndarray:
    return np.pad(symbols, (0, BLOCK - len(symbols)))
