"""How a symbol is chosen: the reference for both engines."""

import numpy as np
import pytest

from charrnn.errors import InvalidValue
from charrnn.model.sampling import Choice, softmax


def test_draws_follow_the_probabilities():
    logits = np.log([[0.1, 0.6, 0.3]]).repeat(4000, axis=0)
    u = (np.arange(4000) + 0.5) / 4000
    counts = np.bincount(Choice().draw(logits, u), minlength=3)
    np.testing.assert_allclose(counts / 4000, [0.1, 0.6, 0.3], atol=1e-3)
    weights = np.array([0.1, 0.6, 0.3]) ** (1 / 0.4)
    counts = np.bincount(Choice(0.4).draw(logits, u), minlength=3)
    np.testing.assert_allclose(counts / 4000, weights / weights.sum(), atol=1e-3)


def test_the_likeliest_and_what_is_never_chosen():
    logits = np.log([[0.6, 0.1, 0.3]]).repeat(7, axis=0)
    u = np.linspace(0, 0.999, 7)
    assert set(Choice(argmax=True).draw(logits, u)) == {0}
    assert set(Choice(argmax=True, skip=1).draw(logits, u)) == {2}
    assert set(Choice(5.0, skip=1).draw(logits, u)) == {1, 2}
    assert set(Choice(5.0, skip=2).draw(logits, u)) == {2}
    assert Choice().draw(logits, u).dtype == np.int32


def test_a_number_that_rounds_to_1_chooses_the_likeliest():
    assert Choice().draw(np.array([[0.0, 9.0, 0.0]]), np.array([1.0])).tolist() == [1]


def test_the_inverse_temperature_of_the_likeliest_is_0():
    assert Choice(0.5).inverse == 2
    assert Choice(0.5, argmax=True).inverse == 0


@pytest.mark.parametrize("temp", [0, -1, np.nan, np.inf, "1", True, None])
def test_temperatures_that_are_refused(temp):
    with pytest.raises(InvalidValue, match="expected a number above 0"):
        Choice(temp)


def test_softmax_of_large_numbers():
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000, -1000])), [0.5, 0.5, 0])
