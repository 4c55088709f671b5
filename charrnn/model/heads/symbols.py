"""The base class of heads for text: inputs and targets are symbols, int32 (T, B)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue
from charrnn.model.dropout import Dropout
from charrnn.model.heads.head import Head
from charrnn.model.stage import InputStage, LayerInput


class SymbolHead(Head):
    """A distribution over V symbols. `charrnn.model.generator` draws them with a `charrnn.model.sampling.Choice`."""

    unit, noun, values, axes = "character", "symbols", "int32 below V", ("T", "B")

    def variable(self, name: str, dtype: str) -> TensorVariable:
        return pt.tensor(name, dtype="int32", shape=(None, None))

    def sequence(self, array: np.ndarray, name: str, dtype: str) -> np.ndarray:
        symbols, V = np.ascontiguousarray(array, "int32"), self.vocab_size
        if symbols.size and not 0 <= symbols.min() <= symbols.max() < V:
            raise InvalidValue(f"{name} holds symbols from {symbols.min()} to {symbols.max()}: expected 0 to {V - 1}.")
        return symbols

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(self.vocab_size, size=shape)

    def first_input(
        self,
        stage: InputStage,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        clip: float | None,
        drop: Dropout,
        condition: TensorVariable | None,
    ) -> LayerInput:
        return stage.of_symbols(p, x, clip, drop, condition)

    def input_formula(self, stage: str) -> str:
        return {"encode": "tanh(E + a)", "embed": "E", "resize": "a one-hot row"}[stage] + " of each symbol"

    def start(self, symbols: np.ndarray) -> np.ndarray:
        return self.sequence(symbols, "start", "int32")
