"""The place of training in the text: epoch, position, and the hidden state of every stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Place:
    """A place in the text, between two batches.

    Parameters
    ----------
    epoch : int
        Epochs completed.
    pos : int
        Batches of the present epoch completed.
    state : numpy.ndarray, optional
        Hidden state of every stream, (L, B, H); None where none has been trained yet.

    Examples
    --------
    >>> place = Place(pos=1)
    >>> place.advance(np.array([[[1.0], [2.0], [3.0]]]), epoch_length=2)
    >>> place.epoch, place.pos, place.state.ravel().tolist()
    (1, 0, [3.0, 1.0, 2.0])
    """

    epoch: int = 0
    pos: int = 0
    state: np.ndarray | None = None

    def advance(self, state: np.ndarray, epoch_length: int) -> None:
        """Advance by one batch that ended in `state`.

        At the end of an epoch stream b has arrived where stream b+1 began, so the states move on by one stream.
        """
        self.pos += 1
        self.state = state
        if self.pos >= epoch_length:
            self.epoch += 1
            self.pos = 0
            self.state = np.roll(state, 1, axis=1)

    def copy(self) -> Place:
        """Return a copy with separate arrays."""
        return Place(self.epoch, self.pos, None if self.state is None else self.state.copy())

    def become(self, other: Place) -> None:
        """Copy another place into this one."""
        self.epoch, self.pos, self.state = other.epoch, other.pos, other.copy().state
