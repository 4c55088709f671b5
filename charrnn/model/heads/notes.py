"""Draw frames of notes from a head's distribution, freely or under conditions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: The values of `Conditions.given`.
SOUNDS, SILENT, OPEN = 1, 0, -1
DRAWS = 64  # for each marginal probability


class Estimator(NamedTuple):
    """R distributions over sets of V notes; see `charrnn.model.heads.nade`.

    Without hidden units, notes are independent.
    """

    c: np.ndarray  # (R, V)
    a: np.ndarray  # (R, K)
    W: np.ndarray  # (V, K)
    U: np.ndarray  # (V, K)


class Conditions(NamedTuple):
    """Conditions on n frames of R samples.

    Parameters
    ----------
    given : int array, optional
        1 for a pitch that sounds, 0 for a silent one, -1 for an open one; (V,), or (n, 1, V), or (n, R, V). To
        harmonise a melody, its pitches are 1 and all pitches above them 0.
    allowed : bool array, optional
        The open pitches that may sound, in the same shapes: a range, a scale.
    most : int, optional
        Maximum number of notes at once; given notes count, and always sound.
    """

    given: np.ndarray | None = None
    allowed: np.ndarray | None = None
    most: int | None = None

    def pitches(self, n: int, R: int, V: int) -> np.ndarray:
        """Return 1, 0 or -1 for each pitch of each frame, int8 (n, R, V)."""
        given = np.full((n, R, V), OPEN, np.int8)
        if self.given is not None:
            given[:] = self.given
        if self.allowed is not None:
            given[(given == OPEN) & ~np.asarray(self.allowed, bool)] = SILENT
        return given


def draw_notes(
    of: Estimator, uniforms: np.ndarray, temp: float = 1.0, given: np.ndarray | None = None, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame drawn from each of R distributions.

    From the highest pitch down, a note sounds if its uniform number is below its probability. Probabilities change only
    at notes that sound, so that all pitches down to the next of these are drawn at once.

    Parameters
    ----------
    of : Estimator
    uniforms : array (R, V)
        Numbers in [0, 1).
    temp : float
        Temperature, by which logits are divided.
    given : int8 array (R, V), optional
        1, 0 or -1 for each pitch, as in `Conditions`.
    most : int, optional
        Maximum number of notes at once.

    Returns
    -------
    notes : uint8 array (R, V)
    probabilities : array (R, V)
        Probability of each note given those above it, without conditions.
    """
    (R, V), hidden = of.c.shape, of.a.copy()
    notes, probabilities = np.zeros((R, V), np.uint8), np.empty((R, V), of.c.dtype)
    given = np.full((R, V), OPEN, np.int8) if given is None else given
    pitches, below = np.arange(V), np.full((R, 1), V)  # pitches below these are not drawn yet
    going = np.arange(R)
    while len(going):
        logits = of.c[going] + np.tanh(hidden[going]) @ of.U.T
        chances = 0.5 + 0.5 * np.tanh(logits / (2 * temp))
        left, wanted = pitches < below[going], given[going]
        probabilities[going] = np.where(left, chances, probabilities[going])
        sounds = (wanted == SOUNDS) & left
        may = (wanted == OPEN) & left
        if most is not None:
            may &= (notes[going].sum(axis=1) + sounds.sum(axis=1) < most)[:, None]
        sounds |= may & (uniforms[going] < chances)
        found = sounds.any(axis=1)
        going = going[found]
        top = V - 1 - sounds[found, ::-1].argmax(axis=1)
        notes[going, top] = 1
        hidden[going] += of.W[top]
        below[going, 0] = top
    return notes, probabilities


def marginals(of: Estimator, temp: float = 1.0) -> np.ndarray:
    """Return the marginal probability of each note, (R, V).

    It is the mean of the conditional probabilities over some draws of the notes above; exact without hidden units.
    """
    rng, draws = np.random.default_rng(0), DRAWS if of.a.shape[1] else 1
    return np.mean([draw_notes(of, rng.random(of.c.shape), temp)[1] for _ in range(draws)], axis=0)
