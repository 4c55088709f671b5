"""Advice: sizes that pay, for the text and the time there is."""

import math

import pytest

from charrnn import recipes
from charrnn.errors import InvalidValue, SourceNotFound
from charrnn.session import advice
from charrnn.settings.recipes import Recipe
from tests.conftest import TEXT


def speed(recipe, vocab_size):
    """As of a machine on which time goes into the matrices alone."""
    size = recipe.hyper.state_size
    return 4e9 / size**2, 6 * size**2 + 2 * size * vocab_size


def sizes(length, minutes):
    return [trial.state_size for trial in advice.tried(recipes.get("best"), length, 60, minutes, speed) if trial.fits]


def test_more_time_pays_for_larger_models():
    largest = [sizes(10**7, minutes)[-1] for minutes in (1, 10, 100, 1000)]
    assert largest == sorted(set(largest))


def test_small_texts_are_for_small_models():
    largest = [sizes(length, 1000)[-1] for length in (20_000, 130_000, 10**6)]
    assert largest == sorted(set(largest))


def test_trying_ends_with_the_first_size_that_is_too_large():
    trials = advice.tried(Recipe(), 10**6, 60, 1.0, speed)
    assert [trial.fits for trial in trials] == [True] * (len(trials) - 1) + [False]
    assert [trial.state_size for trial in trials] == list(advice.SIZES[: len(trials)])


def test_dropout_grows_with_the_number_of_epochs():
    rates = []
    for length in (10**8, 10**6, 10**5):
        trials = advice.tried(recipes.get("best"), length, 60, 10.0, speed)
        rates.append(advice.suited(recipes.get("best"), length, 10.0, trials).hyper.dropout)
    assert rates == sorted(set(rates))
    assert rates[0] == 0


def test_nothing_fits_a_tiny_text_but_the_smallest():
    trials = advice.tried(recipes.get("best"), 50, 20, 10.0, speed)
    assert advice.suited(recipes.get("best"), 50, 10.0, trials).hyper.state_size == advice.SIZES[0]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(advice, "_measured", lambda *_, **__: speed)


def test_advice_can_be_passed_on(quick, srcfile, tmp_path):
    from charrnn import ModelState

    advised = advice.advise(srcfile, minutes=0.01, lower=True)
    assert (advised.source, advised.length, advised.documents) == ("numbers.txt", len(TEXT), 0)
    assert advised.kinds == len(set(TEXT.lower()))
    assert advised.epochs == pytest.approx(0.6 * 0.9 * speed(advised.recipe, 0)[0] / (0.9 * len(TEXT)))
    ms = ModelState.initfromsrcfile(srcfile, tmp_path / "model", **advised.settings)
    assert ms.hyper == advised.recipe.hyper
    summary = ms.train(**advised.training)
    assert summary.rounds[0].batches <= advised.train_len
    shown = repr(advised)
    assert f"{len(TEXT):,} characters" in shown
    assert all(f"{name}={value!r}" in shown.replace("\n   ", "") for name, value in advised.training.items())
    assert max(map(len, shown.splitlines())) <= 100


def test_documents_are_counted(quick):
    advised = advice.advise(["a poem", "and another one"], minutes=0.1)
    assert (advised.documents, advised.length) == (2, 21)
    assert "in 2 documents" in repr(advised)


def test_steps_are_measured():
    chars_per_s, parameters = advice._measured("cpu", 1, documents=False)(recipes.get("rngru"), 10)
    assert chars_per_s > 0
    assert parameters == 2 * 128 * 10 + 12 * 128**2 + 7 * 128 + 10  # E and V, 2 × 6 squares, a and 6 biases, c


@pytest.mark.parametrize("minutes", [0, -1, math.nan, math.inf, "1", True])
def test_nonsense_is_refused(srcfile, minutes):
    with pytest.raises(InvalidValue, match="minutes"):
        advice.advise(srcfile, minutes)


def test_a_text_that_is_not_there(tmp_path):
    with pytest.raises(SourceNotFound):
        advice.advise(tmp_path / "nowhere.txt")


def test_there_is_none_for_music():
    from charrnn import corpora

    with pytest.raises(InvalidValue, match=r"is music.*take preset='piano'"):
        advice.advise(corpora.path("pieces"))
