"""Layer normalisation of a cell's sums (Ba, Kiros & Hinton 2016, arXiv 1607.06450).

The sums of a layer's units are shifted and scaled to mean 0 and variance 1 over the units, separately for each example
and time step. They are then multiplied by gains, one for each unit, and the biases are added. As in the paper's
supplement, the sums over the input and over the state are normalised separately, those of several gates together. The
paper has two biases for each unit; they are added, so here they are one.

>>> gain_shapes("z", n_units=5)
{'gUz': (5,), 'gWz': (5,)}
"""

from __future__ import annotations

from collections.abc import Sequence

import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

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
