"""Kernels of the estimator of sets of notes (NADE): along the pitches of each frame, from the highest down.

Hidden units change at notes that sound. In between they stay in the cache, and a pitch costs one row of products.

The same loops in Numba take 4 to 6 times as long (88 pitches, 64 to 256 hidden units, float32, AVX2), because its tanh
is not vectorised.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import threads
from charrnn.model.kernels.emit import FLAGS, INT, Accumulator, constant
from charrnn.model.kernels.jit import CompiledFunction, address
from charrnn.model.kernels.rows import RowEmitter


class _PitchEmitter(RowEmitter):
    """A kernel of arrays a (N, K), W (V, K), y (N, V) and sizes (1,); further ones are numbered from 4 on."""

    def __init__(self, dtype: str, n_arrays: int) -> None:
        super().__init__(dtype, n_arrays)
        self.V = self.read(self.arrays[3], kind=INT)

    def pitch(self, k: int, i: ir.Value, p: ir.Value) -> ir.Value:
        """Return the address of pitch p in row i of an array (N, V)."""
        return self.at(self.arrays[k], self.add(self.mul(i, self.V), p))

    def sounds(self, i: ir.Value, p: ir.Value) -> ir.Value:
        """Return whether note p of frame i sounds."""
        return self.fcmp_unordered("!=", self.read(self.pitch(2, i, p)), constant(0.0, self.scalar))

    def begin(self, i: ir.Value, units: ir.Value, hidden: ir.Value) -> None:
        """Set the units, before tanh and after, to their values above the highest pitch."""
        for j, kind in self.columns(0, self.n):
            value = self.read(self.row(0, i), j, kind)
            self.write(value, units, j)
            self.write(f.tanh(self, value), hidden, j)

    def press(self, p: ir.Value, units: ir.Value, hidden: ir.Value) -> None:
        """Add the weights of note p to the units."""
        for j, kind in self.columns(0, self.n):
            value = self.fadd(self.read(units, j, kind), self.read(self.row(1, p), j, kind), flags=FLAGS)
            self.write(value, units, j)
            self.write(f.tanh(self, value), hidden, j)

    def accumulate(self, target: ir.Value, j: ir.Value, kind: ir.Type, x: ir.Value, y: ir.Value) -> None:
        """Add x * y to numbers of a row."""
        self.write(self.intrinsic("fmuladd", x, y, self.read(target, j, kind)), target, j)


@functools.cache
def _logits(dtype: str) -> CompiledFunction:
    b = _PitchEmitter(dtype, 7)  # and c (N, V), U (V, K), scratch (2, K); c becomes the logits
    units, hidden = b.row(6, 0), b.row(6, 1)
    with b.counting(b.first, b.last) as i:
        b.begin(i, units, hidden)
        with b.counting(0, b.V) as above:
            p = b.sub(b.sub(b.V, INT(1)), above)
            product = Accumulator(b, 0.0)
            for j, kind in b.columns(0, b.n):
                h, weight = b.read(hidden, j, kind), b.read(b.row(5, p), j, kind)
                product.set(b.intrinsic("fmuladd", h, weight, product.get(kind)))
            logit = b.pitch(4, i, p)
            b.write(product.across(b.fadd(product.get(b.scalar), b.read(logit))), logit)
            with b.if_then(b.sounds(i, p)):
                b.press(p, units, hidden)
    return b.compile()


@functools.cache
def _gradient(dtype: str) -> CompiledFunction:
    b = _PitchEmitter(dtype, 10)  # and d (N, V), U, d_a (N, K), d_W and d_U (V, K), scratch (V + 3, K)
    one = constant(1.0, b.scalar)
    units, d_hidden = b.row(9, 0), b.row(9, 1)
    run = b.variable(INT(2))  # the row of scratch with the hidden units of this run of pitches

    def through_tanh(hidden: ir.Value, d_units: ir.Value) -> None:
        for j, kind in b.columns(0, b.n):
            h = b.read(hidden, j, kind)
            slope = b.intrinsic("fmuladd", b.fneg(h), h, b.splat(one, kind))
            b.accumulate(d_units, j, kind, slope, b.read(d_hidden, j, kind))
            b.write(constant(0.0, kind), d_hidden, j)

    with b.counting(b.first, b.last) as i:
        b.store(INT(2), run)
        b.begin(i, units, b.row(9, 2))
        with b.counting(0, b.V) as above:
            p = b.sub(b.sub(b.V, INT(1)), above)
            with b.if_then(b.sounds(i, p)):
                b.store(b.add(b.load(run, typ=INT), INT(1)), run)
                b.press(p, units, b.row(9, b.load(run, typ=INT)))
        d_units = b.row(6, i)
        for j, kind in b.columns(0, b.n):
            b.write(constant(0.0, kind), d_units, j)
            b.write(constant(0.0, kind), d_hidden, j)
        with b.counting(0, b.V) as p:
            with b.if_then(b.sounds(i, p)):
                through_tanh(b.row(9, b.load(run, typ=INT)), d_units)
                b.store(b.sub(b.load(run, typ=INT), INT(1)), run)
                for j, kind in b.columns(0, b.n):
                    b.accumulate(b.row(7, p), j, kind, b.splat(one, kind), b.read(d_units, j, kind))
            d, hidden = b.read(b.pitch(4, i, p)), b.row(9, b.load(run, typ=INT))
            for j, kind in b.columns(0, b.n):
                each = b.splat(d, kind)
                b.accumulate(d_hidden, j, kind, each, b.read(b.row(5, p), j, kind))
                b.accumulate(b.row(8, p), j, kind, each, b.read(hidden, j, kind))
        through_tanh(b.row(9, b.load(run, typ=INT)), d_units)
    return b.compile()


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
        addresses = _addresses(a, W, y, sizes, out, U, scratch)  # kept until the kernel has run
        run(first, last, K, address(addresses))

    threads.split(len(y), part, least=64)
    return out


def gradient(
    d: np.ndarray, a: np.ndarray, W: np.ndarray, U: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of a, W and U, given that of the logits, d (N, V). Each thread sums separately."""
    V, K = W.shape
    d_a = np.empty_like(a, order="C")
    run = _gradient(str(d.dtype))
    d, a, W, U, y = (np.ascontiguousarray(array) for array in (d, a, W, U, y))
    sizes = np.array([V], np.int64)
    sums: dict[int, np.ndarray] = {}

    def part(first: int, last: int) -> None:
        sums[first] = total = np.zeros((2, V, K), d.dtype)
        scratch = np.empty((V + 3, K), d.dtype)
        addresses = _addresses(a, W, y, sizes, d, U, d_a, total[0], total[1], scratch)  # kept until the kernel has run
        run(first, last, K, address(addresses))

    threads.split(len(y), part, least=64)
    d_W, d_U = sum((sums[first] for first in sorted(sums)), np.zeros((2, V, K), d.dtype))
    return d_a, d_W, d_U
