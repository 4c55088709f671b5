"""A network's layers one by one, for what the recurrence over time does not show."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue
from charrnn.model.dropout import Dropout

if TYPE_CHECKING:
    from charrnn.model.network import Network


def first_input(
    network: Network, p: Mapping[str, TensorVariable], x: TensorVariable, condition: TensorVariable
) -> TensorVariable:
    """Return the first layer's input (T, B, W) for symbols (T, B) or frames (T, B, V), with that of labels added."""
    return network._input(p, x, None, Dropout(pt.constant(0), 0), condition)[0]


def parameters(network: Network, p: Mapping[str, TensorVariable], layer: int) -> SimpleNamespace:
    """Return the parameters of a layer, which counts from 0, as a cell's step takes them."""
    own = network.cell.shapes(network.input_width if layer == 0 else network.state_size, network.state_size)
    return SimpleNamespace(**{name: p[f"{layer + 1}.{name}"] for name in own})


def states(network: Network, state: TensorVariable) -> list[TensorVariable]:
    """Return the cell's states (B, H), which lie side by side in one (B, S)."""
    H = network.state_size
    return [state[:, i * H : (i + 1) * H] for i in range(len(network.cell.states))]


def checked_index(name: str, index: Any, n: int) -> int:
    """Return the index of a layer or a unit from 0 up, or raise.

    >>> checked_index("layer", -1, 3)
    2
    >>> checked_index("unit", 99, 3)
    Traceback (most recent call last):
        ...
    charrnn.errors.InvalidValue: There is no unit 99: expected a whole number from 0 to 2, or from -3 for the last ones.
    """
    try:
        return range(n)[index]
    except (IndexError, TypeError):
        span = f"from 0 to {n - 1}, or from {-n} for the last ones"
        raise InvalidValue(f"There is no {name} {index!r}: expected a whole number {span}.") from None
