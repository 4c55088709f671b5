"""Dropout: masks that depend on position and step, the same on every engine."""

import json

import numpy as np
import pytest

from charrnn.errors import InvalidValue
from charrnn.model.dropout import DropoutMask
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams

RATES = [{"dropout": 0.4}, {"dropout_inputs": 0.4}, {"dropout_weights": 0.4}]


def mask(rate, salt, count, size=100_003):
    with np.errstate(over="ignore"):
        return DropoutMask(rate, salt).values(np.arange(size, dtype="uint32"), np.float32(count), "float32")


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_mask_drops_at_its_rate_and_scales_what_is_left(rate):
    values = mask(rate, salt=3, count=17)
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / (1 - rate))}
    assert abs((values == 0).mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / values.size)


def test_masks_of_other_steps_and_layers_are_unrelated():
    first, of_next_step, of_next_layer = mask(0.5, 3, 17), mask(0.5, 3, 18), mask(0.5, 4, 17)
    for other in (of_next_step, of_next_layer, np.roll(first, 1), np.roll(first, 64)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.02
    np.testing.assert_array_equal(first, mask(0.5, 3, 17))


def batch(rng, T=6, B=3, V=7):
    return rng.integers(0, V, (T, B)).astype("int32"), rng.integers(0, V, (T, B)).astype("int32")


def trained(engine, threads=None, steps=3, **rates):
    model = Model(HyperParams(layers=2, state_size=5, **rates), "LSTMEncode", 7, engine=engine, threads=threads)
    x, y = batch(np.random.default_rng(0))
    losses = [model.step(x, y, model.freshstate(3)).loss for _ in range(steps)]
    return model, losses


@pytest.mark.parametrize("rates", RATES)
def test_training_drops_and_everything_else_does_not(rates):
    model, losses = trained("cpu", **rates)
    plain, plain_losses = trained("cpu")
    assert losses != plain_losses
    x, y = batch(np.random.default_rng(1))
    model.load_arrays(plain.arrays())
    np.testing.assert_array_equal(model.errors(x, y)[0], plain.errors(x, y)[0])


@pytest.mark.parametrize("rates", RATES)
def test_both_engines_drop_the_same(rates):
    pytest.importorskip("jax")
    ours, _ = trained("cpu", threads=2, **rates)
    theirs, _ = trained("jax", **rates)
    for name, value in ours.parameters.items():
        np.testing.assert_allclose(value, theirs.parameters[name], atol=1e-6)


@pytest.mark.parametrize("rates", RATES)
def test_a_model_that_comes_back_drops_what_it_would_have_dropped(rates):
    whole, _ = trained("cpu", steps=5, **rates)
    first, _ = trained("cpu", steps=3, **rates)
    second = Model(first.hyper, "LSTMEncode", 7, engine="cpu")
    second.load_arrays(first.arrays())
    second.steps = first.steps
    x, y = batch(np.random.default_rng(0))
    for _ in range(2):
        second.step(x, y, second.freshstate(3))
    for name, value in whole.arrays().items():
        np.testing.assert_array_equal(value, second.arrays()[name])


def test_gradients_pass_the_mask_only_where_nothing_was_dropped():
    """At one fixed step the loss is a function of the dropped network; finite differences give its gradient."""
    hyper = HyperParams(layers=2, state_size=4, dtype="float64", regcost=0.0, dropout=0.3, dropout_inputs=0.2)
    model = Model(hyper, "GRUEncode", 5, engine="cpu", threads=1)
    x, y = batch(np.random.default_rng(2), T=4, B=2, V=5)
    gradients, arrays = model.gradients(x, y), model.arrays()
    model.learnrate = 0.0  # a step that changes nothing but the count, which is put back

    def cost(name, index, change):
        changed = {k: v.copy() for k, v in arrays.items()}
        changed[f"param/{name}"][index] += change
        model.load_arrays(changed)
        model.steps = 0
        return model.step(x, y, model.freshstate(2)).loss * x.size

    for name, index in [("E", (1, 2)), ("1.Uz", (0, 3)), ("2.Wc", (2, 1)), ("V", (3, 0)), ("2.br", (1,))]:
        numeric = (cost(name, index, 1e-6) - cost(name, index, -1e-6)) / 2e-6
        assert gradients[name][index] == pytest.approx(numeric, abs=1e-7)


@pytest.mark.parametrize("rates", [{"dropout": 1.0}, {"dropout_inputs": -0.1}, {"dropout_weights": float("nan")}])
def test_rates_that_make_no_sense(rates):
    with pytest.raises(InvalidValue, match=next(iter(rates))):
        HyperParams(**rates)


def test_each_layer_may_have_its_own_rate():
    one, losses = trained("cpu", dropout=0.4)
    same, same_losses = trained("cpu", dropout=[0.4, 0.4])
    assert losses == same_losses
    assert one.arrays().keys() == same.arrays().keys()
    assert all(np.array_equal(array, same.arrays()[name]) for name, array in one.arrays().items())
    first, last = trained("cpu", dropout=(0.4, 0))[1], trained("cpu", dropout=(0, 0.4))[1]
    assert len({tuple(found) for found in (losses, first, last, trained("cpu")[1])}) == 4


def test_rates_of_layers_are_recorded_and_checked():
    hyper = HyperParams(layers=2, dropout=np.array([0.5, 0.25]))
    assert hyper.dropout == hyper.dropouts == (0.5, 0.25)
    assert HyperParams.from_json(json.loads(json.dumps(hyper.to_json()))) == hyper
    assert HyperParams(layers=3, dropout=0.1).dropouts == (0.1, 0.1, 0.1)
    assert "dropout=(0.5, 0.25)" in repr(hyper)
    for wrong in ((0.5,), (0.5, 0.5, 0.5), (0.5, 1), (0.5, "a"), "ab", None, ()):
        with pytest.raises(InvalidValue, match="dropout="):
            HyperParams(layers=2, dropout=wrong)
