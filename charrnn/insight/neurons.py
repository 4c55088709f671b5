"""What every neuron does along a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.generation.sampler import checked_temp

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model


def trackneurons(
    model: Model,
    charset: CharSet,
    text: str,
    temp: float = 0.5,
    ret_output: bool = False,
    transpose: bool = True,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Return the hidden states along a text, from a blank state.

    Parameters
    ----------
    model : Model
    charset : CharSet
    text : str
        T characters.
    temp : float
        Temperature of the predictions.
    ret_output : bool
        Return the predictions for the character after each one as well.
    transpose : bool
        Put time last.

    Returns
    -------
    states : numpy.ndarray
        (L, H, T), or (T, L, H) if not `transpose`.
    (predictions, states) : tuple of numpy.ndarray
        If `ret_output`; predictions are probabilities (T, V).

    Raises
    ------
    InvalidValue
        If the text is empty or the temperature makes no sense.
    """
    indices = charset.encode(text)
    if not len(indices):
        raise InvalidValue("There is nothing to track: give a text of at least one character.")
    return track(model, indices, temp, ret_output, transpose)


def track(
    model: Model, encoded: np.ndarray, temp: float, ret_output: bool = False, transpose: bool = True
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Return the hidden states along symbols (T,) or frames (T, V); other parameters as of `trackneurons`."""
    predictions, states = model.process(encoded, temp=checked_temp(temp))
    states = np.asarray(states)
    if transpose:
        states = states.transpose(1, 2, 0)
    return (np.asarray(predictions), states) if ret_output else states
