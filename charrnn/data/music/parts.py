"""The parts of a set of piano rolls: for training, validation and test, by the names that publications give them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from charrnn.data.music.rolls import KEYS, plane
from charrnn.errors import InvalidValue, SourceUnusable

PARTS = {
    "train": ("train", "training", "traindata"),
    "valid": ("valid", "validation", "val", "dev", "validdata"),
    "test": ("test", "testing", "testdata"),
}


def planes(path: Path, name: str, piece: np.ndarray) -> np.ndarray:
    """Return frames, with or without onsets, as booleans."""
    try:
        if getattr(piece, "ndim", 0) == 2 and piece.shape[1] == 2 * KEYS:
            return np.concatenate([plane(name, half) for half in np.split(piece, 2, axis=1)], axis=1)
        return plane(name, piece)
    except InvalidValue as error:
        raise SourceUnusable(f"{path}: {error}") from error


def named(found: Iterable[str]) -> dict[str, str]:
    """Return the name that each part has, for those there are.

    >>> named(["testdata", "traindata", "other"])
    {'train': 'traindata', 'test': 'testdata'}
    """
    found = set(found)
    return {part: name for part, names in PARTS.items() for name in names if name in found}


def required(path: Path, parts: dict[str, list[np.ndarray]], found: Iterable[str]) -> dict[str, list[np.ndarray]]:
    if "train" not in parts and "all" not in parts:
        names = ", ".join(sorted(map(str, found))[:10]) or "nothing"
        raise SourceUnusable(f"{path} has no part called train: it holds {names}.")
    return parts
