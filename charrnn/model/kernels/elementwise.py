"""Evaluate an element-wise expression, fused by PyTensor, in one vector loop over memory."""

from __future__ import annotations

import functools

import numpy as np
import pytensor.scalar as ps
from llvmlite import ir
from pytensor.graph.basic import Apply, Constant
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.tensor.elemwise import Elemwise

from charrnn.model.kernels import scalars, threads
from charrnn.model.kernels.emit import INT, POINTER, Emitter, constant
from charrnn.model.kernels.jit import CompiledFunction, address

LEAST = 1 << 14  # minimum count of numbers for another thread


class FlatElemwise(Op):
    """An `Elemwise` whose inputs and outputs have one float type.

    Single numbers are broadcast inside the loop; other inputs that need broadcasting are copied out first.
    """

    __props__ = ("scalar_op", "dtype")

    def __init__(self, scalar_op: ps.ScalarOp, dtype: str) -> None:
        self.scalar_op, self.dtype = scalar_op, dtype

    def make_node(self, *inputs):
        return Apply(self, list(inputs), [out.type() for out in Elemwise(self.scalar_op).make_node(*inputs).outputs])

    def infer_shape(self, *args):
        node, shapes = args[-2:]
        return Elemwise(self.scalar_op).infer_shape(None, node, shapes)

    def perform(self, node, inputs, outputs):
        shape = np.broadcast_shapes(*(i.shape for i in inputs))
        size = int(np.prod(shape))
        values = [i if i.size == 1 else _laid_out(i, shape) for i in inputs]
        single = tuple(i.size == 1 and size != 1 for i in inputs)
        results = [np.empty(shape, self.dtype) for _ in node.outputs]
        addresses = np.array([address(a) for a in (*values, *results)], np.uint64)
        run = _compiled(self.scalar_op, self.dtype, single)
        threads.split(size, lambda first, last: run(first, last, addresses.ctypes.data), least=LEAST)
        for storage, value in zip(outputs, results, strict=True):
            storage[0] = value


def _laid_out(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if value.shape == shape and value.flags.c_contiguous:
        return value
    return np.ascontiguousarray(np.broadcast_to(value, shape))


@functools.lru_cache(maxsize=1024)
def _compiled(scalar_op: ps.ScalarOp, dtype: str, single: tuple[bool, ...]) -> CompiledFunction:
    b = Emitter(ir.Module(), "flat", [INT, INT, POINTER], dtype)
    first, last, addresses = b.function.args
    n_outputs = scalar_op.nout if scalar_op.nout > 0 else 1
    arrays = b.items(addresses, len(single) + n_outputs, POINTER)
    inputs, outputs = arrays[: len(single)], arrays[len(single) :]
    numbers = {k: b.read(inputs[k]) for k, one in enumerate(single) if one}
    for i, kind in b.columns(first, last):
        args = [b.splat(numbers[k], kind) if k in numbers else b.read(array, i, kind) for k, array in enumerate(inputs)]
        for value, out in zip(apply_all(b, scalar_op, args), outputs, strict=True):
            b.write(value, out, i)
    return b.compile()


def apply_all(b: Emitter, op: ps.ScalarOp, args: list[ir.Value]) -> list[ir.Value]:
    """Return all outputs of a scalar Op; a `Composite` is evaluated node by node."""
    if not isinstance(op, ps.Composite):
        return [scalars.apply(b, op, args)]
    values = dict(zip(op.fgraph.inputs, args, strict=True))
    for node in op.fgraph.toposort():
        inputs = [constant(float(i.data), args[0].type) if isinstance(i, Constant) else values[i] for i in node.inputs]
        values |= dict(zip(node.outputs, apply_all(b, node.op, inputs), strict=True))
    return [values[o] if o in values else constant(float(o.data), args[0].type) for o in op.fgraph.outputs]


def can_emit(op: ps.ScalarOp) -> bool:
    """Return whether every part of a scalar Op has vector instructions."""
    if isinstance(op, ps.Composite):
        return all(can_emit(node.op) for node in op.fgraph.toposort())
    return scalars.supported(op)


@node_rewriter([Elemwise])
def flatten_elemwise(fgraph, node):
    """Replace an `Elemwise` whose inputs and outputs are of one float type by `FlatElemwise`."""
    dtypes = {v.type.dtype for v in (*node.inputs, *node.outputs)}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"} or not can_emit(node.op.scalar_op):
        return False
    return FlatElemwise(node.op.scalar_op, dtypes.pop())(*node.inputs, return_list=True)
