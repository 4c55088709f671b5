import importlib.util

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from charrnn.errors import EngineUnavailable, UnknownName
from charrnn.model.cells import RNN
from charrnn.model.engines import cpu, engine
from charrnn.model.engines.cpu import SumRows, ThreadedDot
from charrnn.model.engines.engine import compile_function, resolve, to_numpy
from charrnn.model.recurrence import recurrence
from charrnn.model.recurrence.op import Recurrence
from tests.helpers import ENGINES, need, symbol


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("CHARRNN_ENGINE", raising=False)


def test_engine_by_name():
    assert resolve("cpu") == resolve("numba") == "cpu"
    with pytest.raises(UnknownName, match="Did you mean: cpu"):
        resolve("cpus")


def test_auto_takes_the_environment_variable(monkeypatch):
    need("jax")
    monkeypatch.setenv("CHARRNN_ENGINE", "jax")
    assert resolve("auto") == resolve() == "jax"
    assert resolve("cpu") == "cpu"
    monkeypatch.setenv("CHARRNN_ENGINE", "theano")
    with pytest.raises(UnknownName, match="'theano'"):
        resolve("auto")


@pytest.mark.parametrize("variable", [None, "", "auto"])
@pytest.mark.parametrize("gpu", [False, True])
def test_auto_takes_jax_where_it_sees_a_gpu(monkeypatch, gpu, variable):
    if variable is not None:
        monkeypatch.setenv("CHARRNN_ENGINE", variable)
    monkeypatch.setattr(engine, "_jax_sees_gpu", lambda: gpu)
    if gpu:
        need("jax")
    assert resolve("auto") == ("jax" if gpu else "cpu")


def test_an_engine_that_is_not_installed(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("jax") else find(name))
    assert resolve("auto") == "cpu"
    with pytest.raises(EngineUnavailable, match="pip install"):
        resolve("jax")


@pytest.mark.parametrize("name", ENGINES)
def test_updates_and_results(name):
    need(name)
    total = pytensor.shared(np.zeros(3, "float32"), shape=(3,))
    x = symbol("x", np.zeros(3, "float32"), (0,))
    unused = symbol("unused", np.zeros(2))
    step = compile_function(name, [x, unused], [2 * x, total.sum()], {total: total + x})
    for k in range(3):
        doubled, before = step(np.full(3, k, "float32"), np.zeros(2))
        assert type(doubled) is np.ndarray
        np.testing.assert_array_equal(doubled, np.full(3, 2 * k))
        assert before == [0, 0, 3][k]
    to_numpy([total])
    value = total.get_value(borrow=True)
    assert type(value) is np.ndarray
    assert value.flags.writeable
    np.testing.assert_array_equal(value, np.full(3, 3, "float32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_heavy_operations_are_split_or_left_to_blas(dtype):
    rng = np.random.default_rng(0)
    a, b, rows = (rng.normal(size=s).astype(dtype) for s in ((130, 90), (90, 110), (4, 30, 7)))
    a_, b_, rows_ = symbol("a", a), symbol("b", b), symbol("rows", rows)
    outputs = [pt.dot(a_, b_), rows_.sum(axis=(0, 1), dtype=dtype), rows_.sum(axis=1), rows_.sum(axis=2), rows_.sum()]
    got = compile_function("cpu", [a_, b_, rows_], outputs, n_threads=2)(a, b, rows)
    wanted = [a @ b, rows.sum(axis=(0, 1)), rows.sum(axis=1), rows.sum(axis=2), rows.sum()]
    for value, want in zip(got, wanted, strict=True):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, want, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-4)
    with pytensor.config.change_flags(cxx=""):
        function = pytensor.function([a_, b_, rows_], outputs[:2], mode=cpu.mode())
    ops = {type(node.op) for node in function.maker.fgraph.toposort()}
    assert {ThreadedDot, SumRows} <= ops


def test_a_recurrence_without_gradient_keeps_nothing_for_it():
    cell = RNN()
    x, h = pt.tensor("x", dtype="float32", shape=(None, None, 2)), pt.tensor("h", dtype="float32", shape=(None, 3))
    p = {name: pt.tensor(name, dtype="float32", shape=shape) for name, shape in cell.shapes(2, 3).items()}
    (states,) = recurrence(cell, x, [h], p)

    def saves(outputs):
        with pytensor.config.change_flags(cxx=""):
            function = pytensor.function([x, h, *p.values()], outputs, mode=cpu.mode())
        return [node.op.saves for node in function.maker.fgraph.toposort() if isinstance(node.op, Recurrence)]

    assert saves([states]) == [False]
    assert saves([states, pytensor.grad(states.sum(), p["W"])]) == [True]


def test_the_global_float_type_does_not_matter():
    x = symbol("x", np.zeros(3, "float32"))
    with pytensor.config.change_flags(floatX="float64"):
        (value,) = compile_function("cpu", [x], [pt.tanh(x)])(np.ones(3, "float32"))
    assert value.dtype == "float32"
