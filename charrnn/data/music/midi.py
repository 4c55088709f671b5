"""Read MIDI files: the notes of each piece, with its tempo and time signature.

The formats are those of the Standard MIDI File: one track (0), several at once (1), several pieces one after the other
(2). Time stands in parts of a beat or in those of an SMPTE frame.
"""

from __future__ import annotations

import io
import os
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import SourceNotFound, SourceUnusable, need

LARGEST = 8 << 20  # bytes of a file: the longest symphonies take one or two million
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
    """

    notes: np.ndarray
    ticks_per_beat: int | None
    tempos: np.ndarray
    end: int = 0
    meter: tuple[int, int] = (4, 4)
    drums: int = 0
    unended: int = 0

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
            Time is SMPTE's, which has no beats.
        """
        if self.ticks_per_beat is None:
            raise SourceUnusable("it has SMPTE time, without beats: give the step in seconds, as in dt=0.25")
        return ticks / self.ticks_per_beat


def read_songs(source: str | os.PathLike[str] | bytes) -> list[Song]:
    """Return the pieces of a MIDI file: one, or those of each track in format 2.

    Parameters
    ----------
    source
        The file, or its bytes.

    Raises
    ------
    SourceNotFound
        There is no such file.
    SourceUnusable
        It is no MIDI file, a damaged one, or a huge one. The message does not name the file.
    NotInstalled
        mido is not installed.
    """
    mido = need("mido", "music")
    content = source if isinstance(source, bytes) else _content(Path(source))
    if not content:
        raise SourceUnusable("it is empty")
    if not content.startswith(b"MThd"):
        raise SourceUnusable("it is no MIDI file: it does not begin with MThd")
    try:
        file = mido.MidiFile(file=io.BytesIO(content), clip=True)
    except EOFError:
        raise SourceUnusable("it is damaged: it ends in the middle of a track") from None
    except Exception as error:  # the parser meets foreign bytes, and raises whatever they lead it to
        raise SourceUnusable(f"it is damaged: {error}") from error
    if file.type not in (0, 1, 2) or not file.ticks_per_beat:
        raise SourceUnusable(f"it is damaged: format {file.type} with {file.ticks_per_beat} ticks per beat")
    together = [[track] for track in file.tracks] if file.type == 2 else [file.tracks]
    return [_song(tracks, file.ticks_per_beat) for tracks in together]


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


def _song(tracks: Iterable[Any], division: int) -> Song:
    notes: list[tuple[int, int, int]] = []
    tempos: dict[int, float] = {0: DEFAULT_TEMPO}
    meters: dict[int, tuple[int, int]] = {}
    end = drums = unended = 0
    for track in tracks:
        tick = 0
        sounding: defaultdict[tuple[int, int], deque[int]] = defaultdict(deque)
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                if message.channel == DRUMS:
                    drums += 1
                else:
                    sounding[message.channel, message.note].append(tick)
            elif message.type in ("note_on", "note_off"):
                if starts := sounding[message.channel, message.note]:
                    notes.append((message.note, starts.popleft(), tick))
            elif message.type == "set_tempo" and message.tempo:
                tempos[tick] = message.tempo
            elif message.type == "time_signature":
                meters.setdefault(tick, (message.numerator, message.denominator))
        for (_, pitch), starts in sounding.items():
            notes += [(pitch, start, tick) for start in starts]
            unended += len(starts)
        end = max(end, tick)
    if division < 0:
        tempos = {0: _smpte_tick(division)}
    return Song(
        np.array(notes, np.int64).reshape(-1, 3),
        None if division < 0 else division,
        np.array(sorted(tempos.items()), np.float64),
        end,
        meters[min(meters)] if meters else (4, 4),
        drums,
        unended,
    )


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
