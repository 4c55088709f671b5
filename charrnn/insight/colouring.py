"""A text coloured by numbers, in a terminal or notebook; with bars below the text if colours are not available."""

from __future__ import annotations

import html
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from charrnn.columns import END_OVERRIDE, LEFT_TO_RIGHT, columns, joins, runs_leftwards

if TYPE_CHECKING:
    from rich.console import Console

MOST_SHOWN = 4000  # characters; a longer text is cut
SHADES = 8  # steps from white to the full colour
RED, BLUE = (178, 24, 43), (33, 102, 172)  # distinguishable by most colour-blind readers
BARS, DIGITS = "▁▂▃▄▅▆▇█", "0123456789"
NEWLINE = "⏎"

Colour = tuple[int, int, int]


class Glyph(NamedTuple):
    """A character as shown, with the marks on it; its number; and its level from -1 (blue) to 1 (red)."""

    shown: str
    value: float
    level: float


@dataclass(frozen=True, eq=False)
class ColouredText:
    """A text with a number for each character: white is the middle, red above it, blue below.

    Without colours (in a file, in a plain terminal, or with ``NO_COLOR`` in the environment) the numbers show as bars
    under the text, or as digits from 0 to 9. A slice is a coloured part of the text.

    Parameters
    ----------
    text : str
        T characters.
    values : numpy.ndarray
        A number for each character, (T,).
    title : str
        A description of the numbers.
    middle : float
        The number that is shown white.

    Examples
    --------
    >>> ColouredText("to be", np.array([-1, 0, 0.5, 1, 0]), "a unit")
    a unit: -1 to 1
    to be
    ▁▅▇█▅
    """

    text: str
    values: np.ndarray
    title: str
    middle: float = 0.0

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, part: slice) -> Self:
        if not isinstance(part, slice):
            raise TypeError(f"Take a part by a slice, such as [10:200], not {part!r}; the numbers are in `values`.")
        return replace(self, text=self.text[part], values=self.values[part])

    @property
    def levels(self) -> np.ndarray:
        """The numbers scaled to -1 (blue) to 1 (red), (T,); a number that is not finite counts as the middle."""
        away = np.nan_to_num(self.values.astype(np.float64) - self.middle, nan=0.0, posinf=0.0, neginf=0.0)
        return away / max(np.abs(away).max(initial=0.0), np.finfo(np.float64).tiny)

    @property
    def heading(self) -> str:
        """The title and the range of the numbers."""
        span = f"{self.values.min():.3g} to {self.values.max():.3g}" if len(self) else "no text"
        return f"{self.title}: {span}"

    def __repr__(self) -> str:
        from rich.console import Console

        console = Console(force_jupyter=False, highlight=False)
        lines = _lines(self._glyphs(), console.width)
        coloured = console.color_system is not None and not console.no_color and not console.legacy_windows
        body = _in_colours(lines, console) if coloured else self._over_marks(lines)
        return "\n".join(filter(None, [self.heading, body, self._more]))

    def _repr_html_(self) -> str:
        style = "font-family:monospace;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere"
        return (
            f"<div><bdi>{html.escape(self.heading)}</bdi></div>"
            f'<div dir="auto" style="{style};unicode-bidi:plaintext">{"".join(map(_span, self._glyphs()))}</div>'
            f"<div>{self._more}</div>"
        )

    def _over_marks(self, lines: Iterable[list[Glyph]]) -> str:
        """Return the lines, each followed by a line of marks of the same width."""
        marks, lowest = _marks(), -1.0 if self.levels.min(initial=0.0) < 0 else 0.0
        rows = []
        for line in lines:
            shown = "".join(glyph.shown for glyph in line)
            rows.append(f"{LEFT_TO_RIGHT}{shown}{END_OVERRIDE}" if runs_leftwards(shown) else shown)
            heights = (int((glyph.level - lowest) / (1 - lowest) * len(marks)) for glyph in line)
            widths = (columns(glyph.shown) for glyph in line)
            rows.append("".join(marks[min(h, len(marks) - 1)].ljust(n) for h, n in zip(heights, widths, strict=True)))
        return "\n".join(rows)

    @property
    def _more(self) -> str:
        left = len(self) - MOST_SHOWN
        return f"... and {left:,} characters more: take a slice to see them" if left > 0 else ""

    def _glyphs(self) -> list[Glyph]:
        """Return the glyphs to show. A combining mark belongs to its character's glyph and has no colour of its own."""
        glyphs: list[Glyph] = []
        for ch, value, level in zip(self.text[:MOST_SHOWN], self.values, self.levels, strict=False):
            if glyphs and glyphs[-1].shown != NEWLINE and joins(glyphs[-1].shown, ch):
                glyphs[-1] = glyphs[-1]._replace(shown=glyphs[-1].shown + ch)
            else:
                shown = visible(ch)
                glyphs.append(Glyph(shown if columns(shown) else f"◌{ch}", value, level))
        return glyphs


def visible(ch: str) -> str:
    r"""Return a visible sign for control characters and those that change the text's direction; others as they are.

    >>> visible("\n"), visible("\t"), visible("\u202e"), visible("a")
    ('⏎', '␉', '␦', 'a')
    """
    if ch == "\n":
        return NEWLINE
    if ch < " ":
        return chr(0x2400 + ord(ch))
    if unicodedata.category(ch) in ("Cc", "Cf", "Cs", "Zl", "Zp") and ch not in "\u200c\u200d":  # joiners shape others
        return "␦"
    return f"◌{ch}" if _is_mark(ch) else ch


def _is_mark(ch: str) -> bool:
    """Return whether a character combines with the one before: an accent, a vowel sign, an emoji's skin tone."""
    return unicodedata.category(ch) in ("Mn", "Me") or "\U0001f3fb" <= ch <= "\U0001f3ff"


def _lines(glyphs: Iterable[Glyph], width: int) -> Iterator[list[Glyph]]:
    """Yield the glyphs of each line of a terminal; wide characters take two columns."""
    line: list[Glyph] = []
    filled = 0
    for glyph in glyphs:
        filled += columns(glyph.shown)
        if filled > width and line:
            yield line
            line, filled = [], columns(glyph.shown)
        line.append(glyph)
        if glyph.shown == NEWLINE:
            yield line
            line, filled = [], 0
    if line:
        yield line


def _colours(level: float) -> tuple[Colour, Colour]:
    """Return a character's background and foreground colours."""
    full, share = RED if level > 0 else BLUE, round(abs(level) * SHADES) / SHADES
    r, g, b = (round(255 + (c - 255) * share) for c in full)
    dark = 0.299 * r + 0.587 * g + 0.114 * b < 140
    return (r, g, b), (255, 255, 255) if dark else (0, 0, 0)


def _in_colours(lines: Iterable[list[Glyph]], console: Console) -> str:
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    with console.capture() as capture:
        for line in lines:
            text = Text()
            for glyph in line:
                behind, front = (Color.from_rgb(*colour) for colour in _colours(glyph.level))
                text.append(glyph.shown, Style(color=front, bgcolor=behind))
            console.print(text, soft_wrap=True)
    return capture.get().rstrip("\n")


def _marks() -> str:
    """Return bars from low to high, or digits if the output's encoding has no bars."""
    try:
        BARS.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return DIGITS
    return BARS


def _span(glyph: Glyph) -> str:
    behind, front = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in _colours(glyph.level))
    end = "\n" * (glyph.shown == NEWLINE)
    style = f"background:{behind};color:{front}"
    return f'<span style="{style}" title="{glyph.value:.3g}">{html.escape(glyph.shown)}</span>{end}'
