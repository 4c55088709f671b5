"""A matrix product for the inside of a time loop: few rows, the same matrix at every step.

BLAS packs its right operand anew at each call, which costs as much as the product itself when the left operand has
eight rows. Here the matrix is packed once per sequence (`pack`), and a register-blocked kernel adds ``rows @ matrix``
to an initial value and stores the sum.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels.jit import INT, POINTER, host

PANEL_VECTORS = 2  # vectors of columns in one panel: with 8 rows, 16 sums in registers


def panel_width(dtype: str) -> int:
    """Return how many columns of the matrix are packed side by side."""
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
    """Return the numbers of rows that kernels exist for, largest first."""
    return [8, 4, 2, 1] if host().registers >= 32 else [4, 2, 1]


def masked(module: ir.Module, kind: str, vector: ir.VectorType, mask: ir.VectorType) -> ir.Function:
    i32 = ir.IntType(32)
    signature = {
        "load": ir.FunctionType(vector, [POINTER, i32, mask, vector]),
        "store": ir.FunctionType(ir.VoidType(), [vector, POINTER, i32, mask]),
    }[kind]
    return f.declare(module, f"llvm.masked.{kind}.{f.suffix(vector)}.p0", signature)


def column_masks(b: ir.IRBuilder, left: ir.Value, lanes: int) -> list[ir.Value]:
    """Return for each vector of a panel which of its columns exist, when so many are left."""
    kind = ir.VectorType(INT, lanes)
    numbers = ir.Constant(kind, list(range(lanes)))
    rest = [b.sub(left, INT(v * lanes)) for v in range(PANEL_VECTORS)]
    return [b.icmp_signed("<", numbers, f.splat(b, n, kind)) for n in rest]


def define(module: ir.Module, scalar: ir.Type, rows: int, transposed: bool = False) -> ir.Function:
    """Add to a module the kernel for a block of rows and one panel, and return it.

    The function takes ``(K, a, a_stride, panel, initial, initial_stride, out, out_stride, columns)``: pointers to the
    block's first numbers, strides between rows counted in numbers, and how many of the panel's columns exist. A null
    ``initial`` means zero. With ``transposed`` a holds the block's rows as columns, with a stride between the K.
    """
    lanes = host().lanes(scalar)
    vector, mask = ir.VectorType(scalar, lanes), ir.VectorType(ir.IntType(1), lanes)
    arguments = [INT, POINTER, INT, POINTER, POINTER, INT, POINTER, INT, INT]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), f"product{rows}")
    function.linkage = "internal"
    function.attributes.add("noinline")
    K, a, a_stride, panel, initial, initial_stride, out, out_stride, columns = function.args
    entry = function.append_basic_block("entry")
    b = ir.IRBuilder(entry)
    load, store = masked(module, "load", vector, mask), masked(module, "store", vector, mask)
    align, zero = ir.Constant(ir.IntType(32), 4), f.constant(0.0, vector)

    masks = column_masks(b, columns, lanes)

    # The kernel reads and writes these rows last, after a time long enough to bring them near.
    for r in range(rows):
        for start, stride, write in ((initial, initial_stride, 0), (out, out_stride, 1)):
            for v in range(PANEL_VECTORS):
                at = b.gep(start, [b.add(b.mul(stride, INT(r)), INT(v * lanes))], source_etype=scalar)
                f.prefetch(b, at, write)

    # The sums of few rows form few chains of dependent additions: unroll over k to keep the processor's pipeline full.
    unroll = max(1, 8 // (rows * PANEL_VECTORS)) if rows < 4 else 1

    def multiply(builder: ir.IRBuilder, k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
        weights = []
        for v in range(PANEL_VECTORS):
            offset = builder.add(builder.mul(k, INT(PANEL_VECTORS * lanes)), INT(v * lanes))
            weights.append(builder.load(builder.gep(panel, [offset], source_etype=scalar), typ=vector, align=4))
        result = []
        for r in range(rows):
            far, near = (k, INT(r)) if transposed else (INT(r), k)
            at = builder.gep(a, [builder.add(builder.mul(a_stride, far), near)], source_etype=scalar)
            value = f.splat(builder, builder.load(at, typ=scalar), vector)
            for v in range(PANEL_VECTORS):
                result.append(f.intrinsic(builder, "fmuladd", value, weights[v], sums[r * PANEL_VECTORS + v]))
        return result

    def loop(
        builder: ir.IRBuilder, start: ir.Value, stop: ir.Value, step: int, sums: list[ir.Value]
    ) -> tuple[ir.IRBuilder, list[ir.Value]]:
        """Run k from start to stop; ``step`` sets of sums take turns."""
        before, head = builder.block, function.append_basic_block("head")
        body, after = function.append_basic_block("body"), function.append_basic_block("after")
        builder.branch(head)
        builder.position_at_end(head)
        k = builder.phi(INT)
        k.add_incoming(start, before)
        carried = [builder.phi(vector) for _ in sums]
        for phi, value in zip(carried, sums, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", k, stop), body, after)
        builder.position_at_end(body)
        size = len(sums) // step
        new: list[ir.Value] = []
        for u in range(step):
            new += multiply(builder, builder.add(k, INT(u)), carried[u * size : (u + 1) * size])
        k.add_incoming(builder.add(k, INT(step)), body)
        for phi, value in zip(carried, new, strict=True):
            phi.add_incoming(value, body)
        builder.branch(head)
        builder.position_at_end(after)
        return builder, carried

    size = rows * PANEL_VECTORS
    whole = b.sub(K, b.srem(K, INT(unroll)))
    b, sums = loop(b, INT(0), whole, unroll, [zero] * (size * unroll))
    while len(sums) > size:
        sums = [b.fadd(x, y, flags=f.FLAGS) for x, y in zip(sums[:size], sums[size : 2 * size], strict=True)] + sums[
            2 * size :
        ]
    if unroll > 1:
        b, sums = loop(b, whole, K, 1, sums)

    def finish(builder: ir.IRBuilder, with_initial: bool) -> None:
        for r in range(rows):
            for v in range(PANEL_VECTORS):
                total = sums[r * PANEL_VECTORS + v]
                if with_initial:
                    at = builder.gep(
                        initial, [builder.add(builder.mul(initial_stride, INT(r)), INT(v * lanes))], source_etype=scalar
                    )
                    total = builder.fadd(total, builder.call(load, [at, align, masks[v], zero]), flags=f.FLAGS)
                at = builder.gep(
                    out, [builder.add(builder.mul(out_stride, INT(r)), INT(v * lanes))], source_etype=scalar
                )
                builder.call(store, [total, at, align, masks[v]])

    with b.if_else(b.icmp_unsigned("==", b.ptrtoint(initial, INT), INT(0))) as (without, with_initial):
        with without:
            finish(b, False)
        with with_initial:
            finish(b, True)
    b.ret_void()
    return function
