"""The base class of recurrent cells.

A cell defines its parameters and one step, from the input and the old states to the new states. Everything else
(running over time, derivatives, kernels) follows from the step's expression. Rows are examples and multiply from the
left: ``x @ U``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from pytensor.tensor import TensorVariable

from charrnn.settings.hyper import HyperParams


class Cell(ABC):
    """A recurrent cell: its parameters, its states and its step.

    To write your own cell, define `shapes` and `step`, and pass the class to `ModelState.initfromsrcfile` as
    ``modeltype``. `step` must treat each row of its arguments separately.

    Attributes
    ----------
    states : tuple of str
        Names of the state arrays, each (B, H); the first is the input of the next layer.

    Examples
    --------
    The minimal gated unit (Zhou et al. 2016, arXiv 1603.09420), whose one gate both forgets and resets:

    >>> import pytensor.tensor as pt
    >>> class MGU(Cell):
    ...     def shapes(self, n_in, n_units):
    ...         x, h, b = (n_in, n_units), (n_units, n_units), (n_units,)
    ...         return {"Uf": x, "Wf": h, "bf": b, "Uc": x, "Wc": h, "bc": b}
    ...
    ...     def step(self, x, h, *, p):
    ...         f = pt.sigmoid(x @ p.Uf + h @ p.Wf + p.bf)
    ...         c = pt.tanh(x @ p.Uc + (f * h) @ p.Wc + p.bc)
    ...         return (1 - f) * h + f * c
    >>> ms = ModelState.initfromsrcfile("alice.txt", "workdirs/mgu", modeltype=MGU)  # doctest: +SKIP
    >>> ms.train()                                                                   # doctest: +SKIP
    >>> ms = ModelState.load("workdirs/mgu", cell=MGU)                               # doctest: +SKIP
    """

    states: ClassVar[tuple[str, ...]] = ("h",)

    def initial_bias(self, name: str) -> float:
        """Return the initial value of a bias or a gain."""
        return 0.0

    @abstractmethod
    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        """Return the parameters' names and shapes; two axes make a weight matrix, one axis a bias."""

    step: Callable[..., Any]
    """``step(x, *states, p)``: new states (B, H) from input (B, n_in), old states and the parameters as ``p.name``."""

    def gates(self, x: TensorVariable, *states: TensorVariable, p: Any) -> dict[str, TensorVariable]:
        """Return the step's gates by name, (B, H), given the arguments of `step`; `step` itself may use them.

        Naming gates is optional; named gates can be shown along a text. A cell that inherits gates which its step does
        not use must override them, for instance with ``return {}``.
        """
        return {}


class Family(NamedTuple):
    """A built-in cell, named after its class."""

    cell: type[Cell]
    make: Callable[[HyperParams], Cell]
    """Takes a model's hyperparameters and returns the cell, normalised if ``layer_norm``."""
