"""The cross-entropy of predicted symbols."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor import TensorVariable

from charrnn.model.kernels import rows, threads


class CrossEntropy(Op):
    """Cross-entropy in nats (T, B) of logits (T, B, V) at the target symbols (T, B).

    It also returns the softmax, for the gradient, and whether the likeliest symbol is the target, for the accuracy.

    It is computed from the logits, as log(sum(exp)) - logit: the ancestor took the logarithm of a softmax, which can be
    log(0).
    """

    __props__ = ()
    default_output = 0

    def make_node(self, logits, y):
        logits, y = pt.as_tensor_variable(logits), pt.as_tensor_variable(y)
        errors = pt.tensor(dtype=logits.dtype, shape=logits.type.shape[:2])
        return Apply(self, [logits, y], [errors, logits.type(), errors.type()])

    def perform(self, node, inputs, outputs):
        logits, y = inputs
        flat = np.ascontiguousarray(logits).reshape(-1, logits.shape[2])
        errors, softmax = rows.cross_entropy(flat, np.ascontiguousarray(y, np.int32).ravel())
        came = softmax[np.arange(len(softmax)), y.ravel()]
        outputs[0][0], outputs[1][0] = errors.reshape(y.shape), softmax.reshape(logits.shape)
        outputs[2][0] = (came >= softmax.max(axis=1)).astype(errors.dtype).reshape(y.shape)

    def infer_shape(self, *args):
        logits, y = args[-1]
        return [y, logits, y]

    def connection_pattern(self, node):
        return [[True, True, False], [False, False, False]]

    def pullback(self, inputs, outputs, cotangents):
        return [CrossEntropyGradient()(outputs[1], inputs[1], cotangents[0]), disconnected_type()]


class CrossEntropyGradient(Op):
    """``(softmax - one_hot(y)) * d``: softmax (T, B, V), y and d (T, B)."""

    __props__ = ()

    def make_node(self, softmax, y, d):
        softmax, y, d = (pt.as_tensor_variable(v) for v in (softmax, y, d))
        return Apply(self, [softmax, y, d], [softmax.type()])

    def perform(self, node, inputs, outputs):
        softmax, y, d = inputs
        flat, weights, targets = softmax.reshape(-1, softmax.shape[-1]), d.reshape(-1, 1), y.ravel()
        result = np.empty_like(flat)

        def part(first: int, last: int) -> None:
            np.multiply(flat[first:last], weights[first:last], out=result[first:last])
            result[np.arange(first, last), targets[first:last]] -= weights[first:last, 0]

        threads.split(len(flat), part, least=1024)
        outputs[0][0] = result.reshape(softmax.shape)

    def infer_shape(self, *args):
        return [args[-1][0]]


def accuracy(errors: TensorVariable) -> TensorVariable:
    """Return 1 where the likeliest symbol is the target, else 0, (T, B), for a result of `cross_entropy`."""
    return errors.owner.outputs[2]


def cross_entropy(logits: TensorVariable, y: TensorVariable) -> TensorVariable:
    """Return the cross-entropy in nats, (T, B), of logits (T, B, V) for the target symbols y (T, B).

    Examples
    --------
    >>> import numpy as np, pytensor.tensor as pt
    >>> errors = cross_entropy(pt.zeros((1, 1, 4)), np.zeros((1, 1), "int32"))
    >>> round(float(errors.eval(mode="FAST_COMPILE")[0, 0]), 4)  # log 4
    1.3863
    """
    return CrossEntropy()(logits, y)
