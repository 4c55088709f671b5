"""Element-wise expressions in one pass over memory: fused by PyTensor, compiled as a flat vector loop."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
import pytensor.scalar as ps
from llvmlite import ir
from pytensor.graph.basic import Apply, Constant
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.tensor.elemwise import Elemwise

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import scalars, threads
from charrnn.model.kernels.jit import INT, POINTER, CompiledFunction, address, host, scalar_type
from charrnn.model.kernels.loop import counting

LEAST = 1 << 14  # numbers for a thread to be worth waking


class FlatElemwise(Op):
    """What an `Elemwise` computes, for inputs of one float type.

    Single numbers are broadcast, other shapes copied out first.
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
    scalar = scalar_type(dtype)
    lanes = host().lanes(scalar)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [INT, INT, POINTER]), "flat")
    first, last, addresses = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    n_outputs = scalar_op.nout if scalar_op.nout > 0 else 1
    base = [
        b.load(b.gep(addresses, [INT(k)], source_etype=POINTER), typ=POINTER) for k in range(len(single) + n_outputs)
    ]
    numbers = {k: b.load(base[k], typ=scalar) for k, one in enumerate(single) if one}
    align = np.dtype(dtype).itemsize

    def element(i: ir.Value, kind: ir.Type) -> None:
        args = []
        for k in range(len(single)):
            if k in numbers:
                args.append(f.splat(b, numbers[k], kind))
            else:
                args.append(b.load(b.gep(base[k], [i], source_etype=scalar), typ=kind, align=align))
        for value, out in zip(emit_all(b, scalar_op, args), base[len(single) :], strict=True):
            b.store(value, b.gep(out, [i], source_etype=scalar), align=align)

    whole = b.sub(last, b.srem(b.sub(last, first), INT(lanes)))
    with counting(b, first, whole, lanes) as i:
        element(i, ir.VectorType(scalar, lanes))
    with counting(b, whole, last) as i:
        element(i, scalar)
    b.ret_void()
    return CompiledFunction(module, "flat", [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p])


def emit_all(b: ir.IRBuilder, op: ps.ScalarOp, args: list[ir.Value]) -> list[ir.Value]:
    """Return all values of a scalar Op; a `Composite` is its inner graph."""
    if not isinstance(op, ps.Composite):
        return [scalars.emit(b, op, args)]
    values = dict(zip(op.fgraph.inputs, args, strict=True))
    for node in op.fgraph.toposort():
        inputs = [
            f.constant(float(i.data), args[0].type) if isinstance(i, Constant) else values[i] for i in node.inputs
        ]
        values |= dict(zip(node.outputs, emit_all(b, node.op, inputs), strict=True))
    return [values[o] if o in values else f.constant(float(o.data), args[0].type) for o in op.fgraph.outputs]


def can_emit(op: ps.ScalarOp) -> bool:
    """Say whether every part of a scalar Op has vector instructions."""
    if isinstance(op, ps.Composite):
        return all(can_emit(node.op) for node in op.fgraph.toposort())
    return scalars.supported(op)


@node_rewriter([Elemwise])
def flatten_elemwise(fgraph, node):
    """Let the flat kernel run an `Elemwise` whose inputs and outputs are of one float type."""
    dtypes = {v.type.dtype for v in (*node.inputs, *node.outputs)}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"} or not can_emit(node.op.scalar_op):
        return False
    return FlatElemwise(node.op.scalar_op, dtypes.pop())(*node.inputs, return_list=True)
