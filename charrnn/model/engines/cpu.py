"""The CPU engine: PyTensor's virtual machine calls a few large Ops, whose kernels llvmlite compiles.

PyTensor's C compiler and its fusion of element-wise operations are not used, so that a new architecture is ready in a
second or two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.vm import VMLinker
from pytensor.tensor.math import Dot, Sum

from charrnn.model.engines.engine import Function, Writer
from charrnn.model.kernels import threads
from charrnn.model.kernels.elementwise import flatten_elemwise
from charrnn.model.kernels.matmul import matmul
from charrnn.model.kernels.memory import keep_freed_memory
from charrnn.model.kernels.writing import WritingKernel
from charrnn.model.recurrence.op import Recurrence
from charrnn.model.recurrence.step import StepGraph
from charrnn.model.sampling import Choice


class ThreadedDot(Op):
    """``a @ b`` split over threads."""

    __props__ = ()

    def make_node(self, a, b):
        return Apply(self, [a, b], [out.type() for out in Dot().make_node(a, b).outputs])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = matmul(*inputs)

    def infer_shape(self, *args):
        a, b = args[-1]
        return [(a[0], b[1])]


class SumRows(Op):
    """The sum (n,) of an array (..., n) over all axes but the last."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [pt.tensor(dtype=x.type.dtype, shape=x.type.shape[-1:])])

    def perform(self, node, inputs, outputs):
        rows = inputs[0].reshape(-1, inputs[0].shape[-1])
        outputs[0][0] = np.ones(len(rows), rows.dtype) @ rows

    def infer_shape(self, *args):
        return [args[-1][0][-1:]]


@node_rewriter([Dot])
def _split_products(fgraph, node):
    return [ThreadedDot()(*node.inputs)]


@node_rewriter([Recurrence])
def _save_nothing(fgraph, node):
    """Drop the values that only the gradient uses from recurrences without a gradient."""
    n_states = len(node.op.step.states)
    if not node.op.saves or any(fgraph.clients[out] for out in node.outputs[n_states:]):
        return False
    lean = Recurrence(node.op.step, node.op.clip, saves=False)(*node.inputs, return_list=True)
    return dict(zip(node.outputs[:n_states], lean, strict=True))


@node_rewriter([Sum])
def _sum_by_blas(fgraph, node):
    """Sum rows as a product with ones: numpy's sum over the first axes is slow in PyTensor's float64 accumulators."""
    (x,), axis = node.inputs, node.op.axis
    if x.type.dtype != node.outputs[0].type.dtype or not x.type.dtype.startswith("float") or x.type.ndim < 2:
        return False
    if axis is None or set(axis) != set(range(x.type.ndim - 1)):
        return False
    return [SumRows()(x)]


REWRITES = (_save_nothing, _split_products, _sum_by_blas, flatten_elemwise)


def mode() -> Mode:
    """Return PyTensor's mode for this engine."""
    query = RewriteDatabaseQuery(include=["fast_run"], exclude=["inplace", "BlasOpt", "cxx_only"])
    plain = Mode(linker=VMLinker(use_cloop=False), optimizer=query)
    # After fusion and all other rewrites of PyTensor's.
    return plain.register(*((dfs_rewriter(rewrite), 100 + i) for i, rewrite in enumerate(REWRITES)))


def compile_function(
    inputs: Sequence[Variable],
    outputs: Sequence[Variable],
    updates: Sequence[tuple[SharedVariable, Variable]],
    n_threads: int,
) -> Function:
    """Compile expressions; see `charrnn.model.engines.engine.compile_function`."""
    run = pytensor.function(inputs, outputs, updates=updates, mode=mode(), trust_input=True, on_unused_input="ignore")
    keep_freed_memory()

    def call(*args: np.ndarray) -> list[np.ndarray]:
        with threads.using(n_threads), np.errstate(all="ignore"):  # divergence is seen in the results
            return run(*args)

    return call


def writer(step: StepGraph, n_threads: int) -> Writer:
    """Compile the generation loop; see `charrnn.model.engines.engine.writer`."""
    first = len(step.hoisted) + len(step.states)
    kernel = WritingKernel(step.inference, {first + i for i in step.weight_leaves}, step.dtype, len(step.hoisted))

    def prepare(table: np.ndarray, leaves: list[np.ndarray]) -> Callable[..., tuple[np.ndarray, list[np.ndarray]]]:
        panels = kernel.pack([*[np.empty(0)] * first, *leaves])

        def write(start, states, uniforms, choice: Choice):
            with threads.using(n_threads):
                return kernel.write(table, leaves, panels, start, states, uniforms, choice, threads.split)

        return write

    return prepare
