import itertools

import numpy as np
import pytest

from charrnn.data.music.dataset import PieceSet
from charrnn.data.music.rolls import Roll
from charrnn.errors import InvalidValue
from tests.data.music.test_rolls import random_roll

COLLECTIONS = {
    "one frame": [1],
    "one": [9],
    "two": [1, 30],
    "equal": [5] * 7,
    "some": [3 * n % 17 + 2 for n in range(19)],
}
lengths_and_shapes = pytest.mark.parametrize(
    ("lengths", "T", "B"),
    [
        pytest.param(lengths, T, B, id=f"{name}-{T}-{B}")
        for name, lengths in COLLECTIONS.items()
        for T, B in [(1, 1), (3, 2), (10, 1), (7, 5), (40, 8)]
    ],
)


def made(lengths, T, onsets=False, **options):
    rolls = [random_roll(seed, length, onsets=onsets) for seed, length in enumerate(lengths)]
    return PieceSet.from_rolls(rolls, T, **options), [roll.planes for roll in rolls]


def streams(data, B, epoch=0):
    """Each stream of an epoch as x, y, mask and keep, padding included."""
    batches = [data.batch(pos, B, epoch) for pos in range(data.batchepoch(B))]
    x, y, mask, keep = (np.concatenate(arrays) for arrays in zip(*(batch[:4] for batch in batches), strict=True))
    return [(x[:, b], y[:, b], mask[:, b], keep[:, b, 0]) for b in range(B)]


@lengths_and_shapes
@pytest.mark.parametrize("onsets", [False, True])
def test_streams_are_whole_pieces_after_silence(lengths, T, B, onsets):
    data, pieces = made(lengths, T, onsets)
    seen = []
    for x, y, mask, keep in streams(data, B):
        steps = int(mask.sum())
        assert mask[:steps].all()
        assert not x[steps:].any()
        assert not y[steps:].any()
        starts = [i for i in range(steps) if keep[i] == 0] + [steps]
        for start, stop in itertools.pairwise(starts):
            assert not x[start].any()
            np.testing.assert_array_equal(x[start + 1 : stop], y[start : stop - 1])
            seen.append(y[start:stop].astype(bool).tobytes())
    assert sorted(seen) == sorted(piece.tobytes() for piece in pieces)
    assert data.predictions == sum(lengths)
    assert data.columns == (176 if onsets else 88)


@lengths_and_shapes
def test_first_frames_may_be_left_uncounted(lengths, T, B):
    data, _ = made(lengths, T, count_first=False)
    counted = 0
    for x, _, mask, keep in streams(data, B):
        assert not mask[(keep == 0) & ~x.any(axis=1)].any()
        counted += mask.sum()
    assert counted == data.predictions == sum(lengths) - len(lengths)


def test_types_and_shapes():
    data, _ = made([5, 9], 4)
    x, y, mask, keep, labels = data.batch(1, 3)
    assert (x.shape, y.shape, mask.shape, keep.shape, labels) == ((4, 3, 88), (4, 3, 88), (4, 3), (4, 3, 1), None)
    assert {array.dtype for array in (x, y, mask, keep)} == {np.dtype(np.float32)}


def test_a_long_piece_is_shared_and_its_later_parts_begin_with_the_frame_before():
    data, (piece,) = made([500], T=2)
    parts = {}
    for x, y, mask, keep in streams(data, 3):
        assert keep[0] == 0
        real = y[mask == 1].astype(bool)
        (start,) = (n for n in range(500) if np.array_equal(piece[n : n + len(real)], real))
        np.testing.assert_array_equal(x[0], piece[start - 1] if start else np.zeros(88))
        parts[start] = real
    np.testing.assert_array_equal(np.concatenate([parts[start] for start in sorted(parts)]), piece)


def moved(piece, shift):
    """A piece in another key, done anew."""
    result = np.zeros_like(piece)
    for plane in range(0, piece.shape[1], 88):
        for t, key in zip(*np.nonzero(piece[:, plane : plane + 88]), strict=True):
            assert 0 <= key + shift < 88
            result[t, plane + key + shift] = True
    return result


@pytest.mark.parametrize("onsets", [False, True])
def test_transposition(onsets):
    rolls = [Roll.from_pitches([[60, 64], [62]]), Roll.from_pitches([[21, 50], [22]]), Roll.from_pitches([[105], [99]])]
    rolls = [Roll(roll.frames, np.zeros_like(roll.frames) if onsets else None) for roll in rolls]
    data = PieceSet.from_rolls(rolls, seq_len=2, transpose=5, random_seed=3)
    shifts = np.array([data.shifts(epoch) for epoch in range(200)])
    assert [(column.min(), column.max()) for column in shifts.T] == [(-5, 5), (0, 5), (-5, 3)]
    assert len(np.unique(shifts[:, 0])) == 11
    for epoch in range(5):
        want = {moved(roll.planes, shift).tobytes() for roll, shift in zip(rolls, shifts[epoch], strict=True)}
        got = [data.batch(pos, 1, epoch) for pos in range(3)]
        assert {batch.y[:, 0].astype(bool).tobytes() for batch in got} == want
        assert all((batch.x[1] == batch.y[0]).all() for batch in got)


def test_a_piece_that_spans_all_keys_or_none_stays():
    spans, silent = Roll.from_pitches([[21], [108]]), Roll(np.zeros((2, 88)))
    data = PieceSet.from_rolls([spans, silent], transpose=12)
    assert not any(data.shifts(epoch).any() for epoch in range(20))


def test_keys_and_order_depend_on_seed_and_epoch_alone():
    lengths = [2] * 30

    def epoch(seed, number):
        data, _ = made(lengths, 4, transpose=6, random_seed=seed)
        return np.concatenate([data.batch(pos, 2, number).y for pos in range(data.batchepoch(2))])

    first = epoch(0, 1)
    np.testing.assert_array_equal(first, epoch(0, 1))
    assert (first != epoch(0, 2)).any()
    assert (first != epoch(1, 1)).any()


def test_fit():
    data, _ = made([2, 3], 10)
    fitted = data.fit(4)
    assert (fitted.seq_len, fitted.batchsize) == (5, 1)
    assert fitted.note.startswith("2 pieces with 5 predictions in all, so sequences have 5 steps instead of 10")
    assert made([20] * 8, 10)[0].fit(4).note == ""


def test_pieces_one_by_one():
    data, pieces = made([4, 6], 3)
    np.testing.assert_array_equal(data[1], pieces[1])
    assert len(data) == 2
    assert repr(data) == "<PieceSet : 2 pieces, 10 frames of 88 columns, sequences of 3>"


def test_what_is_no_set():
    with pytest.raises(InvalidValue, match="holds no piece"):
        PieceSet(np.zeros((0, 11), np.uint8), np.zeros(0), np.zeros(0), np.zeros((0, 2)), name="x")
    with pytest.raises(InvalidValue, match="seq_len=0"):
        made([3], 0)
    with pytest.raises(InvalidValue, match="batchsize=0"):
        made([3], 2)[0].batch(0, 0)
