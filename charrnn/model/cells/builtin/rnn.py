"""The plain recurrent network, also with layer normalisation."""

from __future__ import annotations

import pytensor.tensor as pt

from charrnn.model.cells.cell import Cell, Family
from charrnn.model.cells.normalise import layer_norm


class RNN(Cell):
    """The plain recurrent network (Elman 1990): ``h' = tanh(x U + h W + b)``."""

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        return {"U": (n_in, n_units), "W": (n_units, n_units), "b": (n_units,)}

    def step(self, x, h, *, p):
        return (pt.tanh(x @ p.U + h @ p.W + p.b),)


class NormalisedRNN(RNN):
    """The plain network with normalised sums: ``h' = tanh(LN(x U + h W) + b)``, with the gain g."""

    def initial_bias(self, name: str) -> float:
        return 1.0 if name == "g" else super().initial_bias(name)

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        return super().shapes(n_in, n_units) | {"g": (n_units,)}

    def step(self, x, h, *, p):
        (total,) = layer_norm([x @ p.U + h @ p.W], [p.g])
        return (pt.tanh(total + p.b),)


FAMILY = Family(RNN, lambda hyper: NormalisedRNN() if hyper.layer_norm else RNN())
