"""Dropout with masks that are hashes, so that no random state has to be saved.

A hash of (random seed, training step, layer, position) decides whether an element is dropped: the same on every engine,
and after a restart. The others are scaled by 1/(1 - rate), so that nothing changes when dropout is off (inverted
dropout; Srivastava et al. 2014 scale the weights at test time instead).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor import TensorVariable

from charrnn.model.kernels import threads


class DropoutMask(Op):
    """A mask in another array's shape: 0 with probability ``rate``, else 1/(1 - rate). Masks differ by ``salt``."""

    __props__ = ("rate", "salt")

    def __init__(self, rate: float, salt: int) -> None:
        self.rate, self.salt = rate, salt

    def make_node(self, like, count):
        like, count = pt.as_tensor_variable(like), pt.as_tensor_variable(count)
        return Apply(self, [like, count], [like.type()])

    def values(self, index, count, dtype, xp=np):
        """Return the mask at uint32 positions, with numpy or jax.numpy."""
        seed = count.astype("uint32") * np.uint32(0x85EBCA6B) + np.uint32(self.salt * 0xC2B2AE35 & 0xFFFFFFFF)
        h = index * np.uint32(0x9E3779B1) + seed
        # A finaliser that lets every bit of the input reach every bit of the output (Wellons' lowbias32).
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
        h = h ^ (h >> np.uint32(16))
        return xp.where(h >= np.uint32(self.rate * 2**32), np.dtype(dtype).type(1 / (1 - self.rate)), 0).astype(dtype)

    def perform(self, node, inputs, outputs):
        like, count = inputs
        mask = np.empty(like.size, like.dtype)

        def part(first: int, last: int) -> None:
            with np.errstate(over="ignore"):
                mask[first:last] = self.values(np.arange(first, last, dtype=np.uint32), np.asarray(count), like.dtype)

        threads.split(like.size, part, least=1 << 14)
        outputs[0][0] = mask.reshape(like.shape)

    def infer_shape(self, *args):
        return [args[-1][0]]

    def connection_pattern(self, node):
        return [[False], [False]]

    def pullback(self, inputs, outputs, cotangents):
        from pytensor.gradient import disconnected_type

        return [disconnected_type(), disconnected_type()]


class Dropout:
    """The elements that training drops.

    Parameters
    ----------
    count : variable
        Number of the training step.
    seed : int
    inputs : float
    outputs : sequence of float
    weights : float
        Rates for the first layer's inputs, for each layer's outputs (so between the layers and before the output
        layer), and for the recurrent weights (DropConnect: one mask for all steps; Merity et al. 2017, arXiv
        1708.02182).
    """

    def __init__(
        self,
        count: TensorVariable,
        seed: int,
        inputs: float = 0.0,
        outputs: Sequence[float] = (),
        weights: float = 0.0,
    ) -> None:
        self.count, self.seed, self.inputs, self.outputs, self.weights = count, seed, inputs, outputs, weights
        self._masks = 0

    def __call__(self, x: TensorVariable, rate: float) -> TensorVariable:
        """Return x with elements dropped at a rate; each call has a mask of its own."""
        if not rate:
            return x
        self._masks += 1
        return x * DropoutMask(rate, self.seed * 1024 + self._masks)(x, self.count)
