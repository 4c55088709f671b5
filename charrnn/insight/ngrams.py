"""The loss of smoothed character n-grams, a baseline for networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from charrnn.data.streams.batch import Streams

ORDERS = 5
MOST_LEARNED, MOST_JUDGED = 2_000_000, 500_000  # characters; counting them takes a few seconds


def of_data(learned: Streams, judged: Streams) -> dict[int, float]:
    """Return `baseline` of training and validation data without begin symbols; empty if the data are not symbols."""
    counted, _ = learned.countable(MOST_LEARNED, at_end=True)
    asked, begins = judged.countable(MOST_JUDGED)
    return baseline(counted, asked, learned.vocab_size, skip=begins) if len(counted) else {}


def baseline(
    learned: np.ndarray, judged: np.ndarray, vocab_size: int, skip: np.ndarray | None = None, orders: int = ORDERS
) -> dict[int, float]:
    r"""Return the losses of n-grams of orders 1 to `orders`, in nats per character, by order.

    An n-gram predicts a character from the n - 1 before it; no order is longer than `learned`. Each order is
    interpolated with the next lower one, down to the uniform distribution, by Witten and Bell's method (1991; Chen &
    Goodman 1999, "An empirical study of smoothing techniques for language modeling"). If a context h occurs c(h) times
    and is followed by t(h) different characters,

    ``p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))``, where h' is h without its first character.

    Parameters
    ----------
    learned, judged : int array (n,)
        Symbols of the text to count in and of the text to predict. Long texts are shortened to the last
        `MOST_LEARNED` symbols of the first and the first `MOST_JUDGED` of the second, which are nearest to each other.
    vocab_size : int
        V.
    skip : int array, optional
        Positions of `judged` whose predictions do not count.
    orders : int
        The highest order.

    Returns
    -------
    dict of int to float

    Examples
    --------
    >>> text = np.array([0, 1] * 500)
    >>> losses = baseline(text, text, vocab_size=2, orders=2)
    >>> round(losses[1], 3), losses[2] < 0.01  # ln 2, and hardly anything
    (0.693, True)
    """
    learned = np.asarray(learned[-MOST_LEARNED:]).astype(np.int64)
    judged = np.asarray(judged[:MOST_JUDGED]).astype(np.int64)
    counted = np.ones(len(judged), bool)
    if skip is not None:
        counted[skip[skip < len(judged)]] = False
    odds = np.full(len(judged), 1 / vocab_size)
    # A context is the index of an n-gram of the next lower order; -1 stands for one that does not occur in `learned`.
    contexts, asked = np.zeros(len(learned), np.int64), np.zeros(len(judged), np.int64)
    losses = {}
    for order in range(1, min(orders, len(learned)) + 1):
        grams, which, counts = np.unique(contexts * vocab_size + learned, return_inverse=True, return_counts=True)
        of_context = grams // vocab_size
        occurrences = np.bincount(of_context, counts)
        followers = np.bincount(of_context, minlength=len(occurrences))
        met = _find(grams, np.where(asked < 0, -1, asked * vocab_size + judged))
        known = (asked >= 0) & (asked < len(occurrences))
        at = np.where(known, asked, 0)
        total, kinds = np.where(known, occurrences[at], 0), np.where(known, followers[at], 0)
        kinds = np.maximum(kinds, 1)  # for a context without followers, only shorter contexts count
        odds = (np.where(met >= 0, counts[met], 0) + kinds * odds) / (total + kinds)
        losses[order] = float(-np.log(odds[counted]).mean())
        contexts, learned = which[:-1], learned[1:]
        asked = np.concatenate([[-1], met[:-1]])
    return losses


def _find(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the index of each wanted number among the sorted known ones, or -1."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)
