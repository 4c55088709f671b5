import numpy as np
import pytensor
import pytest

from charrnn.model.kernels.rows import scatter
from charrnn.model.products import (
    AddBias,
    Affine,
    ClippedWeightGradient,
    Scatter,
    Take,
    bias_gradient,
    join_time,
    split_time,
    weight_gradient,
)
from tests.helpers import ENGINES, assert_close, evaluate, plain_function, symbol

SIZES = [(1, 1), (4, 3), (3, 7)]


def clipped(contributions, clip):
    return (contributions if clip is None else np.clip(contributions, -clip, clip)).sum(axis=0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("clip", [None, 0.5])
def test_gradients_are_clipped_step_by_step(engine, clip):
    """Against results by hand: a contribution for each time step, summed over the batch, clipped to ±clip."""
    rng = np.random.default_rng(0)
    T, B, n, m = 5, 4, 3, 6
    x, d = rng.normal(size=(T, B, n)), rng.normal(size=(T, B, m))
    W, b, table = rng.normal(size=(n, m)), rng.normal(size=m), rng.normal(size=(7, m))
    at = rng.integers(0, 7, size=(T, B)).astype("int32")
    v = {k: symbol(k, a, range(a.ndim) if k in ("W", "b", "table") else (2,)) for k, a in
         {"x": x, "d": d, "W": W, "b": b, "table": table, "at": at}.items()}  # fmt: skip
    affine, row = Affine(clip)(v["x"], v["W"], v["b"]), Take(clip)(v["table"], v["at"])
    biased = AddBias(clip)(v["d"], v["b"])
    outputs = [affine, row, biased]
    outputs += pytensor.grad((affine * v["d"]).sum(), [v["x"], v["W"], v["b"]])
    outputs += [pytensor.grad((row * v["d"]).sum(), v["table"]), pytensor.grad((biased * v["d"]).sum(), v["b"])]
    got = evaluate(engine, list(v.values()), outputs, [x, d, W, b, table, at])
    d_table = np.stack(
        [np.stack([d_t[at_t == k].sum(axis=0) for k in range(7)]) for d_t, at_t in zip(d, at, strict=True)]
    )
    d_bias = clipped(d.sum(axis=1), clip)
    want = [x @ W + b, table[at], d + b, d @ W.T, clipped(x.transpose(0, 2, 1) @ d, clip), d_bias,
            clipped(d_table, clip), d_bias]  # fmt: skip
    assert_close(got, want, atol=1e-12)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_any_sizes(clip):
    rng = np.random.default_rng(0)
    x, d, table = np.zeros((1, 1, 3)), np.zeros((1, 1, 2)), np.zeros((5, 2))
    at = np.zeros((1, 1), "int32")
    x_, d_, at_, table_ = symbol("x", x, (2,)), symbol("d", d, (2,)), symbol("at", at), symbol("table", table, (0, 1))
    outputs = [weight_gradient(x_, d_, clip), bias_gradient(d_, clip), Scatter(clip)(d_, at_, table_)]
    function = plain_function([x_, d_, at_, table_], outputs)
    for T, B in SIZES:
        x, d, at = rng.normal(size=(T, B, 3)), rng.normal(size=(T, B, 2)), rng.integers(0, 5, (T, B)).astype("int32")
        weight, bias, rows = function(x, d, at, table)
        np.testing.assert_allclose(weight, clipped(np.einsum("tbi,tbj->tij", x, d), clip), atol=1e-12)
        np.testing.assert_allclose(bias, clipped(d.sum(axis=1), clip), atol=1e-12)
        one_hot = np.eye(5)[at]
        np.testing.assert_allclose(rows, clipped(np.einsum("tbi,tbj->tij", one_hot, d), clip), atol=1e-12)


def test_a_large_clip_changes_nothing():
    rng = np.random.default_rng(0)
    left, d = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3, 5))
    l_, d_ = symbol("left", left, (2,)), symbol("d", d, (2,))
    free, bounded = plain_function([l_, d_], [weight_gradient(l_, d_, None), ClippedWeightGradient(1e9)(l_, d_)])(
        left, d
    )
    np.testing.assert_allclose(free, bounded, atol=1e-13)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_scatter_sums_rows_of_one_index(dtype):
    d, at = np.arange(12.0).reshape(4, 3), np.array([2, 0, 2, 2], dtype)
    want = np.zeros((5, 3))
    np.add.at(want, at, d)
    np.testing.assert_array_equal(scatter(d, at, 5), want)


def test_rows_and_time_there_and_back():
    x = np.arange(24.0).reshape(2, 3, 4)
    x_ = symbol("x", x, (2,))
    rows = join_time(x_)
    got = plain_function([x_], [rows, split_time(2 * rows, x_), pytensor.grad((rows**2).sum(), x_)])(x)
    assert_close(got, [x.reshape(6, 4), 2 * x, 2 * x])
    assert rows.type.shape == (None, 4)
