"""What is given to a model, checked and laid out as the kernels read it, which do not look where they read."""

from __future__ import annotations

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.model.network import Network


class Inputs:
    """Makes arrays of a network's types and shapes of what a person gives, or raises InvalidValue.

    Parameters
    ----------
    network : Network
    documents : bool
        Whether batches say where documents begin.

    Examples
    --------
    >>> from charrnn.model.cells import RNN
    >>> inputs = Inputs(Network(RNN(), "encode", vocab_size=5, layers=1, state_size=4, dtype="float32"), False)
    >>> inputs.symbols([0, 5], "start")
    Traceback (most recent call last):
        ...
    charrnn.errors.InvalidValue: start holds symbols from 0 to 5: expected 0 to 4.
    """

    def __init__(self, network: Network, documents: bool) -> None:
        self._network, self._documents, self._dtype = network, documents, network.dtype

    def sequence(self, array, name: str) -> np.ndarray:
        """Return symbols (T, B) or frames (T, B, V), whichever the network's head is for."""
        return self._frames(array, name) if self._network.head.frames else self.symbols(array, name)

    def symbols(self, symbols, name: str) -> np.ndarray:
        """Return symbols of any shape, int32."""
        symbols, V = np.ascontiguousarray(symbols, "int32"), self._network.vocab_size
        if symbols.size and not 0 <= symbols.min() <= symbols.max() < V:
            raise InvalidValue(f"{name} holds symbols from {symbols.min()} to {symbols.max()}: expected 0 to {V - 1}.")
        return symbols

    def blank(self, batchsize: int = 0) -> np.ndarray:
        """Return the blank state (L, B, S), or (L, S) for a batchsize of 0."""
        batch = (batchsize,) if batchsize else ()
        return np.zeros((self._network.layers, *batch, self._network.state_width), self._dtype)

    def state(self, state, batchsize: int = 0) -> np.ndarray:
        """Return a state of the shape of the blank one, which it is for None."""
        blank = self.blank(batchsize)
        if state is None:
            return blank
        state = np.ascontiguousarray(state, self._dtype)
        if state.shape != blank.shape:
            raise InvalidValue(f"state has the shape {state.shape}: expected {blank.shape}, as of freshstate.")
        return state

    def batch(self, x, y, state, mask=None, keep=None, labels=None) -> list[np.ndarray]:
        """Return a batch as `Objective.inputs` names it; see `charrnn.model.model.Model.step`."""
        x, y = self.sequence(x, "x"), self.sequence(y, "y")
        n_axes = 3 if self._network.head.frames else 2
        if x.ndim != n_axes or x.shape != y.shape:
            expected = "(T, B, V)" if self._network.head.frames else "(T, B)"
            raise InvalidValue(f"x and y have the shapes {x.shape} and {y.shape}: expected one {expected} for both.")
        shape = x.shape[:2]
        batch = [x, y, self.state(state, x.shape[1]), self._ones("mask", mask, shape)]
        if self._documents:
            batch.append(self._ones("keep", keep, (*shape, 1)))
        if self._network.label_sizes:
            batch.append(self._labels(labels, shape))
        return batch

    def _frames(self, frames, name: str) -> np.ndarray:
        frames, V = np.ascontiguousarray(frames, self._dtype), self._network.vocab_size
        if frames.ndim < 2 or frames.shape[-1] != V or not ((frames == 0) | (frames == 1)).all():
            raise InvalidValue(f"{name} {frames.shape} must be frames of 0 and 1, the last axis {V} long.")
        return frames

    def _ones(self, name: str, array, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of this shape, ones for None."""
        if array is None:
            return np.ones(shape, self._dtype)
        array = np.ascontiguousarray(array, self._dtype)
        if array.shape != shape:
            raise InvalidValue(f"{name} has the shape {array.shape}: expected {shape}.")
        return array

    def _labels(self, labels, shape: tuple[int, ...]) -> np.ndarray:
        """Return label ids (T, B, K), those of no label for None."""
        sizes = self._network.label_sizes
        labels = np.zeros((*shape, len(sizes)), "int32") if labels is None else np.ascontiguousarray(labels, "int32")
        if labels.shape != (*shape, len(sizes)) or (labels < 0).any() or (labels >= sizes).any():
            raise InvalidValue(f"labels {labels.shape} must be ids below {sizes} of the shape {(*shape, len(sizes))}.")
        return labels
