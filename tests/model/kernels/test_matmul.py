"""Large products against numpy, for operands that lie in memory in every way that the graphs make."""

import numpy as np
import pytest

from charrnn.model.kernels import matmul, threads

SHAPES = [(1, 1, 1), (3, 5, 7), (16, 128, 65), (130, 300, 64), (40, 1600, 97), (257, 513, 33), (9, 1, 40)]  # m, K, n


def ways(array):
    """Return the same matrix row by row, column by column, and as some columns of a wider one."""
    wide = np.full((array.shape[0], array.shape[1] + 5), np.nan, array.dtype)
    wide[:, 2:-3] = array
    return [array, np.ascontiguousarray(array.T).T, wide[:, 2:-3]]


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_products(shape, dtype, n_threads):
    (m, K, n), rng = shape, np.random.default_rng(0)
    a, b, bias = (rng.normal(size=size).astype(dtype) for size in ((m, K), (K, n), n))
    expected = a.astype("float64") @ b
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype] * max(1, abs(expected).max())
    with threads.using(n_threads):
        for left in ways(a):
            for right in ways(b):
                np.testing.assert_allclose(matmul.matmul(left, right), expected, rtol=0, atol=tolerance)
                np.testing.assert_allclose(
                    matmul.matmul(left, right, bias), expected + bias.astype("float64"), rtol=0, atol=tolerance
                )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernels_where_blas_would_be_chosen(shape, dtype):
    (m, K, n), rng = shape, np.random.default_rng(1)
    a, b = (rng.normal(size=size).astype(dtype) for size in ((m, K), (K, n)))
    expected = a.astype("float64") @ b
    tolerance = {"float32": 2e-5, "float64": 1e-12}[dtype] * max(1, abs(expected).max())
    np.testing.assert_allclose(matmul._rows_times_panels(a, b, None), expected, rtol=0, atol=tolerance)
    columns = np.ascontiguousarray(a.T).T
    np.testing.assert_allclose(matmul._columns_times_rows(columns, b), expected, rtol=0, atol=tolerance)


def test_empty_operands():
    for m, K, n in ((0, 3, 2), (2, 0, 3), (2, 3, 0)):
        np.testing.assert_array_equal(matmul.matmul(np.ones((m, K)), np.ones((K, n))), np.zeros((m, n)))


def test_same_bits_for_the_same_number_of_threads():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(64, 4000)).astype("float32"), rng.normal(size=(4000, 96)).astype("float32")
    for left in (a, np.ascontiguousarray(a.T).T):
        with threads.using(3):
            first, second = matmul.matmul(left, b), matmul.matmul(left, b)
        np.testing.assert_array_equal(first, second)
