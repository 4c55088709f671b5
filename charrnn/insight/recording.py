"""Record a network's states and gates along a text or a piece."""

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
from charrnn.model.dropout import Dropout

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model
    from charrnn.model.network import Network

BLOCK = 256  # characters read by one call of the compiled functions


class Recording:
    """The states and gates of every unit along a sequence.

    Parameters
    ----------
    model : Model
    encoded : array
        Symbols (T,), or frames (T, V), with T >= 1.
    state : array (L, 1, S)
        Hidden state before the first of them, as `beginning` returns it.
    text : str
        The symbols as text, T characters.

    Attributes
    ----------
    text : str
    encoded : array
    states : array (T, L, S)
        The cell's states, (T, L, H) each, side by side.
    gate_names : tuple of str
        The names of the cell's gates; empty if the cell does not define `gates`.
    """

    def __init__(self, model: Model, encoded: np.ndarray, state: np.ndarray, text: str = "") -> None:
        self.text = text
        self.encoded, self._model, self._initial = encoded, model, state[:, 0]
        self.gate_names = gate_names(model.network)
        self._condition = model.condition()
        pieces = []
        for at in range(0, len(encoded), BLOCK):
            _, states = model.predict(self._filled(encoded, at)[:, None], state)
            state = states[:, -1]
            pieces.append(states[:, :, 0].transpose(1, 0, 2))
        self.states = np.concatenate(pieces)[: len(encoded)]

    @classmethod
    def of_text(cls, model: Model, charset: CharSet, text: str) -> Recording:
        """Return a recording along a text; a model of documents reads its begin symbol first.

        Raises
        ------
        InvalidValue
            If the text is empty.
        """
        symbols = charset.encode(text)
        if not len(symbols):
            raise InvalidValue("There is nothing to look at: give a text of at least one character.")
        return cls(model, symbols, beginning(model, charset), charset.decode(symbols))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cell's states and gates."""
        return (*self._model.network.cell.states, *self.gate_names)

    def of(self, name: str) -> np.ndarray:
        """Return a state or gate at each character, (T, L, H).

        Raises
        ------
        UnknownName
            If the cell has no state or gate of this name.
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
        """The gates, recomputed without a time loop from the inputs and the states before them."""
        model, pieces = self._model, []
        run = model.function("gates", _gates)
        before = np.concatenate([self._initial[None], self.states[:-1]])
        dtype = model.network.head.variable("x", model.network.dtype).dtype
        for at in range(0, len(self.encoded), BLOCK):
            arrays = [np.ascontiguousarray(self._filled(a, at)) for a in (before, self.states)]
            x = np.ascontiguousarray(self._filled(self.encoded, at)[:, None], dtype)
            pieces.append(np.stack(run(x, *arrays, self._condition)))
        every = np.concatenate(pieces, axis=1)[:, : len(self.encoded)]  # (L * gates, T, H)
        n = len(self.gate_names)
        return {name: every[i::n].transpose(1, 0, 2) for i, name in enumerate(self.gate_names)}

    @staticmethod
    def _filled(array: np.ndarray, at: int) -> np.ndarray:
        """Return a block, padded to full length, so that JAX compiles for a single shape."""
        block = array[at : at + BLOCK]
        return np.pad(block, [(0, BLOCK - len(block)), *[(0, 0)] * (array.ndim - 1)])


def beginning(model: Model, charset: CharSet) -> np.ndarray:
    """Return the state (L, 1, S) in which a text begins: blank, or that after a document's begin symbol."""
    first = [charset.idxofspecial(BEGIN)] if BEGIN in charset.specials else []
    return state_after(model, np.array(first, np.int32))


def state_after(model: Model, before: np.ndarray) -> np.ndarray:
    """Return the state (L, 1, S) after symbols (T,) or frames (T, V); the blank state if T is 0."""
    state = model.freshstate(1)
    if not len(before):
        return state
    _, states = model.predict(before[:, np.newaxis], state)
    return np.ascontiguousarray(states[:, -1])


def gate_names(network: Network) -> tuple[str, ...]:
    """Return the names of a cell's gates; empty for a cell that does not define `gates`."""
    H, dtype = network.state_size, network.dtype
    own = {name: pt.zeros(shape, dtype=dtype) for name, shape in network.cell.shapes(H, H).items()}
    blank = pt.zeros((1, H), dtype=dtype)
    return tuple(network.cell.gates(blank, *[blank] * len(network.cell.states), p=SimpleNamespace(**own)))


def _gates(network: Network, p: dict[str, TensorVariable]) -> tuple[list[Variable], list[Variable]]:
    """Build the gates of all layers, each (T, H). All steps are computed at once, as rows of a batch."""
    x = network.head.variable("x", network.dtype)
    before, after = (
        pt.tensor(name, dtype=network.dtype, shape=(None, network.layers, network.state_width))
        for name in ("before", "after")
    )
    condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
    gates: list[Variable] = []
    no_dropout = Dropout(pt.constant(0), 0)
    seen = network.head.first_input(network.input, p, x, None, no_dropout, condition)[0][:, 0]
    for layer in range(network.layers):
        own = SimpleNamespace(**network.layer(p, layer))
        gates += network.cell.gates(seen, *network.split(before[:, layer]), p=own).values()
        seen = after[:, layer, : network.state_size]
    return [x, before, after, condition], gates
