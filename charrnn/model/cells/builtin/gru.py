"""Gated recurrent units, plain and with layer normalisation."""

from __future__ import annotations

import pytensor.tensor as pt

from charrnn.errors import UnknownName
from charrnn.model.cells.cell import Cell, Family
from charrnn.model.cells.gates import gate_function
from charrnn.model.cells.normalise import gain_shapes, layer_norm, normalised_sums


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
        If `gate` is not a gate function, or `reset` is not one of these.
    """

    def __init__(self, gate: str = "sigmoid", reset: str = "before") -> None:
        if reset not in ("before", "after"):
            raise UnknownName(f"reset={reset!r}: expected 'before' or 'after' the recurrent product.")
        self.gate, self.reset = gate_function(gate), reset

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


class NormalisedGRU(GRU):
    """A GRU with normalised sums: z's and r's are normalised together, and the candidate's separately.

    Sums over the input and over the state are normalised separately. The parameters are those of `GRU` and the gains
    ``gUz``, ``gWz`` and so on.
    """

    def initial_bias(self, name: str) -> float:
        return 1.0 if name.startswith("g") else super().initial_bias(name)

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        return super().shapes(n_in, n_units) | gain_shapes("zrc", n_units)

    def gates(self, x, h, *, p):  # type: ignore[override]
        z, r = map(self.gate, normalised_sums(x, h, p, "zr"))
        return {"z": z, "r": r}

    def step(self, x, h, *, p):
        z, r = self.gates(x, h, p=p).values()
        if self.reset == "before":
            (c,) = normalised_sums(x, r * h, p, "c")
        else:
            (u,), (w,) = layer_norm([x @ p.Uc], [p.gUc]), layer_norm([h @ p.Wc], [p.gWc])
            c = u + p.bc + r * (w + p.dc)
        return ((1 - z) * pt.tanh(c) + z * h,)


FAMILY = Family(GRU, lambda hyper: (NormalisedGRU if hyper.layer_norm else GRU)(hyper.gate, hyper.reset))
