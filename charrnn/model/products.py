"""Products, biases and table look-ups whose parameters are used at every time step, and their gradients.

A parameter's gradient is a sum of one contribution for each time step, each already summed over the batch. Usually that
is one large product over T·B. With ``clip`` each step's contribution is clipped to ±clip before the sum over time. So
does Theano's ``grad_clip`` inside ``scan``, with which the ancestor trains. (char-rnn and min-char-rnn clip the total.)
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor import TensorVariable

from charrnn.model.kernels import rows
from charrnn.model.kernels.matmul import matmul


class JoinTime(Op):
    """(T, B, n) seen as rows (T·B, n). Unlike a reshape it needs no arithmetic on shapes, which JAX could not trace."""

    __props__ = ()
    view_map: ClassVar = {0: [0]}

    def make_node(self, x):
        x = pt.as_tensor_variable(x)
        T, B, n = x.type.shape
        rows = None if T is None or B is None else T * B
        return Apply(self, [x], [pt.tensor(dtype=x.dtype, shape=(rows, n))])

    def perform(self, node, inputs, outputs):
        (x,) = inputs
        outputs[0][0] = x.reshape(-1, x.shape[2])

    def infer_shape(self, *args):
        T, B, n = args[-1][0]
        return [(T * B, n)]

    def pullback(self, inputs, outputs, cotangents):
        return [SplitTime()(cotangents[0], inputs[0])]


class SplitTime(Op):
    """Rows (T·B, n) seen as (T, B, n), with T and B as another array's (T, B, ...)."""

    __props__ = ()
    view_map: ClassVar = {0: [0]}

    def make_node(self, rows, like):
        rows, like = pt.as_tensor_variable(rows), pt.as_tensor_variable(like)
        return Apply(
            self, [rows, like], [pt.tensor(dtype=rows.dtype, shape=(*like.type.shape[:2], rows.type.shape[1]))]
        )

    def perform(self, node, inputs, outputs):
        rows, like = inputs
        outputs[0][0] = rows.reshape(*like.shape[:2], rows.shape[1])

    def infer_shape(self, *args):
        rows, like = args[-1]
        return [(like[0], like[1], rows[1])]

    def connection_pattern(self, node):
        return [[True], [False]]

    def pullback(self, inputs, outputs, cotangents):
        return [JoinTime()(cotangents[0]), disconnected_type()]


join_time, split_time = JoinTime(), SplitTime()


def weight_gradient(left: TensorVariable, d: TensorVariable, clip: float | None) -> TensorVariable:
    """Return the gradient (n, m) of W where ``left @ W`` had gradient ``d``: (T, B, n) and (T, B, m)."""
    if clip is not None:
        return ClippedWeightGradient(clip)(left, d)
    return pt.dot(join_time(left).T, join_time(d))


def bias_gradient(d: TensorVariable, clip: float | None) -> TensorVariable:
    """Return the gradient (m,) of a bias that was added at every position: d is (T, B, m)."""
    if clip is not None:
        return pt.clip(d.sum(axis=1), -clip, clip).sum(axis=0)
    return join_time(d).sum(axis=0)


class ClippedWeightGradient(Op):
    """Sum over t of ``left[t].T @ d[t]`` held to ±clip."""

    __props__ = ("clip",)

    def __init__(self, clip: float) -> None:
        self.clip = clip

    def make_node(self, left, d):
        left, d = pt.as_tensor_variable(left), pt.as_tensor_variable(d)
        return Apply(self, [left, d], [pt.tensor(dtype=d.dtype, shape=(left.type.shape[2], d.type.shape[2]))])

    def perform(self, node, inputs, outputs):
        left, d = inputs
        total = np.zeros((left.shape[2], d.shape[2]), d.dtype)
        for left_t, d_t in zip(left, d, strict=True):
            total += np.clip(left_t.T @ d_t, -self.clip, self.clip)
        outputs[0][0] = total

    def infer_shape(self, *args):
        left, d = args[-1]
        return [(left[2], d[2])]


class Take(Op):
    """``table[indices]``: rows (N, m) for indices (T, B) of any integer type, giving (T, B, m).

    PyTensor's own indexing adds its gradient up row by row in Python; this one's gradient is `Scatter`.
    """

    __props__ = ("clip",)

    def __init__(self, clip: float | None = None) -> None:
        self.clip = clip

    def make_node(self, table, indices):
        table, indices = pt.as_tensor_variable(table), pt.as_tensor_variable(indices)
        shape = (*indices.type.shape, table.type.shape[1])
        return Apply(self, [table, indices], [pt.tensor(dtype=table.dtype, shape=shape)])

    def perform(self, node, inputs, outputs):
        table, indices = inputs
        flat = np.ascontiguousarray(indices, np.int32).ravel()
        outputs[0][0] = rows.take(table, flat).reshape(*indices.shape, table.shape[1])

    def infer_shape(self, *args):
        table, indices = args[-1]
        return [(*indices, table[1])]

    def connection_pattern(self, node):
        return [[True], [False]]

    def pullback(self, inputs, outputs, cotangents):
        table, indices = inputs
        return [Scatter(self.clip)(cotangents[0], indices, table), disconnected_type()]


class Scatter(Op):
    """The gradient of `Take`'s table (N, m): that of the result (T, B, m) summed by index.

    With ``clip`` each time step's sum is clipped to ±clip.
    """

    __props__ = ("clip",)

    def __init__(self, clip: float | None = None) -> None:
        self.clip = clip

    def make_node(self, d, indices, table):
        d, indices, table = (pt.as_tensor_variable(v) for v in (d, indices, table))
        return Apply(self, [d, indices, table], [table.type()])

    def perform(self, node, inputs, outputs):
        d, indices, table = inputs
        if self.clip is None:
            outputs[0][0] = rows.scatter(d.reshape(-1, d.shape[-1]), indices.ravel(), len(table))
            return
        total = np.zeros_like(table)
        for d_t, indices_t in zip(d, indices, strict=True):
            total += np.clip(rows.scatter(d_t, np.ascontiguousarray(indices_t), len(table)), -self.clip, self.clip)
        outputs[0][0] = total

    def infer_shape(self, *args):
        return [args[-1][2]]


class Affine(Op):
    """``x @ W + b`` for x (T, B, n): one product, which PyTensor's rewrites do not split."""

    __props__ = ("clip",)

    def __init__(self, clip: float | None = None) -> None:
        self.clip = clip

    def make_node(self, x, W, b):
        x, W, b = (pt.as_tensor_variable(v) for v in (x, W, b))
        return Apply(self, [x, W, b], [pt.tensor(dtype=x.dtype, shape=(*x.type.shape[:2], W.type.shape[1]))])

    def perform(self, node, inputs, outputs):
        x, W, b = inputs
        outputs[0][0] = matmul(x.reshape(-1, x.shape[2]), W, b).reshape(*x.shape[:2], W.shape[1])

    def infer_shape(self, *args):
        x, W, _ = args[-1]
        return [(x[0], x[1], W[1])]

    def pullback(self, inputs, outputs, cotangents):
        x, W, _ = inputs
        (d,) = cotangents
        dx = split_time(pt.dot(join_time(d), W.T), x)
        return [dx, weight_gradient(x, d, self.clip), bias_gradient(d, self.clip)]


class AddBias(Op):
    """``x + b`` for x (T, B, n), whose gradient for b is clipped at each time step."""

    __props__ = ("clip",)

    def __init__(self, clip: float | None) -> None:
        self.clip = clip

    def make_node(self, x, b):
        x, b = pt.as_tensor_variable(x), pt.as_tensor_variable(b)
        return Apply(self, [x, b], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0] + inputs[1]

    def infer_shape(self, *args):
        return [args[-1][0]]

    def pullback(self, inputs, outputs, cotangents):
        return [cotangents[0], bias_gradient(cotangents[0], self.clip)]
