"""Measure how many notes of MIDI files survive the conversion to a piano roll and back.

    python benchmarks/midi_roundtrip.py FOLDER

Each file is converted to a roll with onsets, with several lengths of a frame, written as a file, and read again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from charrnn.data.music.midi import Song, read_songs
from charrnn.data.music.midirolls import roll_of
from charrnn.data.music.midiwriting import midi_bytes
from charrnn.data.music.rolls import KEYS, LOWEST

STEPS = (0.25, 0.05, 0.01, 0.005)  # seconds


def main(folder: str) -> None:
    """Print a table for all files of a folder."""
    heads = ["notes", "doubled", "struck while held"]
    print(f"{'file':42}" + "".join(f"{head:>19}" for head in heads) + "".join(f"{f'{dt} s':>9}" for dt in STEPS))
    for path in sorted(Path(folder).glob("*.mid*")):
        song = read_songs(path)[0]
        notes, doubled, overlapping = distinct(in_seconds(song))
        counts = "".join(f"{number:19,}" for number in (len(notes), doubled, overlapping))
        print(f"{path.name[:40]:42}{counts}" + "".join(f"{kept(song, notes, dt):9.2%}" for dt in STEPS))
    print("doubled: the same key struck at the same time by another note; struck while held: by another voice.")
    print("Percentages: notes that come back with their pitch, and with onset and duration to one step.")


def in_seconds(song: Song) -> np.ndarray:
    """Return pitch, start and stop of the notes inside the 88 keys, in seconds, (N, 3)."""
    pitch, start, stop = song.notes.T
    inside = (pitch >= LOWEST) & (pitch < LOWEST + KEYS)
    return np.stack([pitch, song.seconds(start), song.seconds(stop)], axis=1)[inside]


def distinct(notes: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Join notes as one key can play them: doubled ones are one; what is struck while held sounds until both end."""
    joined: list[list[float]] = []
    doubled = overlapping = 0
    for pitch, start, stop in notes[np.lexsort((notes[:, 1], notes[:, 0]))].tolist():
        if joined and joined[-1][:2] == [pitch, start]:
            joined[-1][2] = max(stop, joined[-1][2])
            doubled += 1
            continue
        if joined and joined[-1][0] == pitch and start < joined[-1][2]:
            joined[-1][2], stop = start, max(stop, joined[-1][2])
            overlapping += 1
        joined.append([pitch, start, stop])
    return np.array(joined), doubled, overlapping


def kept(song: Song, notes: np.ndarray, dt: float) -> float:
    """Return the fraction of notes that come back."""
    back = in_seconds(read_songs(midi_bytes(roll_of(song, dt=dt, onsets=True)))[0])
    found = 0
    taken = np.zeros(len(back), bool)
    for pitch, start, stop in notes:
        same = (
            ~taken
            & (back[:, 0] == pitch)
            & (abs(back[:, 1] - start) <= dt)
            & (abs(back[:, 2] - back[:, 1] - stop + start) <= dt + 1e-6)
        )
        if same.any():
            taken[np.flatnonzero(same)[0]] = True
            found += 1
    return found / len(notes)


if __name__ == "__main__":
    main(*sys.argv[1:])
