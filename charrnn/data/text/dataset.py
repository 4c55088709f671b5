"""An encoded text as evenly spaced streams of batches."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from charrnn import checks
from charrnn.data.streams import arrayfile, geometry
from charrnn.data.streams.batch import Batch, Streams
from charrnn.data.streams.geometry import Geometry
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue


class DataSet(Streams):
    r"""A text of N symbols, cut into sequences of T steps and read by B streams at once.

    Each stream walks through its own contiguous part: row b of batch `pos` is sequence b * E + pos, where E is the
    number of batches in an epoch. What is beyond the last character continues at the first. Nothing is copied:
    `symbols` may be a memory map, and a batch touches only the pages it needs.

    Parameters
    ----------
    symbols : numpy.ndarray
        Indices of the characters, unsigned integers (N,), N >= 2.
    vocab_size : int
        V; every symbol is below it.
    seq_len : int
        T.
    name : str
        What to call it in messages.

    Raises
    ------
    InvalidValue
        If there are fewer than 2 symbols, or `seq_len` or `vocab_size` is not a whole number from 1 up.

    Examples
    --------
    >>> text = "to be or not to be"
    >>> chars = CharSet.from_text(text)
    >>> data = DataSet.from_text(text, chars, seq_len=5)
    >>> batch = data.batch(0, batchsize=2)
    >>> chars.decode(batch.x[:, 0]), chars.decode(batch.y[:, 0]), chars.decode(batch.x[:, 1])
    ('to be', 'o be ', 'ot to')
    """

    def __init__(self, symbols: np.ndarray, vocab_size: int, seq_len: int = 50, name: str = "") -> None:
        checks.whole("seq_len", seq_len)
        checks.whole("vocab_size", vocab_size)
        if symbols.ndim != 1 or len(symbols) < 2:
            raise InvalidValue(f"symbols has shape {symbols.shape}: expected one axis with at least 2 symbols.")
        self.symbols = symbols
        self.vocab_size = vocab_size
        self.seq_len = seq_len
        self.name = name

    @classmethod
    def from_text(cls, text: str, charset: CharSet, seq_len: int = 50, name: str = "") -> DataSet:
        """Encode a text; characters that `charset` does not know become U+FFFD."""
        return cls(charset.indices(text), charset.vocab_size, seq_len, name)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        vocab_size: int,
        seq_len: int = 50,
        start: int = 0,
        stop: int | None = None,
        name: str = "",
    ) -> DataSet:
        """Map symbols [start, stop) of an encoded file into memory, reading nothing yet.

        Raises
        ------
        CorruptFile
            If the file is missing, truncated, or not one of symbols.
        """
        symbols = arrayfile.load(path, "u")
        return cls(symbols[start:stop], vocab_size, seq_len, name or Path(path).stem)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def data_len(self) -> int:
        """The number of sequences, ceil((N - 1) / T)."""
        return geometry.sequences(len(self), self.seq_len)

    def batchepoch(self, batchsize: int = 16) -> int:
        """Return E, the number of batches that show every sequence."""
        checks.whole("batchsize", batchsize)
        return math.ceil(self.data_len / batchsize)

    def batch(self, pos: int = 0, batchsize: int = 16, epoch: int = 0) -> Batch:
        """Return batch `pos` of an epoch; every epoch is the same.

        Over the E batches of an epoch the mask counts each of the N - 1 predictions exactly once.

        Raises
        ------
        InvalidValue
            If `batchsize` is not a whole number from 1 up.
        """
        sequence = np.arange(batchsize) * self.batchepoch(batchsize) + pos
        position = sequence % self.data_len * self.seq_len + np.arange(self.seq_len + 1)[:, None]
        window = np.asarray(self.symbols).take(position, mode="wrap").astype(np.int32)
        fresh = (position[:-1] < len(self) - 1) & (sequence < self.data_len)
        return Batch(window[:-1], window[1:], fresh.astype(np.float32))

    def excerpt(self, length: int, rng: np.random.Generator | int | None = None) -> np.ndarray:
        """Return `length` successive symbols from a random place, or all if the data has fewer.

        >>> DataSet(np.arange(5, dtype="u1"), vocab_size=5).excerpt(3, rng=1)
        array([1, 2, 3], dtype=uint8)
        """
        start = np.random.default_rng(rng).integers(max(len(self) - length, 0) + 1)
        return np.asarray(self.symbols[start : start + length])

    def first(self, length: int) -> list[np.ndarray]:
        """Return the first `length` symbols."""
        return [np.asarray(self.symbols[:length])]

    def countable(self, most: int, at_end: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the first or last symbols; the first of them counts as the begin of the text."""
        return self.symbols[-most:] if at_end else self.symbols[:most], np.zeros(1, np.int64)

    def fit(self, batchsize: int = 16) -> Geometry:
        """Return the sequence length and batch size that this text can fill, with a note if they are smaller."""
        return geometry.fit(len(self), self.seq_len, batchsize)

    def __repr__(self) -> str:
        return (
            f"<DataSet {self.name}: {len(self):,} characters of {self.vocab_size:,} kinds, "
            f"{self.data_len:,} sequences of {self.seq_len:,}>"
        )
