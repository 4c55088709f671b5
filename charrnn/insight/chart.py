"""Draw curves with characters, for terminals."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np

NARROWEST, WIDEST, ROWS = 40, 120, 14
ACROSS, DOWN = 2, 4  # dots in a character
BRAILLE = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # bits of a Braille character, (DOWN, ACROSS)
TRAIN, VALID, BEST, BASELINE = "⠒", "●", "★", "┄"
GUTTER = 7  # columns left of the plot


def draw(
    line: tuple[np.ndarray, np.ndarray],
    points: tuple[np.ndarray, np.ndarray],
    span: tuple[int, int],
    limits: tuple[float, float],
    best: tuple[int, float] | None = None,
    baseline: float | None = None,
    title: str = "",
    legend: Sequence[str] = (),
    width: int | None = None,
) -> str:
    """Return a chart as wide as the terminal, within 40 to 120 columns, or of the given width.

    Parameters
    ----------
    line, points : (numpy.ndarray, numpy.ndarray)
        Steps and losses: those of the curve, drawn in dots, and those of single marks.
    span : (int, int)
        First and last step.
    limits : (float, float)
        Lowest and highest loss.
    best : (int, float), optional
        Step and loss of the highlighted mark.
    baseline : float, optional
        The loss at which a horizontal line is drawn.
    title : str
        The line above the chart.
    legend : sequence of str
        Facts to write below the chart.
    width : int, optional
        Columns.

    Returns
    -------
    str
    """
    width = min(max(width or shutil.get_terminal_size().columns - 1, NARROWEST), WIDEST)
    (low, high), (first, last), columns = limits, span, width - GUTTER
    x_of = _scale(first, last, columns * ACROSS)
    y_of = _scale(high, low, ROWS * DOWN)

    cells = _dots(x_of(line[0]), y_of(line[1]), columns)
    if baseline is not None:
        row = y_of(baseline) // DOWN
        cells[row] = [cell if cell != " " else BASELINE for cell in cells[row]]
    marks = [*zip(*points, strict=True), *([best] if best else [])]
    for number, (step, loss) in enumerate(marks):
        cells[y_of(loss) // DOWN][x_of(step) // ACROSS] = BEST if best and number == len(marks) - 1 else VALID

    ticks = {row: high + (low - high) * (row + 0.5) / ROWS for row in range(1, ROWS, 4)}
    lines = [title]
    for row, cells_of_row in enumerate(cells):
        label = f"{ticks[row]:5.2f} ┤" if row in ticks else "      │"
        lines.append((label + "".join(cells_of_row)).rstrip())
    ends = f"{first:,}", f"{last:,} steps"
    lines.append("      └" + "─" * columns)
    lines.append(" " * GUTTER + ends[0] + ends[1].rjust(columns - len(ends[0])))
    return "\n".join([*lines, *_filled(legend, width)])


def _filled(facts: Sequence[str], width: int) -> list[str]:
    """Return facts filled into lines; no fact is broken.

    >>> _filled(["one", "two", "three"], width=9)
    ['one   two', 'three']
    """
    lines: list[str] = []
    for fact in facts:
        if lines and len(lines[-1]) + 3 + len(fact) <= width:
            lines[-1] += "   " + fact
        else:
            lines.append(fact)
    return lines


def _scale(first: float, last: float, size: int):
    """Return a function from values to positions: `first` is at 0, `last` at `size` - 1."""
    span = (last - first) or 1

    def position(value):
        at = np.clip(np.round((np.asarray(value, np.float64) - first) / span * (size - 1)), 0, size - 1)
        return at.astype(int) if at.ndim else int(at)

    return position


def _dots(x: np.ndarray, y: np.ndarray, columns: int) -> list[list[str]]:
    """Return a line through points as rows of Braille characters."""
    grid = np.zeros((ROWS * DOWN, columns * ACROSS), bool)
    if len(x):
        every = np.arange(x[0], x[-1] + 1)
        heights = np.interp(every, x, y).round().astype(int)
        for at, (before, now) in zip(every, zip([heights[0], *heights[:-1]], heights, strict=True), strict=True):
            grid[min(before, now) : max(before, now) + 1, at] = True
    blocks = grid.reshape(ROWS, DOWN, columns, ACROSS).transpose(0, 2, 1, 3)
    codes = (blocks * DOTS).sum(axis=(2, 3))
    return [[chr(BRAILLE + code) if code else " " for code in line] for line in codes]
