"""Piano rolls: which of the 88 keys sound in each time step, and which are struck."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from charrnn import checks
from charrnn.errors import InvalidValue

KEYS = 88
LOWEST = 21  # MIDI's number of the lowest key, A0
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


@dataclass(frozen=True, eq=False)
class Roll:
    """A piece as T frames.

    A key that begins to sound is struck, whatever `onsets` says, and a key that is struck sounds.

    Parameters
    ----------
    frames : numpy.ndarray
        Which keys sound in each frame, 0 or 1, (T, 88).
    onsets : numpy.ndarray, optional
        Which are struck, 0 or 1, (T, 88). Without them, a note that is struck again at once is one long note.
    dt : float
        Seconds of a frame.
    beats : float, optional
        Beats of a frame, where they are known.
    meter : (int, int)
        Time signature.

    Raises
    ------
    InvalidValue
        If an array has another shape or other values, or a number is out of range.

    Examples
    --------
    >>> roll = Roll.from_pitches([[60, 64], [60], []])
    >>> roll.frames.shape, roll.seconds, roll.notes.tolist()
    ((3, 88), 0.75, [[60, 0, 2], [64, 0, 1]])
    """

    frames: np.ndarray
    onsets: np.ndarray | None = None
    dt: float = 0.25
    beats: float | None = None
    meter: tuple[int, int] = (4, 4)

    def __post_init__(self) -> None:
        require_step(self.dt, self.beats)
        frames = plane("frames", self.frames)
        if self.onsets is not None:
            onsets = plane("onsets", self.onsets)
            if onsets.shape != frames.shape:
                raise InvalidValue(f"onsets has {len(onsets):,} frames: expected {len(frames):,}, as in frames.")
            frames = frames | onsets
            object.__setattr__(self, "onsets", onsets | (frames & ~_before(frames)))
        object.__setattr__(self, "frames", frames)

    @classmethod
    def from_planes(cls, planes: np.ndarray, **options: Any) -> Roll:
        """Make a roll of frames (T, 88), or of frames and onsets side by side (T, 176)."""
        planes = np.asarray(planes)
        if planes.ndim != 2 or planes.shape[1] not in (KEYS, 2 * KEYS):
            raise InvalidValue(f"A piece has shape {planes.shape}: expected (frames, 88), or 176 with onsets.")
        return cls(planes[:, :KEYS], planes[:, KEYS:] if planes.shape[1] > KEYS else None, **options)

    @classmethod
    def from_pitches(cls, frames: Iterable[Iterable[int]], lowest: int = LOWEST, **options: Any) -> Roll:
        """Make a roll of the pitches that sound in each frame; `lowest` is the pitch of the lowest key.

        Pitches out of the 88 keys are left out.
        """
        frames = list(frames)
        array = np.zeros((len(frames), KEYS), bool)
        for row, pitches in zip(array, frames, strict=True):
            row[[pitch - lowest for pitch in pitches if 0 <= pitch - lowest < KEYS]] = True
        return cls(array, **options)

    @property
    def planes(self) -> np.ndarray:
        """The frames as a model reads them: bool (T, 88), or (T, 176) with onsets."""
        return self.frames if self.onsets is None else np.concatenate([self.frames, self.onsets], axis=1)

    @property
    def notes(self) -> np.ndarray:
        """Pitch, first frame and the frame after the last of each note, int64 (N, 3), by time and then by pitch."""
        struck = (self.frames & ~_before(self.frames)) if self.onsets is None else self.onsets
        last = self.frames & (~_after(self.frames) | _after(struck))
        key, start = np.nonzero(struck.T)
        stop = np.nonzero(last.T)[1] + 1
        order = np.lexsort((key, start))
        return np.stack([key + LOWEST, start, stop], axis=1)[order].astype(np.int64)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self) * self.dt

    @property
    def pitches(self) -> tuple[int, int] | None:
        """The lowest and the highest pitch; None if it is silent."""
        used = np.flatnonzero(self.frames.any(axis=0))
        return (int(used[0]) + LOWEST, int(used[-1]) + LOWEST) if len(used) else None

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {describe(self)}>"


def describe(roll: Roll) -> str:
    """Return a line about a roll.

    >>> describe(Roll.from_pitches([[60, 64], [60], []]))
    '3 frames of 0.25 s, 2 notes from C4 to E4'
    """
    sounding = f" from {pitch_name(roll.pitches[0])} to {pitch_name(roll.pitches[1])}" if roll.pitches else ""
    count = len(roll.notes)
    return f"{len(roll):,} frames of {roll.dt:.3g} s, {count:,} note{'' if count == 1 else 's'}{sounding}"


def pitch_name(pitch: int) -> str:
    """Return a pitch's name and octave.

    >>> pitch_name(21), pitch_name(60), pitch_name(108)
    ('A0', 'C4', 'C8')
    """
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def require_step(dt: float | None, beats: float | None = None) -> None:
    """Raise InvalidValue unless the seconds or beats of a step, where given, are above 0.

    >>> require_step(dt=0)
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: dt=0: expected a number above 0.
    """
    for name, value in (("dt", dt), ("beats", beats)):
        if value is not None:
            checks.number(name, value, above=0)


def plane(name: str, values: np.ndarray) -> np.ndarray:
    """Return an array of 0 and 1, (T, 88), as booleans.

    >>> plane("frames", np.zeros((4, 12)))
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: frames has shape (4, 12): expected (frames, 88), a column for each key from A0 to C8.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] != KEYS:
        raise InvalidValue(
            f"{name} has shape {values.shape}: expected (frames, {KEYS}), a column for each key from A0 to C8."
        )
    if values.dtype != bool and not ((values == 0) | (values == 1)).all():
        raise InvalidValue(f"{name} holds other values than 0 and 1: compare them with a threshold, as in roll > 0.5.")
    return values.astype(bool)


def _before(frames: np.ndarray) -> np.ndarray:
    """Return the frame before each, silence before the first."""
    return np.concatenate([np.zeros((1, KEYS), bool), frames])[:-1]


def _after(frames: np.ndarray) -> np.ndarray:
    return np.concatenate([frames, np.zeros((1, KEYS), bool)])[1:]
