"""How the next symbol is chosen from a network's outputs.

The numpy `Choice.draw` is the reference for both engines: the kernel (`charrnn.model.kernels.writing`) and the JAX loop
(`charrnn.model.engines.jax`) draw the same symbols from the same uniform numbers, up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from charrnn import checks


@dataclass(frozen=True)
class Choice:
    """How the next of V symbols is chosen.

    Parameters
    ----------
    temp : float
        Temperature, by which logits are divided: below 1 favours likely symbols, above 1 flattens the probabilities.
    argmax : bool
        Whether to take the likeliest symbol instead of drawing one.
    skip : int
        Number of symbols, the first of the vocabulary, that are never chosen.

    Raises
    ------
    InvalidValue
        If `temp` is not a number above 0.

    Examples
    --------
    >>> logits = np.log([[0.5, 0.25, 0.25]] * 3)
    >>> Choice().draw(logits, np.array([0.4, 0.6, 0.9])).tolist()
    [0, 1, 2]
    >>> Choice(argmax=True, skip=1).draw(logits, np.zeros(3)).tolist()
    [1, 1, 1]
    """

    temp: float = 1.0
    argmax: bool = False
    skip: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "temp", checked_temp(self.temp))

    @property
    def inverse(self) -> float:
        """The inverse temperature: 0 stands for the likeliest symbol."""
        return 0.0 if self.argmax else 1 / self.temp

    def draw(self, logits: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return a symbol for each row of logits, by inverse cumulative distribution.

        Parameters
        ----------
        logits : array (R, V)
        u : array (R,)
            Uniform numbers in [0, 1).

        Returns
        -------
        int32 array (R,)
        """
        logits = logits[:, self.skip :]
        likeliest = logits.argmax(axis=1)
        if self.argmax:
            return (likeliest + self.skip).astype("int32")
        running = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temp).cumsum(axis=1)
        over = running > (u * running[:, -1])[:, None]
        # If rounding keeps the running sum from passing u, the likeliest symbol is taken.
        return (np.where(over.any(axis=1), over.argmax(axis=1), likeliest) + self.skip).astype("int32")


#: The options that callers pass on without knowing them, with their defaults.
OPTIONS: dict[str, Any] = {field.name: field.default for field in fields(Choice) if field.name not in ("temp", "skip")}


def checked_temp(temp: float) -> float:
    """Return a temperature as a float.

    Raises
    ------
    InvalidValue
        If it is not a finite number above 0.

    Examples
    --------
    >>> checked_temp(-1)
    Traceback (most recent call last):
        ...
    charrnn.errors.InvalidValue: temp=-1: expected a number above 0; for the likeliest character pass argmax=True.
    """
    return checks.number("temp", temp, above=0, otherwise="; for the likeliest character pass argmax=True")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis.

    >>> softmax(np.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
