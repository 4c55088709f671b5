"""One of V symbols, with the softmax of the outputs as probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from pytensor.tensor import TensorVariable

from charrnn.model.heads.crossentropy import accuracy, cross_entropy
from charrnn.model.heads.symbols import SymbolHead
from charrnn.model.sampling import softmax
from charrnn.settings.hyper import HyperParams


class Softmax(SymbolHead):
    """A distribution over V symbols; the outputs are logits."""

    @property
    def even_loss(self) -> float:
        return math.log(self.vocab_size)

    def errors(
        self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable
    ) -> tuple[TensorVariable, TensorVariable]:
        errors = cross_entropy(outputs, y)
        return errors, accuracy(errors)

    def probabilities(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray], temp: float) -> np.ndarray:
        return softmax(outputs / temp)


def make(hyper: HyperParams, vocab_size: int) -> Softmax:
    """Return the head for V symbols."""
    return Softmax(vocab_size)
