"""Columns of numbers, one value for each training step, packed into text."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

STEP = "step"  # the column that every series has


def pack(columns: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return columns (n,) as base64 of little-endian numbers: int32 for the step, float32 for all others.

    >>> pack({"step": np.array([1, 2]), "loss": np.array([3.5, 3.25])})
    {'step': 'AQAAAAIAAAA=', 'loss': 'AABgQAAAUEA='}
    """
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite
        arrays = {name: np.asarray(column).astype(_dtype(name)) for name, column in columns.items()}
    return {name: base64.b64encode(array.tobytes()).decode("ascii") for name, array in arrays.items()}


def unpack(packed: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return the columns that `pack` was given."""
    return {name: np.frombuffer(base64.b64decode(text), _dtype(name)) for name, text in packed.items()}


def join(pieces: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return pieces one after the other; where training went back and took steps again, only the later ones.

    >>> once, again = ({"step": np.arange(a, b), "loss": np.full(b - a, 1.0 * a)} for a, b in [(1, 5), (3, 6)])
    >>> join([once, again])["loss"].tolist()
    [1.0, 1.0, 3.0, 3.0, 3.0]
    """
    pieces = list(pieces)
    names = dict.fromkeys(name for piece in pieces for name in piece)
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in names}
    if not columns:
        return {}
    lowest_from = np.minimum.accumulate(columns[STEP][::-1])[::-1]
    stays = np.append(columns[STEP][:-1] < lowest_from[1:], True)
    return {name: column[stays] for name, column in columns.items()}


def column(values: list[Any]) -> np.ndarray:
    """Return an array of numbers where all values are numbers (None: nan), else of objects.

    >>> column([1, 2]), column([1, None]), column([1, "a"])
    (array([1, 2]), array([ 1., nan]), array([1, 'a'], dtype=object))
    """
    if all(isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 for value in values):
        return np.array(values, dtype=np.int64)
    if all(
        value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**1023)
        for value in values
    ):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def _dtype(name: str) -> str:
    return "<i4" if name == STEP else "<f4"
