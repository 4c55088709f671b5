"""Kernels of the estimator of `charrnn.model.heads.nade`: along the pitches of each frame, from the highest down.

Hidden units change at notes that sound. In between they stay in the cache, and a pitch costs one row of products.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import threads
from charrnn.model.kernels.jit import INT, CompiledFunction, address, host
from charrnn.model.kernels.loop import counting
from charrnn.model.kernels.rows import Emitter


class _Pitches(Emitter):
    """The loops of a kernel; arrays are a (N, K), W (V, K), y (N, V), the sizes (2,), and others from number 4 on."""

    def __init__(self, dtype: str, n_arrays: int) -> None:
        super().__init__(dtype, n_arrays)
        self.V = self.b.load(self.arrays[3], typ=INT)

    def at(self, k: int, i: ir.Value, p: ir.Value) -> ir.Value:
        """Return the address of pitch p in row i of an array (N, V)."""
        return self.b.gep(self.arrays[k], [self.b.add(self.b.mul(i, self.V), p)], source_etype=self.scalar)

    def sounds(self, i: ir.Value, p: ir.Value) -> ir.Value:
        note = self.b.load(self.at(2, i, p), typ=self.scalar)
        return self.b.fcmp_unordered("!=", note, f.constant(0.0, self.scalar))

    def begin(self, i: ir.Value, units: ir.Value, hidden: ir.Value) -> None:
        """Set the units before tanh and after as they are above the highest pitch."""

        def copy(j: ir.Value, kind: ir.Type) -> None:
            value = self.load(self.row(0, i), j, kind)
            self.store(value, units, j)
            self.store(f.tanh(self.b, value), hidden, j)

        self.columns(INT(0), self.n, copy)

    def press(self, p: ir.Value, units: ir.Value, hidden: ir.Value) -> None:
        """Add what note p does to the units."""

        def add(j: ir.Value, kind: ir.Type) -> None:
            value = self.b.fadd(self.load(units, j, kind), self.load(self.row(1, p), j, kind), flags=f.FLAGS)
            self.store(value, units, j)
            self.store(f.tanh(self.b, value), hidden, j)

        self.columns(INT(0), self.n, add)

    def accumulate(self, target: ir.Value, j: ir.Value, kind: ir.Type, x: ir.Value, y: ir.Value) -> None:
        """Add x * y to numbers of a row."""
        self.store(f.intrinsic(self.b, "fmuladd", x, y, self.load(target, j, kind)), target, j)


@functools.cache
def _logits(dtype: str) -> CompiledFunction:
    e = _Pitches(dtype, 7)  # and c (N, V), U (V, K), scratch (2, K); c becomes the logits
    b, vector = e.b, ir.VectorType(e.scalar, host().lanes(e.scalar))
    units, hidden = e.row(6, INT(0)), e.row(6, INT(1))
    zeros, zero = f.constant(0.0, vector), f.constant(0.0, e.scalar)
    lanes, single = e.variable(zeros), e.variable(zero)
    with counting(b, e.first, e.last) as i:
        e.begin(i, units, hidden)
        with counting(b, INT(0), e.V) as above:
            p = b.sub(b.sub(e.V, INT(1)), above)
            b.store(zeros, lanes)
            b.store(zero, single)

            def multiply(j: ir.Value, kind: ir.Type, p: ir.Value = p) -> None:
                place = lanes if isinstance(kind, ir.VectorType) else single
                product = f.intrinsic(
                    b, "fmuladd", e.load(hidden, j, kind), e.load(e.row(5, p), j, kind), b.load(place, typ=kind)
                )
                b.store(product, place)

            e.columns(INT(0), e.n, multiply)
            start = b.fadd(b.load(single, typ=e.scalar), b.load(e.at(4, i, p), typ=e.scalar))
            b.store(f.total(b, start, b.load(lanes, typ=vector)), e.at(4, i, p))
            with b.if_then(e.sounds(i, p)):
                e.press(p, units, hidden)
    return e.finish()


@functools.cache
def _gradient(dtype: str) -> CompiledFunction:
    e = _Pitches(dtype, 10)  # and d (N, V), U, d_a (N, K), d_W and d_U (V, K), scratch (V + 3, K)
    b = e.b
    one = f.constant(1.0, e.scalar)
    units, d_hidden = e.row(9, INT(0)), e.row(9, INT(1))
    run = e.variable(INT(2))  # the row of scratch with the hidden units of this run of pitches
    with counting(b, e.first, e.last) as i:
        b.store(INT(2), run)
        e.begin(i, units, e.row(9, INT(2)))
        with counting(b, INT(0), e.V) as above:
            p = b.sub(b.sub(e.V, INT(1)), above)
            with b.if_then(e.sounds(i, p)):
                b.store(b.add(b.load(run, typ=INT), INT(1)), run)
                e.press(p, units, e.row(9, b.load(run, typ=INT)))
        d_units = e.row(6, i)

        def blank(j: ir.Value, kind: ir.Type, d_units: ir.Value = d_units) -> None:
            e.store(f.constant(0.0, kind), d_units, j)
            e.store(f.constant(0.0, kind), d_hidden, j)

        e.columns(INT(0), e.n, blank)

        def through_tanh(d_units: ir.Value = d_units) -> None:
            hidden = e.row(9, b.load(run, typ=INT))

            def differentiate(j: ir.Value, kind: ir.Type) -> None:
                h = e.load(hidden, j, kind)
                slope = f.intrinsic(b, "fmuladd", b.fneg(h), h, f.splat(b, one, kind))
                e.accumulate(d_units, j, kind, slope, e.load(d_hidden, j, kind))
                e.store(f.constant(0.0, kind), d_hidden, j)

            e.columns(INT(0), e.n, differentiate)

        with counting(b, INT(0), e.V) as p:
            with b.if_then(e.sounds(i, p)):
                through_tanh()
                b.store(b.sub(b.load(run, typ=INT), INT(1)), run)

                def weigh(j: ir.Value, kind: ir.Type, p: ir.Value = p, d_units: ir.Value = d_units) -> None:
                    e.accumulate(e.row(7, p), j, kind, f.splat(b, one, kind), e.load(d_units, j, kind))

                e.columns(INT(0), e.n, weigh)
            d, hidden = b.load(e.at(4, i, p), typ=e.scalar), e.row(9, b.load(run, typ=INT))

            def back(j: ir.Value, kind: ir.Type, p: ir.Value = p, d: ir.Value = d, hidden: ir.Value = hidden) -> None:
                each = f.splat(b, d, kind)
                e.accumulate(d_hidden, j, kind, each, e.load(e.row(5, p), j, kind))
                e.accumulate(e.row(8, p), j, kind, each, e.load(hidden, j, kind))

            e.columns(INT(0), e.n, back)
        through_tanh()
    return e.finish()


def _addresses(*arrays: np.ndarray) -> np.ndarray:
    return np.array([address(array) for array in arrays], np.uint64)


def logits(c: np.ndarray, a: np.ndarray, W: np.ndarray, U: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the logits (N, V) of frames y (N, V): for c (N, V), a (N, K), W and U (V, K)."""
    (V, K), out = W.shape, c.copy()
    run = _logits(str(c.dtype))
    a, W, U, y = (np.ascontiguousarray(array) for array in (a, W, U, y))
    sizes = np.array([V], np.int64)

    def part(first: int, last: int) -> None:
        scratch = np.empty((2, K), c.dtype)
        addresses = _addresses(a, W, y, sizes, out, U, scratch)
        run(first, last, K, addresses.ctypes.data)

    threads.split(len(y), part, least=64)
    return out


def gradient(
    d: np.ndarray, a: np.ndarray, W: np.ndarray, U: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of a, W and U for that of the logits, d (N, V). Each thread has sums of its own."""
    V, K = W.shape
    d_a = np.empty_like(a, order="C")
    run = _gradient(str(d.dtype))
    d, a, W, U, y = (np.ascontiguousarray(array) for array in (d, a, W, U, y))
    sizes = np.array([V], np.int64)
    sums: dict[int, np.ndarray] = {}

    def part(first: int, last: int) -> None:
        sums[first] = total = np.zeros((2, V, K), d.dtype)
        scratch = np.empty((V + 3, K), d.dtype)
        addresses = _addresses(a, W, y, sizes, d, U, d_a, total[0], total[1], scratch)
        run(first, last, K, addresses.ctypes.data)

    threads.split(len(y), part, least=64)
    d_W, d_U = sum((sums[first] for first in sorted(sums)), np.zeros((2, V, K), d.dtype))
    return d_a, d_W, d_U
