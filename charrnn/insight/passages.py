"""A text of which each character is coloured, as HTML in the colours of the page that it is on."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np

from charrnn.insight.colouring import visible
from charrnn.insight.pages import escape

SHADES = 10


def coloured(text: str, levels: np.ndarray, notes: Iterable[str]) -> str:
    """Return a text whose characters have colours behind them.

    Parameters
    ----------
    text : str
        T characters.
    levels : numpy.ndarray
        From -1 (cold) to 1 (warm), (T,).
    notes : iterable of str
        What a character shows when it is pointed at.

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
    """Return the styles of the classes that `coloured` uses."""
    return "\n".join(
        f".{letter}{shade} {{ background: rgb(var(--{name}) / {0.065 * shade:.3g}); }}"
        for letter, name in (("w", "warm"), ("c", "cold"))
        for shade in range(1, SHADES + 1)
    )


def _shown(ch: str) -> str:
    """Marks stay on the letter before; what cannot be seen gets a sign."""
    return ch if unicodedata.category(ch) in ("Mn", "Me") else visible(ch)
