"""What every neuron does along a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.model.choice import checked_temp

if TYPE_CHECKING:
    from charrnn.data.charset import CharSet
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
        (L, H, T), or (T, L, H) if not `transpose`. If the cell has several states, each (L, H) at a character, they
        lie side by side in the order of ``model.network.cell.states``. In an LSTM, the first H units are h, the others
        c.
    (predictions, states) : tuple of numpy.ndarray
        If `ret_output`; predictions are probabilities (T, V).

    Raises
    ------
    InvalidValue
        If the text is empty, or the temperature is not above 0.
    """
    indices = charset.encode(text)
    if not len(indices):
        raise InvalidValue("There is nothing to track: give a text of at least one character.")
    predictions, states = model.process(indices, temp=checked_temp(temp))
    states = np.asarray(states)
    if transpose:
        states = states.transpose(1, 2, 0)
    return (np.asarray(predictions), states) if ret_output else states
