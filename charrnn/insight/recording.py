"""What a network's states and gates do along a text."""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor import TensorVariable

from charrnn.data.documents.dataset import BEGIN
from charrnn.errors import InvalidValue, UnknownName, near_matches

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model
    from charrnn.model.network import Network

BLOCK = 256  # characters gone through by one call of the compiled functions


class Recording:
    """The states and gates of every unit after each character of a text, read from `beginning`.

    Parameters
    ----------
    model : Model
    charset : CharSet
    text : str
        T characters.

    Attributes
    ----------
    text : str
        The text as the model reads it, (T,).
    symbols : int array (T,)
    states : array (T, L, S)
        The cell's states, (T, L, H) each, side by side.
    gate_names : tuple of str
        The cell's gates, if it names them.

    Raises
    ------
    InvalidValue
        The text is empty.
    """

    def __init__(self, model: Model, charset: CharSet, text: str) -> None:
        self.symbols = charset.encode(text)
        if not len(self.symbols):
            raise InvalidValue("There is nothing to look at: give a text of at least one character.")
        self.text = charset.decode(self.symbols)
        self._model = model
        self.gate_names = gate_names(model.network)
        self._condition = model.condition()
        state, pieces = beginning(model, charset), []
        self._initial = state[:, 0]
        for at in range(0, len(self.symbols), BLOCK):
            _, states = model.predict(self._filled(self.symbols, at)[:, None], state)
            state = states[:, -1]
            pieces.append(states[:, :, 0].transpose(1, 0, 2))
        self.states = np.concatenate(pieces)[: len(self.symbols)]

    @property
    def names(self) -> tuple[str, ...]:
        """The cell's states and gates."""
        return (*self._model.network.cell.states, *self.gate_names)

    def of(self, name: str) -> np.ndarray:
        """Return a state or gate at each character, (T, L, H).

        Raises
        ------
        UnknownName
            The cell has no such state or gate.
        """
        if name not in self.names:
            kind = self._model.modeltype
            raise UnknownName(f"{kind} has no state or gate {name!r}. {near_matches(str(name), self.names)}")
        H, own = self._model.network.state_size, self._model.network.cell.states
        if name in own:
            return self.states[:, :, own.index(name) * H : (own.index(name) + 1) * H]
        return self._gates[name]

    @cached_property
    def _gates(self) -> dict[str, np.ndarray]:
        """The gates, which follow from the input and the states before; no time loop is needed to know them again."""
        model, pieces = self._model, []
        run = model.function("gates", _gates)
        before = np.concatenate([self._initial[None], self.states[:-1]])
        for at in range(0, len(self.symbols), BLOCK):
            arrays = [np.ascontiguousarray(self._filled(a, at)) for a in (self.symbols, before, self.states)]
            pieces.append(np.stack(run(*arrays, self._condition)))
        every = np.concatenate(pieces, axis=1)[:, : len(self.symbols)]  # (L * gates, T, H)
        n = len(self.gate_names)
        return {name: every[i::n].transpose(1, 0, 2) for i, name in enumerate(self.gate_names)}

    @staticmethod
    def _filled(array: np.ndarray, at: int) -> np.ndarray:
        """Return a block, the last one filled up: an engine that compiles for a shape has only one to compile."""
        block = array[at : at + BLOCK]
        return np.pad(block, [(0, BLOCK - len(block)), *[(0, 0)] * (array.ndim - 1)])


def beginning(model: Model, charset: CharSet) -> np.ndarray:
    """Return the state (L, 1, S) in which a text begins: blank, or what a document's begin symbol makes of that."""
    state = model.freshstate(1)
    if BEGIN not in charset.specials:
        return state
    _, states = model.predict(np.full((1, 1), charset.idxofspecial(BEGIN), np.int32), state)
    return np.ascontiguousarray(states[:, 0])


def gate_names(network: Network) -> tuple[str, ...]:
    """Return the names of a cell's gates, none for a cell that does not tell."""
    H, dtype = network.state_size, network.dtype
    own = {name: pt.zeros(shape, dtype=dtype) for name, shape in network.cell.shapes(H, H).items()}
    blank = pt.zeros((1, H), dtype=dtype)
    return tuple(network.cell.gates(blank, *[blank] * len(network.cell.states), p=SimpleNamespace(**own)))


def _gates(network: Network, p: dict[str, TensorVariable]) -> tuple[list[Variable], list[Variable]]:
    """Build the gates of all layers, each (T, H): all steps at once, as rows of a batch."""
    x = pt.tensor("x", dtype="int32", shape=(None,))
    before, after = (
        pt.tensor(name, dtype=network.dtype, shape=(None, network.layers, network.state_width))
        for name in ("before", "after")
    )
    condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
    gates: list[Variable] = []
    seen = network.input.looked_up(p, x[:, None])[:, 0] + condition
    for layer in range(network.layers):
        own = SimpleNamespace(**network.layer(p, layer))
        gates += network.cell.gates(seen, *network.split(before[:, layer]), p=own).values()
        seen = after[:, layer, : network.state_size]
    return [x, before, after, condition], gates
