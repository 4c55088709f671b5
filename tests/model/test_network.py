import numpy as np
import pytensor.tensor as pt
import pytest

from charrnn.errors import UnknownName
from charrnn.model.cells import GRU, LSTM, modeltypes
from charrnn.model.engines.engine import compile_function
from charrnn.model.heads.softmax import Softmax
from charrnn.model.network import Network
from charrnn.model.parameters import ParameterVector
from charrnn.settings.hyper import HyperParams
from tests.helpers import evaluate, plain_function, symbol
from tests.model import numpy_reference as reference
from tests.model.cells_of_users import Peaked


def test_names_and_shapes():
    shapes = Network(GRU(), "encode", Softmax(11), 2, 7, "float32").shapes()
    assert list(shapes)[:2] == ["E", "a"]
    assert list(shapes)[-2:] == ["V", "c"]
    assert shapes["E"] == (11, 7)
    assert shapes["1.Uz"] == shapes["2.Wc"] == (7, 7)
    assert shapes["V"] == (7, 11)
    shapes = Network(LSTM(), "resize", Softmax(11), 2, 7, "float32").shapes()
    assert "E" not in shapes
    assert shapes["1.Ui"] == (11, 7)
    assert shapes["2.Ui"] == (7, 7)


def test_initial_bounds_are_the_ancestors():
    network = Network(GRU(), "encode", Softmax(11), 1, 7, "float32")
    assert network.fan("E") == 11
    assert {network.fan(name) for name in ("1.Uz", "1.Wc", "V")} == {7}


@pytest.mark.parametrize("stage", ["encode", "resize"])
@pytest.mark.parametrize("clip", [None, 5.0])
def test_streams_that_start_afresh(stage, clip):
    """keep = 0 is as if the state before had been blank."""
    rng = np.random.default_rng(0)
    network = Network(LSTM(), stage, Softmax(4), 2, 3, "float64")
    arrays = {name: rng.normal(size=shape) for name, shape in network.shapes().items()}
    x, state = rng.integers(0, 4, (5, 2)).astype("int32"), rng.normal(size=(2, 2, 6))
    keep = rng.integers(0, 2, (5, 2, 1)).astype("float64")
    p = {name: symbol(name, a, range(a.ndim)) for name, a in arrays.items()}
    x_, state_, keep_ = symbol("x", x), symbol("state", state, (0, 2)), symbol("keep", keep, (2,))
    outputs = network.forward(p, x_, state_, keep_, clip)
    got = evaluate("cpu", [x_, state_, keep_, *p.values()], list(outputs), [x, state, keep, *arrays.values()])
    logits, states = reference.network(reference.lstm, 2, reference.each_step(arrays, 5), x, state, keep)
    for value, wanted in zip(got, (logits, states[:, -1], states), strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-12)


@pytest.mark.parametrize("stage", ["encode", "resize"])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_a_cell_that_cannot_be_taken_apart_runs_by_scan(stage, clip):
    rng = np.random.default_rng(0)
    network = Network(Peaked(), stage, Softmax(4), 1, 3, "float64")
    arrays = {name: rng.normal(size=shape) for name, shape in network.shapes().items()}
    x, state = rng.integers(0, 4, (3, 2)).astype("int32"), rng.normal(size=(1, 2, 3))
    p = {name: symbol(name, a, range(a.ndim)) for name, a in arrays.items()}
    x_, state_ = symbol("x", x), symbol("state", state, (0, 2))
    logits = network.forward(p, x_, state_, clip=clip)[0]
    got = plain_function([x_, state_, *p.values()], logits)(x, state, *arrays.values())

    def cell(x, state, p):
        total = x @ p["U"] + state[0] @ p["W"] + p["b"]
        return (np.tanh(total / (1 + abs(total).max(axis=1, keepdims=True))),)

    np.testing.assert_allclose(got, reference.network(cell, 1, reference.each_step(arrays, 3), x, state)[0], atol=1e-12)


def test_model_types():
    assert len(modeltypes.names()) == 9
    for name in modeltypes.names():
        kind = modeltypes.get(name)
        assert modeltypes.get(kind) is kind
        assert str(kind) == name
    cell = modeltypes.get("GRUResize").cell(HyperParams(gate="hard_sigmoid", reset="after"))
    assert "dc" in cell.shapes(2, 3)
    with pytest.raises(UnknownName, match="Did you mean: GRUEncode"):
        modeltypes.get("GRUEncod")


def test_parameters_lie_in_one_vector_weights_first():
    vector = ParameterVector({"b": (2,), "W": (2, 3), "c": (1,), "U": (1, 1)}, "float32")
    arrays = {"b": np.full(2, 1.0), "W": np.arange(6.0).reshape(2, 3), "c": np.full(1, 2.0), "U": np.full((1, 1), 9.0)}
    joined = vector.join(arrays)
    np.testing.assert_array_equal(joined, [0, 1, 2, 3, 4, 5, 9, 1, 1, 2])
    assert joined.dtype == "float32"
    assert vector.n_weights == 7
    split = vector.split(joined)
    assert split.keys() == arrays.keys()
    split["W"][:] = 0
    assert joined[1] == 1, "parts are copies"
    vector.shared.set_value(joined)
    symbols = vector.symbols()
    both = plain_function([], [symbols["W"], vector.symbolic_join(symbols)])()
    np.testing.assert_array_equal(both[0], arrays["W"])
    np.testing.assert_array_equal(both[1], joined)


@pytest.mark.parametrize("stage", ["encode", "embed", "resize"])
def test_steps_one_after_the_other_are_the_forward_pass(stage):
    rng = np.random.default_rng(0)
    network = Network(LSTM(), stage, Softmax(4), 3, 5, "float64")
    arrays = {name: rng.normal(size=shape) for name, shape in network.shapes().items()}
    x, state = rng.integers(0, 4, (6, 2)).astype("int32"), rng.normal(size=(3, 2, 10))
    p = {name: symbol(name, a, range(a.ndim)) for name, a in arrays.items()}
    x_, state_ = symbol("x", x), symbol("state", state, (0, 2))
    outputs, new = network.step(p, network.input.looked_up(p, x_)[0], [network.split(state_[k]) for k in range(3)])
    new = pt.stack([pt.concatenate(layer, axis=1) for layer in new])
    step = compile_function("cpu", [x_, state_, *p.values()], [outputs, new])
    whole = evaluate("cpu", [x_, state_, *p.values()], network.forward(p, x_, state_)[:2], [x, state, *arrays.values()])
    for symbols, wanted in zip(x, whole[0], strict=True):
        logits, state = step(symbols[None], state, *arrays.values())
        np.testing.assert_allclose(logits, wanted, atol=1e-12)
    np.testing.assert_allclose(state, whole[1], atol=1e-12)


def test_a_held_state_is_seen_above_and_kept():
    rng = np.random.default_rng(0)
    network = Network(GRU(), "resize", Softmax(4), 2, 5, "float64")
    arrays = {name: rng.normal(size=shape) for name, shape in network.shapes().items()}
    p = {name: pt.as_tensor_variable(a) for name, a in arrays.items()}
    x, states = pt.as_tensor_variable(np.eye(4)[:2]), [[pt.zeros((2, 5), dtype="float64")]] * 2
    outputs, ((lower,), (upper,)) = network.step(p, x, states, hold=lambda layer, h: h * 0 + 1 if layer == 0 else h)
    lower, upper, outputs = plain_function([], [lower, upper, outputs])()
    np.testing.assert_array_equal(lower, np.ones((2, 5)))
    own = {name.partition(".")[2]: array for name, array in arrays.items() if name[0] == "2"}
    (wanted,) = reference.gru(np.ones((2, 5)), [np.zeros((2, 5))], own)
    np.testing.assert_allclose(upper, wanted, atol=1e-12)
    np.testing.assert_allclose(outputs, wanted @ arrays["V"] + arrays["c"], atol=1e-12)
