"""The rules that composed pieces keep, judged from their notes alone."""

import itertools

import pytest

from charrnn.data.builtin import chorales as composed

PIECES = composed.pieces()
SCALES = ({0, 2, 4, 5, 7, 9, 11}, {0, 2, 3, 5, 7, 8, 10, 11})
each_piece = pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))


@each_piece
def test_voices_keep_their_order_and_their_places(piece):
    assert {len(frame) for frame in piece} in ({2}, {3}, {4})
    for frame in piece:
        assert 40 <= frame[0] <= 60
        assert 48 <= frame[1] <= frame[-1] <= 79
        assert all(a < b for a, b in itertools.pairwise(frame))
        assert all(b - a <= 12 + 2 for a, b in itertools.pairwise(frame[1:]))  # the step is that of an ornament


@each_piece
def test_notes_are_of_the_key_that_the_piece_ends_in(piece):
    tonic = piece[-1][0]
    assert any({(pitch - tonic) % 12 for frame in piece for pitch in frame} <= scale for scale in SCALES)
    last, first = ({(pitch - tonic) % 12 for pitch in frame} for frame in (piece[-1], piece[0]))
    assert last <= {0, 3, 7} or last <= {0, 4, 7}
    assert 0 in first


@each_piece
def test_no_two_voices_move_in_fifths_or_octaves(piece):
    for before, after in itertools.pairwise(piece):
        for low, high in itertools.combinations(range(len(before)), 2):
            if before[low] != after[low]:
                intervals = (before[high] - before[low]) % 12, (after[high] - after[low]) % 12
                assert intervals not in ((0, 0), (7, 7))


@each_piece
def test_upper_voices_do_not_leap_far(piece):
    for before, after in itertools.pairwise(piece):
        assert all(abs(a - b) <= 12 for a, b in zip(before[1:], after[1:], strict=True))


def suspensions(piece):
    """Notes that stay while the bass moves and then fall by a step while it stays, as (step, interval to the bass)."""
    for t in range(2, len(piece) - 2):
        before, now, then = piece[t - 1], piece[t], piece[t + 2]
        for n in range(1, len(now)):
            if before[0] != now[0] == then[0] and before[n] == now[n] == piece[t + 1][n] and now[n] != then[n]:
                yield now[n] - then[n], (now[n] - now[0]) % 12


def test_there_are_suspended_fourths_which_fall_to_thirds():
    found = [step for piece in PIECES for step, interval in suspensions(piece) if interval == 5]
    assert sum(step in (1, 2) for step in found) > 50
    assert sum(step not in (1, 2) for step in found) < 3  # these are no suspensions, but look like them


def test_pieces_are_many_and_the_same_every_time():
    assert composed.pieces() == PIECES
    assert len({tuple(piece) for piece in PIECES}) == composed.COUNT
    assert [len(piece[0]) for piece in PIECES[:6]] == [2, 3, 4, 2, 3, 4]
    assert len({piece[-1][0] % 12 for piece in PIECES}) == 12


def test_every_part_has_pieces_for_two_three_and_four_voices():
    for music in composed.divided().values():
        assert {len(piece[0]) for piece in music} == {2, 3, 4}
