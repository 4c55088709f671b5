"""Model types: a cell and an input stage under one name, as the ancestor calls them.

A user's own cell is a model type too: its class, an instance of it, or a function that makes one.

>>> from charrnn.model.cells import RNN
>>> names()
['GRUEmbed', 'GRUEncode', 'GRUResize', 'LSTMEmbed', 'LSTMEncode', 'LSTMResize', 'RNNEmbed', 'RNNEncode', 'RNNResize']
>>> get("GRUEncode").stage
'encode'
>>> class Leaky(RNN):
...     def step(self, x, h, *, p):
...         return 0.9 * h + 0.1 * super().step(x, h, p=p)[0]
>>> get(Leaky)
ModelType('LeakyEncode', Leaky, 'encode')
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from charrnn.errors import InvalidCell, UnknownName, near_matches
from charrnn.model.cells.builtin import families
from charrnn.model.cells.cell import Cell
from charrnn.model.cells.check import check
from charrnn.settings.hyper import HyperParams

STAGES = ("encode", "embed", "resize")


@dataclass(frozen=True, repr=False)
class ModelType:
    """A kind of model: the maker of its cell, and its input stage.

    Parameters
    ----------
    name : str
    maker : Cell, or callable
        A `Cell` class, an instance, a `functools.partial` of a class, or a function that returns an instance, given
        nothing or the model's `HyperParams`.
    stage : {"encode", "embed", "resize"}

    Raises
    ------
    UnknownName
        If `stage` is not one of these.
    InvalidCell
        If `maker` is not one of these.
    """

    name: str
    maker: type[Cell] | Cell | Callable[..., Cell]
    stage: str = "encode"

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise UnknownName(f"stage={self.stage!r} is not an input stage. {near_matches(str(self.stage), STAGES)}")
        if not isinstance(self.maker, Cell) and not callable(self.maker):
            raise InvalidCell(
                f"{self.maker!r} is not a cell: expected a Cell class, an instance, or a function that makes one."
            )

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        maker = self.maker
        shown = maker.__name__ if isinstance(maker, type) else repr(maker)
        return f"ModelType({self.name!r}, {shown}, {self.stage!r})"

    @property
    def own(self) -> bool:
        """Whether the cell is the user's own."""
        return _TYPES.get(self.name) is not self

    def cell(self, hyper: HyperParams) -> Cell:
        """Return a cell for a model; a user's own cell is checked first.

        Raises
        ------
        InvalidCell
            If the cell cannot be made, or its states, shapes and step contradict each other.
        """
        cell = self.maker if isinstance(self.maker, Cell) else self._made(self.maker, hyper)
        if not isinstance(cell, Cell):
            raise InvalidCell(f"{self!r} makes {cell!r}: expected a Cell.")
        if self.own:
            check(cell, hyper.state_size, hyper.state_size, hyper.dtype)
        return cell

    def _made(self, maker: Callable[..., Cell], hyper: HyperParams) -> Cell:
        """Return the maker's cell; a function gets the hyperparameters if it requires an argument."""
        of_class = isinstance(maker.func if isinstance(maker, functools.partial) else maker, type)
        try:
            wanted = [] if of_class else [a for a in inspect.signature(maker).parameters.values() if _required(a)]
            return maker(*[hyper] * len(wanted))
        except TypeError as error:
            raise InvalidCell(
                f"{self!r} cannot be made: {error}. If it takes arguments, give an instance, or "
                "functools.partial(TheCell, argument=...)."
            ) from error


#: The values of `modeltype`, besides names.
CellMaker = ModelType | type[Cell] | Cell | Callable[..., Cell]


def _required(argument: inspect.Parameter) -> bool:
    positional = argument.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return positional and argument.default is inspect.Parameter.empty


_TYPES = {
    f"{name}{stage.title()}": ModelType(f"{name}{stage.title()}", family.make, stage)
    for name, family in families().items()
    for stage in STAGES
}
_BUILTIN = {family.cell: name for name, family in families().items()}

#: An input layer V→H, then GRU layers H→H: the default.
GRUEncode = _TYPES["GRUEncode"]
#: GRU layers; the first takes the one-hot input.
GRUResize = _TYPES["GRUResize"]


def names() -> list[str]:
    """Return the names of all model types."""
    return sorted(_TYPES)


def get(modeltype: str | CellMaker) -> ModelType:
    """Return a model type by its name, or that of a cell: named after the cell's class, with the input stage *encode*.

    That is also the stage where only a cell is named, as in "gru".

    Raises
    ------
    UnknownName
        If `modeltype` is not a known name; the message lists near matches.
    InvalidCell
        If `modeltype` is neither a name nor something that makes a cell.
    """
    if isinstance(modeltype, type) and modeltype in _BUILTIN:
        return _TYPES[f"{_BUILTIN[modeltype]}Encode"]
    if not isinstance(modeltype, str):
        return of_cell(modeltype)
    if modeltype.upper() in families():
        modeltype = f"{modeltype.upper()}Encode"
    if modeltype not in _TYPES:
        raise UnknownName(f"modeltype={modeltype!r} is not a model type. {near_matches(modeltype, _TYPES)}")
    return _TYPES[modeltype]


def of_cell(maker: CellMaker, stage: str = "encode") -> ModelType:
    """Return the model type of a cell, with an input stage."""
    if isinstance(maker, ModelType):
        return maker
    inner = maker.func if isinstance(maker, functools.partial) else maker
    named = type(inner) if isinstance(inner, Cell) else inner
    name = getattr(named, "__name__", "Own")
    return ModelType(f"{name if name.isidentifier() else 'Own'}{stage.title()}", maker, stage)
