"""What the outputs of a network mean: one of V symbols, or which of V notes sound together.

A network ends in one affine layer, whose outputs a head reads. Symbols are int32 (T, B). Notes come as frames of 0 and
1, (T, B, V), one for each pitch, and the cross-entropy of a frame is summed over its pitches: nats per frame.

>>> from charrnn.settings.hyper import HyperParams
>>> head = make(HyperParams(head="nade", note_units=64), vocab_size=88)
>>> head.width, head.shapes()
(152, {'W': (88, 64), 'U': (88, 64)})
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.model.drawing import Estimator
from charrnn.model.losses import accuracy, cross_entropy
from charrnn.model.nade import nade_logits
from charrnn.settings.hyper import HyperParams

#: Logit of every pitch of a new network: about 4 of 88 notes sound.
SILENCE = -3.0


class Softmax:
    """One of V symbols.

    Parameters
    ----------
    vocab_size : int
        V.

    Attributes
    ----------
    frames : bool
        Whether inputs and targets are frames of notes rather than symbols.
    width : int
        Number of outputs that the head reads.
    """

    frames = False

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = self.width = vocab_size

    @property
    def even_loss(self) -> float:
        """The loss of guessing evenly, in nats."""
        return math.log(self.vocab_size)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return names and shapes of the head's own parameters."""
        return {}

    def bias(self) -> np.ndarray:
        """Return the initial bias of the outputs, (width,)."""
        return np.zeros(self.width)

    def variable(self, name: str, dtype: str) -> TensorVariable:
        """Return an input for symbols (T, B), or frames (T, B, V) of a dtype."""
        return pt.tensor(name, dtype="int32", shape=(None, None))

    def errors(
        self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable
    ) -> tuple[TensorVariable, TensorVariable]:
        """Return how outputs (T, B, width) meet what came.

        Parameters
        ----------
        p : mapping of str to tensor
            The network's parameters.
        outputs : tensor3 (T, B, width)
        y : tensor
            Symbols (T, B), or frames (T, B, V).

        Returns
        -------
        errors : matrix (T, B)
            Cross-entropy in nats.
        accuracy : matrix (T, B)
            Whether the likeliest symbol came. Of frames, the notes that sounded as expected among all that sounded or
            were expected: TP / (TP + FP + FN), as Bay, Ehmann & Downie 2009 count; a note is expected that is likelier
            than not.
        """
        errors = cross_entropy(outputs, y)
        return errors, accuracy(errors)


class Bernoulli(Softmax):
    """Notes that are independent of each other: p_i = sigmoid(output i).

    The piano ancestor has two outputs -l and l for each note, which is the same with twice the logit.
    """

    frames = True

    @property
    def even_loss(self) -> float:
        return self.vocab_size * math.log(2)

    def bias(self) -> np.ndarray:
        return np.where(np.arange(self.width) < self.vocab_size, SILENCE, 0.0)

    def variable(self, name: str, dtype: str) -> TensorVariable:
        return pt.tensor(name, dtype=dtype, shape=(None, None, self.vocab_size))

    def logits(self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable) -> TensorVariable:
        """Return the logit of each note given what the head lets it depend on, (T, B, V)."""
        return outputs

    def estimator(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray]) -> Estimator:
        """Return the distributions over frames that outputs (R, width) stand for."""
        none = np.zeros((self.vocab_size, 0), outputs.dtype)
        return Estimator(outputs, outputs[:, :0], none, none)

    def errors(
        self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable
    ) -> tuple[TensorVariable, TensorVariable]:
        logits = self.logits(p, outputs, y)
        # -log sigmoid(l) for a note that sounds, -log sigmoid(-l) for one that does not.
        errors = (pt.softplus(logits) - y * logits).sum(axis=2)
        expected = pt.cast(logits > 0, y.type.dtype)
        either = pt.maximum(y, expected).sum(axis=2)
        right = pt.switch(either > 0, (y * expected).sum(axis=2) / pt.maximum(either, 1), pt.ones_like(either))
        return errors, right


class Nade(Bernoulli):
    """Notes of which each depends on those above it, see `charrnn.model.nade`.

    Parameters
    ----------
    vocab_size : int
        V.
    units : int
        K, hidden units of the estimator; their values above the highest pitch are outputs of the network too.
    """

    def __init__(self, vocab_size: int, units: int) -> None:
        self.vocab_size, self.units, self.width = vocab_size, units, vocab_size + units

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.vocab_size, self.units), "U": (self.vocab_size, self.units)}

    def logits(self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable) -> TensorVariable:
        V = self.vocab_size
        return nade_logits(outputs[:, :, :V], outputs[:, :, V:], p["W"], p["U"], y)

    def estimator(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray]) -> Estimator:
        V = self.vocab_size
        return Estimator(outputs[:, :V], outputs[:, V:], parameters["W"], parameters["U"])


def make(hyper: HyperParams, vocab_size: int) -> Softmax:
    """Return the head that ``hyper.head`` names, for V symbols or pitches."""
    if hyper.head == "nade":
        return Nade(vocab_size, hyper.note_units)
    return Bernoulli(vocab_size) if hyper.head == "bernoulli" else Softmax(vocab_size)
