"""Turn the notes of MIDI files into frames, with a report on each file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from charrnn.data.music.midi import Song, read_songs
from charrnn.data.music.rolls import KEYS, LOWEST, Roll, pitch_name, require_step
from charrnn.errors import InvalidValue, SourceUnusable
from charrnn.wording import plural

DEFAULT_BEATS = 0.25  # a sixteenth note, where beats are quarters
LONGEST = 1 << 19  # frames of a piece: a day and a half of quarter seconds
INCIDENTS = {
    "outside": ("note", "outside of the 88 keys left out"),
    "brief": ("note", "without length last one frame"),
    "merged": ("note", "fall on another one of the same key and frame"),
    "drums": ("note", "of drums left out"),
    "unended": ("note", "without an end last to the end of their track"),
    "pedalled": ("note", "last as long as the pedal holds them"),
    "events": ("event", "that cannot be read passed over"),
    "cut": ("track", "cut off, read as far as it goes"),
    "missing": ("track", "announced but not there"),
    "chunks": ("chunk", "of another kind than tracks passed over"),
}


@dataclass
class FileReport:
    """The report on a MIDI file.

    Attributes
    ----------
    name : str
    pieces, frames, notes : int
        What it gave. Each note that stands in the rolls counts once.
    lowest, highest : int
        Range of its notes, those out of the 88 keys included.
    outside : int
        Notes out of the 88 keys, which are left out.
    brief : int
        Notes that last no time at all, which last one frame.
    merged : int
        Notes that fall on the first frame of another one of the same key.
    drums : int
        Drum notes, which are left out.
    unended : int
        Notes that nothing ends, which last to the end of their track.
    pedalled : int
        Notes that the sustain pedal holds longer than their keys.
    events, cut, missing, chunks : int
        Events that cannot be read; tracks that are cut off, or announced but not there; chunks of another kind.
    refused : str
        Why the file, or a piece in it, was left out.

    >>> print(FileReport("a.mid", 1, 64, 120, 36, 84, outside=2))
    a.mid: 1 piece, 64 frames, 120 notes from C2 to C6; 2 notes outside of the 88 keys left out
    """

    name: str
    pieces: int = 0
    frames: int = 0
    notes: int = 0
    lowest: int = 127
    highest: int = 0
    outside: int = 0
    brief: int = 0
    merged: int = 0
    drums: int = 0
    unended: int = 0
    pedalled: int = 0
    events: int = 0
    cut: int = 0
    missing: int = 0
    chunks: int = 0
    refused: str = ""

    def __str__(self) -> str:
        parts = []
        if self.pieces:
            reach = f" from {pitch_name(self.lowest)} to {pitch_name(self.highest)}"
            counts = [(self.pieces, "piece"), (self.frames, "frame"), (self.notes, "note")]
            parts.append(", ".join(plural(*count) for count in counts) + reach)
        for name, (noun, what) in INCIDENTS.items():
            if number := getattr(self, name):
                parts.append(f"{plural(number, noun)} {what}")
        if self.refused:
            parts.append(f"left out, as {self.refused}")
        return f"{self.name}: {'; '.join(parts)}"


def read_rolls(
    path: str | os.PathLike[str],
    dt: float | None = None,
    beats: float | None = None,
    onsets: bool = False,
    pedal: bool = True,
) -> tuple[list[Roll], FileReport]:
    """Read the pieces of a MIDI file as rolls; unreadable parts are listed in the report.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    dt, beats : float, optional
        Seconds of a frame, or beats of a frame; a quarter of a beat if neither is given.
    onsets : bool
        Whether to tell struck keys from held ones.
    pedal : bool
        Whether notes last as long as the sustain pedal holds them.

    Raises
    ------
    InvalidValue
        If `dt` and `beats` are both given, or one of them is out of range.
    SourceNotFound
        If the file does not exist.
    """
    require_one_step(dt, beats)
    report = FileReport(Path(path).name)
    rolls = []
    try:
        songs = read_songs(path, pedal)
    except SourceUnusable as error:
        report.refused = str(error)
        return [], report
    for song in songs:
        try:
            rolls.append(roll_of(song, dt, beats, onsets, report))
        except SourceUnusable as error:
            report.refused = str(error)
    return rolls, report


def roll_of(
    song: Song,
    dt: float | None = None,
    beats: float | None = None,
    onsets: bool = False,
    report: FileReport | None = None,
) -> Roll:
    """Return the frames of a piece; starts and stops of notes go to the nearest frame.

    It is as long as the longest track, rests at the end included. Its `dt` with a step in beats is that of the mean
    tempo, so that the whole lasts as long as the piece.

    Raises
    ------
    SourceUnusable
        If it has no note on the 88 keys, or is far too long. The message does not name the piece.
    """
    require_one_step(dt, beats)
    report = FileReport("") if report is None else report
    pitch, *ticks = song.notes.T
    inside = (pitch >= LOWEST) & (pitch < LOWEST + KEYS)
    report.drums += song.drums
    report.unended += song.unended
    report.pedalled += song.pedalled
    for name, number in song.damage.items():
        setattr(report, name, getattr(report, name) + number)
    report.outside += int((~inside).sum())
    if not inside.any():
        none = "no notes outside of the drum channel" if song.drums else "no notes"
        raise SourceUnusable("all its notes are outside of the 88 keys" if len(pitch) else f"it has {none}")
    if dt is None:
        step = beats = beats or DEFAULT_BEATS
        end = np.maximum(ticks[1].max(keepdims=True), 1)
        times, seconds = song.beats, step * float(song.seconds(end)[0] / song.beats(end)[0])
    else:
        times, step, seconds = song.seconds, dt, dt

    def frame(tick: np.ndarray) -> np.ndarray:
        return np.floor(times(tick) / step + 0.5).astype(np.int64)

    start, stop = frame(ticks[0][inside]), frame(ticks[1][inside])
    stop = np.maximum(stop, start + 1)
    length, key = int(stop.max()), pitch[inside] - LOWEST
    if report.frames + length > LONGEST:
        several = "its pieces make" if report.pieces else "it makes"
        raise SourceUnusable(f"{several} {report.frames + length:,} frames, more than {LONGEST:,}: take a longer step")
    length = min(max(length, int(frame(np.array([song.end]))[0])), LONGEST - report.frames)
    frames, struck = np.zeros((2, length, KEYS), bool)
    for number in np.unique(key):  # key by key, because all at once would take four times as much memory
        own = key == number
        change = np.bincount(start[own], minlength=length + 1) - np.bincount(stop[own], minlength=length + 1)
        frames[:, number] = np.cumsum(change)[:length] > 0
    struck[start, key] = True
    report.pieces += 1
    report.frames += length
    report.notes += int(struck.sum())
    report.merged += len(key) - int(struck.sum())
    report.brief += int((ticks[0] == ticks[1])[inside].sum())
    report.lowest = min(report.lowest, int(pitch.min()))
    report.highest = max(report.highest, int(pitch.max()))
    return Roll(frames, struck if onsets else None, seconds, beats, song.meter)


def require_one_step(dt: float | None, beats: float | None) -> None:
    """Raise InvalidValue unless one length of a step at most is given, and makes sense.

    >>> require_one_step(dt=0.5, beats=0.5)
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: dt=0.5 and beats=0.5: give the step in seconds or in beats, not both.
    """
    if dt is not None and beats is not None:
        raise InvalidValue(f"dt={dt!r} and beats={beats!r}: give the step in seconds or in beats, not both.")
    require_step(dt, beats)
