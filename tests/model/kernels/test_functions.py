import itertools

import numpy as np
import pytensor.scalar as ps
import pytest

from charrnn.model.kernels.elementwise import FlatElemwise
from charrnn.model.kernels.jit import host, scalar_type
from tests.helpers import symbol

OPS = {"exp": ps.exp, "tanh": ps.tanh, "sigmoid": ps.sigmoid}
LEAST = {"float32": 1e-37, "float64": 1e-300}


def numpy_function(name):
    return {"exp": np.exp, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}[name]


def evaluate(op, *arrays):
    """Run a scalar Op's vector instructions over arrays."""
    dtype = arrays[0].dtype.name
    variables = [symbol(f"x{i}", a) for i, a in enumerate(arrays)]
    flat = FlatElemwise(op, dtype)
    storage = [[None]]
    flat.perform(flat.make_node(*variables), list(arrays), storage)
    return storage[0][0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_dense_range(name, dtype):
    # 10007 is prime: the last numbers go the scalar way
    x = np.concatenate([np.linspace(-80, 80, 10007), np.linspace(-1e-3, 1e-3, 1001), [1e-30, -1e-30]]).astype(dtype)
    got, want = evaluate(OPS[name], x), numpy_function(name)(x.astype("float64"))
    assert got.dtype == dtype
    # sigmoid goes by way of tanh: its tail below 1e-7 is zero or noise, which a gate does not feel
    few = np.finfo(dtype).eps
    np.testing.assert_allclose(got, want, rtol=6 * few, atol=2 * few if name == "sigmoid" else LEAST[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_extremes(name, dtype):
    big = np.finfo(dtype).max
    x = np.array([-np.inf, -big, -1000, -100, 0, 100, 1000, big, np.inf, np.nan, -0.0], dtype)
    x = np.concatenate([x, np.tile(x, 2 * host().lanes(scalar_type(dtype)))])  # the vector way too
    got = evaluate(OPS[name], x)
    assert np.isnan(got[np.isnan(x)]).all()
    assert not np.isnan(got[~np.isnan(x)]).any()
    high, low = {"exp": (np.inf, 0), "tanh": (1, -1), "sigmoid": (1, 0)}[name]
    np.testing.assert_allclose(got[x >= 1000], high, atol=1e-6)
    np.testing.assert_allclose(got[x <= -1000], low, atol=0 if name == "exp" else 1e-6)
    if dtype == "float32":
        np.testing.assert_allclose(got[x == 100], high, atol=1e-6)
    assert (got[x == 0] == {"exp": 1, "tanh": 0, "sigmoid": 0.5}[name]).all()


@pytest.mark.parametrize("name", OPS)
def test_squashing_never_leaves_its_range_nor_falls(name):
    x = np.linspace(-20, 20, 100_003).astype("float32")
    got = evaluate(OPS[name], x)
    if name != "exp":
        assert got.max() <= 1
        assert got.min() >= (-1 if name == "tanh" else 0)
    assert (np.diff(got) >= -4e-7 * np.maximum(1, got[1:])).all()  # but for rounding


def test_vectors_and_single_numbers_agree():
    lanes = host().lanes(scalar_type("float32"))
    x = np.random.default_rng(0).normal(size=lanes).astype("float32")
    for op in OPS.values():
        whole = evaluate(op, x)
        single = np.concatenate([evaluate(op, x[i : i + 1]) for i in range(lanes)])
        np.testing.assert_allclose(whole, single, rtol=3e-7)


@pytest.mark.parametrize("pair", list(itertools.product(["float32", "float64"], [1, 3, 17])))
def test_lengths(pair):
    dtype, n = pair
    x = np.linspace(-3, 3, n).astype(dtype)
    np.testing.assert_allclose(evaluate(ps.tanh, x), np.tanh(x), rtol=1e-6)
