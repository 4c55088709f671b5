"""Encoded piano music as streams of batches, without padding between pieces."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from charrnn.data.music.rolls import KEYS, Roll
from charrnn.data.streams.batch import Batch
from charrnn.data.streams.packedset import PackedSet
from charrnn.wording import plural


class PieceSet(PackedSet):
    """D pieces, packed one after another into B streams of sequences of T steps.

    A piece of n frames takes n steps. In the first one silence comes in, and its first frame is to follow; in each
    other a frame comes in, and the next is to follow; a piece begins with a blank state. So it has n predictions, by
    the first of which a model learns to begin, or n - 1 if the first is not counted, as in published figures (Bai,
    Kolter & Koltun 2018). In each epoch the pieces of a stream come in another order, and each in another key.

    Parameters
    ----------
    frames : numpy.ndarray
        Frames of all pieces, eight columns packed into a byte, uint8 (N, 11), or (N, 22) with onsets. It may be a
        memory map.
    starts, lengths : numpy.ndarray
        Where each piece begins in `frames`, and its frames, integers (D,).
    ranges : numpy.ndarray
        Lowest and highest key of each piece, 0 to 87, integers (D, 2).
    seq_len : int
        T.
    transpose : int
        In each epoch a piece is shifted by up to so many semitones, up or down, as far as its notes stay on the keys.
    count_first : bool
        Whether the mask counts the first frame of each piece.
    random_seed : int
        Seed of the order of pieces and of their keys.
    name : str
        What to call it in messages.

    Raises
    ------
    InvalidValue
        If there are no pieces, or `seq_len` is not a whole number from 1 up.

    Examples
    --------
    >>> data = PieceSet.from_rolls([Roll.from_pitches([[60], [62], [64]])], seq_len=4)
    >>> x, y, mask, keep, _ = data.batch(0, batchsize=1)
    >>> x.shape, x.argmax(axis=2)[:, 0].tolist(), y.argmax(axis=2)[:, 0].tolist()
    ((4, 1, 88), [0, 39, 41, 0], [39, 41, 43, 0])
    >>> mask[:, 0].tolist(), keep[:, 0, 0].tolist()
    ([1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0])
    """

    item, unit, noun = "piece", "frame", "frame"

    def __init__(
        self,
        frames: np.ndarray,
        starts: np.ndarray,
        lengths: np.ndarray,
        ranges: np.ndarray,
        seq_len: int = 50,
        transpose: int = 0,
        count_first: bool = True,
        random_seed: int = 0,
        name: str = "",
    ) -> None:
        super().__init__(starts, lengths, seq_len, random_seed, name)
        self.frames = frames
        self.vocab_size = 8 * int(frames.shape[1])
        self.ranges = np.asarray(ranges, np.int64)
        self.transpose = transpose
        self.count_first = count_first

    @classmethod
    def from_rolls(
        cls,
        rolls: Iterable[Roll],
        seq_len: int = 50,
        transpose: int = 0,
        count_first: bool = True,
        random_seed: int = 0,
        name: str = "",
    ) -> PieceSet:
        """Make a set of rolls, all with onsets or all without."""
        planes = [roll.planes for roll in rolls]
        lengths = np.array([len(piece) for piece in planes], np.int64)
        packed = np.concatenate([np.packbits(piece, axis=1) for piece in planes])
        ranges = np.array([key_range(piece) for piece in planes])
        starts = np.cumsum(lengths) - lengths
        return cls(packed, starts, lengths, ranges, seq_len, transpose, count_first, random_seed, name)

    @property
    def columns(self) -> int:
        """Width of a frame: 88, or 176 with onsets."""
        return self.vocab_size

    @property
    def predictions(self) -> int:
        """The frames that an epoch predicts and counts."""
        return int(self.lengths.sum()) - (0 if self.count_first else len(self))

    def __getitem__(self, number: int) -> np.ndarray:
        """Return the frames of a piece, bool (T, 88), or (T, 176) with onsets."""
        start = self.starts[number]
        return np.unpackbits(self.frames[start : start + self.lengths[number]], axis=1).astype(bool)

    def batch(self, pos: int = 0, batchsize: int = 16, epoch: int = 0) -> Batch:
        """Return batch `pos` of an epoch; x and y are frames of 0 and 1, float32 (T, B, 88), or 176 with onsets.

        Over the E batches of an epoch the mask counts each prediction exactly once. It is 0 where a stream has come to
        its end before the longest, x and y are 0 there; and at the first frame of a piece if that is not counted.

        Raises
        ------
        InvalidValue
            If `batchsize` is not a whole number from 1 up.
        """
        steps = self._ordered(batchsize, epoch).steps(pos * self.seq_len + np.arange(self.seq_len)[:, np.newaxis])
        at = self.starts[steps.document] + steps.offset
        begins = steps.offset == 0
        shift = self.shifts(epoch)[steps.document]
        x = self._planes(at - 1, steps.real & ~begins, shift)
        y = self._planes(at, steps.real, shift)
        mask = steps.real if self.count_first else steps.real & ~begins
        keep = (steps.real & ~steps.first).astype(np.float32)[..., np.newaxis]
        return Batch(x, y, mask.astype(np.float32), keep)

    def shifts(self, epoch: int) -> np.ndarray:
        """Return by how many semitones each piece is shifted in an epoch, integers (D,)."""
        lowest = np.maximum(-self.transpose, -self.ranges[:, 0])
        highest = np.minimum(self.transpose, KEYS - 1 - self.ranges[:, 1])
        return np.random.default_rng([self.random_seed, epoch, 1]).integers(lowest, highest, endpoint=True)

    def _planes(self, at: np.ndarray, real: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Return frames `at` (T, B), shifted, as floats; silence where they are not real."""
        packed = np.where(real[..., np.newaxis], np.asarray(self.frames)[np.where(real, at, 0)], 0)
        planes = np.unpackbits(packed.astype(np.uint8), axis=-1)
        if self.transpose:
            plane = planes.reshape(*at.shape, -1, KEYS)
            key = (np.arange(KEYS) - shift[..., np.newaxis, np.newaxis]) % KEYS  # what wraps around is silent
            planes = np.take_along_axis(plane, key, axis=-1).reshape(planes.shape)
        return planes.astype(np.float32)

    def __repr__(self) -> str:
        return (
            f"<PieceSet {self.name}: {plural(len(self), 'piece')}, {plural(int(self.lengths.sum()), 'frame')} "
            f"of {self.columns} columns, sequences of {self.seq_len:,}>"
        )


def key_range(planes: np.ndarray) -> tuple[int, int]:
    """Return the lowest and the highest key of a piece, 0 to 87; 0 and 87, which no shift can move, if it is silent.

    >>> key_range(Roll.from_pitches([[60], [64]]).planes), key_range(np.zeros((3, 88)))
    ((39, 43), (0, 87))
    """
    used = np.flatnonzero(planes[:, :KEYS].any(axis=0))
    return (int(used[0]), int(used[-1])) if len(used) else (0, KEYS - 1)
