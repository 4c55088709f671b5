"""Write piano rolls as MIDI files."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

from charrnn.data.music.rolls import Roll
from charrnn.errors import SaveFailed, need

FINEST = 1 << 15  # a header has 15 bits for the ticks of a beat
USUAL = 480
VELOCITY = 80
SLOWEST = (1 << 24) - 1  # microseconds of a beat


def write_midi(roll: Roll, path: str | os.PathLike[str]) -> Path:
    """Write a roll to a file, and return its path.

    Reading it with the same step gives the same frames. Without onsets, a key that sounds in adjacent frames is held.

    Raises
    ------
    SaveFailed
        If the file cannot be written.
    NotInstalled
        If mido is not installed.
    """
    path = Path(path).expanduser()
    content = midi_bytes(roll)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SaveFailed(f"Writing {path} failed: {error}. Take another directory.") from error
    return path


def midi_bytes(roll: Roll) -> bytes:
    """Return a roll as a MIDI file of format 0: one piano, every note ended before its key is struck again.

    Time is in beats where the roll has them, and else in half seconds, so that each frame is a whole number of ticks.
    """
    mido = need("mido", "music")
    per_beat, per_frame = _ticks(roll.beats or 2 * roll.dt)
    tempo = min(max(round(1e6 * roll.dt * per_beat / per_frame), 1), SLOWEST)
    numerator, denominator = roll.meter
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=tempo),
            mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator),
            mido.Message("program_change", program=0),
        ]
    )
    events = []
    for pitch, start, stop in roll.notes.tolist():
        events += [(start, True, pitch), (stop, False, pitch)]
    now = 0
    for frame, struck, pitch in sorted(events):  # at each frame keys are let go before others are struck
        kind, velocity = ("note_on", VELOCITY) if struck else ("note_off", 0)
        track.append(mido.Message(kind, note=pitch, velocity=velocity, time=(frame - now) * per_frame))
        now = frame
    track.append(mido.MetaMessage("end_of_track", time=(len(roll) - now) * per_frame))
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=per_beat, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def _ticks(beats: float) -> tuple[int, int]:
    """Return ticks of a beat and of a frame.

    >>> _ticks(0.25), _ticks(1 / 3), _ticks(0.02)
    ((480, 120), (480, 160), (450, 9))
    """
    step = Fraction(beats).limit_denominator(FINEST - 1)
    if not step:
        return FINEST - 1, 1
    per_beat = step.denominator * max(1, USUAL // step.denominator)
    return per_beat, int(step * per_beat)
