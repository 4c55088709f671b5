"""The loop that writes: each step reads the symbol drawn in the step before."""

from __future__ import annotations

import itertools

import numpy as np
from llvmlite import ir
from pytensor.graph.fg import FunctionGraph

from charrnn.model.kernels import functions as f
from charrnn.model.kernels.jit import INT, POINTER, host
from charrnn.model.kernels.loop import LoopKernel, counting

SYMBOL = ir.IntType(32)


class WritingKernel(LoopKernel):
    """A network's step whose input is looked up by the last symbol and whose last output are logits to draw the next
    one from.

    Parameters
    ----------
    graph : FunctionGraph
        Hoisted values of the symbol, states, leaves to new states and logits.
    weights : set of int
        Which inputs are weights.
    dtype : {"float32", "float64"}
    n_hoisted : int
        How many inputs come from the symbol.
    """

    def __init__(self, graph: FunctionGraph, weights: set[int], dtype: str, n_hoisted: int) -> None:
        self._n_hoisted = n_hoisted
        n_states = len(graph.outputs) - 1
        super().__init__(graph, weights, dtype, carried={n_hoisted + k: k for k in range(n_states)})

    def write(
        self,
        table: np.ndarray,
        leaves: list[np.ndarray],
        panels: list[np.ndarray],
        start: np.ndarray,
        states: list[np.ndarray],
        uniforms: np.ndarray,
        temp: float,
        argmax: bool,
        skip: int,
        split,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Write n symbols in each of R rows.

        Parameters
        ----------
        table : array (V, M)
            The hoisted values of every symbol.
        leaves, panels : list of array
            The step's leaves, and its weights as `pack` returns them.
        start : int32 array (R,)
        states : list of array (R, H)
        uniforms : array (n, R)
        temp : float
        argmax : bool
        skip : int
            The first so many symbols are never written.
        split : callable
            Runs parts of the rows on threads.

        Returns
        -------
        symbols : int32 array (n, R)
        states : list of array (R, H)
        """
        n, R = uniforms.shape
        V = table.shape[0]
        now = np.empty((1, R, table.shape[1]), self.dtype)
        bounds = np.cumsum([0, *(self.program.stored[v].width for v in self.program.graph.inputs[: self._n_hoisted])])
        columns = [now[:, :, a:b] for a, b in itertools.pairwise(bounds)]
        new = [np.empty((2, R, s.shape[1]), self.dtype) for s in states]
        logits = np.empty((1, R, V), self.dtype)
        inputs = [*columns, *(np.ascontiguousarray(s)[None] for s in states), *leaves]
        arguments = self.arrays(inputs, [*new, logits], R, panels=panels)
        symbols = np.empty((n, R), np.int32)
        settings = np.array([0.0 if argmax else 1 / temp], self.dtype)
        sizes = np.array([R, table.shape[1], V, skip], np.int64)
        arguments.keep_extra([table, np.array(start, np.int32), symbols, uniforms, settings, sizes, now, logits])
        split(R, lambda first, last: self(n, first, last, arguments))
        return symbols, [s[(n - 1) & 1] for s in new]

    def _emit_step(self, b: ir.IRBuilder, i: ir.Value) -> None:
        table, current, symbols, uniforms, settings, sizes, now, logits = (
            b.load(b.gep(self._extra, [INT(k)], source_etype=POINTER), typ=POINTER) for k in range(8)
        )
        R, M, V, skip = (b.load(b.gep(sizes, [INT(k)], source_etype=INT), typ=INT) for k in range(4))
        with counting(b, self._first, self._last) as row:
            symbol = b.sext(b.load(b.gep(current, [row], source_etype=SYMBOL), typ=SYMBOL), INT)
            self._copy(
                b,
                b.gep(table, [b.mul(symbol, M)], source_etype=self.scalar),
                b.gep(now, [b.mul(row, M)], source_etype=self.scalar),
                M,
            )
        super()._emit_step(b, i)
        with counting(b, self._first, self._last) as row:
            at = b.add(b.mul(i, R), row)
            u = b.load(b.gep(uniforms, [at], source_etype=self.scalar), typ=self.scalar)
            inverse = b.load(settings, typ=self.scalar)
            # What is skipped lies before the symbols to draw from.
            left = b.sub(V, skip)
            drawn = self._draw(
                b, b.gep(logits, [b.add(b.mul(row, V), skip)], source_etype=self.scalar), left, u, inverse
            )
            symbol = b.add(drawn, skip)
            symbol = b.trunc(symbol, SYMBOL)
            b.store(symbol, b.gep(symbols, [at], source_etype=SYMBOL))
            b.store(symbol, b.gep(current, [row], source_etype=SYMBOL))

    def _copy(self, b: ir.IRBuilder, source: ir.Value, target: ir.Value, n: ir.Value) -> None:
        lanes, align = host().lanes(self.scalar), np.dtype(self.dtype).itemsize
        whole = b.sub(n, b.srem(n, INT(lanes)))
        for kind, start, stop, step in (
            (ir.VectorType(self.scalar, lanes), INT(0), whole, lanes),
            (self.scalar, whole, n, 1),
        ):
            with counting(b, start, stop, step) as j:
                value = b.load(b.gep(source, [j], source_etype=self.scalar), typ=kind, align=align)
                b.store(value, b.gep(target, [j], source_etype=self.scalar), align=align)

    def _draw(self, b: ir.IRBuilder, logits: ir.Value, V: ir.Value, u: ir.Value, inverse: ir.Value) -> ir.Value:
        """Return the first symbol whose cumulative probability exceeds u.

        The likeliest if the inverse temperature is 0.
        """
        scalar, lanes, align = self.scalar, host().lanes(self.scalar), np.dtype(self.dtype).itemsize

        def variable(kind: ir.Type, value: ir.Value) -> ir.Value:
            with b.goto_entry_block():
                place = b.alloca(kind)
            b.store(value, place)
            return place

        def load(j: ir.Value, kind: ir.Type = scalar) -> ir.Value:
            return b.load(b.gep(logits, [j], source_etype=scalar), typ=kind, align=align)

        best, top = variable(INT, INT(0)), variable(scalar, load(INT(0)))
        with counting(b, INT(1), V) as j:
            value = load(j)
            with b.if_then(b.fcmp_ordered(">", value, b.load(top, typ=scalar))):
                b.store(value, top)
                b.store(j, best)
        chosen = variable(INT, b.load(best, typ=INT))
        with b.if_then(b.fcmp_ordered(">", inverse, ir.Constant(scalar, 0.0))):
            maximum = b.load(top, typ=scalar)
            whole = b.sub(V, b.srem(V, INT(lanes)))
            for kind, start, stop, step in (
                (ir.VectorType(scalar, lanes), INT(0), whole, lanes),
                (scalar, whole, V, 1),
            ):
                with counting(b, start, stop, step) as j:
                    scaled = b.fmul(b.fsub(load(j, kind), f.splat(b, maximum, kind)), f.splat(b, inverse, kind))
                    b.store(f.exp(b, scaled), b.gep(logits, [j], source_etype=scalar), align=align)
            total = variable(scalar, ir.Constant(scalar, 0.0))
            with counting(b, INT(0), V) as j:
                b.store(b.fadd(b.load(total, typ=scalar), load(j)), total)
            # Walk to where the running sum passes u times the total. Should rounding never let it pass, the likeliest
            # stays chosen.
            threshold = b.fmul(u, b.load(total, typ=scalar))
            passed, running = variable(INT, INT(0)), variable(scalar, ir.Constant(scalar, 0.0))
            with counting(b, INT(0), V) as j:
                b.store(b.fadd(b.load(running, typ=scalar), load(j)), running)
                over = b.fcmp_ordered(">", b.load(running, typ=scalar), threshold)
                with b.if_then(b.and_(over, b.icmp_signed("==", b.load(passed, typ=INT), INT(0)))):
                    b.store(j, chosen)
                    b.store(INT(1), passed)
        return b.load(chosen, typ=INT)
