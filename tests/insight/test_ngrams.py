"""The n-gram baseline equals counting with dictionaries, and its probabilities sum to 1."""

import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from charrnn.data.documents.dataset import SPECIALS, DocumentSet
from charrnn.data.music.dataset import PieceSet
from charrnn.data.music.rolls import Roll
from charrnn.data.text.charset import CharSet
from charrnn.data.text.dataset import DataSet
from charrnn.insight import ngrams


def by_dictionaries(learned, judged, V, order):
    """Return the loss of one order, by Witten and Bell's formula as it is written."""
    counts = defaultdict(Counter)
    for n in range(order):
        for i in range(n, len(learned)):
            counts[tuple(learned[i - n : i])][learned[i]] += 1

    def odds(context, symbol):
        lower = odds(context[1:], symbol) if context else 1 / V
        after = counts.get(context)
        if not after:
            return lower
        return (after[symbol] + len(after) * lower) / (after.total() + len(after))

    losses = [-math.log(odds(tuple(judged[max(0, i - order + 1) : i]), s)) for i, s in enumerate(judged)]
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("seed", "V"), [(0, 2), (1, 7), (2, 40)])
def test_losses_are_those_of_counting(seed, V):
    rng = np.random.default_rng(seed)
    learned, judged = (np.minimum(rng.geometric(0.3, n), V) - 1 for n in (300, 90))
    judged[40:50] = learned[100:110]
    judged[60] = V - 1
    losses = ngrams.baseline(learned.astype(np.uint8), judged.astype(np.uint8), V)
    assert list(losses) == [1, 2, 3, 4, 5]
    for order, loss in losses.items():
        assert loss == pytest.approx(by_dictionaries(learned.tolist(), judged.tolist(), V, order), rel=1e-12)


def test_a_text_shorter_than_the_orders_gives_as_many_as_it_has_characters():
    losses = ngrams.baseline(np.array([0, 1, 0]), np.array([0, 1]), vocab_size=2)
    assert list(losses) == [1, 2, 3]
    assert losses[3] == pytest.approx(by_dictionaries([0, 1, 0], [0, 1], 2, 3), rel=1e-12)


def test_odds_sum_to_one():
    learned = np.array([0, 1, 2, 0, 1, 0, 2, 2, 1])
    for history in ([0, 1], [2, 2], [1, 1]):  # the last was never learned
        total = 0.0
        for symbol in range(4):
            whole = ngrams.baseline(learned, np.array([*history, symbol]), 4, orders=3)[3]
            before = ngrams.baseline(learned, np.array(history), 4, orders=3)[3]
            total += math.exp(-(3 * whole - 2 * before))
        assert total == pytest.approx(1)


def test_positions_can_be_left_out():
    learned, judged = np.array([0, 1] * 20), np.array([0, 1, 0, 2])
    assert ngrams.baseline(learned, judged, 3, skip=np.array([3, 99]), orders=1)[1] == pytest.approx(
        -np.log((20 + 2 / 3) / 42)
    )


def test_long_texts_are_cut_where_they_meet(monkeypatch):
    monkeypatch.setattr(ngrams, "MOST_LEARNED", 50)
    monkeypatch.setattr(ngrams, "MOST_JUDGED", 20)
    rng = np.random.default_rng(0)
    learned, judged = rng.integers(5, size=200), rng.integers(5, size=100)
    assert ngrams.baseline(learned, judged, 5) == ngrams.baseline(learned[-50:], judged[:20], 5)


def test_a_text_and_its_documents():
    text = "to be or not to be " * 9
    chars = CharSet.from_text(text)
    data = DataSet.from_text(text, chars)
    skip = np.zeros(1, int)
    assert ngrams.of_data(data, data) == ngrams.baseline(data.symbols, data.symbols, chars.vocab_size, skip)
    documents = [first + second for first, second in pairwise(text.split())]
    chars = CharSet.from_text(text, specials=SPECIALS)
    data = DocumentSet.from_documents(documents, chars)
    begin = chars.indices(documents[0]).dtype.type(data[0][0])
    begins = np.flatnonzero(data.symbols == begin)
    assert len(begins) == len(documents)
    assert ngrams.of_data(data, data) == ngrams.baseline(data.symbols, data.symbols, chars.vocab_size, begins)


def test_there_are_none_of_music():
    data = PieceSet.from_rolls([Roll.from_pitches([[60], [62]])], seq_len=2)
    assert ngrams.of_data(data, data) == {}
