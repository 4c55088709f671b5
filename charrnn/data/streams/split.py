"""Choose the documents to validate on: at random, in proportion to the labels, none of them unknown to training."""

from __future__ import annotations

import numpy as np


def validation(labels: np.ndarray, trainfrac: float, random_seed: int) -> np.ndarray:
    """Return which documents are for validation.

    Of each label, in each column, one document at least is for training; the others are taken in proportion.

    Parameters
    ----------
    labels
        Label ids, integers (D, number of columns), which may be 0.
    trainfrac
        Part of the documents to train on, in (0, 1].
    random_seed
        Seed of the choice.

    Returns
    -------
    ndarray of bool, (D,)
        At least one is true if `trainfrac` is below 1 and any can be spared.

    >>> validation(np.array([[1], [1], [2], [1], [1]]), trainfrac=0.6, random_seed=0)
    array([ True, False, False, False,  True])
    """
    count = len(labels)
    chosen = np.zeros(count, bool)
    if trainfrac == 1:
        return chosen
    rng = np.random.default_rng(random_seed)
    order = np.argsort(rng.random(count))
    needed = np.zeros(count, bool)
    needed[order[0]] = True
    for column in labels[order].T:
        _, first = np.unique(column, return_index=True)
        needed[order[first]] = True
    spare = order[~needed[order]]
    spare = spare[np.lexsort(labels[spare].T)] if labels.shape[1] else spare
    number = min(max(round(count * (1 - trainfrac)), 1), len(spare))
    # Evenly spaced steps through documents in the order of their labels take from each label its share.
    chosen[spare[((np.arange(number) + rng.random()) * len(spare) / max(number, 1)).astype(int)]] = True
    return chosen
