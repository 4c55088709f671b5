"""Neurons along a text: which axis is which."""

from types import SimpleNamespace

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.tasks.text import TextTask
from tests.fakes import FakeModel

TASK = TextTask(SimpleNamespace(charset=CharSet.from_text("abc")), parts=None)


class Layered(FakeModel):
    """Two layers of three neurons whose states tell layer, neuron and time."""

    def process(self, x, state=None, temp=1.0):
        t, layer, neuron = np.ogrid[: len(x), :2, :3]
        return super().process(x, temp=temp)[0], 100 * layer + 10 * neuron + t


def test_layers_neurons_time():
    states = TASK.track(Layered(4), "abcab")
    assert states.shape == (2, 3, 5)
    assert states[1, 2, 4] == 124
    back = TASK.track(Layered(4), "abcab", transpose=False)
    np.testing.assert_array_equal(back, states.transpose(2, 0, 1))


def test_predictions_at_a_temperature():
    model = Layered(4)
    model.table[:] = np.random.default_rng(0).normal(size=(4, 4))
    predictions, states = TASK.track(model, "ab", temp=0.25, ret_output=True)
    odds = np.exp(model.table[[1, 2]] / 0.25)
    np.testing.assert_allclose(predictions, odds / odds.sum(axis=1, keepdims=True), rtol=1e-5)
    assert states.shape == (2, 3, 2)


@pytest.mark.parametrize("nonsense", [{"thing": ""}, {"thing": "a", "temp": 0}, {"thing": 3}])
def test_nonsense_is_refused(nonsense):
    with pytest.raises(InvalidValue):
        TASK.track(Layered(4), **nonsense)
