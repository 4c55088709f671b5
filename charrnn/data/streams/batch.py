"""Batches, and what every set of streams offers: the interface between data and training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from charrnn.data.documents.labels import LabelTable
from charrnn.data.streams.geometry import Geometry


class Batch(NamedTuple):
    """T steps of B streams.

    Parameters
    ----------
    x, y : numpy.ndarray
        Inputs and targets: symbols, int32 (T, B), or frames of 0 and 1, float32 (T, B, V).
    mask : numpy.ndarray
        float32 (T, B): 0 where a prediction is a repeat or padding, else 1.
    keep : numpy.ndarray, optional
        float32 (T, B, 1), for documents and pieces only: 0 where one begins and the hidden state is reset, else 1.
    labels : numpy.ndarray, optional
        int32 (T, B, number of label columns), for labelled documents only: the label ids of the document at each step.
    """

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    keep: np.ndarray | None = None
    labels: np.ndarray | None = None


class Streams(ABC):
    """Encoded data of one part, such as the training text, that B streams read in sequences of T steps.

    Attributes
    ----------
    unit, noun : str
        What one step predicts, in short (as in "nats/char") and in full (as in "nats per character").
    tables : tuple of LabelTable
        The labels of documents, a table for each column.
    vocab_size : int
        V: the number of symbols, or the width of a frame.
    seq_len : int
        T.
    name : str
        What messages call the set.
    """

    unit: ClassVar[str] = "char"
    noun: ClassVar[str] = "character"
    tables: tuple[LabelTable, ...] = ()
    vocab_size: int
    seq_len: int
    name: str

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of characters, documents or pieces."""

    @abstractmethod
    def batchepoch(self, batchsize: int = 16) -> int:
        """Return E, the number of batches in an epoch."""

    @abstractmethod
    def batch(self, pos: int = 0, batchsize: int = 16, epoch: int = 0) -> Batch:
        """Return batch `pos` of an epoch. Over an epoch, the mask counts each prediction once."""

    @abstractmethod
    def fit(self, batchsize: int = 16) -> Geometry:
        """Return the sequence length and batch size that the data can fill, with a note if they are smaller."""

    def whole(self, batchsize: int) -> int:
        """Return a batch size, of at most this one, with which every document is read from its beginning to its end."""
        return batchsize

    @abstractmethod
    def excerpt(self, length: int, rng: np.random.Generator | int | None = None) -> np.ndarray:
        """Return `length` steps in a row from a random place; fewer if the text, document or piece is shorter."""

    @abstractmethod
    def first(self, length: int) -> list[np.ndarray]:
        """Return the beginning: the text's first `length` symbols, or whole documents or pieces until that many."""

    def countable(self, most: int, at_end: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return at most about `most` symbols in a row, to count n-grams in, and where texts begin among them.

        Both are empty if the data are not symbols. `at_end` takes the last symbols of a continuous text.
        """
        return np.zeros(0, np.int32), np.zeros(0, np.int64)
