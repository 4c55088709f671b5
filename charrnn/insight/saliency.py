"""Saliency: how much each character matters for the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue, UnknownCharacters, UnknownName, near_matches
from charrnn.insight.colouring import ColouredText
from charrnn.insight.recording import beginning
from charrnn.model.heads.crossentropy import cross_entropy

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model
    from charrnn.model.network import Network

MEASURES = ("norm", "product")


@dataclass(frozen=True, eq=False, repr=False)
class Saliency(ColouredText):
    """How much each character of a text matters for the one after it; prints as the coloured text.

    Attributes
    ----------
    text : str
        T characters, as the model reads them.
    values : numpy.ndarray
        The saliency of each character in nats, (T,).
    target : str
        The character after the text.
    probability : float
        The model's probability of it.
    """

    target: str = ""
    probability: float = 0.0


def saliency(
    model: Model, charset: CharSet, text: str, target: str | None = None, measure: str = "norm", skip: int = 0
) -> Saliency:
    """Return how the log-probability of the next character depends on each character before it.

    The first `skip` symbols are never chosen as the target. See `ModelState.saliency`.
    """
    if measure not in MEASURES:
        raise UnknownName(f"measure={measure!r} is not a measure. {near_matches(str(measure), MEASURES)}")
    symbols = charset.encode(text)
    if not len(symbols):
        raise InvalidValue("There is nothing to look at: give a text of at least one character.")
    x, state = symbols[:, None], beginning(model, charset)
    logits = model.predict(x, state)[0][-1, 0]
    symbol = skip + int(logits[skip:].argmax()) if target is None else _symbol(charset, target)
    y = np.full((1, 1), symbol, np.int32)
    log_p, gradient, inputs = model.function("saliency", _gradient)(x, state, y, model.condition())
    values = np.linalg.norm(gradient, axis=1) if measure == "norm" else (gradient * inputs).sum(axis=1)
    shown, p = charset.chars[symbol], float(np.exp(log_p))
    what = "gradient norm" if measure == "norm" else "gradient × input"
    title = f"what {shown!r} (probability {p:.3f}) depends on, {what}"
    return Saliency(charset.decode(symbols), values, title, target=shown, probability=p)


def _symbol(charset: CharSet, target: str) -> int:
    if not isinstance(target, str) or len(target) != 1:
        raise InvalidValue(f"target={target!r}: expected one character.")
    if target not in charset:
        raise UnknownCharacters(f"The model does not know {target!r} and never writes it: give another target.")
    return charset.idxofchar(target)


def _gradient(network: Network, p: dict[str, TensorVariable]) -> tuple[list[Variable], list[Variable]]:
    """Build log p of the symbol after a text, its gradient by the first layer's inputs (T, W), and these inputs."""
    x = pt.tensor("x", dtype="int32", shape=(None, 1))
    y = pt.tensor("y", dtype="int32", shape=(1, 1))
    state = pt.tensor("state", dtype=network.dtype, shape=(network.layers, 1, network.state_width))
    condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
    inputs = network.input.looked_up(p, x) + condition
    # A zero term added to the inputs has the inputs' gradient, even if the inputs are rows looked up in a table.
    added = pt.zeros_like(inputs) + condition
    logits, _, _ = network.forward(p, x, state, condition=added)
    log_p = -cross_entropy(logits[-1:], y)[0, 0]
    return [x, state, y, condition], [log_p, pytensor.grad(log_p, added)[:, 0], inputs[:, 0]]
