"""Sums along the units of each row: the one reduction that a step may contain. Means, variances and softmaxes use it.

PyTensor writes such a sum, and the gradient of a value that was broadcast along a row, as several nodes.
`with_row_sums` replaces them by one.

>>> import pytensor.tensor as pt
>>> x = pt.tensor(dtype="float32", shape=(None, 5))
>>> with_row_sums([x.sum(axis=-1, keepdims=True)])[0].owner.op
RowSum()
"""

from __future__ import annotations

from collections.abc import Sequence

import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.op import Op
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.math import Sum
from pytensor.tensor.shape import Shape
from pytensor.tensor.subtensor import Subtensor


class RowSum(Op):
    """The sum (B, 1) of each row of (B, n)."""

    __props__ = ()

    def make_node(self, x):
        x = pt.as_tensor_variable(x)
        return Apply(self, [x], [pt.tensor(dtype=x.type.dtype, shape=(x.type.shape[0], 1))])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0].sum(axis=1, keepdims=True)

    def infer_shape(self, *args):
        return [(args[-1][0][0], pt.constant(1))]

    def pullback(self, inputs, outputs, cotangents):
        return [pt.second(inputs[0], cotangents[0])]

    def __str__(self) -> str:
        return "RowSum"


def is_row_sum(var: Variable) -> bool:
    """Return whether a variable is the sum of each row of a matrix."""
    return var.owner is not None and isinstance(var.owner.op, RowSum)


def with_row_sums(outputs: Sequence[Variable]) -> list[Variable]:
    """Return expressions in which each sum along a row that keeps its axis is one `RowSum`.

    Known lengths, such as the divisors of means, become numbers.
    """
    replaced: dict[Variable, Variable] = {}
    for node in io_toposort([], outputs):
        inputs = [replaced.get(i, i) for i in node.inputs]
        column = _column(node, inputs)
        if column is not None:
            replaced[node.outputs[0]] = column
        elif inputs != node.inputs:
            replaced |= dict(zip(node.outputs, node.clone_with_new_inputs(inputs, strict=False).outputs, strict=True))
    return [replaced.get(o, o) for o in outputs]


def _column(node: Apply, inputs: list[Variable]) -> Variable | None:
    """Return a node's output in simpler form if it is a sum along rows or a known length, else None."""
    op = node.op
    if isinstance(op, DimShuffle) and tuple(op.new_order) == (0, "x") and inputs[0].owner is not None:
        inner, source = inputs[0].owner.op, inputs[0].owner.inputs[0]
        if isinstance(inner, Sum) and source.type.ndim == 2 and inner.axis == (1,):
            return RowSum()(source)
        if isinstance(inner, DimShuffle) and tuple(inner.new_order) == (0,) and source.type.ndim == 2:
            return source
    one = node.outputs[0].type.ndim == 0
    if isinstance(op, Subtensor) and one and len(inputs) == 2 and isinstance(inputs[1], Constant):
        return _length(inputs[0], int(inputs[1].data))
    return None


def _length(shape: Variable, axis: int) -> Variable | None:
    """Return the length of an axis, if known, of the array whose shape (perhaps cast) is given."""
    dtype = shape.type.dtype
    if shape.owner is not None and isinstance(getattr(shape.owner.op, "scalar_op", None), ps.Cast):
        shape = shape.owner.inputs[0]
    if shape.owner is None or not isinstance(shape.owner.op, Shape):
        return None
    length = shape.owner.inputs[0].type.shape[axis]
    return None if length is None else pt.constant(length, dtype=dtype)
