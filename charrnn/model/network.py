"""Networks: an input stage, stacked recurrent layers, an output layer.

The ancestor's two input stages: *encode*, a tanh layer V→H whose output feeds layers H→H; *resize*, where the first
recurrent layer takes the V-wide one-hot input itself. A one-hot vector times a matrix is one of the matrix's rows, so
no one-hot vector is ever made: what the first layer computes from its input alone is computed once for each symbol and
then looked up.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.model.cells import Cell
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.products import AddBias, Affine, Take
from charrnn.model.recurrence import recurrence, scan_recurrence


class Network:
    """The symbolic form of a model.

    Parameters
    ----------
    cell : Cell
        What every layer runs.
    stage : {"encode", "resize"}
        How symbols come in.
    vocab_size, layers, state_size : int
        V, L and H.
    dtype : {"float32", "float64"}
    """

    def __init__(self, cell: Cell, stage: str, vocab_size: int, layers: int, state_size: int, dtype: str) -> None:
        self.cell, self.stage = cell, stage
        self.vocab_size, self.layers, self.state_size, self.dtype = vocab_size, layers, state_size, dtype

    @property
    def state_width(self) -> int:
        """S: the width of all states of a layer side by side."""
        return len(self.cell.states) * self.state_size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of all parameters; layers count from 1."""
        V, H = self.vocab_size, self.state_size
        shapes: dict[str, tuple[int, ...]] = {"E": (V, H), "a": (H,)} if self.stage == "encode" else {}
        for layer in range(self.layers):
            n_in = V if layer == 0 and self.stage == "resize" else H
            shapes |= {f"{layer + 1}.{name}": shape for name, shape in self.cell.shapes(n_in, H).items()}
        return shapes | {"V": (H, V), "c": (V,)}

    def fan(self, name: str) -> int:
        """Return n of the initial bounds ±sqrt(1/n) of a weight.

        V for the encoding layer, H for all others (the ancestor's).
        """
        return self.vocab_size if name == "E" else self.state_size

    def forward(
        self,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        state: TensorVariable,
        keep: TensorVariable | None = None,
        clip: float | None = None,
    ) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
        """Return what the network makes of a batch.

        Parameters
        ----------
        p : mapping of str to tensor
            The parameters.
        x : itensor (T, B)
            Symbols.
        state : tensor3 (L, B, S)
            States before the first step.
        keep : tensor3 (T, B, 1), optional
            0 where a stream starts afresh.
        clip : float, optional
            Hold each time step's contribution to a gradient to ±clip.

        Returns
        -------
        logits : tensor3 (T, B, V)
        state : tensor3 (L, B, S)
            States after the last step.
        states : tensor4 (L, T, B, S)
            States after every step.
        """
        H, every = self.state_size, []
        inputs, rows = self._input(p, x, clip)
        for layer in range(self.layers):
            own = {name: p[f"{layer + 1}.{name}"] for name in self.cell.shapes(H, H)}
            initial = [state[layer][:, i * H : (i + 1) * H] for i in range(len(self.cell.states))]
            outputs = self._run(inputs, rows, initial, own, keep, clip)
            inputs, rows = outputs[0], None
            every.append(outputs[0] if len(outputs) == 1 else pt.concatenate(outputs, axis=2))
        logits = Affine(clip)(inputs, p["V"], p["c"])
        return logits, pt.stack([s[-1] for s in every]), pt.stack(every)

    def _input(self, p: Mapping[str, TensorVariable], x: TensorVariable, clip: float | None):
        """Return the first layer's input.

        (x, one row for each symbol), (x, V) for one-hot, or (inputs (T, B, n), None) to clip each step.
        """
        if self.stage == "resize":
            return x, self.vocab_size
        if clip is None:
            return x, pt.tanh(p["E"] + p["a"])
        return pt.tanh(AddBias(clip)(Take(clip)(p["E"], x), p["a"])), None

    def _run(self, inputs, rows, initial, parameters, keep, clip):
        try:
            return recurrence(self.cell, inputs, initial, parameters, rows=rows, keep=keep, clip=clip)
        except UnsupportedStep:
            table = pt.eye(rows, dtype=self.dtype) if isinstance(rows, int) else rows
            x = inputs if rows is None else Take()(table, inputs)
            return scan_recurrence(self.cell, x, initial, parameters, keep=keep, clip=clip)
