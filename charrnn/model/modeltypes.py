"""Model types: a cell and an input stage under one name, as the ancestor calls them.

>>> names()
['GRUEmbed', 'GRUEncode', 'GRUResize', 'LSTMEmbed', 'LSTMEncode', 'LSTMResize', 'RNNEmbed', 'RNNEncode', 'RNNResize']
>>> get("GRUEncode").stage
'encode'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from charrnn.errors import UnknownName, near_matches
from charrnn.hyper import HyperParams
from charrnn.model.cells import GRU, LSTM, RNN, Cell


@dataclass(frozen=True)
class ModelType:
    """A kind of model: how its cell is made from hyperparameters, and its input stage.

    Parameters
    ----------
    name : str
    cell : callable
        Takes `HyperParams`, returns a `Cell`.
    stage : {"encode", "embed", "resize"}
    """

    name: str
    cell: Callable[[HyperParams], Cell]
    stage: str

    def __str__(self) -> str:
        return self.name


_CELLS: dict[str, Callable[[HyperParams], Cell]] = {
    "GRU": lambda hyper: GRU(gate=hyper.gate, reset=hyper.reset),
    "LSTM": lambda hyper: LSTM(gate=hyper.gate, forget_bias=hyper.forget_bias),
    "RNN": lambda hyper: RNN(),
}
_TYPES = {
    f"{cell}{stage.title()}": ModelType(f"{cell}{stage.title()}", make, stage)
    for cell, make in _CELLS.items()
    for stage in ("encode", "embed", "resize")
}

#: An input layer V→H, then GRU layers H→H: the default.
GRUEncode = _TYPES["GRUEncode"]
#: GRU layers of which the first takes the one-hot input.
GRUResize = _TYPES["GRUResize"]


def names() -> list[str]:
    """Return the names of all model types."""
    return sorted(_TYPES)


def get(modeltype: str | ModelType) -> ModelType:
    """Return a model type by name.

    Raises
    ------
    UnknownName
        There is none; near matches are named.
    """
    if isinstance(modeltype, ModelType):
        return modeltype
    if modeltype not in _TYPES:
        raise UnknownName(f"There is no model type {modeltype!r}. {near_matches(str(modeltype), _TYPES)}")
    return _TYPES[modeltype]
