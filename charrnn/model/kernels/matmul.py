"""Large matrix products outside the time loop, with the kernel of `product`.

On vectors of 64 bytes this is about ten per cent faster than BLAS on the long and narrow matrices of a recurrent
network. On vectors of 32 bytes (AMD Zen 3 with OpenBLAS's Haswell kernels) it takes 0.9 to 1.2 times as long as BLAS
for products with weights, and 1.3 to 1.7 times for the weights' gradients. It adds a bias at no cost and needs no
thread pool besides `threads`. On narrower vectors numpy's BLAS is used.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import product, threads
from charrnn.model.kernels.emit import INT, NULL, POINTER, Emitter
from charrnn.model.kernels.jit import CompiledFunction, address, host

CHUNK = 64  # rows of the left operand that go through all panels in turn: they stay in the cache
DEPTH = 256  # rows of a long right operand that are packed at once
LEAST = 1 << 22  # minimum number of multiplications for several threads


def matmul(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """Return ``a @ b + bias`` for matrices (m, K) and (K, n) and a row (n,)."""
    if not _suits(a.shape[0], a.shape[1], b.shape[1], str(a.dtype)):
        out = np.dot(a, b)
        return out if bias is None else np.add(out, bias, out=out)
    item = a.itemsize
    if a.strides[1] != item and a.strides[0] == item and b.strides[1] == item and bias is None:
        return _columns_times_rows(a, b)
    return _rows_times_panels(a if a.strides[1] == item else np.ascontiguousarray(a), b, bias)


def _suits(m: int, K: int, n: int, dtype: str) -> bool:
    """Return whether the kernel is the better choice: wide vectors, enough rows, few columns of padding."""
    width = product.panel_width(dtype)
    return host().vector_bytes >= 32 and m >= 8 and K > 0 and n > 0 and -(-n // width) * width <= 1.2 * n


def _parts(m: int, K: int, n: int) -> int:
    """Return the least number of rows for a thread."""
    return m if m * K * n < LEAST else 8


def _rows_times_panels(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    (m, K), n = a.shape, b.shape[1]
    panels, out = product.pack(b), np.empty((m, n), a.dtype)
    run = _compiled(str(a.dtype), False)
    stride = a.strides[0] // a.itemsize
    row = None if bias is None else np.ascontiguousarray(bias)
    initial = None if row is None else address(row)

    def part(first: int, last: int) -> None:
        run(first, last, n, K, address(a), stride, address(panels), 0, initial, address(out), None)

    threads.split(m, part, least=_parts(m, K, n))
    return out


def _columns_times_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of two operands in the time loop's layout: a sum over all positions."""
    (m, K), n = a.shape, b.shape[1]
    out = np.empty((m, n), a.dtype)
    run = _compiled(str(a.dtype), True)
    strides = a.strides[1] // a.itemsize, b.strides[0] // b.itemsize

    def part(first: int, last: int) -> None:
        panel = np.empty(DEPTH * product.panel_width(str(a.dtype)), a.dtype)
        run(first, last, n, K, address(a), strides[0], address(b), strides[1], None, address(out), address(panel))

    threads.split(m, part, least=_parts(m, K, n))
    return out


@functools.cache
def _compiled(dtype: str, transposed: bool) -> CompiledFunction:
    """Return the loops around the product kernel for rows ``first`` to ``last`` of the result."""
    width, module = product.panel_width(dtype), ir.Module()
    kernels = {rows: product.define(module, dtype, rows, transposed) for rows in product.row_blocks()}
    arguments = [INT] * 4 + [POINTER, INT, POINTER, INT, POINTER, POINTER, POINTER]
    b = Emitter(module, "matmul", arguments, dtype)
    first, last, n, K, a, a_stride, right, right_stride, bias, out, panel = b.function.args
    zero = INT(0)

    def smaller(x: ir.Value, y: ir.Value) -> ir.Value:
        return b.select(b.icmp_signed("<", x, y), x, y)

    if transposed:
        with b.counting(0, K, DEPTH) as k:
            depth = smaller(b.sub(K, k), INT(DEPTH))
            with b.counting(0, n, width) as column:
                left = b.sub(n, column)
                _pack_panel(b, b.at(right, b.mul(k, right_stride), column), right_stride, depth, left, panel)
                for rows, row in product.in_blocks(b, first, last):
                    target = b.at(out, b.mul(row, n), column)
                    initial = b.select(b.icmp_signed("==", k, zero), NULL, target)
                    source = b.at(a, b.mul(k, a_stride), row)
                    b.call(kernels[rows], [depth, source, a_stride, panel, initial, n, target, n, left])
    else:
        with b.counting(first, last, CHUNK) as chunk:
            stop = smaller(b.add(chunk, INT(CHUNK)), last)
            with b.counting(0, n, width) as column:
                initial = b.select(b.is_null(bias), NULL, b.at(bias, column))
                packed, left = b.at(right, b.mul(column, K)), b.sub(n, column)
                for rows, row in product.in_blocks(b, chunk, stop):
                    target, source = b.at(out, b.mul(row, n), column), b.at(a, b.mul(row, a_stride))
                    b.call(kernels[rows], [K, source, a_stride, packed, initial, zero, target, n, left])
    return b.compile()


def _pack_panel(
    b: Emitter, source: ir.Value, stride: ir.Value, depth: ir.Value, left: ir.Value, panel: ir.Value
) -> None:
    """Copy a panel's columns of ``depth`` rows side by side, with zeros for columns that do not exist."""
    masks = product.column_masks(b, left)
    with b.counting(0, depth) as k:
        for v, mask in enumerate(masks):
            value = b.read_masked(b.at(source, b.mul(k, stride), v * b.lanes), mask)
            b.write(value, panel, b.add(b.mul(k, INT(product.PANEL_VECTORS * b.lanes)), INT(v * b.lanes)))
