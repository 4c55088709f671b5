"""Music as an argument; ranges, scales and melodies; the score of a piece."""

import numpy as np
import pytest

from charrnn.data.music.corpus import MusicCorpus
from charrnn.data.music.rolls import Roll
from charrnn.errors import InvalidValue, SourceNotFound, UnknownName
from charrnn.generation.music import PieceScore, allowed_keys, planes_of


def corpus(onsets=False):
    numbers = dict.fromkeys(
        ("pieces", "length", "train_pieces", "train_len", "valid_pieces", "valid_len", "test_pieces", "test_len"), 1
    )
    return MusicCorpus(
        **numbers, onsets=onsets, dt=0.25, beats=None, seq_len=8, transpose=0, random_seed=0, source="", sha256=""
    )


@pytest.mark.parametrize("onsets", [False, True])
def test_music_of_every_form(onsets):
    of = corpus(onsets)
    frames = np.zeros((2, 88), bool)
    frames[0, 60 - 21] = frames[1, 62 - 21] = True
    for music in (frames, [[60], [62]], Roll(frames), np.array([[60], [62]], object).tolist()):
        got = planes_of(music, of)
        assert got.shape == (2, of.columns)
        np.testing.assert_array_equal(got[:, :88], frames)
    assert planes_of([60, 64], of)[0, :88].sum() == 2
    assert planes_of(None, of).shape == (0, of.columns)


@pytest.mark.parametrize("music", [7, "no such file.mid", [[10]], [["C"]], np.zeros((2, 87))])
def test_what_is_no_music(music):
    with pytest.raises((InvalidValue, SourceNotFound)):
        planes_of(music, corpus())


def test_scales_and_ranges():
    pitches = np.arange(21, 109)
    assert set(pitches[allowed_keys(scale="a minor")] % 12) == {9, 11, 0, 2, 4, 5, 7}
    assert set(pitches[allowed_keys(scale="B♭ major")] % 12) == {10, 0, 2, 3, 5, 7, 9}
    assert set(pitches[allowed_keys(scale="Bb")] % 12) == {10, 0, 2, 3, 5, 7, 9}
    assert pitches[allowed_keys((60, 62), [0, 2])].tolist() == [60, 62]
    with pytest.raises(UnknownName, match="C major"):
        allowed_keys(scale="C majr")
    for bad in ({"keys": (70, 60)}, {"keys": (0, 60)}, {"scale": []}, {"scale": [12]}):
        with pytest.raises(InvalidValue):
            allowed_keys(**bad)


def test_a_score_is_a_mean_over_frames():
    assert PieceScore(np.array([1.0, 2.0, 6.0])).nats == pytest.approx(3)


@pytest.mark.parametrize("keys", [60, "60-72", (60,), (60.5, 72), ("a", "b"), (None, 72)])
def test_keys_are_two_pitches(keys):
    with pytest.raises(InvalidValue, match="expected two MIDI pitches"):
        allowed_keys(keys)


def test_a_range_and_a_scale_that_leave_no_key_are_refused():
    with pytest.raises(InvalidValue, match="no key in common"):
        allowed_keys((61, 61), "C major")
    with pytest.raises(InvalidValue, match="scale=5: expected pitch classes"):
        allowed_keys(scale=5)
