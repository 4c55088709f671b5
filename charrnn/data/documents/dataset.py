"""Encoded documents as streams of batches, without padding between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from charrnn import checks
from charrnn.data.documents.document import Document
from charrnn.data.documents.labels import NO_LABEL, LabelTable
from charrnn.data.streams.batch import Batch
from charrnn.data.streams.packedset import PackedSet
from charrnn.data.text.charset import CharSet
from charrnn.wording import plural

BEGIN, END = "begin", "end"
SPECIALS = (BEGIN, END)


class DocumentSet(PackedSet):
    """D documents, packed one after another into B streams of sequences of T steps.

    A document is a begin symbol, its n characters, and an end symbol. It takes n + 1 steps, from "the first character
    follows the begin" to "the end follows the last character"; then the next begins, with a blank state. In each epoch
    the documents of a stream come in another order. Only a document much longer than the others is read by several
    streams at once, each of which begins its part with a blank state.

    It has the interface of `DataSet`, and like there `symbols` may be a memory map.

    Parameters
    ----------
    symbols : numpy.ndarray
        Indices of the symbols of all documents, unsigned integers (N,).
    starts : numpy.ndarray
        Where each document begins in `symbols`, integers (D,).
    lengths : numpy.ndarray
        Steps of each document, integers (D,): one less than its symbols.
    vocab_size : int
        V; every symbol is below it.
    seq_len : int
        T.
    labels : numpy.ndarray, optional
        Label ids, integers (D, number of label columns); None if there are no labels.
    random_seed : int
        Seed of the order of documents.
    name : str
        What to call it in messages.
    tables : sequence of LabelTable
        What the ids mean, a table for each label column.
    label_dropout : float
        Label dropout: the probability, redrawn for each document and epoch, that its labels are hidden.
        All labels of a document are hidden together; with several columns, each is also hidden separately.

    Raises
    ------
    InvalidValue
        If there are no documents, or a number is not a whole number from 1 up.

    Examples
    --------
    >>> chars = CharSet.from_text("ab", specials=SPECIALS)
    >>> data = DocumentSet.from_documents(["aab", "b"], chars, seq_len=6, random_seed=1)
    >>> batch = data.batch(0, batchsize=1)
    >>> [chars.chars[i] for i in batch.x[:, 0]]
    ['⟨begin⟩', 'a', 'a', 'b', '⟨begin⟩', 'b']
    >>> [chars.chars[i] for i in batch.y[:, 0]]
    ['a', 'a', 'b', '⟨end⟩', 'b', '⟨end⟩']
    >>> batch.keep[:, 0, 0]
    array([0., 1., 1., 1., 0., 1.], dtype=float32)
    """

    def __init__(
        self,
        symbols: np.ndarray,
        starts: np.ndarray,
        lengths: np.ndarray,
        vocab_size: int,
        seq_len: int = 50,
        labels: np.ndarray | None = None,
        random_seed: int = 0,
        name: str = "",
        tables: Sequence[LabelTable] = (),
        label_dropout: float = 0.0,
    ) -> None:
        checks.whole("vocab_size", vocab_size)
        super().__init__(starts, lengths, seq_len, random_seed, name)
        self.symbols = symbols
        self.vocab_size = vocab_size
        self.labels = None if labels is None else np.asarray(labels, np.int32)
        self.tables = tuple(tables)
        self._label_dropout = label_dropout
        self._told_in: tuple[int, np.ndarray] | None = None

    @classmethod
    def from_documents(
        cls,
        documents: Iterable[Document | str],
        charset: CharSet,
        seq_len: int = 50,
        tables: Sequence[LabelTable] = (),
        random_seed: int = 0,
        name: str = "",
    ) -> DocumentSet:
        """Encode documents; characters that `charset` does not know become U+FFFD.

        Raises
        ------
        UnknownName
            If `charset` has no begin or end symbol, or a label is not in its table.
        """
        whole = [Document(item) if isinstance(item, str) else item for item in documents]
        encoded = [encode_document(document.text, charset) for document in whole]
        symbols = np.concatenate([np.zeros(0, charset.index_dtype), *encoded])
        sizes = np.array([len(indices) for indices in encoded], np.int64)
        labels = [[table.idof(document.labels.get(table.name)) for table in tables] for document in whole]
        return cls(
            symbols,
            np.cumsum(sizes) - sizes,
            sizes - 1,
            charset.vocab_size,
            seq_len,
            np.array(labels, np.int32) if tables else None,
            random_seed,
            name,
            tables,
        )

    def __getitem__(self, number: int) -> np.ndarray:
        """Return the symbols of a document, int32, from its begin to its end symbol."""
        start = self.starts[number]
        return np.asarray(self.symbols[start : start + self.lengths[number] + 1]).astype(np.int32)

    def countable(self, most: int, at_end: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return whole documents with their begins and ends, and where each begins."""
        number = int(np.searchsorted((self.lengths + 1).cumsum(), most)) + 1
        documents = [self[i] for i in range(min(number, len(self)))]
        return np.concatenate(documents), np.cumsum([0, *map(len, documents[:-1])])

    def _inside(self, number: int) -> np.ndarray:
        return self[number][1:-1]

    def batch(self, pos: int = 0, batchsize: int = 16, epoch: int = 0) -> Batch:
        """Return batch `pos` of an epoch.

        Over the E batches of an epoch the mask counts each prediction exactly once. It is 0 where a stream has come to
        its end before the longest; x and y are 0 there.

        Raises
        ------
        InvalidValue
            If `batchsize` is not a whole number from 1 up.
        """
        steps = self._ordered(batchsize, epoch).steps(pos * self.seq_len + np.arange(self.seq_len)[:, np.newaxis])
        position = self.starts[steps.document] + steps.offset
        symbols = np.asarray(self.symbols)
        x, y = (np.where(steps.real, symbols.take(at), 0).astype(np.int32) for at in (position, position + 1))
        keep = (steps.real & ~steps.first).astype(np.float32)[..., np.newaxis]
        labels = None
        if self.labels is not None:
            labels = np.where(steps.real[..., np.newaxis], self._told(epoch)[steps.document], 0).astype(np.int32)
        return Batch(x, y, steps.real.astype(np.float32), keep, labels)

    def _told(self, epoch: int) -> np.ndarray:
        """Return the label ids of an epoch, some of them dropped."""
        assert self.labels is not None
        if not self._label_dropout:
            return self.labels
        kept = self._told_in
        if kept is None or kept[0] != epoch:
            columns = self.labels.shape[1]
            draws = np.random.default_rng([self.random_seed, epoch, 1]).random((len(self), 1 + columns))
            dropped = draws[:, :1] < self._label_dropout
            if columns > 1:
                dropped = dropped | (draws[:, 1:] < self._label_dropout)
            kept = self._told_in = (epoch, np.where(dropped, NO_LABEL, self.labels))
        return kept[1]

    def __repr__(self) -> str:
        return (
            f"<DocumentSet {self.name}: {plural(len(self), 'document')}, {self.predictions - len(self):,} characters "
            f"of {self.vocab_size:,} kinds, sequences of {self.seq_len:,}>"
        )


def encode_document(text: str, charset: CharSet) -> np.ndarray:
    """Return the symbols of a document, with its begin and its end, as small integers.

    >>> encode_document("ba", CharSet.from_text("ab", specials=SPECIALS)).tolist()
    [1, 4, 3, 2]
    """
    symbols = np.empty(len(text) + 2, charset.index_dtype)
    symbols[0], symbols[1:-1], symbols[-1] = (
        charset.idxofspecial(BEGIN),
        charset.indices(text),
        charset.idxofspecial(END),
    )
    return symbols
