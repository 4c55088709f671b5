"""Large matrix products outside the time loop, with the kernel of `product`.

Where a processor has wide vectors this is some ten per cent faster than BLAS on the long and narrow matrices of a
recurrent network, adds a bias for nothing, and needs no thread pool beside `threads`. Elsewhere numpy's BLAS is used.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import product, threads
from charrnn.model.kernels.jit import INT, POINTER, CompiledFunction, address, host, scalar_type
from charrnn.model.kernels.loop import counting

CHUNK = 64  # rows of the left operand that go through all panels before the next: they stay in the cache
DEPTH = 256  # rows of a long right operand that are packed at a time
LEAST = 1 << 22  # multiplications that are worth several threads


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
    """Say whether the kernel is the better choice: wide vectors, rows enough, few columns of padding."""
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
    """Both operands as they come out of the time loop: a sum over all positions."""
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
    scalar, width = scalar_type(dtype), product.panel_width(dtype)
    module = ir.Module()
    kernels = {rows: product.define(module, scalar, rows, transposed) for rows in product.row_blocks()}
    arguments = [INT] * 4 + [POINTER, INT, POINTER, INT, POINTER, POINTER, POINTER]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), "matmul")
    first, last, n, K, a, a_stride, right, right_stride, bias, out, panel = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    zero, null = INT(0), ir.Constant(POINTER, None)

    def at(base: ir.Value, *offsets: ir.Value) -> ir.Value:
        return b.gep(base, [functools.reduce(b.add, offsets)], source_etype=scalar)

    def blocks(start: ir.Value, stop: ir.Value, emit) -> None:
        row = start
        for rows in product.row_blocks():
            end = b.add(row, b.mul(b.sdiv(b.sub(stop, row), INT(rows)), INT(rows)))
            with counting(b, row, end, rows) as r:
                emit(rows, r)
            row = end

    def smaller(x: ir.Value, y: ir.Value) -> ir.Value:
        return b.select(b.icmp_signed("<", x, y), x, y)

    if transposed:
        with counting(b, zero, K, DEPTH) as k:
            depth = smaller(b.sub(K, k), INT(DEPTH))
            with counting(b, zero, n, width) as column:
                left = b.sub(n, column)
                _pack_panel(b, scalar, at(right, b.mul(k, right_stride), column), right_stride, depth, left, panel)

                def block(rows: int, row: ir.Value, k=k, column=column, left=left, depth=depth) -> None:
                    target = at(out, b.mul(row, n), column)
                    initial = b.select(b.icmp_signed("==", k, zero), null, target)
                    source = at(a, b.mul(k, a_stride), row)
                    b.call(kernels[rows], [depth, source, a_stride, panel, initial, n, target, n, left])

                blocks(first, last, block)
    else:
        with counting(b, first, last, CHUNK) as chunk:
            stop = smaller(b.add(chunk, INT(CHUNK)), last)
            with counting(b, zero, n, width) as column:
                here = at(bias, column)
                initial = b.select(b.icmp_unsigned("==", b.ptrtoint(bias, INT), zero), null, here)

                def chunk_block(rows: int, row: ir.Value, column=column, initial=initial) -> None:
                    target, packed = at(out, b.mul(row, n), column), at(right, b.mul(column, K))
                    source = at(a, b.mul(row, a_stride))
                    left = b.sub(n, column)
                    b.call(kernels[rows], [K, source, a_stride, packed, initial, zero, target, n, left])

                blocks(chunk, stop, chunk_block)
    b.ret_void()
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    kinds = [integer] * 4 + [pointer, integer, pointer, integer, pointer, pointer, pointer]
    return CompiledFunction(module, "matmul", kinds)


def _pack_panel(b, scalar: ir.Type, source, stride, depth, left, panel) -> None:
    """Copy a panel's columns of ``depth`` rows side by side; of columns that do not exist, zeros."""
    lanes = host().lanes(scalar)
    vector = ir.VectorType(scalar, lanes)
    masks = product.column_masks(b, left, lanes)
    load = product.masked(b.module, "load", vector, masks[0].type)
    zeros, align = f.constant(0.0, vector), ir.Constant(ir.IntType(32), 4)
    with counting(b, INT(0), depth) as k:
        for v, mask in enumerate(masks):
            offset = b.add(b.mul(k, stride), INT(v * lanes))
            value = b.call(load, [b.gep(source, [offset], source_etype=scalar), align, mask, zeros])
            place = b.add(b.mul(k, INT(product.PANEL_VECTORS * lanes)), INT(v * lanes))
            b.store(value, b.gep(panel, [place], source_etype=scalar), align=4)
