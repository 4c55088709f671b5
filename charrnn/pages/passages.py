"""Passages of text on a page, coloured by a model's surprise and by its units' activations."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.insight import activity
from charrnn.insight.colouring import visible
from charrnn.pages.page import escape
from charrnn.session import look, write

if TYPE_CHECKING:
    from charrnn.session.session import Session

SHADES = 10
READ, SURPRISES, ACTIVITY = 3000, 700, 350  # characters: read by the model, shown with surprises, shown for a unit
UNITS = 4
SURPRISING = 6.0  # nats that have the full colour
PREDICATES = ("quotes", "brackets", "line_position", "upper", "digit", "word_position", "space", "vowel", "letter")


def texts(ms: Session) -> list[str]:
    """Return passages of the validation data, or a text that the model wrote if the data are not available.

    The list is empty for models of music.
    """
    if "neurons" in ms.task.refusals:
        return []
    return (
        ms.task.passages(READ) if ms.has_text else list(filter(None, [str(write.generate(ms, READ, temp=1.0, rng=0))]))
    )


def surprises(ms: Session, texts: Sequence[str]) -> str:
    """Return the beginning of the texts, coloured by -ln p of each character."""
    shown, nats, left = [], [], SURPRISES
    for text in texts:
        score = write.score(ms, text[:left])
        per_char = score.per_char[: len(score.text)]  # the surprise at a document's end is left out
        notes = (f"{surprise:.2f} nats, p = {np.exp(-surprise):.3g}" for surprise in per_char)
        shown.append(_framed("", coloured(score.text, per_char / SURPRISING, notes)))
        nats.append(per_char)
        left -= len(text)
        if left <= 0:
            break
    if not shown:
        return ""
    whence = "the validation text" if ms.has_text else "a text that the model wrote"
    return (
        f'<p class="small quiet">The beginning of {whence}: {np.concatenate(nats).mean():.3f} nats per character. '
        f"A stronger colour means a less expected character.</p>{''.join(shown)}"
    )


def units(ms: Session, texts: Sequence[str]) -> str:
    """Return the units that correlate most strongly with a named predicate, each with a text coloured by it."""
    passage = ("\n\n" if "\n" in ms.chars else "").join(texts)
    found: dict[tuple[int, int], tuple[float, str]] = {}
    for predicate in PREDICATES:
        try:
            (closest,) = look.find_neurons(ms, predicate, passage, n=1)
        except InvalidValue:  # the predicate is constant along the text
            continue
        closeness, _ = found.get((closest.layer, closest.unit), (0.0, ""))
        if abs(closest.correlation) > abs(closeness):
            found[closest.layer, closest.unit] = (closest.correlation, predicate)
    shown = []
    for (layer, index), (closeness, predicate) in sorted(found.items(), key=lambda item: -abs(item[1][0]))[:UNITS]:
        unit = activity.neurons(ms.model, ms.chars, passage[:ACTIVITY], index, layer)
        assert isinstance(unit, activity.Activity)  # since `unit` was given
        heading = f"layer {layer}, unit {index}: {predicate.replace('_', ' ')} (correlation {closeness:.2f})"
        shown.append(_framed(heading, coloured(unit.text, unit.levels, (f"{value:.2f}" for value in unit.values))))
    return "".join(shown)


def _framed(heading: str, body: str) -> str:
    caption = f'<figcaption class="small quiet">{escape(heading)}</figcaption>' if heading else ""
    return f'<figure>{caption}<div class="text" dir="auto" lang="">{body}</div></figure>'


def coloured(text: str, levels: np.ndarray, notes: Iterable[str]) -> str:
    """Return a text as HTML with a background colour for each character.

    Parameters
    ----------
    text : str
        T characters.
    levels : numpy.ndarray
        Numbers from -1 (cold) to 1 (warm), (T,).
    notes : iterable of str
        The tooltip of each character.

    Returns
    -------
    str

    Examples
    --------
    >>> coloured("a<", np.array([0.5, -1]), ["half", "all"])
    '<i class="w5" title="half">a</i><i class="c10" title="all">&lt;</i>'
    """
    shades = np.clip(np.round(np.nan_to_num(levels) * SHADES), -SHADES, SHADES).astype(int)
    return "".join(
        f'<i class="{"w" if shade >= 0 else "c"}{abs(shade)}" title="{escape(note)}">{escape(_shown(ch))}</i>'
        + "\n" * (ch == "\n")
        for ch, shade, note in zip(text, shades, notes, strict=True)
    )


def shades_css() -> str:
    """Return the CSS of the classes that `coloured` uses."""
    return "\n".join(
        f".{letter}{shade} {{ background: rgb(var(--{name}) / {0.065 * shade:.3g}); }}"
        for letter, name in (("w", "warm"), ("c", "cold"))
        for shade in range(1, SHADES + 1)
    )


def _shown(ch: str) -> str:
    """Return a character to show: invisible ones get a sign, combining marks stay on the letter before."""
    return ch if unicodedata.category(ch) in ("Mn", "Me") else visible(ch)
