"""A matrix product for use inside a time loop: few rows, the same matrix at every step.

BLAS packs its right operand at each call, which costs as much as the product itself if the left operand has eight rows.
Here the matrix is packed once per sequence (`pack`). A register-blocked kernel adds ``rows @ matrix`` to an initial
value and stores the sum.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from llvmlite import ir

from charrnn.model.kernels.emit import FLAGS, INT, POINTER, Emitter, constant
from charrnn.model.kernels.jit import host

PANEL_VECTORS = 2  # vectors of columns in one panel: with 8 rows, 16 sums in registers


def panel_width(dtype: str) -> int:
    """Return the number of columns of the matrix that are packed side by side."""
    return PANEL_VECTORS * host().vector_bytes // np.dtype(dtype).itemsize


def pack(matrix: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return a matrix (K, N) as panels (ceil(N / width), K, width), the last one padded with zeros."""
    K, N = matrix.shape
    width = panel_width(str(matrix.dtype))
    whole, rest = divmod(N, width)
    panels = np.empty((whole + bool(rest), K, width), matrix.dtype) if out is None else out
    panels[:whole] = matrix[:, : whole * width].reshape(K, whole, width).transpose(1, 0, 2)
    if rest:
        panels[whole, :, :rest] = matrix[:, whole * width :]
        panels[whole, :, rest:] = 0
    return panels


def row_blocks() -> list[int]:
    """Return the sizes of the blocks of rows that kernels exist for, largest first."""
    return [8, 4, 2, 1] if host().registers >= 32 else [4, 2, 1]


def in_blocks(b: Emitter, first: ir.Value, last: ir.Value) -> Iterator[tuple[int, ir.Value]]:
    """Emit loops over blocks of rows, the largest blocks first; yields a block's number of rows and its first row."""
    row = first
    for rows in row_blocks():
        stop = b.add(row, b.mul(b.sdiv(b.sub(last, row), INT(rows)), INT(rows)))
        with b.counting(row, stop, rows) as r:
            yield rows, r
        row = stop


def column_masks(b: Emitter, left: ir.Value) -> list[ir.Value]:
    """Return, for each vector of a panel, a mask of its existing columns; ``left`` columns are left."""
    kind = ir.VectorType(INT, b.lanes)
    numbers = ir.Constant(kind, list(range(b.lanes)))
    rest = [b.sub(left, INT(v * b.lanes)) for v in range(PANEL_VECTORS)]
    return [b.icmp_signed("<", numbers, b.splat(n, kind)) for n in rest]


def define(module: ir.Module, dtype: str, rows: int, transposed: bool = False) -> ir.Function:
    """Add to a module the kernel for a block of rows and one panel, and return it.

    The function takes ``(K, a, a_stride, panel, initial, initial_stride, out, out_stride, columns)``: pointers to the
    block's first numbers, strides between rows counted in numbers, and the number of existing columns of the panel. A
    null ``initial`` means zero. With ``transposed``, a holds the block's rows as columns, and its stride is between
    successive k.
    """
    arguments = [INT, POINTER, INT, POINTER, POINTER, INT, POINTER, INT, INT]
    b = Emitter(module, f"product{rows}", arguments, dtype)
    b.function.linkage = "internal"
    b.function.attributes.add("noinline")
    K, a, a_stride, panel, initial, initial_stride, out, out_stride, columns = b.function.args
    masks = column_masks(b, columns)

    def at(start: ir.Value, stride: ir.Value, r: int, v: int) -> ir.Value:
        return b.at(start, b.mul(stride, INT(r)), v * b.lanes)

    # The kernel reads and writes these rows last; by then they are in the cache.
    for r in range(rows):
        for start, stride, write in ((initial, initial_stride, False), (out, out_stride, True)):
            for v in range(PANEL_VECTORS):
                b.prefetch(at(start, stride, r, v), write)

    def multiply(k: ir.Value, sums: list[ir.Value]) -> None:
        """Add the products of column k of the rows and row k of the panel to the sums, which are variables."""
        start = b.mul(k, INT(PANEL_VECTORS * b.lanes))
        weights = [b.read(panel, b.add(start, INT(v * b.lanes)), b.vector) for v in range(PANEL_VECTORS)]
        for r in range(rows):
            far, near = (k, INT(r)) if transposed else (INT(r), k)
            value = b.splat(b.read(a, b.add(b.mul(a_stride, far), near)), b.vector)
            for v, place in enumerate(sums[r * PANEL_VECTORS : (r + 1) * PANEL_VECTORS]):
                b.store(b.intrinsic("fmuladd", value, weights[v], b.load(place, typ=b.vector)), place)

    # Few rows have few sums, hence few chains of dependent additions. Several sets of sums, which take turns over k,
    # keep the processor's pipeline full.
    sets = max(1, 8 // (rows * PANEL_VECTORS)) if rows < 4 else 1
    size = rows * PANEL_VECTORS
    sums = [b.variable(constant(0.0, b.vector)) for _ in range(size * sets)]
    whole = b.sub(K, b.srem(K, INT(sets)))
    with b.counting(0, whole, sets) as k:
        for s in range(sets):
            multiply(b.add(k, INT(s)), sums[s * size : (s + 1) * size])
    for place, *others in (sums[n::size] for n in range(size)):
        for other in others:
            total = b.fadd(b.load(place, typ=b.vector), b.load(other, typ=b.vector), flags=FLAGS)
            b.store(total, place)
    if sets > 1:
        with b.counting(whole, K) as k:
            multiply(k, sums[:size])
    totals = [b.load(place, typ=b.vector) for place in sums[:size]]

    def finish(with_initial: bool) -> None:
        for n, total in enumerate(totals):
            r, v = divmod(n, PANEL_VECTORS)
            if with_initial:
                start = b.read_masked(at(initial, initial_stride, r, v), masks[v])
                total = b.fadd(total, start, flags=FLAGS)
            b.write_masked(total, at(out, out_stride, r, v), masks[v])

    with b.if_else(b.is_null(initial)) as (without, with_initial):
        with without:
            finish(False)
        with with_initial:
            finish(True)
    b.ret_void()
    return b.function
