"""Cells with layer normalisation (Ba, Kiros & Hinton 2016, arXiv 1607.06450).

What a layer's units sum up is shifted and scaled to mean 0 and variance 1 over the units, for each example and time
step on its own, and then scaled by gains, one for each unit, and shifted by the biases. The paper's supplement says
which sums: the input's and the state's apart, those of several gates together. Its two biases for each unit are one
here, because they are added.

>>> sorted(NormalisedRNN().shapes(n_in=3, n_units=5))
['U', 'W', 'b', 'g']
"""

from __future__ import annotations

from collections.abc import Sequence

import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.model.cells import GRU, LSTM, RNN

EPSILON = 1e-5  # added to the variance


def layer_norm(values: Sequence[TensorVariable], gains: Sequence[TensorVariable]) -> list[TensorVariable]:
    """Return values (B, H), normalised over the units of all of them together, times their gains (H,)."""
    mean = _mean([v.mean(axis=-1, keepdims=True) for v in values])
    centred = [v - mean for v in values]
    variance = _mean([pt.sqr(c).mean(axis=-1, keepdims=True) for c in centred])
    scale = 1 / pt.sqrt(variance + EPSILON)
    return [c * scale * gain for c, gain in zip(centred, gains, strict=True)]


def _mean(values: Sequence[TensorVariable]) -> TensorVariable:
    return values[0] if len(values) == 1 else pt.add(*values) / len(values)


def gain_shapes(gates: str, n_units: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the gains of each gate's sum over the input, and over the state."""
    return {f"g{kind}{g}": (n_units,) for g in gates for kind in "UW"}


def normalised_sums(x: TensorVariable, h: TensorVariable, p, gates: str) -> list[TensorVariable]:
    """Return ``LN(x U) + LN(h W) + b`` for some gates, each normalisation over all of these gates."""
    parts = [
        layer_norm([v @ getattr(p, kind + g) for g in gates], [getattr(p, f"g{kind}{g}") for g in gates])
        for kind, v in (("U", x), ("W", h))
    ]
    return [u + w + getattr(p, f"b{g}") for u, w, g in zip(*parts, gates, strict=True)]


class NormalisedGRU(GRU):
    """A GRU whose sums are normalised: z's and r's together, the candidate's; each of input and state apart.

    Parameters are those of `GRU`, and the gains ``gUz``, ``gWz`` and so on.
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


class NormalisedLSTM(LSTM):
    """An LSTM whose sums are normalised, all four gates' together, of input and state apart; and its memory as seen.

    ``h' = o tanh(LN(c') + bm)``, while c' itself stays as it is. Parameters are those of `LSTM`, the gains ``gUi``,
    ``gWi`` and so on, and the memory's gain and bias ``gm``, ``bm``.
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


class NormalisedRNN(RNN):
    """The plain network, whose sums are normalised: ``h' = tanh(LN(x U + h W) + b)``, with the gain g."""

    def initial_bias(self, name: str) -> float:
        return 1.0 if name == "g" else super().initial_bias(name)

    def shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        return super().shapes(n_in, n_units) | {"g": (n_units,)}

    def step(self, x, h, *, p):
        (total,) = layer_norm([x @ p.U + h @ p.W], [p.g])
        return (pt.tanh(total + p.b),)
