"""Curves drawn with characters, for terminals."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from charrnn.insight.curves import Curves

NARROWEST, WIDEST, ROWS = 40, 120, 14
ACROSS, DOWN = 2, 4  # dots in a character
BRAILLE = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # bits of a Braille character, (DOWN, ACROSS)
TRAIN, VALID, BEST, BASELINE = "⠒", "●", "★", "┄"
GUTTER = 7  # columns left of the plot


def draw(curves: Curves, width: int | None = None) -> str:
    """Return a chart as wide as the terminal, within 40 to 120 columns, or of the given width."""
    width = min(max(width or shutil.get_terminal_size().columns - 1, NARROWEST), WIDEST)
    low, high = curves.limits
    columns = width - GUTTER
    first, last = curves.span
    x_of = _scale(first, last, columns * ACROSS)
    y_of = _scale(high, low, ROWS * DOWN)

    cells = _dots(x_of(curves.smooth[0]), y_of(curves.smooth[1]), columns)
    ngram = curves.best_ngram
    if ngram:
        row = y_of(ngram[1]) // DOWN
        cells[row] = [cell if cell != " " else BASELINE for cell in cells[row]]
    for step, loss in zip(curves.valid_step, curves.valid_loss, strict=True):
        cells[y_of(loss) // DOWN][x_of(step) // ACROSS] = VALID
    if curves.best:
        step, loss = curves.best
        cells[y_of(loss) // DOWN][x_of(step) // ACROSS] = BEST

    ticks = {row: high + (low - high) * (row + 0.5) / ROWS for row in range(1, ROWS, 4)}
    lines = [f"nats per {curves.unit}"]
    for row, line in enumerate(cells):
        label = f"{ticks[row]:5.2f} ┤" if row in ticks else "      │"
        lines.append((label + "".join(line)).rstrip())
    ends = f"{first:,}", f"{last:,} steps"
    lines.append("      └" + "─" * columns)
    lines.append(" " * GUTTER + ends[0] + ends[1].rjust(columns - len(ends[0])))
    return "\n".join([*lines, *_filled(_legend(curves), width)])


def _legend(curves: Curves) -> list[str]:
    facts = []
    if len(curves.step):
        facts.append(f"{TRAIN} training {curves.smooth[1][-1]:.3f}")
    if len(curves.valid_loss):
        facts.append(f"{VALID} validation {curves.valid_loss[-1]:.3f}")
    if curves.best:
        facts.append(f"{BEST} best {curves.best[1]:.3f} at step {curves.best[0]:,}")
    if curves.best_ngram:
        facts.append(f"{BASELINE} {curves.best_ngram[0]}-gram {curves.best_ngram[1]:.3f}")
    if len(curves.learnrate):
        facts.append(f"learning rate {curves.learnrate[-1]:.3g}")
    return facts


def _filled(facts: list[str], width: int) -> list[str]:
    """Return facts in lines, none of which is torn apart.

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
    """Return a function from values to whole positions, of which `first` is 0 and `last` is the last."""
    span = (last - first) or 1

    def position(value):
        at = np.clip(np.round((np.asarray(value, np.float64) - first) / span * (size - 1)), 0, size - 1)
        return at.astype(int) if at.ndim else int(at)

    return position


def _dots(x: np.ndarray, y: np.ndarray, columns: int) -> list[list[str]]:
    """Return a line through points, in dots, as rows of characters."""
    grid = np.zeros((ROWS * DOWN, columns * ACROSS), bool)
    if len(x):
        every = np.arange(x[0], x[-1] + 1)
        heights = np.interp(every, x, y).round().astype(int)
        for at, (before, now) in zip(every, zip([heights[0], *heights[:-1]], heights, strict=True), strict=True):
            grid[min(before, now) : max(before, now) + 1, at] = True
    blocks = grid.reshape(ROWS, DOWN, columns, ACROSS).transpose(0, 2, 1, 3)
    codes = (blocks * DOTS).sum(axis=(2, 3))
    return [[chr(BRAILLE + code) if code else " " for code in line] for line in codes]
