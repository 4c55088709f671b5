"""All parameters of a network in one vector, seen as named arrays.

One vector makes one update of the whole model a single expression, and the optimizer's slots vectors of the same
length. Weight matrices come first and biases after them, so that the L2 penalty is over a prefix.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor import TensorVariable


class JoinFlat(Op):
    """Arrays of any shapes and strides joined into a vector; each is copied once."""

    __props__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size

    def make_node(self, *arrays):
        variables = [pt.as_tensor_variable(a) for a in arrays]
        return Apply(self, variables, [pt.tensor(dtype=variables[0].dtype, shape=(self.size,))])

    def perform(self, node, inputs, outputs):
        vector = np.empty(self.size, inputs[0].dtype)
        start = 0
        for array in inputs:
            vector[start : start + array.size].reshape(array.shape)[...] = array
            start += array.size
        outputs[0][0] = vector

    def infer_shape(self, *args):
        return [(pt.constant(self.size),)]


class SplitFlat(Op):
    """The parts of a vector as arrays of given shapes, which are views of it: the inverse of `JoinFlat`."""

    __props__ = ("shapes",)

    def __init__(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        self.shapes = shapes
        self.view_map = {i: [0] for i in range(len(shapes))}

    def make_node(self, vector):
        vector = pt.as_tensor_variable(vector)
        return Apply(self, [vector], [pt.tensor(dtype=vector.dtype, shape=shape) for shape in self.shapes])

    def parts(self, vector):
        """Return the parts of a numpy or JAX array."""
        bounds = np.cumsum([0, *(math.prod(shape) for shape in self.shapes)])
        pairs = zip(itertools.pairwise(bounds), self.shapes, strict=True)
        return [vector[start:stop].reshape(shape) for (start, stop), shape in pairs]

    def perform(self, node, inputs, outputs):
        for storage, part in zip(outputs, self.parts(inputs[0]), strict=True):
            storage[0] = part

    def infer_shape(self, *args):
        return [tuple(pt.constant(n) for n in shape) for shape in self.shapes]

    def pullback(self, inputs, outputs, cotangents):
        known = [
            pt.zeros(shape, dtype=inputs[0].dtype) if isinstance(c.type, DisconnectedType) else c
            for c, shape in zip(cotangents, self.shapes, strict=True)
        ]
        return [JoinFlat(sum(map(math.prod, self.shapes)))(*known)]


class ParameterVector:
    """Named arrays joined into one vector.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Names and shapes; an array with two axes is a weight matrix, one with a single axis a bias.
    dtype : {"float32", "float64"}

    Examples
    --------
    >>> vector = ParameterVector({"b": (2,), "W": (2, 3)}, "float32")
    >>> vector.slices["W"], vector.slices["b"], vector.n_weights
    (slice(0, 6, None), slice(6, 8, None), 6)
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> None:
        self.shapes = dict(sorted(shapes.items(), key=lambda item: len(item[1]) < 2))
        self.dtype = dtype
        self.slices: dict[str, slice] = {}
        stop = 0
        for name, shape in self.shapes.items():
            start, stop = stop, stop + int(np.prod(shape))
            self.slices[name] = slice(start, stop)
        self.size = stop
        self.n_weights = sum(int(np.prod(shape)) for shape in self.shapes.values() if len(shape) > 1)
        self.shared = pytensor.shared(np.zeros(stop, dtype), name="parameters", shape=(stop,))

    def of(self, shared: SharedVariable) -> ParameterVector:
        """Return the same names for another vector of the same length."""
        other = copy.copy(self)
        other.shared = shared
        return other

    def symbols(self) -> dict[str, TensorVariable]:
        """Return each parameter as an expression of the vector."""
        parts = SplitFlat(tuple(self.shapes.values()))(self.shared, return_list=True)
        for name, part in zip(self.shapes, parts, strict=True):
            part.name = name
        return dict(zip(self.shapes, parts, strict=True))

    def symbolic_join(self, arrays: Mapping[str, TensorVariable]) -> TensorVariable:
        """Return the vector of named expressions."""
        return JoinFlat(self.size)(*(arrays[name] for name in self.slices))

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """Return the named parts of a vector, as copies in their shapes."""
        return {name: np.array(vector[part]).reshape(self.shapes[name]) for name, part in self.slices.items()}

    def join(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the vector of named arrays."""
        return np.concatenate([np.asarray(arrays[name], self.dtype).ravel() for name in self.slices])
