"""Networks: an input stage, stacked recurrent layers, an output layer and a head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.model.cells.cell import Cell
from charrnn.model.dropout import Dropout
from charrnn.model.heads.head import Head
from charrnn.model.heads.output import OutputLayer, require_tieable
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.products import Affine, Take
from charrnn.model.recurrence import recurrence, scan_recurrence
from charrnn.model.stage import InputStage, LayerInput

Parameters = Mapping[str, TensorVariable]


class Network:
    """The symbolic form of a model.

    Parameters
    ----------
    cell : Cell
        The cell of every layer.
    stage : {"encode", "embed", "resize"}
        The input stage, see `charrnn.model.stage`.
    head : Head
        The meaning of inputs and outputs; see `charrnn.model.heads`.
    layers, state_size : int
        L and H.
    dtype : {"float32", "float64"}
    tied : bool
        Whether the output layer uses the input stage's matrix E (V, H), transposed.
    label_sizes : sequence of int
        For each label column the number of labels, that of "no label" included.

    Raises
    ------
    InvalidValue
        If `tied`, and the input stage is *resize* or the head reads more outputs than there are inputs.
    """

    def __init__(
        self,
        cell: Cell,
        stage: str,
        head: Head,
        layers: int,
        state_size: int,
        dtype: str,
        tied: bool = False,
        label_sizes: Sequence[int] = (),
    ) -> None:
        if tied:
            require_tieable(stage, one_output_each=head.width == head.vocab_size)
        self.cell, self.stage, self.head, self.tied = cell, stage, head, tied
        self.vocab_size, self.layers, self.state_size, self.dtype = head.vocab_size, layers, state_size, dtype
        self.label_sizes = tuple(label_sizes)
        self.input = InputStage(stage, head.vocab_size, state_size, dtype, label_sizes)
        self.output = OutputLayer(state_size, head.width, tied)

    # -- shapes -------------------------------------------------------------------------------------------------------

    @property
    def input_width(self) -> int:
        """W: the width of the first layer's input."""
        return self.input.width

    @property
    def state_width(self) -> int:
        """S: the width of a layer's states side by side, H for each of the cell's states."""
        return len(self.cell.states) * self.state_size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of all parameters; layers count from 1."""
        H = self.state_size
        shapes = self.input.shapes()
        for layer in range(self.layers):
            own = self.cell.shapes(self.input_width if layer == 0 else H, H)
            shapes |= {f"{layer + 1}.{name}": shape for name, shape in own.items()}
        return shapes | self.input.label_shapes() | self.output.shapes() | self.head.shapes()

    def fan(self, name: str) -> int:
        """Return n of a weight's initial bounds ±sqrt(1/n): V for the encoding layer, H for others (the ancestor's).

        For a head's own weights it is the number of units that they lead to or from.
        """
        if name in self.head.shapes():
            return self.head.shapes()[name][1]
        return self.vocab_size if name == "E" and self.stage == "encode" and not self.tied else self.state_size

    def offset(self, name: str) -> float | np.ndarray:
        """Return the cell's or the head's initial bias of a parameter."""
        if name == "c":
            return self.head.bias()
        return self.cell.initial_bias(name.partition(".")[2]) if "." in name else 0.0

    def states_text(self, *batch: int) -> str:
        """Return the shapes of the states in an array of all of them, by name, for messages.

        Parameters
        ----------
        *batch : int
            Lengths of the axes between layers and units.
        """
        shape = (self.layers, *batch, self.state_size)
        each = " and ".join(f"{name} {shape}" for name in self.cell.states)
        return f"{each}, side by side on the last axis" if len(self.cell.states) > 1 else each

    # -- expressions --------------------------------------------------------------------------------------------------

    def layer(self, p: Parameters, layer: int) -> dict[str, TensorVariable]:
        """Return the cell's parameters in a layer, an index from 0."""
        H = self.state_size
        return {name: p[f"{layer + 1}.{name}"] for name in self.cell.shapes(H, H)}

    def split(self, state: TensorVariable) -> list[TensorVariable]:
        """Return the cell's states (B, H), which lie side by side in one (B, S)."""
        H = self.state_size
        return [state[:, i * H : (i + 1) * H] for i in range(len(self.cell.states))]

    def stack(
        self,
        p: Parameters,
        inputs: LayerInput,
        run: Callable[[int, LayerInput, dict[str, TensorVariable]], list[TensorVariable]],
        between: Callable[[TensorVariable], TensorVariable] = lambda h: h,
    ) -> tuple[TensorVariable, list[list[TensorVariable]]]:
        """Build all layers: the first state of each, h, is the input of the next.

        This is the one place that says how layers are stacked. `forward` runs every layer over time before the next
        one; `step` goes one step through all of them.

        Parameters
        ----------
        p : mapping of str to tensor
            The parameters.
        inputs : LayerInput
            The first layer's input.
        run : callable
            Takes a layer's index from 0, its input and its parameters; returns its new states.
        between : callable
            Transforms each h before the next layer reads it.

        Returns
        -------
        h : tensor
            The output layer's input.
        states : list of list of tensor
            The new states of every layer.
        """
        every = []
        for layer in range(self.layers):
            every.append(run(layer, inputs, self.layer(p, layer)))
            inputs = between(every[-1][0]), None
        return inputs[0], every

    def step(
        self,
        p: Parameters,
        x: TensorVariable,
        states: Sequence[Sequence[TensorVariable]],
        hold: Callable[[int, TensorVariable], TensorVariable] = lambda layer, h: h,
    ) -> tuple[TensorVariable, list[list[TensorVariable]]]:
        """Build one step of the whole network.

        Parameters
        ----------
        p : mapping of str to tensor
            The parameters.
        x : matrix (B, W)
            The first layer's input.
        states : sequence of sequence of matrix
            The states (B, H) of each layer before the step.
        hold : callable
            Takes a layer's index and its new h; returns the h that replaces it, in the state and as input of the next
            layer.

        Returns
        -------
        outputs : matrix (B, width)
            Logits, or other outputs that the head reads.
        states : list of list of matrix
            States after the step.
        """

        def run(layer: int, inputs: LayerInput, own: dict[str, TensorVariable]) -> list[TensorVariable]:
            new = self.cell.step(inputs[0], *states[layer], p=SimpleNamespace(**own))
            h, *others = new if isinstance(new, tuple | list) else [new]
            return [hold(layer, h), *others]

        h, new = self.stack(p, (x, None), run)
        return h @ self.output.weights(p) + p["c"], new

    def forward(
        self,
        p: Parameters,
        x: TensorVariable,
        state: TensorVariable,
        keep: TensorVariable | None = None,
        clip: float | None = None,
        dropout: Dropout | None = None,
        condition: TensorVariable | None = None,
    ) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
        """Build the network's outputs and states over a batch.

        Parameters
        ----------
        p : mapping of str to tensor
            The parameters.
        x : itensor (T, B)
            Symbols; or frames of notes (T, B, V), for a head of notes.
        state : tensor3 (L, B, S)
            States before the first step.
        keep : tensor3 (T, B, 1), optional
            0 where a document begins, with a blank state.
        clip : float, optional
            Limit ±clip of each time step's contribution to a gradient.
        dropout : Dropout, optional
            The elements to drop; none by default.
        condition : tensor3 (T, B, W), optional
            The term that labels add to the first layer's input; see `InputStage.condition`.

        Returns
        -------
        outputs : tensor3 (T, B, V)
            Logits, or other outputs that the head reads (T, B, width).
        state : tensor3 (L, B, S)
            States after the last step.
        states : tensor4 (L, T, B, S)
            States after every step.
        """
        drop = dropout or Dropout(pt.constant(0), 0)

        def run(layer: int, inputs: LayerInput, own: dict[str, TensorVariable]) -> list[TensorVariable]:
            own = {name: drop(value, drop.weights) if name.startswith("W") else value for name, value in own.items()}
            return self._over_time(inputs, self.split(state[layer]), own, keep, clip)

        inputs = self.head.first_input(self.input, p, x, clip, drop, condition)
        h, every = self.stack(p, inputs, run, between=lambda h: drop(h, drop.outputs))
        states = [new[0] if len(new) == 1 else pt.concatenate(new, axis=2) for new in every]
        return (
            Affine(clip)(h, self.output.weights(p), p["c"]),
            pt.stack([s[-1] for s in states]),
            pt.stack(states),
        )

    def _over_time(self, inputs: LayerInput, initial, parameters, keep, clip) -> list[TensorVariable]:
        x, rows = inputs
        try:
            return recurrence(self.cell, x, initial, parameters, rows=rows, keep=keep, clip=clip)
        except UnsupportedStep:
            if rows is not None:
                x = Take()(pt.eye(rows, dtype=self.dtype) if isinstance(rows, int) else rows, x)
            return scan_recurrence(self.cell, x, initial, parameters, keep=keep, clip=clip)
