"""Scores, against probabilities taken one character at a time."""

import itertools
import math

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet, UnknownCharacterWarning
from charrnn.errors import InvalidValue, UnknownCharacters
from charrnn.generation.scoring import BLOCK, Score, score
from tests.fakes import FakeModel

TEXT = "the hat\non the mat\n"


@pytest.fixture
def charset():
    return CharSet.from_text(TEXT)


@pytest.fixture
def model(charset):
    model = FakeModel(charset.vocab_size)
    model.table[:] = np.random.default_rng(3).normal(size=model.table.shape)
    return model


@pytest.mark.parametrize("length", [1, 5, BLOCK, BLOCK + 1, 2 * BLOCK + 77])
def test_each_character_gets_its_own_surprise(model, charset, length):
    text = (TEXT * 60)[:length]
    probabilities = np.exp(model.table) / np.exp(model.table).sum(axis=1, keepdims=True)
    symbols = charset.encode("\n" + text)
    expected = [-math.log(probabilities[a, b]) for a, b in itertools.pairwise(symbols)]
    found = score(model, charset, text)
    np.testing.assert_allclose(found.per_char, expected, rtol=1e-5)
    assert found.nats == pytest.approx(np.mean(expected), rel=1e-5)
    assert found.total_nats == pytest.approx(np.sum(expected), rel=1e-5)


def test_units():
    even = Score("abcd", np.full(4, math.log(8)))
    assert even.bits == pytest.approx(3)
    assert even.perplexity == pytest.approx(8)
    assert "surprising" not in repr(even)


def test_unknown_characters_follow_the_policy(model, charset):
    with pytest.warns(UnknownCharacterWarning, match="Ω"):
        assert score(model, charset, "tΩe").text == "t\ufffde"
    with pytest.raises(UnknownCharacters):
        score(model, charset, "Ω", on_unknown="error")


def test_nothing_has_no_score(model, charset):
    with pytest.raises(InvalidValue, match="nothing to score"):
        score(model, charset, "")
