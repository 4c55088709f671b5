"""Networks: an input stage, stacked recurrent layers, an output layer.

Three input stages: *encode*, the ancestor's tanh layer V→H whose output feeds layers H→H; *embed*, one learned vector
for each symbol and nothing else; *resize*, where the first recurrent layer takes the V-wide one-hot input itself. A
one-hot vector times a matrix is one of the matrix's rows, so no one-hot vector is ever made: what the first layer
computes from its input alone is computed once for each symbol and then looked up. Frames of notes, in which several of
V pitches sound, are multiplied as they are; *embed* adds up the vectors of those that sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue
from charrnn.model.cells import Cell
from charrnn.model.dropout import Dropout
from charrnn.model.heads import Softmax
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.products import AddBias, Affine, Take
from charrnn.model.recurrence import recurrence, scan_recurrence


def require_tieable(stage: str, one_output_each: bool) -> None:
    """Raise InvalidValue unless the output's matrix can be the input's, given whether each input has one output."""
    if stage == "resize":
        raise InvalidValue("tied=True needs a model type whose input stage has a matrix V→H: Encode or Embed.")
    if not one_output_each:
        raise InvalidValue("tied=True needs a head with one output for each pitch: bernoulli.")


class Network:
    """The symbolic form of a model.

    Parameters
    ----------
    cell : Cell
        What every layer runs.
    stage : {"encode", "embed", "resize"}
        How symbols come in.
    vocab_size, layers, state_size : int
        V, L and H.
    dtype : {"float32", "float64"}
    tied : bool
        Use the input stage's matrix E (V, H), transposed, as the output layer's (Press & Wolf 2017, arXiv 1608.05859).
    label_sizes : sequence of int
        For each label column the number of labels, that of "no label" included. Every label has a vector, which is
        added to the first layer's input at each step, as if it were part of the symbol. (The lyrics ancestor puts the
        two side by side, which is the same with a first layer of its own for each.)
    head : Softmax, optional
        What the outputs mean, see `charrnn.model.heads`; one of V symbols by default.

    Raises
    ------
    InvalidValue
        The matrices of a *resize* network cannot be tied, nor those of a head with more outputs than symbols.
    """

    def __init__(
        self,
        cell: Cell,
        stage: str,
        vocab_size: int,
        layers: int,
        state_size: int,
        dtype: str,
        tied: bool = False,
        label_sizes: Sequence[int] = (),
        head: Softmax | None = None,
    ) -> None:
        self.head = head or Softmax(vocab_size)
        if tied:
            require_tieable(stage, one_output_each=self.head.width == vocab_size)
        self.cell, self.stage, self.tied = cell, stage, tied
        self.vocab_size, self.layers, self.state_size, self.dtype = vocab_size, layers, state_size, dtype
        self.label_sizes = tuple(label_sizes)

    @property
    def state_width(self) -> int:
        """S: the width of all states of a layer side by side."""
        return len(self.cell.states) * self.state_size

    @property
    def input_width(self) -> int:
        """The width of the first layer's input."""
        return self.vocab_size if self.stage == "resize" else self.state_size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of all parameters; layers count from 1."""
        V, H = self.vocab_size, self.state_size
        shapes: dict[str, tuple[int, ...]] = {} if self.stage == "resize" else {"E": (V, H)}
        if self.stage == "encode":
            shapes["a"] = (H,)
        for layer in range(self.layers):
            n_in = self.input_width if layer == 0 else H
            shapes |= {f"{layer + 1}.{name}": shape for name, shape in self.cell.shapes(n_in, H).items()}
        shapes |= {f"Y{k}": (n, self.input_width) for k, n in enumerate(self.label_sizes)}
        outputs = self.head.width
        return shapes | ({} if self.tied else {"V": (H, outputs)}) | {"c": (outputs,)} | self.head.shapes()

    def fan(self, name: str) -> int:
        """Return n of a weight's initial bounds ±sqrt(1/n): V for the encoding layer, H for others (the ancestor's).

        A head's own weights have as many as the units that they lead to or from.
        """
        if name in self.head.shapes():
            return self.head.shapes()[name][1]
        return self.vocab_size if name == "E" and self.stage == "encode" and not self.tied else self.state_size

    def offset(self, name: str) -> float | np.ndarray:
        """Return what is added to a parameter of a new network: the cell's and the head's initial biases."""
        if name == "c":
            return self.head.bias()
        return self.cell.initial_bias(name.partition(".")[2]) if "." in name else 0.0

    def rows(self, p: Mapping[str, TensorVariable]) -> TensorVariable | int:
        """Return what the first layer sees of each symbol, (V, H), or V if that is a one-hot vector."""
        if self.stage == "resize":
            return self.vocab_size
        return pt.tanh(p["E"] + p["a"]) if self.stage == "encode" else p["E"]

    def condition(self, p: Mapping[str, TensorVariable], labels: TensorVariable, clip: float | None) -> TensorVariable:
        """Return what labels (T, B, K) add to the first layer's input, (T, B, W)."""
        vectors = [Take(clip)(p[f"Y{k}"], labels[:, :, k]) for k in range(len(self.label_sizes))]
        return vectors[0] if len(vectors) == 1 else pt.add(*vectors)

    def output_weights(self, p: Mapping[str, TensorVariable]) -> TensorVariable:
        """Return the output layer's matrix (H, V), wider for a head that reads more."""
        return p["E"].T if self.tied else p["V"]

    def forward(
        self,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        state: TensorVariable,
        keep: TensorVariable | None = None,
        clip: float | None = None,
        dropout: Dropout | None = None,
        condition: TensorVariable | None = None,
    ) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
        """Return what the network makes of a batch.

        Parameters
        ----------
        p : mapping of str to tensor
            The parameters.
        x : itensor (T, B)
            Symbols; or frames of notes (T, B, V), for a head of notes.
        state : tensor3 (L, B, S)
            States before the first step.
        keep : tensor3 (T, B, 1), optional
            0 where a stream starts afresh.
        clip : float, optional
            Hold each time step's contribution to a gradient to ±clip.
        dropout : Dropout, optional
            What to drop; nothing by default.
        condition : tensor3 (T, B, W), optional
            What is added to the first layer's input, as of `condition`.

        Returns
        -------
        outputs : tensor3 (T, B, V)
            Logits, or what else the head reads (T, B, width).
        state : tensor3 (L, B, S)
            States after the last step.
        states : tensor4 (L, T, B, S)
            States after every step.
        """
        drop = dropout or Dropout(pt.constant(0), 0)
        H, every = self.state_size, []
        inputs, rows = self._input(p, x, clip, drop, condition)
        for layer in range(self.layers):
            own = {name: p[f"{layer + 1}.{name}"] for name in self.cell.shapes(H, H)}
            own = {name: drop(value, drop.weights) if name.startswith("W") else value for name, value in own.items()}
            initial = [state[layer][:, i * H : (i + 1) * H] for i in range(len(self.cell.states))]
            outputs = self._run(inputs, rows, initial, own, keep, clip)
            inputs, rows = drop(outputs[0], drop.outputs), None
            every.append(outputs[0] if len(outputs) == 1 else pt.concatenate(outputs, axis=2))
        outputs = Affine(clip)(inputs, self.output_weights(p), p["c"])
        return outputs, pt.stack([s[-1] for s in every]), pt.stack(every)

    def _input(self, p, x, clip: float | None, drop: Dropout, condition: TensorVariable | None):
        """Return the first layer's input.

        That is symbols and a row for each (or the width of one-hot rows); or, where each position is on its own because
        of labels, or because something is dropped or its gradient clipped, the inputs themselves (T, B, W) and None.
        """
        if self.head.frames:
            return self._frames(p, x, clip, drop, condition), None
        rows = self.rows(p)
        plain = condition is None and not drop.inputs
        if plain and (clip is None or isinstance(rows, int)):
            return x, rows
        if isinstance(rows, int):
            looked_up = Take()(pt.eye(rows, dtype=self.dtype), x)
        elif clip is None:
            looked_up = Take()(rows, x)
        else:
            looked_up = Take(clip)(p["E"], x)
            if self.stage == "encode":
                looked_up = pt.tanh(AddBias(clip)(looked_up, p["a"]))
        if condition is not None:
            looked_up = looked_up + condition
        return drop(looked_up, drop.inputs), None

    def _frames(self, p, x, clip: float | None, drop: Dropout, condition: TensorVariable | None) -> TensorVariable:
        """Return the first layer's input (T, B, W) for frames."""
        if self.stage == "encode":
            x = pt.tanh(Affine(clip)(x, p["E"], p["a"]))
        elif self.stage == "embed":
            x = Affine(clip)(x, p["E"], pt.zeros((self.state_size,), dtype=self.dtype))
        return drop(x if condition is None else x + condition, drop.inputs)

    def _run(self, inputs, rows, initial, parameters, keep, clip):
        try:
            return recurrence(self.cell, inputs, initial, parameters, rows=rows, keep=keep, clip=clip)
        except UnsupportedStep:
            table = pt.eye(rows, dtype=self.dtype) if isinstance(rows, int) else rows
            x = inputs if rows is None else Take()(table, inputs)
            return scan_recurrence(self.cell, x, initial, parameters, keep=keep, clip=clip)
