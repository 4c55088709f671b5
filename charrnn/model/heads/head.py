"""The base class of output heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from pytensor.tensor import TensorVariable

from charrnn.errors import InvalidValue
from charrnn.model.dropout import Dropout
from charrnn.model.heads.notes import Conditions
from charrnn.model.stage import InputStage, LayerInput


class Head(ABC):
    """The inputs of a network, and the distribution that its outputs parametrise.

    Parameters
    ----------
    vocab_size : int
        V, the number of symbols or pitches.

    Attributes
    ----------
    unit : str
        The unit predicted at each step: "character" or "frame"; losses are nats per unit.
    noun, values : str
        The name of inputs and their possible values, for descriptions.
    axes : tuple of str
        The axes of a batch of inputs or targets.
    width : int
        Number of outputs that the head reads.
    """

    unit: ClassVar[str]
    noun: ClassVar[str]
    values: ClassVar[str]
    axes: ClassVar[tuple[str, ...]]

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = self.width = vocab_size

    @property
    def name(self) -> str:
        """The head's name in the hyperparameters."""
        return type(self).__name__.lower()

    @property
    @abstractmethod
    def even_loss(self) -> float:
        """The loss of guessing evenly, in nats per unit."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return names and shapes of the head's own parameters."""
        return {}

    def bias(self) -> np.ndarray:
        """Return the initial bias of the outputs, (width,)."""
        return np.zeros(self.width)

    # -- what goes in -------------------------------------------------------------------------------------------------

    @abstractmethod
    def variable(self, name: str, dtype: str) -> TensorVariable:
        """Return a symbolic batch of inputs or targets; `dtype` is that of the network."""

    @abstractmethod
    def sequence(self, array: np.ndarray, name: str, dtype: str) -> np.ndarray:
        """Return inputs or targets of any batch shape in the kernels' layout.

        Raises
        ------
        InvalidValue
            If a symbol is not in the vocabulary, or a frame has values besides 0 and 1; the message calls it `name`.
        """

    @abstractmethod
    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return random inputs of a batch shape."""

    @abstractmethod
    def first_input(
        self,
        stage: InputStage,
        p: Mapping[str, TensorVariable],
        x: TensorVariable,
        clip: float | None,
        drop: Dropout,
        condition: TensorVariable | None,
    ) -> LayerInput:
        """Return the first layer's input, made by the input stage."""

    @abstractmethod
    def input_formula(self, stage: str) -> str:
        """Return the formula of a stage, for descriptions."""

    # -- what comes out -----------------------------------------------------------------------------------------------

    @abstractmethod
    def errors(
        self, p: Mapping[str, TensorVariable], outputs: TensorVariable, y: TensorVariable
    ) -> tuple[TensorVariable, TensorVariable]:
        """Return the errors and accuracies of outputs at the targets.

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
            Cross-entropy in nats; that of a frame is summed over its pitches.
        accuracy : matrix (T, B)
            For symbols, whether the likeliest symbol is the target. For frames, the share of correct notes among all
            notes that sound or are predicted: TP / (TP + FP + FN) (Bay, Ehmann & Downie 2009). A note is predicted if
            its probability is above 0.5.
        """

    @abstractmethod
    def probabilities(self, outputs: np.ndarray, parameters: Mapping[str, np.ndarray], temp: float) -> np.ndarray:
        """Return the probability of each symbol, or the marginal one of each note, (R, V), for outputs (R, width)."""

    # -- how the next unit is drawn: a head has one of these ----------------------------------------------------------

    def start(self, symbols: np.ndarray) -> np.ndarray:
        """Return the symbols (R,) after which to write, int32.

        Raises
        ------
        InvalidValue
            If the head does not predict symbols, or a symbol is not in the vocabulary.
        """
        raise InvalidValue(f"generate needs a head of symbols, not {self.name!r}: see generate_frames.")

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
        """Return generated frames of notes; see `charrnn.model.model.Model.generate_frames`.

        `predict` takes frames (1, R, V) and states (L, R, S), and returns outputs and states.

        Raises
        ------
        InvalidValue
            If the head does not predict notes.
        """
        raise InvalidValue(f"generate_frames needs a head of notes, not {self.name!r}: see generate.")
