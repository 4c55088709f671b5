"""The Theano program that charrnn succeeds, on one batch, in float64: its results are in ``golden.npz``.

The file has x and y (T, B), state0 (L, B, S), and the results. Rows of U, W and b are, layer by layer, update, reset
and candidate. The targets are skewed so that clipping the gradient of each time step at ±5 has a large effect.
"""

from pathlib import Path

import numpy as np
import pytest

from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import ENGINES, need

TOLERANCE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden.npz", allow_pickle=False) as file:
        return dict(file)


def named(golden, prefix):
    """Return arrays of the ancestor's under charrnn's names."""
    arrays = {name: golden[prefix + name] for name in "EaVc"}
    for row in range(len(golden[prefix + "b"])):
        layer, gate = row // 3 + 1, "zrc"[row % 3]
        arrays |= {f"{layer}.{kind}{gate}": golden[prefix + kind][row] for kind in "UWb"}
    return arrays


@pytest.fixture(scope="module", params=ENGINES)
def model(request, golden):
    need(request.param)
    hyper = HyperParams.preset("rngru").replace(
        layers=int(golden["L"]),
        state_size=int(golden["S"]),
        learnrate=float(golden["learnrate"]),
        decay=float(golden["decay"]),
        regcost=float(golden["regcost"]),
        dtype="float64",
    )
    return Model(hyper, "GRUEncode", int(golden["V"]), engine=request.param, threads=2)


@pytest.fixture
def ready(model, golden):
    """The model as the ancestor's was: its parameters, and blank slots."""
    arrays = {name: np.zeros_like(array) for name, array in model.arrays().items()}
    model.load_arrays(arrays | {f"param/{name}": array for name, array in named(golden, "param0_").items()})
    return model


def close(got, want):
    np.testing.assert_allclose(got, want, **TOLERANCE)


def test_errors_cost_and_state(ready, golden):
    errors, state = ready.errors(golden["x"], golden["y"], golden["state0"])
    close(errors, golden["errors"])
    close(state, golden["state1"])
    close(ready.regularization(), golden["reg"])
    close(errors.sum() + ready.regularization(), golden["cost"])


def test_gradients(ready, golden):
    gradients = ready.gradients(golden["x"], golden["y"], golden["state0"])
    expected = named(golden, "grad_")
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        close(gradient, expected[name])


def test_one_sequence(ready, golden):
    probabilities, states = ready.process(golden["x"][:, 0], golden["state0"][:, 0], temp=0.5)
    close(probabilities, golden["seq_out"])
    close(states, golden["seq_states"])


def test_three_training_steps(ready, golden):
    state = golden["state0"]
    for _ in range(3):
        loss, _, state, _ = ready.step(golden["x"], golden["y"], state)
    close(state, golden["state_after3"])
    for name, array in named(golden, "param3_").items():
        close(ready.parameters[name], array)
    for name, array in named(golden, "cache3_m").items():
        close(ready.slots[f"square/{name}"], array)
    assert loss < golden["errors"].mean()
