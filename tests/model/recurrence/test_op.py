"""The recurrence against plain scan and its gradient, on every engine."""

import functools

import numpy as np
import pytensor
import pytest

from charrnn.model.cells import GRU, LSTM, RNN
from charrnn.model.cells.builtin.gru import NormalisedGRU
from charrnn.model.cells.builtin.lstm import NormalisedLSTM
from charrnn.model.cells.builtin.rnn import NormalisedRNN
from charrnn.model.engines.engine import compile_function
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.recurrence import recurrence, scan_recurrence
from tests.helpers import ENGINES, assert_close, need, plain_function, symbol
from tests.model.cells_of_users import Attentive, Bilinear, MinimalGatedUnit, Normalised, Peaked, Peephole, Unusual

CELLS = {
    "GRU": GRU(),
    "hard GRU": GRU("hard_sigmoid"),
    "GRU after": GRU("hard_sigmoid", "after"),
    "LSTM": LSTM(),
    "RNN": RNN(),
    "minimal": MinimalGatedUnit(),
    "peephole": Peephole(),
    "unusual": Unusual(),
    "normalised": Normalised(),
    "attentive": Attentive(),
    "layer norm GRU": NormalisedGRU("hard_sigmoid"),
    "layer norm GRU after": NormalisedGRU(reset="after"),
    "layer norm LSTM": NormalisedLSTM(),
    "layer norm RNN": NormalisedRNN(),
}
D, H = 3, 19  # a state that no vector register divides
SIZES = [(4, 3), (1, 1), (1, 5), (7, 1), (2, 11)]


def arrays(cell, T, B, dtype="float64", seed=0):
    """Values for x, the initial states, parameters, keep and the states' weights in the cost."""
    rng = np.random.default_rng(seed)
    values = {"x": rng.normal(size=(T, B, D))}
    values |= {f"initial {s}": rng.normal(size=(B, H)) for s in cell.states}
    values |= {n: rng.normal(size=shape) * 0.4 for n, shape in cell.shapes(D, H).items()}
    values["keep"] = rng.integers(0, 2, size=(T, B, 1))
    values |= {f"weight {s}": rng.normal(size=(T, B, H)) for s in cell.states}
    return {name: value.astype(dtype) for name, value in values.items()}


@functools.cache
def expressions(name, run=recurrence, resets=False, clip=None, dtype="float64"):
    """Return inputs, and the states with the gradients of a cost; T and B are unknown."""
    cell = CELLS[name]
    names, v = cell.shapes(D, H), {}
    for key, value in arrays(cell, 1, 1, dtype).items():
        known = range(value.ndim) if key in names else (value.ndim - 1,)
        v[key] = symbol(key, value, known)
    initial = [v[f"initial {s}"] for s in cell.states]
    keep = v["keep"] if resets else None
    states = run(cell, v["x"], initial, {key: v[key] for key in names}, keep=keep, clip=clip)
    cost = sum((v[f"weight {s}"] * every).sum() for s, every in zip(cell.states, states, strict=True))
    gradients = pytensor.grad(cost, [v["x"], *initial, *(v[key] for key in names)])
    return list(v.values()), [*states, *gradients]


@pytest.mark.parametrize(
    ("name", "resets", "clip"),
    [("unusual", False, None), ("attentive", True, None)]
    + [(name, True, 0.02) for name in CELLS if name not in ("GRU", "unusual", "attentive") and "layer" not in name]
    + [pytest.param(name, True, 0.02, marks=pytest.mark.slow) for name in CELLS if "layer norm" in name],
)
@pytest.mark.filterwarnings("ignore:Loop fusion failed")  # of scan, which fuses more than there is room for
def test_equals_scan_in_value_and_gradient(name, resets, clip):
    fast = compile_function("cpu", *expressions(name, resets=resets, clip=clip), n_threads=2)
    plain = plain_function(*expressions(name, scan_recurrence, resets, clip))
    for T, B in SIZES:  # one function for all
        values = list(arrays(CELLS[name], T, B, seed=T).values())
        assert_close(fast(*values), plain(*values), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "clip"), [("GRU", None), ("peephole", 0.02), ("normalised", 0.02), ("attentive", None)]
)
def test_both_engines_agree(name, clip):
    need("jax")
    values = arrays(CELLS[name], 4, 3).values()
    ours, theirs = (compile_function(e, *expressions(name, resets=True, clip=clip))(*values) for e in ENGINES)
    assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["GRU", "peephole", "unusual", "layer norm GRU"])
def test_float32_is_near_float64(name):
    results = []
    for dtype in ("float32", "float64"):
        function = compile_function("cpu", *expressions(name, resets=True, dtype=dtype))
        results.append(function(*arrays(CELLS[name], 5, 9, dtype).values()))
    assert {value.dtype.name for value in results[0]} == {"float32"}
    n_states = len(CELLS[name].states)
    assert_close(results[0][:n_states], results[1][:n_states], atol=4e-6)
    assert_close(results[0][n_states:], results[1][n_states:], rtol=1e-4, atol=5e-5)


def test_cost_of_one_state_at_the_last_time():
    inputs, (_, c, *_) = expressions("peephole")
    values = arrays(CELLS["peephole"], 5, 3)
    values["weight h"][:] = values["weight c"][:-1] = 0
    wanted = compile_function("cpu", *expressions("peephole"))(*values.values())
    gradients = pytensor.grad((inputs[-1][-1] * c[-1]).sum(), inputs[: -len(("keep", "h", "c"))])
    got = compile_function("cpu", inputs, gradients)(*values.values())
    assert_close(got, wanted[2:], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["GRU", "peephole"])
def test_same_bits_for_the_same_number_of_threads_and_nearly_for_others(name):
    values = arrays(CELLS[name], 5, 23, "float32")
    kept = {key: value.copy() for key, value in values.items()}
    built = expressions(name, resets=True, dtype="float32")
    one, three, again = (compile_function("cpu", *built, n_threads=n)(*values.values()) for n in (1, 3, 3))
    for a, b in zip(three, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert_close(one, three, rtol=1e-5, atol=1e-5)
    for key, value in values.items():  # inputs are nobody's to change
        np.testing.assert_array_equal(value, kept[key])


def test_arrays_that_lie_oddly_in_memory():
    values = arrays(CELLS["GRU"], 4, 3)
    function = compile_function("cpu", *expressions("GRU", resets=True))
    odd = [
        np.asfortranarray(value) if value.ndim == 2 else np.repeat(value, 2, axis=-1)[..., ::2]
        for value in values.values()
    ]
    assert not any(value.flags.c_contiguous for value in odd[:2])
    assert_close(function(*odd), function(*values.values()), rtol=1e-12, atol=1e-14)


def looked_up(cell, N, clip=None, engine="cpu", one_hot=False):
    """Return values and gradients with inputs given by symbol, and with the same inputs written out."""
    rng = np.random.default_rng(1)
    table = np.eye(N) if one_hot else rng.normal(size=(N, D))
    shapes = cell.shapes(table.shape[1], H)
    values = {"x": rng.integers(0, N, size=(5, 2)).astype("int32"), "rows": table}
    values |= {s: rng.normal(size=(2, H)) for s in cell.states}
    values |= {name: rng.normal(size=shape) * 0.4 for name, shape in shapes.items()}
    v = {k: symbol(k, a, () if k == "x" else (1,) if k in cell.states else range(a.ndim)) for k, a in values.items()}
    initial, parameters = [v[s] for s in cell.states], {name: v[name] for name in shapes}
    wrt = [*initial, *parameters.values()] + ([] if one_hot else [v["rows"]])
    for x, rows in ((v["x"], N if one_hot else v["rows"]), (v["rows"][v["x"]], None)):
        states = recurrence(cell, x, initial, parameters, rows=rows, clip=clip)
        outputs = [*states, *pytensor.grad(sum((s**2).sum() for s in states), wrt)]
        yield compile_function(engine if rows is not None else "cpu", list(v.values()), outputs)(*values.values())


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_looked_up_by_symbols(engine):
    need(engine)
    assert_close(*looked_up(CELLS["GRU after"], 4, engine=engine), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("clip", [None, 0.1])
def test_one_hot_rows(clip):
    assert_close(*looked_up(CELLS["LSTM"], 3, clip, one_hot=True), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cell", [Peaked(), Bilinear()])
def test_a_step_that_cannot_be_taken_apart_is_refused(cell):
    values = arrays(cell, 2, 2)
    parameters = {name: symbol(name, values[name], (0, 1)) for name in cell.shapes(D, H)}
    with pytest.raises(UnsupportedStep):
        recurrence(cell, symbol("x", values["x"], (2,)), [symbol("h", values["initial h"], (1,))], parameters)


def test_a_weight_used_twice_is_not_clipped_use_by_use():
    """Theano clips a parameter's contribution in each step, not that of each use: such a step is left to scan."""
    x, state = symbol("x", np.zeros((2, 1, 4)), (2,)), symbol("h", np.zeros((1, 5)), (1,))
    p = {name: symbol(name, np.zeros(shape), (0, 1)) for name, shape in Unusual().shapes(4, 5).items()}
    recurrence(Unusual(), x, [state], p)
    with pytest.raises(UnsupportedStep, match="more than one way"):
        recurrence(Unusual(), x, [state], p, clip=1.0)


def test_divergence_is_seen():
    values = arrays(CELLS["GRU"], 3, 2, "float32")
    values["x"][1, 0, 0] = np.nan
    values["keep"][:] = 1
    function = compile_function("cpu", *expressions("GRU", resets=True, dtype="float32"))
    h, *gradients = function(*values.values())
    assert np.isnan(h[1:, 0]).all()
    assert not np.isnan(h[:, 1]).any()
    assert not np.isnan(h[0]).any()
    assert all(np.isnan(g).any() for g in gradients)
