"""The base class of heads for music: inputs are frames of 0 and 1, (T, B, V), one number for each pitch."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue
from charrnn.model.dropout import Dropout
from charrnn.model.heads.head import Head
from charrnn.model.heads.notes import Conditions, Estimator, draw_notes, marginals
from charrnn.model.stage import InputStage, LayerInput

#: Logit of every pitch of a new network: about 4 of 88 notes sound.
SILENCE = -3.0


class FrameHead(Head):
    """A distribution over sets of V notes; the cross-entropy of a frame is summed over its pitches."""

    unit, noun, values, axes = "frame", "frames", "0 or 1 for each note", ("T", "B", "V")

    @property
    def even_loss(self) -> float:
        return self.vocab_size * math.log(2)

    def bias(self) -> np.ndarray:
        return np.where(np.arange(self.width) < self.vocab_size, SILENCE, 0.0)

    def variable(self, name: str, dtype: str) -> TensorVariable:
        return pt.tensor(name, dtype=dtype, shape=(None, None, self.vocab_size))

    def sequence(self, array: np.ndarray, name: str, dtype: str) -> np.ndarray:
        frames, V = np.ascontiguousarray(array, dtype), self.vocab_size
        if frames.ndim < 2 or frames.shape[-1] != V or not ((frames == 0) | (frames == 1)).all():
            raise InvalidValue(f"{name} {frames.shape} must be frames of 0 and 1, the last axis {V} long.")
        return frames

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(2, size=(*shape, self.vocab_size))

    def first_input(
        self,
        stage: InputStage,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        clip: float | None,
        drop: Dropout,
        condition: TensorVariable | None,
    ) -> LayerInput:
        return stage.of_frames(p, x, clip, drop, condition)

    def input_formula(self, stage: str) -> str:
        return {"encode": "tanh(x @ E + a)", "embed": "x @ E", "resize": "x itself"}[stage]

    @abstractmethod
    def logits(self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable) -> TensorVariable:
        """Return the logit of each note, given the notes that it depends on, (T, B, V)."""

    @abstractmethod
    def estimator(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray]) -> Estimator:
        """Return the distributions over frames with the parameters in outputs (R, width)."""

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

    def probabilities(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray], temp: float) -> np.ndarray:
        return marginals(self.estimator(outputs, parameters), temp)

    def write_frames(
        self,
        predict: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
        parameters: Mapping[str, np.ndarray],
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        temp: float,
        conditions: Conditions,
    ) -> tuple[np.ndarray, np.ndarray]:
        given = conditions.pitches(*np.shape(uniforms))
        frames, last = np.empty(np.shape(uniforms), np.uint8), np.asarray(start)
        for i, u in enumerate(uniforms):
            outputs, states = predict(last[None], state)
            state = states[:, 0]
            of = self.estimator(np.asarray(outputs[0]), parameters)
            frames[i], _ = draw_notes(of, u, temp, given[i], conditions.most)
            last = frames[i]
        return frames, state
