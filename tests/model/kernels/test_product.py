import functools

import numpy as np
import pytest
from llvmlite import ir

from charrnn.model.kernels import product
from charrnn.model.kernels.jit import CompiledFunction


@functools.cache
def kernel(dtype, rows):
    module = ir.Module()
    function = product.define(module, dtype, rows)
    function.linkage = "external"
    return CompiledFunction(module, function.name)


def multiply(a, matrix, initial=None, guard=99.0):
    """Multiply as the time loop does, into rows that lie apart with a guard around them."""
    rows, K = a.shape
    N, width, size = matrix.shape[1], product.panel_width(a.dtype.name), a.itemsize
    panels = product.pack(matrix)
    out = np.full((rows + 1, N + 3), guard, a.dtype)
    for panel, column in enumerate(range(0, N, width)):
        kernel(a.dtype.name, rows)(
            K, a.ctypes.data, a.strides[0] // size, panels[panel].ctypes.data,
            None if initial is None else initial.ctypes.data + column * size,
            0 if initial is None else initial.strides[0] // size,
            out.ctypes.data + column * size, out.strides[0] // size, N - column,
        )  # fmt: skip
    assert (out[rows] == guard).all()
    assert (out[:, N:] == guard).all()
    return out[:rows, :N]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", product.row_blocks())
def test_masked_edges(dtype, rows):
    rng = np.random.default_rng(0)
    width = product.panel_width(dtype)
    for N in (1, 2, width // 2, width // 2 + 1, width - 1, width, width + 1, 2 * width, 2 * width + 5):
        for K in (1, 2, 7, 16):
            a = rng.normal(size=(rows, K + 2)).astype(dtype)[:, :K]  # rows further apart than their length
            matrix = rng.normal(size=(K, N)).astype(dtype)
            initial = rng.normal(size=(rows, N + 1)).astype(dtype)[:, :N]
            few = 20 * np.finfo(dtype).eps
            np.testing.assert_allclose(multiply(a, matrix), a @ matrix, rtol=few, atol=few)
            np.testing.assert_allclose(multiply(a, matrix, initial), initial + a @ matrix, rtol=few, atol=2 * few)


def test_an_empty_sum_is_the_initial_value():
    initial = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(multiply(np.empty((2, 0)), np.empty((0, 3)), initial), initial)
    np.testing.assert_array_equal(multiply(np.empty((2, 0)), np.empty((0, 3))), np.zeros((2, 3)))


def test_not_a_number_spoils_its_own_row_and_column_only():
    a, matrix = np.ones((2, 5)), np.ones((5, 3))
    a[0, 1], matrix[2, 1] = np.nan, np.inf
    np.testing.assert_array_equal(multiply(a, matrix), a @ matrix)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (5, 64), (2, 0)])
def test_packing(dtype, shape):
    width = product.panel_width(dtype)
    matrix = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    for source in (matrix, np.asfortranarray(matrix)):
        panels = product.pack(source)
        side_by_side = panels.transpose(1, 0, 2).reshape(shape[0], -1)
        np.testing.assert_array_equal(side_by_side[:, : shape[1]], matrix)
        assert not side_by_side[:, shape[1] :].any()
        assert panels.shape == (-(-shape[1] // width), shape[0], width)
        reused = product.pack(source, np.full_like(panels, 7))
        np.testing.assert_array_equal(reused, panels)
