"""The functions that squash a gate into [0, 1], by the names that ``hyper.gate`` takes."""

from __future__ import annotations

from collections.abc import Callable

import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.errors import UnknownName, near_matches


def hard_sigmoid(x: TensorVariable) -> TensorVariable:
    """Return ``clip(0.2 x + 0.5, 0, 1)``, Theano's piecewise-linear sigmoid: derivative 0 outside ``|x| < 2.5``."""
    return pt.clip(0.2 * x + 0.5, 0.0, 1.0)


GATES: dict[str, Callable[[TensorVariable], TensorVariable]] = {"sigmoid": pt.sigmoid, "hard_sigmoid": hard_sigmoid}


def gate_function(name: str) -> Callable[[TensorVariable], TensorVariable]:
    """Return a gate function by name.

    Raises
    ------
    UnknownName
        If `name` is not a gate function; the message lists near matches.
    """
    if name not in GATES:
        raise UnknownName(f"gate={name!r} is not a gate function. {near_matches(str(name), GATES)}")
    return GATES[name]
