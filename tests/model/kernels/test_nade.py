"""The kernels of the estimator against its formula in numpy, on every width of vectors."""

import numpy as np
import pytest

from charrnn.model.kernels import nade, threads
from tests.model.kernels.widths import WIDTHS, vectors

SIZES = [(1, 1, 1), (3, 7, 5), (2, 20, 37), (130, 4, 16)]  # frames, pitches, hidden units


def hidden_units(a, W, y):
    """Return tanh of the units (N, V, K) as each pitch sees them: with the notes above it."""
    above = np.cumsum((y[:, :, None] * W)[:, ::-1], axis=1)[:, ::-1] - y[:, :, None] * W
    return np.tanh(a[:, None] + above)


def logits(c, a, W, U, y):
    return c + (hidden_units(a, W, y) * U).sum(axis=2)


def gradient(d, a, W, U, y):
    h = hidden_units(a, W, y)
    d_units = d[:, :, None] * U * (1 - h**2)
    below = np.cumsum(d_units, axis=1) - d_units  # a note moves the units of the pitches below it
    return d_units.sum(axis=1), (y[:, :, None] * below).sum(axis=0), (d[:, :, None] * h).sum(axis=0)


def arrays(sizes, dtype, share):
    (N, V, K), rng = sizes, np.random.default_rng(sum(sizes))
    y = (rng.random((N, V)) < share).astype(dtype)
    return *(rng.normal(size=shape).astype(dtype) for shape in ((N, V), (N, K), (V, K), (V, K))), y


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_and_gradients(dtype, width):
    tolerance = {"float32": 3e-4, "float64": 1e-11}[dtype]
    with vectors(width):
        for sizes in SIZES:
            for share in (0.0, 0.3, 1.0):
                values = arrays(sizes, dtype, share)
                exact = [v.astype("float64") for v in values]
                np.testing.assert_allclose(nade.logits(*values), logits(*exact), rtol=0, atol=tolerance)
                for got, want in zip(nade.gradient(*values), gradient(*exact), strict=True):
                    assert got.dtype == dtype
                    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


def test_the_numpy_gradient_is_one():
    c, a, W, U, y = arrays((2, 5, 3), "float64", 0.5)
    d = np.random.default_rng(9).normal(size=c.shape)
    for array, derivative in zip((a, W, U), gradient(d, a, W, U, y), strict=True):
        array[0, 1] += 1e-6
        high = (d * logits(c, a, W, U, y)).sum()
        array[0, 1] -= 2e-6
        low = (d * logits(c, a, W, U, y)).sum()
        array[0, 1] += 1e-6
        assert derivative[0, 1] == pytest.approx((high - low) / 2e-6, abs=1e-7)


def test_threads_and_order_in_memory_change_nothing_but_rounding():
    values = arrays((300, 9, 17), "float64", 0.3)
    odd = [np.asfortranarray(v) for v in values]
    with threads.using(3):
        many, again = (nade.logits(*odd), *nade.gradient(*odd)), (nade.logits(*values), *nade.gradient(*values))
    for got, same, want in zip(many, again, (nade.logits(*values), *nade.gradient(*values)), strict=True):
        np.testing.assert_array_equal(got, same)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-11)


def test_arguments_stay():
    values = arrays((3, 5, 9), "float32", 0.5)
    kept = [v.copy() for v in values]
    nade.logits(*values)
    nade.gradient(*values)
    for value, was in zip(values, kept, strict=True):
        np.testing.assert_array_equal(value, was)
