"""Deal documents out to streams so that all are equally long, and show each stream as one line of steps."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np


class Steps(NamedTuple):
    """Steps of a packed line.

    Parameters
    ----------
    document : numpy.ndarray
        Which document each step is in, integers.
    offset : numpy.ndarray
        Which of the document's steps it is.
    first : numpy.ndarray
        Whether the state is to be blank before it.
    real : numpy.ndarray
        Whether there is such a step; where there is not, the others are of no meaning.
    """

    document: np.ndarray
    offset: np.ndarray
    first: np.ndarray
    real: np.ndarray


class Packing:
    """Documents one after another in B streams.

    The longest are dealt out first, each to the stream that has the least. A document that is longer than an equal
    share of all steps is cut into parts; each of them begins with a blank state.

    Parameters
    ----------
    lengths : numpy.ndarray
        Steps of each document, integers (D,).
    batchsize : int
        B.
    uncut : int
        Documents of up to so many steps are not cut.

    Attributes
    ----------
    parts : int
        Number of documents and parts of documents, P.
    length : int
        Steps of the longest stream.

    Examples
    --------
    >>> packing = Packing(np.array([3, 1, 2]), batchsize=2, uncut=100)
    >>> Line(packing).steps(np.arange(packing.length)[:, None]).document
    array([[0, 1],
           [0, 2],
           [0, 2]])
    """

    def __init__(self, lengths: np.ndarray, batchsize: int, uncut: int) -> None:
        share = -(-int(lengths.sum()) // batchsize)
        parts = -(-lengths // max(share, uncut))
        self.parts = int(parts.sum())
        self.document = np.repeat(np.arange(len(lengths)), parts)
        number = np.arange(self.parts) - np.repeat(np.cumsum(parts) - parts, parts)
        whole, among = lengths[self.document], parts[self.document]
        self.offset = number * whole // among
        self.lengths = (number + 1) * whole // among - self.offset
        self.stream = _deal(self.lengths, batchsize)
        loads = np.bincount(self.stream, self.lengths, minlength=batchsize).astype(np.int64)
        self.length = int(loads.max())
        self.bounds = np.concatenate([[0], np.cumsum(loads)])


class Line:
    """All streams one after another, the parts of each in random order, or in that of documents without `rng`."""

    def __init__(self, packing: Packing, rng: np.random.Generator | None = None) -> None:
        keys = np.arange(packing.parts) if rng is None else rng.random(packing.parts)
        order = np.lexsort((keys, packing.stream))
        self._document, self._offset = packing.document[order], packing.offset[order]
        self._ends = np.cumsum(packing.lengths[order])
        self._begins = self._ends - packing.lengths[order]
        self._bounds = packing.bounds

    def steps(self, time: np.ndarray) -> Steps:
        """Return steps `time` (T, 1), counted from 0, of all streams, as arrays (T, B)."""
        position = self._bounds[:-1] + time
        real = position < self._bounds[1:]
        position = np.where(real, position, 0)
        part = np.searchsorted(self._ends, position, side="right")
        since = position - self._begins[part]
        return Steps(self._document[part], self._offset[part] + since, since == 0, real)


def _deal(lengths: np.ndarray, batchsize: int) -> np.ndarray:
    """Return a stream (P,) for each part."""
    streams = np.empty(len(lengths), np.int32)
    loads = [(0, b) for b in range(batchsize)]
    for part in np.argsort(-lengths, kind="stable"):
        load, b = loads[0]
        streams[part] = b
        heapq.heapreplace(loads, (load + int(lengths[part]), b))
    return streams
