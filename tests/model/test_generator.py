import numpy as np
import pytest
from scipy import stats

from charrnn.model.cells.modeltypes import ModelType
from charrnn.model.generator import StepwiseGenerator
from charrnn.model.model import Model
from charrnn.model.recurrence.step import StepGraph
from charrnn.model.sampling import Choice
from charrnn.settings.hyper import HyperParams
from tests.helpers import ENGINES
from tests.model.cells_of_users import Peaked, WithUnderscores
from tests.model.models import V, model

TYPES = ["GRUEncode", "LSTMResize", "PeepholeEncode"]


def draw(probabilities, u):
    """The first symbol whose cumulative probability exceeds u."""
    running = probabilities.astype("float64").cumsum()
    return int((running <= u * running[-1]).sum())


def walk(m, start, state, uniforms, temp, argmax=False):
    """Write one sample by calling `process` for each symbol."""
    symbols = []
    for u in uniforms:
        (p,), (state,) = m.process(np.array([start]), state, temp=temp)
        start = int(p.argmax()) if argmax else draw(p, u)
        symbols.append(start)
    return np.array(symbols), state


def start_of(m, R, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, V, R), rng.normal(size=m.freshstate(R).shape), rng.random((12, R))


@pytest.mark.parametrize("modeltype", TYPES)
@pytest.mark.parametrize(("temp", "argmax"), [(1.0, False), (0.3, False), (1.0, True)])
def test_symbols_and_states_are_those_of_the_network(modeltype, temp, argmax):
    m = model(modeltype, n_threads=2)
    start, state, uniforms = start_of(m, 3)
    symbols, end = m.generate(start, state, uniforms, Choice(temp, argmax))
    assert symbols.dtype == np.int32
    assert symbols.shape == uniforms.shape
    assert end.shape == state.shape
    for r in range(3):
        wanted, last = walk(m, start[r], state[:, r], uniforms[:, r], temp, argmax)
        np.testing.assert_array_equal(symbols[:, r], wanted)
        np.testing.assert_allclose(end[:, r], last, atol=1e-12)


def test_both_engines_write_the_same():
    (ours, ours_end), (theirs, theirs_end) = (
        m.generate(*start_of(m, 4)) for m in (model("LSTMResize", engine) for engine in ENGINES)
    )
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(ours_end, theirs_end, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("temp", [1.0, 0.5])
def test_draws_follow_the_softmax(engine, temp):
    m, n = model("GRUEncode", engine, dtype="float32"), 20_000
    state = np.repeat(start_of(m, 1)[1], n, axis=1)
    (symbols,), _ = m.generate(np.full(n, 2), state, np.random.default_rng(5).random((1, n)), Choice(temp))
    (probabilities,), _ = model("GRUEncode", dtype="float32").process(np.array([2]), state[:, 0], temp=temp)
    expected = probabilities.astype("float64") / probabilities.sum(dtype="float64") * n
    assert expected.min() > 5
    assert stats.chisquare(np.bincount(symbols, minlength=V), expected).pvalue > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_a_low_temperature_takes_the_likeliest(engine):
    m = model("GRUEncode", engine, dtype="float32")
    start, state, uniforms = start_of(m, 5)
    likeliest, _ = m.generate(start, state, uniforms, Choice(argmax=True))
    for temp in (1e-3, 1e-5):
        symbols, _ = m.generate(start, state, uniforms, Choice(temp))
        np.testing.assert_array_equal(symbols, likeliest)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_high_temperature_takes_any(engine):
    m, n = model("GRUEncode", engine, dtype="float32"), 6000
    uniforms = np.random.default_rng(0).random((1, n))
    (symbols,), _ = m.generate(np.zeros(n), m.freshstate(n), uniforms, Choice(1e6))
    assert stats.chisquare(np.bincount(symbols, minlength=V)).pvalue > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_every_number_below_1_draws_a_symbol(engine):
    m = model("GRUEncode", engine, dtype="float32")
    uniforms = np.array([[0.0, np.nextafter(1, 0), np.nextafter(np.float32(1), np.float32(0)), 1e-30]])
    (symbols,), _ = m.generate(np.zeros(4), m.freshstate(4), uniforms)
    assert symbols[0] == symbols[3] == 0
    assert symbols.min() >= 0
    assert symbols.max() < V


def test_blocks_are_one_text():
    m = model("LSTMResize", n_threads=2)
    start, state, uniforms = start_of(m, 3)
    whole, end = m.generate(start, state, uniforms)
    first, between = m.generate(start, state, uniforms[:5])
    second, last = m.generate(first[-1], between, uniforms[5:])
    np.testing.assert_array_equal(whole, np.concatenate([first, second]))
    np.testing.assert_allclose(end, last, atol=1e-13)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_parameters_of_the_moment_are_used(engine):
    m = model("GRUEncode", engine)
    start, state, uniforms = start_of(m, 2)
    m.generate(start, state, uniforms)
    m.learnrate = 0.5
    x = np.zeros((3, 2), "int32")
    m.step(x, x, m.freshstate(2))
    for _ in range(2):
        symbols, _ = m.generate(start, state, uniforms)
        np.testing.assert_array_equal(symbols[:, 0], walk(m, start[0], state[:, 0], uniforms[:, 0], 1.0)[0])
        arrays = m.arrays()
        arrays["param/V"] = -arrays["param/V"]
        m.load_arrays(arrays)


def test_any_number_of_threads_and_of_samples():
    m1, m3 = model("GRUEncode", n_threads=1), model("GRUEncode", n_threads=3)
    for R in (1, 2, 7):
        start, state, uniforms = start_of(m1, R)
        kept = start.copy(), state.copy(), uniforms.copy()
        one, three, again = (m.generate(start, state, uniforms) for m in (m1, m3, m3))
        np.testing.assert_array_equal(one[0], three[0])
        np.testing.assert_array_equal(three[1], again[1])
        for before, after in zip(kept, (start, state, uniforms), strict=True):
            np.testing.assert_array_equal(before, after)


def test_a_network_as_one_step():
    """The stack of layers with its output layer multiplies as often as its formulas."""
    m = model("GRUEncode", n_threads=2)
    step = m._functions.generation._step
    assert isinstance(step, StepGraph)
    assert len(step.products) == 3 + 6 + 1  # of the first layer's, what the input gives is looked up


@pytest.mark.parametrize("argmax", [False, True])
def test_a_cell_that_cannot_be_taken_apart_writes_too(argmax):
    kind = ModelType("Peaked", lambda hyper: Peaked(), "encode")
    m = Model(HyperParams(layers=2, state_size=5, dtype="float32"), kind, V, engine="cpu")
    start, state, uniforms = start_of(m, 2)
    symbols, end = m.generate(start, state, uniforms, Choice(0.7, argmax, skip=1))
    assert isinstance(m._functions.generation, StepwiseGenerator)
    for r in range(2):
        read = np.concatenate([[start[r]], symbols[:-1, r]])
        probabilities, states = m.process(read, state[:, r], temp=0.7)
        running = probabilities[:, 1:].cumsum(axis=1)
        drawn = (running <= uniforms[:, r : r + 1] * running[:, -1:]).sum(axis=1)
        expected = probabilities[:, 1:].argmax(axis=1) if argmax else drawn
        np.testing.assert_array_equal(symbols[:, r], expected + 1)
        np.testing.assert_allclose(end[:, r], states[-1], atol=1e-6)


def test_parameters_of_any_name():
    kind = ModelType("WithUnderscores", lambda hyper: WithUnderscores(), "encode")
    m = Model(HyperParams(layers=2, state_size=5), kind, V, engine="cpu")
    start, state, uniforms = start_of(m, 1)
    symbols, _ = m.generate(start, state, uniforms)
    np.testing.assert_array_equal(symbols[:, 0], walk(m, start[0], state[:, 0], uniforms[:, 0], 1.0)[0])
