import importlib.util

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from charrnn.errors import EngineUnavailable, UnknownName
from charrnn.model.engines import engine
from charrnn.model.engines.engine import compile_function, resolve, to_numpy
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
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
    with pytest.raises(EngineUnavailable, match="pip install jax "):
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


def test_the_global_float_type_does_not_matter():
    x = symbol("x", np.zeros(3, "float32"))
    with pytensor.config.change_flags(floatX="float64"):
        (value,) = compile_function("cpu", [x], [pt.tanh(x)])(np.ones(3, "float32"))
    assert value.dtype == "float32"


def test_the_earlier_name_of_the_cpu_engine_still_works(monkeypatch):
    monkeypatch.setenv("CHARRNN_ENGINE", "numba")
    assert resolve("auto") == "cpu"
    model = Model(HyperParams(layers=1, state_size=2), "RNNEncode", 3, engine="numba")
    assert model.engine == "cpu"
    model.use_engine("numba")
    assert model.engine == "cpu"
