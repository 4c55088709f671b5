"""Choose the documents to validate on: at random, in proportion to the labels, none of them unknown to training."""

from __future__ import annotations

import numpy as np

LEAST, MOST = 0.01, 0.5  # shares of all characters between which validation is taken as it was drawn


def validation(labels: np.ndarray, trainfrac: float, random_seed: int) -> np.ndarray:
    """Return which documents are for validation.

    Of each label, in each column, one document at least is for training; the others are taken in proportion.

    Parameters
    ----------
    labels : numpy.ndarray
        Label ids, integers (D, number of columns), which may be 0.
    trainfrac : float
        Part of the documents to train on, in (0, 1].
    random_seed : int
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


def validation_by_size(
    labels: np.ndarray, sizes: np.ndarray, trainfrac: float, random_seed: int, unit: str
) -> tuple[np.ndarray, str]:
    """Return which documents are for validation, by their sizes where their number would mislead.

    That is where documents are of so different length that the share of their number has less than 1 % or more than
    half of all characters.

    Parameters
    ----------
    labels, trainfrac, random_seed : numpy.ndarray, float, int
        As of `validation`.
    sizes : numpy.ndarray
        Characters or frames of each document, integers (D,).
    unit : str
        What they are counted in, for the note.

    Returns
    -------
    chosen : ndarray of bool, (D,)
    note : str
        A sentence about what was done; empty where nothing had to be.

    >>> labels, sizes = np.zeros((5, 0), int), np.array([9000, 10, 300, 700, 10])
    >>> validation_by_size(labels, sizes, 0.9, random_seed=0, unit="character")[0]
    array([False, False,  True,  True, False])
    """
    chosen = validation(labels, trainfrac, random_seed)
    total = int(sizes.sum())
    share = float(sizes[chosen].sum()) / total if chosen.any() else 0.0
    wanted = 1 - trainfrac
    if not chosen.any() or min(LEAST, wanted / 2) <= share <= max(MOST, 2 * wanted):
        return chosen, ""
    mended = _of_size(labels, sizes, wanted * total, random_seed)
    better = float(sizes[mended].sum()) / total
    if not LEAST <= better <= MOST and abs(better - wanted) >= abs(share - wanted):
        return chosen, f"Documents are of very different length: validation is on {share:.2%} of the {unit}s."
    return mended, (
        f"Documents are of very different length: {wanted:.0%} of their number would be {share:.2%} of the {unit}s, so "
        f"they were divided by {unit}s; validation is on {better:.1%}."
    )


def _of_size(labels: np.ndarray, sizes: np.ndarray, target: float, random_seed: int) -> np.ndarray:
    """Return documents whose sizes come near a sum, at random; of each label one document at least is left."""
    order = np.argsort(np.random.default_rng(random_seed).random(len(sizes)))
    chosen = np.zeros(len(sizes), bool)
    left = [dict(zip(*np.unique(column, return_counts=True), strict=True)) for column in labels.T]
    sum_ = 0
    for within in (True, False):  # first what fits; then, while less than half is reached, the smallest that does not
        if not within:
            order = order[np.argsort(sizes[order], kind="stable")]
        for number in order:
            spared = all(counts[labels[number, k]] > 1 for k, counts in enumerate(left))
            spared = spared and chosen.sum() < len(sizes) - 1
            fits = sum_ + sizes[number] <= target if within else sum_ < target / 2
            if spared and fits and not chosen[number]:
                chosen[number] = True
                sum_ += int(sizes[number])
                for k, counts in enumerate(left):
                    counts[labels[number, k]] -= 1
    return chosen
