"""Validate inputs and lay them out for the kernels, which do no bounds checks."""

from __future__ import annotations

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.model.network import Network


class Inputs:
    """Converts given arrays to a network's types and shapes, or raises InvalidValue.

    Parameters
    ----------
    network : Network
    documents : bool
        Whether batches mark where documents begin.

    Examples
    --------
    >>> from charrnn.model.cells import RNN
    >>> from charrnn.model.heads.softmax import Softmax
    >>> inputs = Inputs(Network(RNN(), "encode", Softmax(5), layers=1, state_size=4, dtype="float32"), False)
    >>> inputs.sequence([0, 5], "x")
    Traceback (most recent call last):
        ...
    charrnn.errors.InvalidValue: x holds symbols from 0 to 5: expected 0 to 4.
    """

    def __init__(self, network: Network, documents: bool) -> None:
        self._network, self._documents, self._dtype = network, documents, network.dtype

    def sequence(self, array, name: str) -> np.ndarray:
        """Return symbols (T, B) or frames (T, B, V), depending on the network's head."""
        return self._network.head.sequence(array, name, self._dtype)

    def blank(self, batchsize: int = 0) -> np.ndarray:
        """Return the blank state (L, B, S), or (L, S) for a batchsize of 0."""
        batch = (batchsize,) if batchsize else ()
        return np.zeros((self._network.layers, *batch, self._network.state_width), self._dtype)

    def state(self, state, batchsize: int = 0, name: str = "state") -> np.ndarray:
        """Return a state of the shape of the blank one; None stands for the blank one."""
        blank = self.blank(batchsize)
        if state is None:
            return blank
        state = np.ascontiguousarray(state, self._dtype)
        if state.shape != blank.shape:
            expected = self._network.states_text(*blank.shape[1:-1])
            raise InvalidValue(f"{name} has the shape {state.shape}: expected {expected}, as freshstate returns it.")
        return state

    def batch(self, x, y, state, mask=None, keep=None, labels=None) -> list[np.ndarray]:
        """Return a batch as `Objective.inputs` names it; see `charrnn.model.model.Model.step`."""
        x, y, axes = self.sequence(x, "x"), self.sequence(y, "y"), self._network.head.axes
        if x.ndim != len(axes) or x.shape != y.shape:
            expected = ", ".join(axes)
            raise InvalidValue(f"x and y have the shapes {x.shape} and {y.shape}: expected one ({expected}) for both.")
        shape = x.shape[:2]
        batch = [x, y, self.state(state, x.shape[1]), self._ones("mask", mask, shape)]
        if self._documents:
            batch.append(self._ones("keep", keep, (*shape, 1)))
        if self._network.label_sizes:
            batch.append(self._labels(labels, shape))
        return batch

    def _ones(self, name: str, array, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of this shape, ones for None."""
        if array is None:
            return np.ones(shape, self._dtype)
        array = np.ascontiguousarray(array, self._dtype)
        if array.shape != shape:
            raise InvalidValue(f"{name} has the shape {array.shape}: expected {shape}.")
        return array

    def _labels(self, labels, shape: tuple[int, ...]) -> np.ndarray:
        """Return label ids (T, B, K); None stands for no labels."""
        sizes = self._network.label_sizes
        labels = np.zeros((*shape, len(sizes)), "int32") if labels is None else np.ascontiguousarray(labels, "int32")
        if labels.shape != (*shape, len(sizes)) or (labels < 0).any() or (labels >= sizes).any():
            raise InvalidValue(f"labels {labels.shape} must be ids below {sizes} of the shape {(*shape, len(sizes))}.")
        return labels
