import io

import numpy as np
import pytest

from charrnn.data.music.midi import read_songs
from charrnn.data.music.midirolls import read_rolls, roll_of
from charrnn.data.music.midiwriting import midi_bytes, write_midi
from charrnn.data.music.rolls import Roll
from charrnn.errors import SaveFailed
from tests.data.music.test_rolls import random_roll

mido = pytest.importorskip("mido")


@pytest.mark.parametrize("onsets", [False, True])
@pytest.mark.parametrize("step", [{"dt": 0.25}, {"dt": 1 / 3}, {"dt": 0.0123}, {"beats": 0.25}, {"beats": 1 / 12}])
def test_reading_what_was_written_gives_the_same(step, onsets):
    made = random_roll(3, length=200, density=0.3, onsets=onsets)
    timing = {"dt": 0.4, "meter": (3, 8), **step}
    roll = Roll(made.frames, made.onsets, **timing)
    (song,) = read_songs(midi_bytes(roll))
    back = roll_of(song, **step, onsets=onsets)
    np.testing.assert_array_equal(back.frames, roll.frames)
    np.testing.assert_array_equal(back.planes, roll.planes)
    assert back.dt == pytest.approx(timing["dt"], rel=1e-4)
    assert back.meter == (3, 8)
    assert song.unended == 0


def test_rests_around_the_notes_stay():
    roll = Roll.from_pitches([[], [60], [], []], beats=0.5)
    back = roll_of(read_songs(midi_bytes(roll))[0], beats=0.5)
    np.testing.assert_array_equal(back.frames, roll.frames)


def test_no_note_hangs_nor_ends_twice():
    track = mido.MidiFile(file=io.BytesIO(midi_bytes(random_roll(4, density=0.9, onsets=True)))).tracks[0]
    sounding = set()
    for message in track:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


def test_bytes_of_one_note():
    roll = Roll.from_pitches([[60]], dt=0.5, beats=1)
    assert midi_bytes(roll).hex() == (
        "4d546864000000060000000101e0"  # format 0, one track, 480 ticks per beat
        "4d54726b0000001f"
        "00ff510307a120"  # 500,000 microseconds
        "00ff580404021808"  # 4/4
        "00c000"  # a piano
        "00903c50"
        "8360803c00"
        "00ff2f00"
    )


def test_files(tmp_path):
    roll = Roll.from_pitches([[60], [62]])
    path = write_midi(roll, tmp_path / "x.mid")
    (back,), _ = read_rolls(path, dt=0.25)
    np.testing.assert_array_equal(back.frames, roll.frames)
    with pytest.raises(SaveFailed, match=r"Writing .*none/x\.mid failed"):
        write_midi(roll, tmp_path / "none" / "x.mid")


def test_silence_is_a_file():
    (song,) = read_songs(midi_bytes(Roll(np.zeros((3, 88)))))
    assert len(song.notes) == 0
