"""Kernels over rows: looking them up, adding them up by index, and the softmax cross-entropy of each."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

import numpy as np
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import threads
from charrnn.model.kernels.jit import INT, POINTER, CompiledFunction, address, host, scalar_type
from charrnn.model.kernels.loop import counting

INDEX = ir.IntType(32)


class Emitter:
    """A function (first, last, n, addresses) being written, and what its body needs."""

    def __init__(self, dtype: str, n_arrays: int) -> None:
        self.scalar, self.align = scalar_type(dtype), np.dtype(dtype).itemsize
        self.module = ir.Module()
        signature = ir.FunctionType(ir.VoidType(), [INT, INT, INT, POINTER])
        function = ir.Function(self.module, signature, "rows")
        self.first, self.last, self.n, addresses = function.args
        self.b = b = ir.IRBuilder(function.append_basic_block("entry"))
        self.arrays = [b.load(b.gep(addresses, [INT(k)], source_etype=POINTER), typ=POINTER) for k in range(n_arrays)]

    def row(self, k: int, i: ir.Value) -> ir.Value:
        """Return the address of row i of array k, whose rows have n numbers."""
        return self.b.gep(self.arrays[k], [self.b.mul(i, self.n)], source_etype=self.scalar)

    def index(self, k: int, i: ir.Value) -> ir.Value:
        """Return number i of an index array."""
        return self.b.sext(self.b.load(self.b.gep(self.arrays[k], [i], source_etype=INDEX), typ=INDEX), INT)

    def load(self, row: ir.Value, j: ir.Value, kind: ir.Type) -> ir.Value:
        return self.b.load(self.b.gep(row, [j], source_etype=self.scalar), typ=kind, align=self.align)

    def store(self, value: ir.Value, row: ir.Value, j: ir.Value) -> None:
        self.b.store(value, self.b.gep(row, [j], source_etype=self.scalar), align=self.align)

    def columns(self, start: ir.Value, stop: ir.Value, body: Callable[[ir.Value, ir.Type], None]) -> None:
        """Emit a body for whole vectors of columns and one for single ones that are left."""
        lanes = host().lanes(self.scalar)
        whole = self.b.sub(stop, self.b.srem(self.b.sub(stop, start), INT(lanes)))
        with counting(self.b, start, whole, lanes) as j:
            body(j, ir.VectorType(self.scalar, lanes))
        with counting(self.b, whole, stop) as j:
            body(j, self.scalar)

    def variable(self, value: ir.Value) -> ir.Value:
        with self.b.goto_entry_block():
            place = self.b.alloca(value.type)
        self.b.store(value, place)
        return place

    def finish(self) -> CompiledFunction:
        self.b.ret_void()
        integer = ctypes.c_int64
        return CompiledFunction(self.module, "rows", [integer, integer, integer, ctypes.c_void_p])


def _run(function: CompiledFunction, n: int, parts: int, least: int, arrays: list[np.ndarray]) -> None:
    addresses = np.array([address(a) for a in arrays], np.uint64)
    threads.split(parts, lambda first, last: function(first, last, n, addresses.ctypes.data), least)


@functools.cache
def _take(dtype: str) -> CompiledFunction:
    e = Emitter(dtype, 3)
    with counting(e.b, e.first, e.last) as i:
        source, target = e.row(0, e.index(1, i)), e.row(2, i)
        e.columns(INT(0), e.n, lambda j, kind: e.store(e.load(source, j, kind), target, j))
    return e.finish()


def take(table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return rows (N, m) of a table (V, m) by int32 indices (N,), which nobody checks."""
    out = np.empty((len(indices), table.shape[1]), table.dtype)
    _run(_take(str(table.dtype)), table.shape[1], len(indices), 256, [np.ascontiguousarray(table), indices, out])
    return out


@functools.cache
def _scatter(dtype: str) -> CompiledFunction:
    e = Emitter(dtype, 4)
    count = e.b.load(e.arrays[3], typ=INT)
    with counting(e.b, INT(0), count) as i:
        source, target = e.row(0, i), e.row(2, e.index(1, i))

        def add(j: ir.Value, kind: ir.Type) -> None:
            total = e.b.fadd(e.load(target, j, kind), e.load(source, j, kind), flags=f.FLAGS)
            e.store(total, target, j)

        e.columns(e.first, e.last, add)
    return e.finish()


def scatter(d: np.ndarray, indices: np.ndarray, n: int) -> np.ndarray:
    """Return rows (N, m) summed by int32 indices (N,) into (n, m). Each thread adds some of the columns."""
    out = np.zeros((n, d.shape[1]), d.dtype)
    arrays = [np.ascontiguousarray(d), np.ascontiguousarray(indices, np.int32), out, np.array([len(d)], np.int64)]
    _run(_scatter(str(d.dtype)), d.shape[1], d.shape[1], 64, arrays)
    return out


@functools.cache
def _cross_entropy(dtype: str) -> CompiledFunction:
    e = Emitter(dtype, 4)
    b, scalar, lanes = e.b, e.scalar, host().lanes(e.scalar)
    vector = ir.VectorType(scalar, lanes)
    low = ir.Constant(scalar, float("-inf"))
    with counting(b, e.first, e.last) as i:
        logits, softmax = e.row(0, i), e.row(2, i)
        tops, top = e.variable(f.splat(b, low, vector)), e.variable(low)
        total, totals = e.variable(ir.Constant(scalar, 0.0)), e.variable(f.splat(b, ir.Constant(scalar, 0.0), vector))

        def places(kind: ir.Type, of_vector: ir.Value, of_scalar: ir.Value) -> ir.Value:
            return of_vector if isinstance(kind, ir.VectorType) else of_scalar

        def highest(j: ir.Value, kind: ir.Type) -> None:
            place = places(kind, tops, top)
            value, best = e.load(logits, j, kind), b.load(place, typ=kind)
            b.store(b.select(b.fcmp_ordered(">", value, best), value, best), place)

        e.columns(INT(0), e.n, highest)
        across = b.load(tops, typ=vector)
        for lane in range(lanes):
            value, best = b.extract_element(across, INT(lane)), b.load(top, typ=scalar)
            b.store(b.select(b.fcmp_ordered(">", value, best), value, best), top)
        maximum = b.load(top, typ=scalar)

        def exponential(j: ir.Value, kind: ir.Type) -> None:
            value = f.exp(b, b.fsub(e.load(logits, j, kind), f.splat(b, maximum, kind)))
            e.store(value, softmax, j)
            place = places(kind, totals, total)
            b.store(b.fadd(b.load(place, typ=kind), value, flags=f.FLAGS), place)

        e.columns(INT(0), e.n, exponential)
        across = b.load(totals, typ=vector)
        for lane in range(lanes):
            b.store(b.fadd(b.load(total, typ=scalar), b.extract_element(across, INT(lane))), total)
        whole_sum = b.load(total, typ=scalar)
        inverse = b.fdiv(ir.Constant(scalar, 1.0), whole_sum)

        def normalise(j: ir.Value, kind: ir.Type) -> None:
            e.store(b.fmul(e.load(softmax, j, kind), f.splat(b, inverse, kind)), softmax, j)

        e.columns(INT(0), e.n, normalise)
        chosen = b.fsub(e.load(logits, e.index(1, i), scalar), maximum)
        error = b.fsub(f.intrinsic(b, "log", whole_sum), chosen)
        b.store(error, b.gep(e.arrays[3], [i], source_etype=scalar))
    return e.finish()


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors (N,) in nats of logits (N, V) for int32 symbols (N,), and the softmax (N, V)."""
    softmax, errors = np.empty_like(logits), np.empty(len(logits), logits.dtype)
    _run(_cross_entropy(str(logits.dtype)), logits.shape[1], len(logits), 64, [logits, y, softmax, errors])
    return errors, softmax
