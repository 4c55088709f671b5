"""Notes that are independent of each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pytensor.tensor import TensorVariable

from charrnn.model.heads.frames import FrameHead
from charrnn.model.heads.notes import Estimator
from charrnn.settings.hyper import HyperParams


class Bernoulli(FrameHead):
    """Independent notes: p_i = sigmoid(output i).

    The piano ancestor has two outputs -l and l for each note, which is equivalent to twice the logit.
    """

    def logits(self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable) -> TensorVariable:
        return outputs

    def estimator(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray]) -> Estimator:
        none = np.zeros((self.vocab_size, 0), outputs.dtype)
        return Estimator(outputs, outputs[:, :0], none, none)


def make(hyper: HyperParams, vocab_size: int) -> Bernoulli:
    """Return the head for V pitches."""
    return Bernoulli(vocab_size)
