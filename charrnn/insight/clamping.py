"""Generation with some units held at a value, to see what a neuron does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor import TensorVariable

from charrnn import checks
from charrnn.errors import InvalidValue
from charrnn.insight import layers
from charrnn.model.sampling import Choice

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.model.network import Network


class ClampedModel:
    """A model with some units held at a value.

    The value replaces the unit's state at every step, for the layers above and for later steps. The class reads and
    writes as `Model` does, with one compiled step for each character.

    Parameters
    ----------
    model : Model
    clamp : mapping of (int, int) to float
        The value of the first state of (layer, unit), both from 0 up.

    Raises
    ------
    InvalidValue
        If a unit does not exist, or a value is not a number.

    Examples
    --------
    >>> from charrnn.settings.hyper import HyperParams
    >>> from charrnn.model.model import Model
    >>> model = Model(HyperParams(layers=2, state_size=8), "GRUEncode", vocab_size=5, engine="cpu")
    >>> clamped = ClampedModel(model, {(0, 3): 1.0})
    >>> _, state = clamped.generate(np.zeros(1, "int32"), model.freshstate(1), np.full((4, 1), 0.5))
    >>> float(state[0, 0, 3])
    1.0
    """

    def __init__(self, model: Model, clamp: Mapping[tuple[int, int], float]) -> None:
        self._model = model
        self.condition, self.freshstate, self.checked_state = model.condition, model.freshstate, model.checked_state
        shape = (model.network.layers, model.network.state_size)
        self._held, self._values = np.zeros(shape, model.hyper.dtype), np.zeros(shape, model.hyper.dtype)
        if not isinstance(clamp, Mapping):
            raise InvalidValue(f"clamp={clamp!r}: expected values by (layer, unit), such as {{(0, 17): 1.0}}.")
        for place, value in clamp.items():
            if not isinstance(place, tuple) or len(place) != 2:
                raise InvalidValue(f"clamp holds a value for {place!r}: expected (layer, unit).")
            checks.number(f"clamp[{place}]", value)
            layer, unit = map(layers.checked_index, ("layer", "unit"), place, shape)
            self._held[layer, unit], self._values[layer, unit] = 1, value

    def predict(
        self, x: np.ndarray, state: np.ndarray | None = None, condition: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and states along sequences; see `charrnn.model.model.Model.predict`."""
        x = np.asarray(x, np.int32)
        state = self.freshstate(x.shape[1]) if state is None else state
        logits, states = [], []
        for symbols in x:
            after, state = self._step(symbols, state, condition)
            logits.append(after)
            states.append(state)
        return np.stack(logits), np.stack(states, axis=1)

    def generate(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        choice: Choice | None = None,
        condition: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return generated symbols and the state after them; see `charrnn.model.model.Model.generate`."""
        symbols, choice = np.empty(uniforms.shape, np.int32), choice or Choice()
        for i, u in enumerate(uniforms):
            logits, state = self._step(start, state, condition)
            start = symbols[i] = choice.draw(logits, u)
        return symbols, state

    def _step(self, x: np.ndarray, state: np.ndarray, condition: np.ndarray | None) -> list[np.ndarray]:
        """Return the logits (R, V) and the state after symbols (R,)."""
        run, dtype = self._model.function("clamped steps", _step), self._model.hyper.dtype
        given = self.condition() if condition is None else condition
        given = np.ascontiguousarray(np.broadcast_to(given, (len(x), self._model.network.input_width)), dtype)
        return run(
            np.ascontiguousarray(x, np.int32), np.ascontiguousarray(state, dtype), given, self._held, self._values
        )


def _step(network: Network, p: dict[str, TensorVariable]) -> tuple[list[Variable], list[Variable]]:
    """Build one step of all layers in which some units' first states are replaced by given values."""
    x = pt.tensor("x", dtype="int32", shape=(None,))
    state = pt.tensor("state", dtype=network.dtype, shape=(network.layers, None, network.state_width))
    condition = pt.tensor("condition", dtype=network.dtype, shape=(None, network.input_width))
    held, values = (
        pt.tensor(name, dtype=network.dtype, shape=(network.layers, network.state_size)) for name in ("held", "values")
    )
    first = network.input.looked_up(p, x[None])[0] + condition
    states = [network.split(state[layer]) for layer in range(network.layers)]
    logits, new = network.step(p, first, states, hold=lambda layer, h: pt.switch(held[layer], values[layer], h))
    return [x, state, condition, held, values], [logits, pt.stack([pt.concatenate(layer, axis=1) for layer in new])]
