import numpy as np
import pytest

from charrnn.data.music.rolls import Roll
from charrnn.errors import InvalidValue


def random_roll(seed, length=40, density=0.1, onsets=False):
    rng = np.random.default_rng(seed)
    frames = rng.random((length, 88)) < density
    return Roll(frames, (rng.random((length, 88)) < 0.5) & frames if onsets else None)


@pytest.mark.parametrize("onsets", [False, True])
@pytest.mark.parametrize("density", [0, 0.02, 0.5, 1])
def test_notes_are_what_sounds(density, onsets):
    roll = random_roll(1, density=density, onsets=onsets)
    frames, struck = np.zeros((40, 88), int), np.zeros((40, 88), int)
    for pitch, start, stop in roll.notes.tolist():
        assert start < stop
        frames[start:stop, pitch - 21] += 1
        struck[start, pitch - 21] += 1
    np.testing.assert_array_equal(frames, roll.frames)
    if onsets:
        np.testing.assert_array_equal(struck, roll.onsets)


def test_adjacent_frames_without_onsets_are_one_note():
    assert Roll.from_pitches([[60], [60], [], [60]]).notes.tolist() == [[60, 0, 2], [60, 3, 4]]


def test_what_is_struck_sounds_and_what_begins_is_struck():
    frames, onsets = np.zeros((4, 88)), np.zeros((4, 88))
    frames[1:3, 5] = 1
    onsets[3, 6] = 1
    roll = Roll(frames, onsets)
    assert roll.notes.tolist() == [[26, 1, 3], [27, 3, 4]]
    assert not frames[3].any()


def test_planes_and_back():
    roll = random_roll(2, onsets=True)
    again = Roll.from_planes(roll.planes, dt=0.5)
    np.testing.assert_array_equal(again.frames, roll.frames)
    np.testing.assert_array_equal(again.onsets, roll.onsets)
    assert Roll.from_planes(roll.frames).onsets is None


@pytest.mark.parametrize("length", [0, 1])
def test_tiny_and_silent(length):
    roll = Roll(np.zeros((length, 88), np.float32), np.zeros((length, 88)))
    assert (len(roll), roll.pitches, roll.notes.shape) == (length, None, (0, 3))
    assert repr(roll) == f"<Roll: {length} frames of 0.25 s, 0 notes>"


def test_pitches_outside_of_the_keys_are_left_out():
    roll = Roll.from_pitches([[20, 21, 108, 109, -1]])
    assert roll.notes[:, 0].tolist() == [21, 108]
    assert Roll.from_pitches([[0, 87]], lowest=0).notes[:, 0].tolist() == [21, 108]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Roll(np.zeros((4, 128))), r"frames has shape \(4, 128\): expected \(frames, 88\)"),
        (lambda: Roll(np.zeros(88)), r"frames has shape \(88,\)"),
        (lambda: Roll(np.zeros((4, 88)), np.zeros((3, 88))), "onsets has 3 frames: expected 4"),
        (lambda: Roll(np.full((4, 88), 0.3)), "other values than 0 and 1"),
        (lambda: Roll(np.zeros((4, 88)), dt=-1), "dt=-1: expected a number above 0"),
        (lambda: Roll.from_planes(np.zeros((4, 87))), r"A piece has shape \(4, 87\)"),
    ],
)
def test_what_is_no_roll(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()
