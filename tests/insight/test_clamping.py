"""Writing with some units held."""

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.generation import sampler as sampling
from charrnn.insight.clamping import ClampedModel
from charrnn.model.sampling import Choice
from tests.helpers import ENGINES
from tests.model import models
from tests.model.models import V, model

CHARSET = CharSet.from_text("abcde")
KINDS = ["GRUEncode", "LSTMResize", "NormalisedResize"]


def given(m, R=3, n=12, seed=2):
    rng = np.random.default_rng(seed)
    return rng.integers(0, V, R).astype("int32"), rng.normal(size=m.freshstate(R).shape), rng.random((n, R))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_held_it_writes_as_the_model_does(kind, engine):
    m = model(kind, engine)
    for argmax, skip in ((False, 0), (False, 2), (True, 1)):
        wanted, state = m.generate(*given(m), Choice(0.7, argmax, skip))
        symbols, end = ClampedModel(m, {}).generate(*given(m), Choice(0.7, argmax, skip))
        np.testing.assert_array_equal(symbols, wanted)
        np.testing.assert_allclose(end, state, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_held_it_predicts_as_the_model_does(kind):
    m, x = model(kind), np.random.default_rng(0).integers(0, V, (4, 2)).astype("int32")
    for got, wanted in zip(ClampedModel(m, {}).predict(x), m.predict(x), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-12)


def clamped_by_hand(m, clamp, start, state, uniforms):
    """Write one text with numpy's cells, holding units between the layers."""
    p, cell, n, H = m.parameters, models.cell(m), len(m.network.cell.states), m.hyper.state_size
    symbols = []
    for u in uniforms:
        x = np.tanh(p["E"] + p["a"])[[start]] if "a" in p else np.eye(V)[[start]]
        for layer in range(m.hyper.layers):
            own = {name.partition(".")[2]: value for name, value in p.items() if name.startswith(f"{layer + 1}.")}
            new = [s.copy() for s in cell(x, [state[layer, None, k * H : (k + 1) * H] for k in range(n)], own)]
            for (where, unit), value in clamp.items():
                if where == layer:
                    new[0][0, unit] = value
            state[layer] = np.concatenate(new, axis=1)[0]
            x = new[0]
        logits = x @ p["V"] + p["c"]
        (start,) = Choice(0.7).draw(logits, u[None])
        symbols.append(start)
    return symbols, state


@pytest.mark.parametrize("kind", ["GRUEncode", "LSTMResize"])
def test_a_held_unit_is_what_the_layers_above_and_the_next_step_see(kind):
    m, clamp = model(kind), {(0, 3): 2.5, (1, 0): -1.0, (0, 1): 0.0}
    start, state, uniforms = given(m, R=1, n=30)
    symbols, end = ClampedModel(m, clamp).generate(start, state, uniforms, Choice(0.7))
    wanted, last = clamped_by_hand(m, clamp, start[0], state[:, 0].copy(), uniforms[:, 0])
    np.testing.assert_array_equal(symbols[:, 0], wanted)
    np.testing.assert_allclose(end[:, 0], last, atol=1e-12)
    assert (symbols != m.generate(start, state, uniforms, Choice(0.7))[0]).any()


def test_samples_are_the_same_where_nothing_is_held_and_others_where_something_is():
    m = model("GRUEncode", dtype="float32")
    free = sampling.generate(m, CHARSET, 300, prompt="abc", rng=4)
    assert sampling.generate(ClampedModel(m, {}), CHARSET, 300, prompt="abc", rng=4) == free
    held = sampling.generate(ClampedModel(m, {(1, 2): 5, (-1, -1): -5}), CHARSET, 300, prompt="abc", rng=4)
    assert held != free
    np.testing.assert_array_equal(held.state[1, [2, 4]], [5, -5])
    assert held == sampling.generate(ClampedModel(m, {(1, 2): 5, (1, 4): -5}), CHARSET, 300, prompt="abc", rng=4)


def test_numpys_step_is_the_models():
    m = model("GRUEncode")
    start, state, uniforms = given(m, R=1)
    wanted, last = clamped_by_hand(m, {}, start[0], state[:, 0].copy(), uniforms[:, 0])
    symbols, end = m.generate(start, state, uniforms, Choice(0.7))
    np.testing.assert_array_equal(symbols[:, 0], wanted)
    np.testing.assert_allclose(end[:, 0], last, atol=1e-12)


@pytest.mark.parametrize(("clamp", "words"), [
    ({(2, 0): 1}, "layer=2: expected a whole number from 0 to 1"),
    ({(0, 5): 1}, "unit=5: expected a whole number from 0 to 4"),
    ({3: 1}, r"for 3: expected \(layer, unit\)"),
    ({(0, 1, 2): 1}, r"expected \(layer, unit\)"),
    ({(0, 1): "on"}, r"\(0, 1\)\]='on': expected a number"),
    ({(0, 1): np.nan}, "=nan: expected a number"),
    ([(0, 1)], r"expected values by \(layer, unit\)"),
])  # fmt: skip
def test_nonsense_is_told(clamp, words):
    with pytest.raises(InvalidValue, match=words):
        ClampedModel(model("GRUEncode"), clamp)
