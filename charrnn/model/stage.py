"""The input stage of a network: how symbols, frames and labels become the first layer's input.

*encode* is the ancestor's tanh layer V→H; *embed* is one learned vector for each symbol; in *resize* the first
recurrent layer takes the V-wide input itself. A one-hot vector times a matrix is one of the matrix's rows, so no
one-hot vector is ever made: the first layer's input products are computed once for each symbol and then looked up.
Frames of notes, in which several of V pitches sound, are multiplied by the matrix; *embed* adds up the vectors of the
pitches that sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.model.dropout import Dropout
from charrnn.model.products import AddBias, Affine, Take

#: The input of a recurrence: symbols (T, B) and a row for each of them (or the width V of one-hot rows); or inputs
#: (T, B, W) and None.
LayerInput = tuple[TensorVariable, TensorVariable | int | None]


class InputStage:
    """The parameters E (V, H), a (H,) and Y0, Y1 ... (n, W), and the first layer's input computed from them.

    Parameters
    ----------
    name : {"encode", "embed", "resize"}
    vocab_size, state_size : int
        V and H.
    dtype : {"float32", "float64"}
    label_sizes : sequence of int
        For each label column the number of labels, that of "no label" included. Every label has a vector, which is
        added to the first layer's input at each step, as if it were part of the symbol. (The lyrics ancestor
        concatenates the two, which is equivalent to a separate first layer for each.)

    Attributes
    ----------
    width : int
        W, the width of the first layer's input: V for *resize*, else H.
    """

    def __init__(self, name: str, vocab_size: int, state_size: int, dtype: str, label_sizes: Sequence[int]) -> None:
        self.name, self.vocab_size, self.state_size, self.dtype = name, vocab_size, state_size, dtype
        self.label_sizes = tuple(label_sizes)
        self.width = vocab_size if name == "resize" else state_size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of the parameters for symbols or frames."""
        if self.name == "resize":
            return {}
        shapes: dict[str, tuple[int, ...]] = {"E": (self.vocab_size, self.state_size)}
        return shapes | {"a": (self.state_size,)} if self.name == "encode" else shapes

    def label_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of the parameters for labels."""
        return {f"Y{k}": (n, self.width) for k, n in enumerate(self.label_sizes)}

    def rows(self, p: Mapping[str, TensorVariable]) -> TensorVariable | int:
        """Return the first layer's input for each symbol, (V, H); or V if that is a one-hot vector."""
        if self.name == "resize":
            return self.vocab_size
        return pt.tanh(p["E"] + p["a"]) if self.name == "encode" else p["E"]

    def table(self, p: Mapping[str, TensorVariable]) -> TensorVariable:
        """Return the first layer's input for each symbol, (V, W)."""
        rows = self.rows(p)
        return pt.eye(rows, dtype=self.dtype) if isinstance(rows, int) else rows

    def looked_up(self, p: Mapping[str, TensorVariable], x: TensorVariable) -> TensorVariable:
        """Return the first layer's input for symbols (T, B), at every position (T, B, W)."""
        return Take()(self.table(p), x)

    def condition(self, p: Mapping[str, TensorVariable], labels: TensorVariable, clip: float | None) -> TensorVariable:
        """Return the term that labels (T, B, K) add to the first layer's input, (T, B, W)."""
        vectors = [Take(clip)(p[f"Y{k}"], labels[:, :, k]) for k in range(len(self.label_sizes))]
        return vectors[0] if len(vectors) == 1 else pt.add(*vectors)

    def mixed(self, parameters: Mapping[str, np.ndarray], labels: Sequence[Mapping[int, float]]) -> np.ndarray:
        """Return the term that shares of labels add to the first layer's input, (W,); see `Model.condition`."""
        total = np.zeros(self.width, self.dtype)
        for k in range(len(self.label_sizes)):
            for label, share in (labels[k] if labels else {0: 1.0}).items():
                total += np.asarray(share, total.dtype) * parameters[f"Y{k}"][label]
        return total

    def of_symbols(
        self,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        clip: float | None,
        drop: Dropout,
        condition: TensorVariable | None,
    ) -> LayerInput:
        """Return the first layer's input for symbols (T, B).

        It is computed at every position, rather than once for each symbol, if there are labels or dropout, or if each
        step's contribution to the gradient is clipped.
        """
        rows = self.rows(p)
        plain = condition is None and not drop.inputs
        if plain and (clip is None or isinstance(rows, int)):
            return x, rows
        if clip is None or isinstance(rows, int):
            looked_up = self.looked_up(p, x)
        else:
            looked_up = Take(clip)(p["E"], x)
            if self.name == "encode":
                looked_up = pt.tanh(AddBias(clip)(looked_up, p["a"]))
        return drop(looked_up if condition is None else looked_up + condition, drop.inputs), None

    def of_frames(
        self,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        clip: float | None,
        drop: Dropout,
        condition: TensorVariable | None,
    ) -> LayerInput:
        """Return the first layer's input for frames (T, B, V)."""
        if self.name == "encode":
            x = pt.tanh(Affine(clip)(x, p["E"], p["a"]))
        elif self.name == "embed":
            x = Affine(clip)(x, p["E"], pt.zeros((self.state_size,), dtype=self.dtype))
        return drop(x if condition is None else x + condition, drop.inputs), None
