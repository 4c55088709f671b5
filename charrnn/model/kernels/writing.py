"""The generation loop: each step reads the symbol drawn in the previous step."""

from __future__ import annotations

import itertools

import numpy as np
from llvmlite import ir
from pytensor.graph.fg import FunctionGraph

from charrnn.model.kernels import functions as f
from charrnn.model.kernels.emit import INT, INT32, POINTER, Emitter, constant
from charrnn.model.kernels.loop import LoopKernel
from charrnn.model.sampling import Choice


class WritingKernel(LoopKernel):
    """A network's step in a generation loop: the last symbol selects its input, its logits give the next symbol.

    Parameters
    ----------
    graph : FunctionGraph
        Hoisted values of the symbol, states, leaves to new states and logits.
    weights : set of int
        Indices of the inputs that are weights.
    dtype : {"float32", "float64"}
    n_hoisted : int
        Number of inputs that the symbol selects.
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
        choice: Choice,
        split,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return n symbols in each of R rows, and the states after them.

        Parameters
        ----------
        table : array (V, M)
            The hoisted values of every symbol.
        leaves, panels : list of array
            The step's leaves, and its weights as `pack` returns them.
        start : int32 array (R,)
        states : list of array (R, H)
        uniforms : array (n, R)
        choice : Choice
            How the next symbol is chosen.
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
        settings = np.array([choice.inverse], self.dtype)
        sizes = np.array([R, table.shape[1], V, choice.skip], np.int64)
        arguments.keep_extra([table, np.array(start, np.int32), symbols, uniforms, settings, sizes, now, logits])
        split(R, lambda first, last: self(n, first, last, arguments))
        return symbols, [s[(n - 1) & 1] for s in new]

    def _emit_step(self, b: Emitter, i: ir.Value) -> None:
        table, current, symbols, uniforms, settings, sizes, now, logits = b.items(self._extra, 8, POINTER)
        R, M, V, skip = b.items(sizes, 4, INT)
        with b.counting(self._first, self._last) as row:
            symbol = b.sext(b.read(current, row, INT32), INT)
            source, target = b.at(table, b.mul(symbol, M)), b.at(now, b.mul(row, M))
            for j, kind in b.columns(0, M):
                b.write(b.read(source, j, kind), target, j)
        super()._emit_step(b, i)
        with b.counting(self._first, self._last) as row:
            at = b.add(b.mul(i, R), row)
            # The skipped symbols come first.
            choices = b.at(logits, b.mul(row, V), skip)
            drawn = _draw(b, choices, b.sub(V, skip), b.read(uniforms, at), b.read(settings))
            symbol = b.trunc(b.add(drawn, skip), INT32)
            b.write(symbol, symbols, at)
            b.write(symbol, current, row)


def _draw(b: Emitter, logits: ir.Value, V: ir.Value, u: ir.Value, inverse: ir.Value) -> ir.Value:
    """Return the first of V symbols whose cumulative probability exceeds u, and overwrite the logits.

    If the inverse temperature is 0, return the likeliest symbol.
    """
    best, top = b.variable(INT(0)), b.variable(b.read(logits))
    with b.counting(1, V) as j:
        value = b.read(logits, j)
        with b.if_then(b.fcmp_ordered(">", value, b.load(top, typ=b.scalar))):
            b.store(value, top)
            b.store(j, best)
    chosen = b.variable(b.load(best, typ=INT))
    with b.if_then(b.fcmp_ordered(">", inverse, constant(0.0, b.scalar))):
        maximum = b.load(top, typ=b.scalar)
        for j, kind in b.columns(0, V):
            below = b.fsub(b.read(logits, j, kind), b.splat(maximum, kind))
            b.write(f.exp(b, b.fmul(below, b.splat(inverse, kind))), logits, j)
        total = b.variable(constant(0.0, b.scalar))
        with b.counting(0, V) as j:
            b.store(b.fadd(b.load(total, typ=b.scalar), b.read(logits, j)), total)
        # Walk to where the running sum exceeds u times the total. If rounding keeps it below, the likeliest remains
        # chosen.
        threshold = b.fmul(u, b.load(total, typ=b.scalar))
        passed, running = b.variable(INT(0)), b.variable(constant(0.0, b.scalar))
        with b.counting(0, V) as j:
            b.store(b.fadd(b.load(running, typ=b.scalar), b.read(logits, j)), running)
            over = b.fcmp_ordered(">", b.load(running, typ=b.scalar), threshold)
            with b.if_then(b.and_(over, b.icmp_signed("==", b.load(passed, typ=INT), INT(0)))):
                b.store(j, chosen)
                b.store(INT(1), passed)
    return b.load(chosen, typ=INT)
