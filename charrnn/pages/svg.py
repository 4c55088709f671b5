"""Line charts as HTML and SVG, in the page's colours and for any width of screen.

Lines are drawn in an SVG that is stretched to the available width. Labels are HTML, so that they are not stretched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from charrnn.pages.page import escape

SIDE = 1000  # side of the square in which lines are drawn
MOST_POINTS = 600  # points of a line; more would not be visible


class Line(NamedTuple):
    """A line of a chart: x and y (n,), its CSS class, and whether its points are marked."""

    x: np.ndarray
    y: np.ndarray
    kind: str
    marked: bool = False


def chart(lines: Sequence[Line], limits: tuple[float, float], about: str, log: bool = False, height: int = 15) -> str:
    """Return a chart as HTML.

    Parameters
    ----------
    lines : sequence of Line
    limits : (float, float)
        The lowest and the highest value that is shown.
    about : str
        A description for screen readers.
    log : bool
        Whether the scale of values is logarithmic.
    height : int
        Height in rem.

    Returns
    -------
    str
    """
    xs = np.concatenate([line.x for line in lines])
    first, last = float(xs.min()), float(xs.max())
    low, high = (math.log10(limit) for limit in limits) if log else limits

    def across(x):
        return (np.asarray(x, float) - first) / ((last - first) or 1)

    def down(y):
        y = np.log10(y) if log else np.asarray(y, float)
        return 1 - (y - low) / ((high - low) or 1)

    heights = [(tick, float(down(tick))) for tick in (decades(*limits) if log else ticks(*limits))]
    grid = "".join(f"M0 {SIDE * y:.1f}H{SIDE}" for _, y in heights)
    paths = "".join(_path(line.kind, across(line.x), down(line.y), line.marked) for line in lines)
    rows = "".join(f'<span class="y" style="top:{100 * y:.2f}%">{tick:g}</span>' for tick, y in heights)
    steps = [tick for tick in ticks(first, last, most=4) if 0.06 < across(tick) < 0.9]
    columns = "".join(f'<span class="x" style="left:{100 * across(t):.2f}%">{t:,.0f}</span>' for t in steps)
    return (
        f'<div class="chart" role="img" aria-label="{escape(about)}" style="height:{height}rem">'
        f'<svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="grid" d="{grid}"/>{paths}</svg>{rows}{columns}</div>'
    )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers within limits, at most `most` + 1.

    >>> ticks(1.13, 2.9), ticks(0, 12000, most=4)
    ([1.5, 2.0, 2.5], [0.0, 5000.0, 10000.0])
    """
    if not high > low:
        return [low]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough)
    return [round(n * step, 12) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten within limits.

    >>> decades(0.0004, 0.002)
    [0.0005, 0.001, 0.002]
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [float(f"{k}e{power}") for power in powers for k in (1, 2, 5)]
    return [tick for tick in every if low <= tick <= high]


def _path(kind: str, x: np.ndarray, y: np.ndarray, marked: bool) -> str:
    seen = np.isfinite(x) & (y >= 0) & (y <= 1)
    chosen = np.flatnonzero(seen)[:: max(1, int(seen.sum()) // MOST_POINTS)]
    points = [f"{SIDE * x[i]:.1f} {SIDE * y[i]:.1f}" for i in chosen]
    if not points:
        return ""
    path = f'<path class="line {kind}" d="M{"L".join(points)}"/>'
    dots = "".join(f"M{point}h0" for point in points)  # strokes of length 0 with round caps are dots
    return path + (f'<path class="dots {kind}" d="{dots}"/>' if marked or len(points) == 1 else "")
