"""Rows of matrices: look-up, sums by index, and softmax cross-entropy."""

from __future__ import annotations

import functools
import math

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import threads
from charrnn.model.kernels.emit import FLAGS, INT, INT32, POINTER, Accumulator, Emitter, constant, number
from charrnn.model.kernels.jit import CompiledFunction, address


class RowEmitter(Emitter):
    """A function ``(first, last, n, addresses)`` of arrays whose rows have n numbers."""

    def __init__(self, dtype: str, n_arrays: int) -> None:
        super().__init__(ir.Module(), "rows", [INT, INT, INT, POINTER], dtype)
        self.first, self.last, self.n, addresses = self.function.args
        self.arrays = self.items(addresses, n_arrays, POINTER)

    def row(self, k: int, i: ir.Value | int) -> ir.Value:
        """Return the address of row i of array k."""
        return self.at(self.arrays[k], self.mul(number(i), self.n))

    def index(self, k: int, i: ir.Value) -> ir.Value:
        """Return number i of an int32 array."""
        return self.sext(self.read(self.arrays[k], i, INT32), INT)


def _run(function: CompiledFunction, n: int, parts: int, least: int, arrays: list[np.ndarray]) -> None:
    addresses = np.array([address(a) for a in arrays], np.uint64)
    threads.split(parts, lambda first, last: function(first, last, n, address(addresses)), least)


def take(table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return rows (N, m) of a table (V, m) by indices (N,) from 0 to V - 1, which are not checked."""
    out = np.empty((len(indices), table.shape[1]), table.dtype)

    def part(first: int, last: int) -> None:
        np.take(table, indices[first:last], axis=0, out=out[first:last], mode="clip")

    threads.split(len(indices), part, least=256)
    return out


@functools.cache
def _scatter(dtype: str) -> CompiledFunction:
    b = RowEmitter(dtype, 4)
    with b.counting(0, b.read(b.arrays[3], kind=INT)) as i:
        source, target = b.row(0, i), b.row(2, b.index(1, i))
        for j, kind in b.columns(b.first, b.last):
            b.write(b.fadd(b.read(target, j, kind), b.read(source, j, kind), flags=FLAGS), target, j)
    return b.compile()


def scatter(d: np.ndarray, indices: np.ndarray, n: int) -> np.ndarray:
    """Return rows (N, m) summed by int32 indices (N,) into (n, m). Each thread adds some of the columns."""
    out = np.zeros((n, d.shape[1]), d.dtype)
    arrays = [np.ascontiguousarray(d), np.ascontiguousarray(indices, np.int32), out, np.array([len(d)], np.int64)]
    _run(_scatter(str(d.dtype)), d.shape[1], d.shape[1], 64, arrays)
    return out


@functools.cache
def _cross_entropy(dtype: str) -> CompiledFunction:
    b = RowEmitter(dtype, 4)

    def larger(x: ir.Value, best: ir.Value) -> ir.Value:
        return b.select(b.fcmp_ordered(">", x, best), x, best)

    with b.counting(b.first, b.last) as i:
        logits, softmax = b.row(0, i), b.row(2, i)
        top = Accumulator(b, -math.inf)
        for j, kind in b.columns(0, b.n):
            top.set(larger(b.read(logits, j, kind), top.get(kind)))
        maximum = top.fold(lambda best, lane: larger(lane, best))
        total = Accumulator(b, 0.0)
        for j, kind in b.columns(0, b.n):
            value = f.exp(b, b.fsub(b.read(logits, j, kind), b.splat(maximum, kind)))
            b.write(value, softmax, j)
            total.add(value)
        whole = total.fold(b.fadd)
        inverse = b.fdiv(constant(1.0, b.scalar), whole)
        for j, kind in b.columns(0, b.n):
            b.write(b.fmul(b.read(softmax, j, kind), b.splat(inverse, kind)), softmax, j)
        chosen = b.fsub(b.read(logits, b.index(1, i)), maximum)
        b.write(b.fsub(b.intrinsic("log", whole), chosen), b.arrays[3], i)
    return b.compile()


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors (N,) in nats of logits (N, V) for int32 symbols (N,), and the softmax (N, V)."""
    softmax, errors = np.empty_like(logits), np.empty(len(logits), logits.dtype)
    _run(_cross_entropy(str(logits.dtype)), logits.shape[1], len(logits), 64, [logits, y, softmax, errors])
    return errors, softmax
