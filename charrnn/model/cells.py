"""Recurrent cells: each is one symbolic step, written as in its paper.

A cell says which parameters it has and how one step goes from the input and the old state to the new state. Everything
else (running it over time, derivatives, kernels) follows from the step's expression. Rows are examples and multiply
from the left: ``x @ U``.

>>> GRU().shapes(n_in=3, n_units=5)["Wz"]
(5, 5)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.errors import UnknownName, near_matches


def hard_sigmoid(x: TensorVariable) -> TensorVariable:
    """Return ``clip(0.2 x + 0.5, 0, 1)``, Theano's piecewise-linear sigmoid: derivative 0 outside ``|x| < 2.5``."""
    return pt.clip(0.2 * x + 0.5, 0.0, 1.0)


GATES = {"sigmoid": pt.sigmoid, "hard_sigmoid": hard_sigmoid}


class Cell(ABC):
    """What a recurrent cell must say of itself.

    Write your own by giving `shapes` and `step`, and pass the class to `ModelState.initfromsrcfile` as ``modeltype``;
    `step` must treat each row of its arguments on its own.

    Attributes
    ----------
    states : tuple of str
        Names of the state arrays, each (B, H); the first is what the next layer sees.

    Examples
    --------
    The minimal gated unit (Zhou et al. 2016, arXiv 1603.09420), whose one gate both forgets and resets:

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
        """Return what a bias is set to in a new model."""
        return 0.0

    @abstractmethod
    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        """Return the parameters' names and shapes; two axes make a weight matrix, one axis a bias."""

    step: Callable[..., Any]
    """``step(x, *states, p)``: new states (B, H) from input (B, n_in), old states and the parameters as ``p.name``."""

    def gates(self, x: TensorVariable, *states: TensorVariable, p: Any) -> dict[str, TensorVariable]:
        """Return the step's gates by name, (B, H), from what `step` takes; `step` itself may use them.

        A cell that names its gates can be watched while they open and close; one that does not works all the same.
        One that inherits gates which its own step does not use gives its own, or none: ``return {}``.
        """
        return {}


class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078), as the Theano ancestor has it.

    ``z = gate(x Uz + h Wz + bz)``, ``r = gate(x Ur + h Wr + br)``, ``c = tanh(x Uc + (r h) Wc + bc)``, ``h' = (1 - z) c
    + z h``: z = 1 *keeps* the old state (char-rnn and the first paper's text blend the other way round).

    Parameters
    ----------
    gate : {"sigmoid", "hard_sigmoid"}
        The gates' squashing function.
    reset : {"before", "after"}
        Apply r to the state before the recurrent product (Cho, the ancestor) or to the product (cuDNN, torch:
        ``c = tanh(x Uc + bc + r (h Wc + dc))``, with a bias dc of its own).

    Raises
    ------
    UnknownName
        No such gate function or reset.
    """

    def __init__(self, gate: str = "sigmoid", reset: str = "before") -> None:
        if gate not in GATES:
            raise UnknownName(f"gate={gate!r} is no gate function. {near_matches(gate, GATES)}")
        if reset not in ("before", "after"):
            raise UnknownName(f"reset={reset!r}: expected 'before' or 'after' the recurrent product.")
        self.gate, self.reset = GATES[gate], reset

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for g in "zrc":
            shapes |= {f"U{g}": (n_in, n_units), f"W{g}": (n_units, n_units), f"b{g}": (n_units,)}
        return shapes | ({"dc": (n_units,)} if self.reset == "after" else {})

    def gates(self, x, h, *, p):  # type: ignore[override]
        z = self.gate(x @ p.Uz + h @ p.Wz + p.bz)
        r = self.gate(x @ p.Ur + h @ p.Wr + p.br)
        return {"z": z, "r": r}

    def step(self, x, h, *, p):
        z, r = self.gates(x, h, p=p).values()
        if self.reset == "before":
            c = pt.tanh(x @ p.Uc + (r * h) @ p.Wc + p.bc)
        else:
            c = pt.tanh(x @ p.Uc + p.bc + r * (h @ p.Wc + p.dc))
        return ((1 - z) * c + z * h,)


class LSTM(Cell):
    """Long short-term memory with forget gate and no peepholes (Gers et al. 2000; Zaremba et al. 2014, arXiv
    1409.2329).

    ``i, f, o = gate(...)``, ``g = tanh(...)``, ``c' = f c + i g``, ``h' = o tanh(c')``.

    Parameters
    ----------
    gate : {"sigmoid", "hard_sigmoid"}
        The gates' squashing function.
    forget_bias : float
        Initial bias of the forget gate; 1 lets a new network remember (Gers et al. 2000; Jozefowicz et al. 2015).
    """

    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def __init__(self, gate: str = "sigmoid", forget_bias: float = 1.0) -> None:
        if gate not in GATES:
            raise UnknownName(f"gate={gate!r} is no gate function. {near_matches(gate, GATES)}")
        self.gate, self.forget_bias = GATES[gate], forget_bias

    def initial_bias(self, name: str) -> float:
        return self.forget_bias if name == "bf" else 0.0

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for g in "ifog":
            shapes |= {f"U{g}": (n_in, n_units), f"W{g}": (n_units, n_units), f"b{g}": (n_units,)}
        return shapes

    def gates(self, x, h, c, *, p):  # type: ignore[override]
        i = self.gate(x @ p.Ui + h @ p.Wi + p.bi)
        f = self.gate(x @ p.Uf + h @ p.Wf + p.bf)
        o = self.gate(x @ p.Uo + h @ p.Wo + p.bo)
        return {"i": i, "f": f, "o": o}

    def step(self, x, h, c, *, p):
        i, f, o = self.gates(x, h, c, p=p).values()
        g = pt.tanh(x @ p.Ug + h @ p.Wg + p.bg)
        c = f * c + i * g
        return o * pt.tanh(c), c


class RNN(Cell):
    """The plain recurrent network (Elman 1990): ``h' = tanh(x U + h W + b)``."""

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        return {"U": (n_in, n_units), "W": (n_units, n_units), "b": (n_units,)}

    def step(self, x, h, *, p):
        return (pt.tanh(x @ p.U + h @ p.W + p.b),)
