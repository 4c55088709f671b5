"""Long short-term memory, plain and with layer normalisation."""

from __future__ import annotations

from typing import ClassVar

import pytensor.tensor as pt

from charrnn.model.cells.cell import Cell, Family
from charrnn.model.cells.gates import gate_function
from charrnn.model.cells.normalise import gain_shapes, layer_norm, normalised_sums


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

    Raises
    ------
    UnknownName
        If `gate` is not a gate function.
    """

    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def __init__(self, gate: str = "sigmoid", forget_bias: float = 1.0) -> None:
        self.gate, self.forget_bias = gate_function(gate), forget_bias

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


class NormalisedLSTM(LSTM):
    """An LSTM with normalised sums: those of all four gates together, and those of input and state separately.

    The memory is normalised only for the output: ``h' = o tanh(LN(c') + bm)``; c' itself is not. The parameters are
    those of `LSTM`, the gains ``gUi``, ``gWi`` and so on, and the memory's gain and bias ``gm``, ``bm``.
    """

    def initial_bias(self, name: str) -> float:
        return 1.0 if name.startswith("g") else super().initial_bias(name)

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        return super().shapes(n_in, n_units) | gain_shapes("ifog", n_units) | {"gm": (n_units,), "bm": (n_units,)}

    def gates(self, x, h, c, *, p):  # type: ignore[override]
        i, f, o, _ = normalised_sums(x, h, p, "ifog")
        return {"i": self.gate(i), "f": self.gate(f), "o": self.gate(o)}

    def step(self, x, h, c, *, p):
        i, f, o, g = normalised_sums(x, h, p, "ifog")
        c = self.gate(f) * c + self.gate(i) * pt.tanh(g)
        (seen,) = layer_norm([c], [p.gm])
        return self.gate(o) * pt.tanh(seen + p.bm), c


FAMILY = Family(LSTM, lambda hyper: (NormalisedLSTM if hyper.layer_norm else LSTM)(hyper.gate, hyper.forget_bias))
