"""The base class of sets of documents and of pieces, packed one after another into streams."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from charrnn import checks
from charrnn.data.streams.batch import Streams
from charrnn.data.streams.geometry import Geometry
from charrnn.data.streams.packing import Line, Packing
from charrnn.errors import InvalidValue
from charrnn.wording import plural

UNCUT = 32  # sequences: what has fewer is never cut, whatever the streams have to share


class PackedSet(Streams):
    """D documents of some kind, packed one after another into B streams of sequences of T steps.

    Parameters
    ----------
    starts, lengths : numpy.ndarray
        Where each begins in whatever holds them all, and its steps, integers (D,).
    seq_len : int
        T.
    random_seed : int
        Seed of their order, which is another one in each epoch.
    name : str
        What to call the set in messages.

    Raises
    ------
    InvalidValue
        If the set is empty, or `seq_len` is not a whole number from 1 up.
    """

    item: ClassVar[str] = "document"  # one of what it holds

    def __init__(
        self, starts: np.ndarray, lengths: np.ndarray, seq_len: int = 50, random_seed: int = 0, name: str = ""
    ) -> None:
        checks.whole("seq_len", seq_len)
        if not len(starts):
            raise InvalidValue(f"{name or 'The set'} holds no {self.item}: expected one at least.")
        self.starts = np.asarray(starts, np.int64)
        self.lengths = np.asarray(lengths, np.int64)
        self.seq_len = seq_len
        self.random_seed = random_seed
        self.name = name
        self._packings: dict[int, Packing] = {}
        self._line: tuple[tuple[int, int], Line] | None = None

    def __len__(self) -> int:
        return len(self.starts)

    @abstractmethod
    def __getitem__(self, number: int) -> np.ndarray:
        """Return a document as it is encoded."""

    def excerpt(self, length: int, rng: np.random.Generator | int | None = None) -> np.ndarray:
        """Return `length` steps in a row from a random place in one document, all of it if it is shorter."""
        rng = np.random.default_rng(rng)
        inside = self._inside(int(rng.choice(len(self), p=self.lengths / self.lengths.sum())))
        start = rng.integers(max(len(inside) - length, 0) + 1)
        return inside[start : start + length]

    def first(self, length: int) -> list[np.ndarray]:
        """Return whole documents from the first one, until they have `length` steps together."""
        found: list[np.ndarray] = []
        for number in range(len(self)):
            if sum(map(len, found)) >= length:
                break
            found.append(self._inside(number))
        return found

    def _inside(self, number: int) -> np.ndarray:
        """Return a document without special symbols."""
        return self[number]

    @property
    def predictions(self) -> int:
        """The number of predictions in an epoch."""
        return int(self.lengths.sum())

    @property
    def data_len(self) -> int:
        """The number of sequences that hold all steps."""
        return math.ceil(int(self.lengths.sum()) / self.seq_len)

    def batchepoch(self, batchsize: int = 16) -> int:
        """Return E, the number of batches that show every document."""
        return math.ceil(self._packing(batchsize).length / self.seq_len)

    def fit(self, batchsize: int = 16) -> Geometry:
        """Return the sequence length and batch size that these documents can fill, with a note if they are smaller."""
        checks.whole("batchsize", batchsize)
        total = int(self.lengths.sum())
        seq_len = min(self.seq_len, total)
        rows = min(batchsize, self._packing(batchsize).parts, math.ceil(total / seq_len))
        note = ""
        if (seq_len, rows) != (self.seq_len, batchsize):
            note = f"{plural(len(self), self.item)} with {plural(total, 'prediction')} in all"
            if seq_len < self.seq_len:
                note += f", so sequences have {plural(seq_len, 'step')} instead of {self.seq_len:,}"
            if rows < batchsize:
                note += f", so batches have {plural(rows, 'row')} instead of {batchsize:,}"
            note += "."
        return Geometry(seq_len, rows, math.ceil(self._packing(rows).length / seq_len), note)

    def whole(self, batchsize: int) -> int:
        """Return a batch size, of at most this one, with which no document is cut."""
        longest = int(self.lengths.max())
        if longest <= UNCUT * self.seq_len:
            return batchsize
        return max(1, min(batchsize, int(self.lengths.sum()) // longest))

    def _packing(self, batchsize: int) -> Packing:
        checks.whole("batchsize", batchsize)
        if batchsize not in self._packings:
            self._packings[batchsize] = Packing(self.lengths, batchsize, UNCUT * self.seq_len)
        return self._packings[batchsize]

    def _ordered(self, batchsize: int, epoch: int) -> Line:
        key, kept = (batchsize, epoch), self._line
        if kept is None or kept[0] != key:
            rng = np.random.default_rng([self.random_seed, epoch])
            kept = self._line = (key, Line(self._packing(batchsize), rng))
        return kept[1]  # not `self._line`, which another thread may have replaced
