"""The running average of the parameters, against numpy's, and the functions that use it."""

import numpy as np
import pytest

from charrnn.errors import CorruptFile
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import ENGINES, need
from tests.model.models import V, batch

SMALL = {"layers": 1, "state_size": 5, "dtype": "float64", "learnrate": 0.05}


def raw(model):
    return {name: array for name, array in model.arrays().items() if name.startswith("param/")}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_average_is_numpys_and_all_but_training_see_it(engine):
    need(engine)
    averaged = Model(HyperParams(**SMALL, average=0.8), "GRUEncode", V, engine=engine)
    plain = Model(HyperParams(**SMALL), "GRUEncode", V, engine=engine)
    state = averaged.freshstate(3)
    want = raw(averaged)
    for name, array in averaged.parameters.items():
        np.testing.assert_array_equal(array, want[f"param/{name}"])
    for count in range(1, 60):
        x, y, _ = batch(plain, seed=count)
        averaged.step(x, y, state)
        plain.step(x, y, state)
        d = min(0.8, (1 + count) / (10 + count))
        for name, array in raw(averaged).items():
            want[name] = d * want[name] + (1 - d) * array
    for name, array in raw(plain).items():
        np.testing.assert_allclose(raw(averaged)[name], array, atol=1e-12)
        np.testing.assert_allclose(averaged.parameters[name.removeprefix("param/")], want[name], atol=1e-12)
        assert abs(want[name] - array).max() > 1e-4

    slots = {name: array for name, array in plain.arrays().items() if name.startswith("slot/")}
    plain.load_arrays(want | slots)
    for a, b in zip(averaged.errors(x, y, state), plain.errors(x, y, state), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    for a, b in zip(averaged.process(x[:, 0]), plain.process(x[:, 0]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    uniforms = np.random.default_rng(0).random((40, 3))
    for a, b in zip(averaged.generate(x[0], state, uniforms), plain.generate(x[0], state, uniforms), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_a_checkpoint_holds_the_average():
    model = Model(HyperParams(**SMALL, average=0.9), "GRUResize", V, engine="cpu")
    x, y, state = batch(model)
    model.step(x, y, state)
    kept, steps = model.arrays(), model.steps
    assert {"slot/average/V", "slot/square/V"} <= set(kept)
    again = Model(HyperParams(**SMALL, average=0.9, random_seed=1), "GRUResize", V, engine="cpu")
    again.load_arrays(kept)
    again.steps = steps
    for m in (model, again):
        m.step(y, x, state)
    np.testing.assert_array_equal(model.errors(x, y)[0], again.errors(x, y)[0])


def test_generation_follows_the_average_as_it_moves():
    model = Model(HyperParams(**SMALL, average=0.5), "GRUEncode", V, engine="cpu")
    x, y, state = batch(model)
    uniforms = np.full((30, 3), 0.5)
    before = model.generate(x[0], state, uniforms)[1]
    model.step(x, y, state)
    assert abs(model.generate(x[0], state, uniforms)[1] - before).max() > 0


def test_a_kept_model_validates_writes_and_compares_with_the_average(make):
    from charrnn import ModelState

    ms = make(average=0.9)
    summary = ms.train(num_rounds=2, print_every=0, verbose=0)
    assert ms.calc_loss() == pytest.approx(summary.valid_loss, rel=1e-6)
    again = ModelState.load(ms.path)
    assert again.generate(40, rng=1) == ms.generate(40, rng=1)
    assert again.verify().ok
    compared = again.diff(0, "last").b.parameters
    np.testing.assert_array_equal(compared["V"], ms.model.parameters["V"])
    assert abs(compared["V"] - ms.model.arrays()["param/V"]).max() > 0


def test_parameters_alone_may_be_loaded_whole_or_not_at_all():
    model = Model(HyperParams(**SMALL, average=0.9), "GRUEncode", V, engine="cpu")
    x, y, state = batch(model)
    model.step(x, y, state)
    wanted = {name: array + 1 for name, array in model.parameters.items()}
    for given in ({}, {**wanted, "1.Q": wanted["c"]}, {**wanted, "c": wanted["a"]}):
        before = model.arrays()
        with pytest.raises(CorruptFile):
            model.load_parameters(given)
        np.testing.assert_equal(model.arrays(), before)
    model.load_parameters(wanted)
    np.testing.assert_equal(model.parameters, wanted)
    np.testing.assert_equal(raw(model), {f"param/{name}": array for name, array in wanted.items()})
    assert not model.slots["square/c"].any()
