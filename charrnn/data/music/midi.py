"""Read MIDI files: the notes of each piece, with its tempo and time signature.

The formats are those of the Standard MIDI File: one track (0), several at once (1), several pieces one after the other
(2). Time stands in parts of a beat or in those of an SMPTE frame.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from charrnn.data.music.smf import Kind, Track, take_apart
from charrnn.errors import SourceNotFound, SourceUnusable

LARGEST = 8 << 20  # bytes of a file: the longest symphonies take one or two million
PRESSED = 64  # from this value up the sustain pedal is down
DRUMS = 9  # the channel whose keys are percussion instruments, counted from 0
DEFAULT_TEMPO = 500_000  # microseconds of a beat where a file names no tempo: 120 beats per minute


@dataclass(frozen=True, eq=False)
class Song:
    """The notes of a piece, in the order of its tracks.

    Attributes
    ----------
    notes : ndarray of int64, (N, 3)
        Pitch, start and stop of each note; times are in ticks.
    ticks_per_beat : int or None
        None where time is SMPTE's.
    tempos : ndarray of float64, (K, 2)
        From which tick on a beat takes how many microseconds; in SMPTE time one row, as if a tick were a beat.
    end : int
        Tick at which the last track ends.
    meter : (int, int)
        The first time signature, as in (3, 4).
    drums : int
        Notes on the drum channel, which are not among `notes`.
    unended : int
        Notes that no note-off ends: they last to the end of their track.
    velocities : ndarray of int64, (N,)
        How hard each note is struck, from 1 to 127.
    pedalled : int
        Notes that the sustain pedal holds longer than their keys.
    damage : Counter
        What was passed over, see `charrnn.data.music.smf.Contents`.
    """

    notes: np.ndarray
    ticks_per_beat: int | None
    tempos: np.ndarray
    end: int = 0
    meter: tuple[int, int] = (4, 4)
    drums: int = 0
    unended: int = 0
    velocities: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    pedalled: int = 0
    damage: Counter[str] = field(default_factory=Counter)

    def seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Return times in seconds.

        >>> song = Song(np.zeros((0, 3)), 96, np.array([[0, 500_000], [192, 1_000_000]]))
        >>> song.seconds(np.array([96, 192, 288]))
        array([0.5, 1. , 2. ])
        """
        begins, pace = self.tempos[:, 0], self.tempos[:, 1] / (1e6 * (self.ticks_per_beat or 1))
        elapsed = np.concatenate([[0], np.cumsum(np.diff(begins) * pace[:-1])])
        part = np.searchsorted(begins, ticks, side="right") - 1
        return elapsed[part] + (ticks - begins[part]) * pace[part]

    def beats(self, ticks: np.ndarray) -> np.ndarray:
        """Return times in beats.

        Raises
        ------
        SourceUnusable
            If the file's time is SMPTE's, which has no beats.
        """
        if self.ticks_per_beat is None:
            raise SourceUnusable("it has SMPTE time, without beats: give the step in seconds, as in dt=0.25")
        return ticks / self.ticks_per_beat


def read_songs(source: str | os.PathLike[str] | bytes, pedal: bool = True) -> list[Song]:
    """Return the pieces of a MIDI file: one, or those of each track in format 2.

    Parameters
    ----------
    source : str, os.PathLike or bytes
        The file, or its bytes; in a RIFF file too.
    pedal : bool
        Whether notes last as long as the sustain pedal holds them, or until their key is struck again.

    Raises
    ------
    SourceNotFound
        If the file does not exist.
    SourceUnusable
        It is not a MIDI file, holds nothing that can be read, or is a huge one. The message does not name the file.
    """
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise SourceUnusable("it is empty")
    found = take_apart(content)
    together = [[track] for track in found.tracks] if found.form == 2 else [found.tracks]
    songs = [_song(tracks, found.division, pedal) for tracks in together]
    if songs:
        songs[0].damage.update(found.damage)
    if found.damage["events"] and not any(len(song.notes) or song.drums for song in songs):
        raise SourceUnusable(f"it is damaged: running status or data of {found.damage['events']:,} events is not valid")
    return songs


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise SourceUnusable(f"it has {size:,} bytes, more than the {LARGEST:,} that are read at most")
        return path.read_bytes()
    except FileNotFoundError:
        raise SourceNotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise SourceUnusable(f"it cannot be read: {error}") from error


def _song(tracks: Iterable[Track], division: int, pedal: bool) -> Song:
    notes: list[tuple[int, int, int, int, int]] = []  # pitch, start, stop, channel, velocity
    tempos: dict[int, float] = {0: DEFAULT_TEMPO}
    meters: dict[int, tuple[int, int]] = {}
    pedals: defaultdict[int, list[tuple[int, bool]]] = defaultdict(list)
    ends: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # note-offs of keys that do not sound
    hanging: list[tuple[int, int, int, int, int]] = []  # as notes, which stop with their track
    end = drums = 0
    for track in tracks:
        sounding: defaultdict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
        for tick, kind, channel, first, second in track.events:
            if kind is Kind.ON:
                if channel == DRUMS:
                    drums += 1
                else:
                    sounding[channel, first].append((tick, second))
            elif kind is Kind.OFF:
                if starts := sounding.get((channel, first)):
                    start, velocity = starts.popleft()
                    notes.append((first, start, tick, channel, velocity))
                else:
                    ends[channel, first].append(tick)
            elif kind is Kind.PEDAL:
                pedals[channel].append((tick, first >= PRESSED))
            elif kind is Kind.SILENCE:
                for (own, pitch), starts in sounding.items():
                    if own == channel:
                        notes += [(pitch, start, tick, channel, velocity) for start, velocity in starts]
                        starts.clear()
            elif kind is Kind.TEMPO:
                tempos[tick] = first
            else:
                meters.setdefault(tick, (first, second))
        for (channel, pitch), starts in sounding.items():
            hanging += [(pitch, start, track.end, channel, velocity) for start, velocity in starts]
        end = max(end, track.end)
    ended = _end_elsewhere(hanging, ends)
    if division < 0:
        tempos = {0: _smpte_tick(division)}
    table = np.array(notes + hanging, np.int64).reshape(-1, 5)
    pedalled = _hold(table, pedals, end) if pedal else 0
    return Song(
        table[:, :3].copy(),
        None if division < 0 else division,
        np.array(sorted(tempos.items()), np.float64),
        end,
        meters[min(meters)] if meters else (4, 4),
        drums,
        len(hanging) - ended,
        table[:, 4].copy(),
        pedalled,
    )


def _end_elsewhere(hanging: list[tuple[int, int, int, int, int]], ends: dict[tuple[int, int], list[int]]) -> int:
    """End hanging notes by note-offs of other tracks, where there are some; return how many."""
    number = 0
    for ticks in ends.values():
        ticks.sort()
    for i, (pitch, start, _, channel, velocity) in sorted(enumerate(hanging), key=lambda pair: pair[1][1]):
        ticks = ends.get((channel, pitch), [])
        if (first := bisect_right(ticks, start)) < len(ticks):
            hanging[i] = (pitch, start, ticks.pop(first), channel, velocity)
            number += 1
    return number


def _hold(table: np.ndarray, pedals: dict[int, list[tuple[int, bool]]], end: int) -> int:
    """Let notes last as long as the pedal is down, or until their key is struck again; return how many are longer.

    `table` (N, 5) holds pitch, start, stop, channel and velocity; its stops are changed.
    """
    before = table[:, 2].copy()
    for channel, changes in pedals.items():
        downs: list[int] = []
        ups: list[int] = []
        for tick, down in sorted(changes, key=lambda change: change[0]):
            if down and len(downs) == len(ups):
                downs.append(tick)
            elif not down and len(downs) > len(ups):
                ups.append(tick)
        ups += [end] * (len(downs) - len(ups))
        own = np.flatnonzero(table[:, 3] == channel)
        if not downs or not len(own):
            continue
        stops = table[own, 2]
        which = np.searchsorted(np.array(downs), stops, side="right") - 1
        up = np.array(ups)[np.maximum(which, 0)]
        held = (which >= 0) & (stops < up)
        for pitch in np.unique(table[own[held], 0]):
            same = table[own, 0] == pitch
            starts = np.append(np.sort(table[own[same], 1]), np.iinfo(np.int64).max)
            chosen = np.flatnonzero(held & same)
            again = starts[np.searchsorted(starts, stops[chosen])]
            table[own[chosen], 2] = np.minimum(up[chosen], again)
    return int((table[:, 2] > before).sum())


def _smpte_tick(division: int) -> float:
    """Return the microseconds of a tick: the high byte holds frames per second, negated, the low one ticks per frame.

    >>> _smpte_tick(-25 * 256 + 40)
    1000.0
    """
    frames, ticks = -(division >> 8), division & 0xFF
    per_second = 30_000 / 1001 if frames == 29 else frames
    if not ticks:
        raise SourceUnusable("it is damaged: SMPTE time with no tick per frame")
    return 1e6 / (per_second * ticks)
