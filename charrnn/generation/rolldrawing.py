"""Draw piano rolls: in a terminal, in a notebook, as a figure."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.data.music.rolls import LOWEST, Roll, pitch_name
from charrnn.errors import InvalidValue, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NARROWEST = 40  # columns of a terminal
GUTTER = 5  # columns for pitch names
BLOCKS = " ▄▀█"
GIVEN, WRITTEN = "#8a8f98", "#2b6cb0"


def blocks(roll: Roll, width: int | None = None, given: int = 0) -> str:
    """Return a roll drawn with characters, two pitches in each line.

    Parameters
    ----------
    roll : Roll
    width : int, optional
        Maximum number of columns, from 40 up; the terminal's width if not given. A long piece has several frames in a
        column, which shows every key that sounds in any of them.
    given : int
        Number of frames of the prompt; a mark below the roll shows its end.

    Returns
    -------
    str

    >>> print(blocks(Roll.from_pitches([[60], [62, 65], [64], [60, 65]]), given=1))
      F4 │ ▀▄▀
         │ ▄
      C4 │▄  ▄
         └─╵──
         0 1 s
    """
    width = max(width or shutil.get_terminal_size().columns, NARROWEST) - GUTTER
    if roll.pitches is None or not len(roll):
        return "silence"
    stride = -(-len(roll) // (width - 1))
    padded = np.concatenate([roll.frames, np.zeros((-len(roll) % stride, roll.frames.shape[1]), bool)])
    columns = np.any(padded.reshape(-1, stride, padded.shape[1]), axis=1, keepdims=True)[:, 0]
    low, high = roll.pitches
    lines = []
    for pitch in range(high, low - 1, -2):
        upper = columns[:, pitch - LOWEST]
        lower = columns[:, pitch - 1 - LOWEST] if pitch > low else np.zeros_like(upper)
        named = [p for p in (pitch, pitch - 1) if p % 12 == 0 and p >= low] or [pitch] * (pitch == high)
        name = pitch_name(named[0]) if named else ""
        lines.append(f"{name:>{GUTTER - 1}} │" + "".join(BLOCKS[2 * u + v] for u, v in zip(upper, lower, strict=True)))
    mark = -(-given // stride)
    lines.append(" " * GUTTER + "└" + "".join("╵" if n == mark and given else "─" for n in range(len(columns))))
    end = f"{roll.seconds:.3g} s"
    lines.append(" " * GUTTER + "0 " + end.rjust(len(columns) - 1))
    return "\n".join(line.rstrip() for line in lines)


def svg(roll: Roll, given: int = 0, width: int = 720, height: int = 200) -> str:
    """Return a roll as an SVG image; notes that start in the first `given` frames are grey.

    >>> svg(Roll.from_pitches([[60]])).count("<rect")
    2
    """
    low, high = roll.pitches or (60, 60)
    across, down = width / max(len(roll), 1), height / (high - low + 1)
    rects = [f'<rect width="{width}" height="{height}" fill="#f6f7f9"/>']
    for pitch, start, stop in roll.notes.tolist():
        rects.append(
            f'<rect x="{start * across:.2f}" y="{(high - pitch) * down:.2f}" '
            f'width="{max((stop - start) * across - 0.5, 0.5):.2f}" height="{down:.2f}" rx="1" '
            f'fill="{GIVEN if start < given else WRITTEN}"/>'
        )
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" preserveAspectRatio="none" '
        f'xmlns="http://www.w3.org/2000/svg" style="max-width:100%">{"".join(rects)}</svg>'
    )


def plot(roll: Roll, ax: Axes | None = None, given: int = 0) -> Axes:
    """Draw a roll over time in seconds; notes that start in the first `given` frames are grey.

    Parameters
    ----------
    roll : Roll
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones if not given.
    given : int
        Number of frames of the prompt.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidValue
        If `ax` is a file name rather than axes.
    NotInstalled
        If matplotlib is not installed.
    """
    if isinstance(ax, str | os.PathLike):
        raise InvalidValue(f"{ax!r} is not matplotlib axes. To save it: piece.plot().figure.savefig({str(ax)!r})")
    pyplot: Any = need("matplotlib.pyplot", "music")
    if ax is None:
        _, ax = pyplot.subplots(figsize=(10, 4), layout="constrained")
    gap = 0.1 * roll.dt  # separates a note from the next of the same key
    notes = roll.notes
    for pitch in np.unique(notes[:, 0]).tolist():
        same = notes[notes[:, 0] == pitch]
        spans = [(start * roll.dt, (stop - start) * roll.dt - gap) for _, start, stop in same.tolist()]
        colours = [GIVEN if start < given else WRITTEN for start in same[:, 1].tolist()]
        ax.broken_barh(spans, (pitch - 0.45, 0.9), facecolors=colours)
    low, high = roll.pitches or (60, 60)
    octaves = [pitch for pitch in range(low - 6, high + 7) if pitch % 12 == 0]
    ax.set_yticks(octaves, [pitch_name(pitch) for pitch in octaves])
    ax.set(xlim=(0, max(roll.seconds, roll.dt)), ylim=(low - 1.5, high + 1.5), xlabel="seconds")
    ax.grid(axis="y", alpha=0.3)
    if given:
        ax.axvline(given * roll.dt, color=GIVEN, linestyle=":")
    return ax
