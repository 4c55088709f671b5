"""Initial parameters: their spread, and their seeds."""

import numpy as np
import pytest

from charrnn.model.cells import LSTM
from charrnn.model.heads.softmax import Softmax
from charrnn.model.initial import initial_parameters
from charrnn.model.network import Network
from charrnn.settings.hyper import HyperParams

V, H = 300, 200


def initial(stage="resize", **hyper):
    network = Network(LSTM(), stage, Softmax(V), layers=2, state_size=H, dtype="float64")
    return initial_parameters(network, HyperParams(layers=2, state_size=H, dtype="float64", **hyper))


def test_uniform_is_the_ancestors():
    p = initial("encode")
    for name, n in {"E": V, "1.Ui": H, "2.Wf": H, "V": H}.items():
        assert 0.99 / np.sqrt(n) < np.abs(p[name]).max() <= 1 / np.sqrt(n)
        assert p[name].std() == pytest.approx(np.sqrt(1 / (3 * n)), rel=0.02)


def test_normal_is_poetrnns():
    p = initial(init="normal")
    for name, n in {"1.Ui": V + H, "1.Wi": V + H, "2.Uo": 2 * H, "2.Wg": 2 * H, "V": H}.items():
        assert p[name].std() == pytest.approx(1 / np.sqrt(n), rel=0.02)
        assert np.abs(p[name]).max() > 3 / np.sqrt(n)


def test_small_is_min_char_rnns():
    p = initial(init="small")
    for name in ("1.Ui", "2.Wf", "V"):
        assert p[name].std() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("init", ["uniform", "normal", "small"])
def test_biases_are_the_cells(init):
    p = initial(init=init, forget_bias=0.5)
    assert not p["c"].any()
    assert not p["1.bi"].any()
    np.testing.assert_array_equal(p["2.bf"], np.ones(H))  # the cell's own forget_bias


def test_the_first_weights_are_the_seeds_own():
    rng = np.random.default_rng(7)
    np.testing.assert_array_equal(
        initial("embed", random_seed=7)["E"], rng.uniform(-np.sqrt(1 / H), np.sqrt(1 / H), (V, H))
    )
