"""Encode documents and their labels into files, and divide them for training and validation."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from charrnn.data.corpus import ModelShape, Parts, division
from charrnn.data.documents.dataset import SPECIALS, DocumentSet, encode_document
from charrnn.data.documents.labels import LabelTable
from charrnn.data.documents.source import Documents
from charrnn.data.streams import arrayfile, split
from charrnn.data.text.charset import CharSet
from charrnn.data.text.corpus import TRAINFRAC, CharacterCorpus, folding_note, require_settings
from charrnn.errors import CorruptFile, SourceUnusable
from charrnn.wording import plural

SYMBOLS, STARTS, LABELS, VALID = "symbols.npy", "starts.npy", "labels.npy", "valid.npy"
RESTORE = "Restore them from a copy."


@dataclass(frozen=True, kw_only=True)
class DocumentCorpus(CharacterCorpus):
    """Encoded documents.

    Attributes
    ----------
    charset : CharSet
        The characters, with begin and end symbols.
    tables : tuple of LabelTable
        The labels of each column, with their ids.
    documents : int
        Documents in all.
    train_documents, train_len, valid_documents, valid_len : int
        Documents and characters for training and for validation; where no document is left for validation, it is on
        the training documents.
    firsts : dict of str to int
        Characters that begin documents for training, and how many each begins.
    random_seed : int
        Seed of the division, and of the order of documents in training.
    """

    kind = "documents"

    tables: tuple[LabelTable, ...]
    documents: int
    train_documents: int
    train_len: int
    valid_documents: int
    valid_len: int
    firsts: dict[str, int]
    random_seed: int

    def shape(self) -> ModelShape:
        return ModelShape(self.charset.vocab_size, resets=True, label_sizes=tuple(table.size for table in self.tables))

    def open(self, directory: str | os.PathLike[str], label_dropout: float = 0.0) -> Parts[DocumentSet]:
        directory = Path(directory)
        symbols = arrayfile.load(directory / SYMBOLS, "u")
        starts = arrayfile.load(directory / STARTS, "i")
        valid = arrayfile.load(directory / VALID, "b")
        labels = arrayfile.load(directory / LABELS, "i", ndim=2) if self.tables else None
        expected = (self.length + 2 * self.documents, self.documents + 1, self.documents)
        if (len(symbols), len(starts), len(valid)) != expected:
            raise CorruptFile(f"The files in {directory} are not those of {self.documents:,} documents. {RESTORE}")
        if labels is not None and labels.shape != (self.documents, len(self.tables)):
            raise CorruptFile(f"{directory / LABELS} holds other labels than those of {self.source}. {RESTORE}")

        def part(chosen: np.ndarray, name: str, dropout: float = 0.0) -> DocumentSet:
            return DocumentSet(
                symbols,
                starts[:-1][chosen],
                np.diff(starts)[chosen] - 1,
                self.charset.vocab_size,
                self.seq_len,
                None if labels is None else labels[chosen],
                self.random_seed,
                f"{self.source} ({name})",
                self.tables,
                dropout,
            )

        return Parts(part(~valid, "training", label_dropout), part(valid if valid.any() else ~valid, "validation"))

    def random_first(self, rng: np.random.Generator | int | None = None) -> str:
        """Draw a character to begin a document with, as often as documents for training begin with it."""
        if not self.firsts:
            return self.charset.charatidx(self.charset.randomidx(rng))
        counts = np.array(list(self.firsts.values()), float)
        return str(np.random.default_rng(rng).choice(list(self.firsts), p=counts / counts.sum()))

    def _division(self) -> str:
        held_out = division(self.valid_documents, self.train_documents == self.documents)
        return (
            f"{self.source}: {plural(self.documents, 'document')}, {plural(self.length, 'character')} of "
            f"{plural(len(self.charset.characters), 'kind')}. Learning from {self.train_documents:,}, "
            f"validating {held_out}."
        )

    def facts(self) -> list[tuple[str, object]]:
        documents = f"{self.documents:,}, of which {self.valid_documents:,} to validate on"
        return [("documents", documents), *((table.name, table.labels) for table in self.tables), *super().facts()]

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | ({"labels": [table.name for table in self.tables]} if self.tables else {})

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"tables": [table.to_json() for table in self.tables]}

    @classmethod
    def _from_fields(cls, kept: dict[str, Any]) -> Self:
        return super()._from_fields(kept | {"tables": tuple(map(LabelTable.from_json, kept["tables"]))})


def encode_documents(
    documents: Documents,
    directory: str | os.PathLike[str],
    seq_len: int = 100,
    trainfrac: float = TRAINFRAC,
    min_count: int = 0,
    random_seed: int = 0,
    known: CharSet | None = None,
) -> DocumentCorpus:
    """Write the symbols of documents, their labels and their division to files.

    Parameters
    ----------
    documents
        The documents.
    directory
        Existing directory for the files.
    seq_len
        T; shortened where the documents have fewer characters in all.
    trainfrac
        Part of the documents to train on, in (0, 1]. The others, for validation, are drawn from each label in
        proportion, but one document at least of each label is for training; where they are of very different length,
        by their characters instead of their number. With 1, and where there are too few,
        validation is on the training documents.
    min_count
        Characters that occur fewer times become U+FFFD.
    random_seed
        Seed of the division, and of the order of documents in training.
    known
        Characters that keep their indices, whether they occur or not; those of the documents come after them.

    Raises
    ------
    InvalidValue
        If a number has the wrong type or is out of range.
    SourceUnusable
        If the source changes while it is read.
    SaveFailed
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> documents = Documents.open([f"{n} green bottles" for n in range(20)])
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     corpus = encode_documents(documents, directory)
    ...     train, valid, _ = corpus.open(directory)
    >>> len(train), len(valid)
    (18, 2)
    """
    require_settings(seq_len, trainfrac, min_count)
    directory, survey = Path(directory), documents.survey
    counts = survey.counts_by_character, survey.linestarts_by_character, min_count
    charset = known.extended(*counts) if known else CharSet.from_counts(*counts, SPECIALS)
    tables = tuple(LabelTable(name, counts) for name, counts in documents.label_counts.items())
    starts, labels = array("q", [0]), array("i")
    symbols = _symbols(documents, charset, tables, starts, labels)
    size = survey.length + 2 * documents.count
    arrayfile.write(directory / SYMBOLS, symbols, (size,), charset.index_dtype)
    bounds = np.array(starts, np.int64)
    ids = np.array(labels, np.int32).reshape(documents.count, len(tables))
    valid, sized = split.validation_by_size(ids, np.diff(bounds) - 2, trainfrac, random_seed, "character")
    arrayfile.write(directory / STARTS, [bounds], bounds.shape, bounds.dtype)
    arrayfile.write(directory / VALID, [valid], valid.shape, valid.dtype)
    if tables:
        arrayfile.write(directory / LABELS, [ids], ids.shape, ids.dtype)

    begins, steps = bounds[:-1], np.diff(bounds) - 1
    train = DocumentSet(
        arrayfile.load(directory / SYMBOLS, "u"), begins[~valid], steps[~valid], charset.vocab_size, seq_len
    )
    fitted = train.fit(batchsize=1)
    held_out = valid if valid.any() else ~valid
    unsplit = f"{plural(documents.count, 'document')} cannot be divided: validation is on the training documents."
    notes = [
        *documents.notes,
        folding_note(survey, charset),
        unsplit if trainfrac < 1 and not valid.any() else "",
        sized,
        fitted.note,
    ]
    return DocumentCorpus(
        charset=charset,
        tables=tables,
        documents=documents.count,
        length=survey.length,
        train_documents=len(train),
        train_len=train.predictions - len(train),
        valid_documents=int(held_out.sum()),
        valid_len=int((steps[held_out] - 1).sum()),
        firsts=_firsts(train, charset),
        seq_len=fitted.seq_len,
        random_seed=random_seed,
        source=documents.name,
        sha256=documents.sha256,
        notes=tuple(filter(None, notes)),
    )


def _symbols(
    documents: Documents, charset: CharSet, tables: tuple[LabelTable, ...], starts: array[int], labels: array[int]
) -> Iterator[np.ndarray]:
    """Yield the symbols of each document; append to `starts` where it ends and to `labels` its label ids."""
    for document in documents:
        symbols = encode_document(document.text, charset)
        starts.append(starts[-1] + len(symbols))
        labels.extend(table.ids.get(document.labels.get(table.name), -1) for table in tables)
        yield symbols
    if (len(starts) - 1, starts[-1]) != (
        documents.count,
        documents.survey.length + 2 * documents.count,
    ) or -1 in labels:
        raise SourceUnusable(f"{documents.name} changed while it was read. Try again when nothing writes to it.")


def _firsts(documents: DocumentSet, charset: CharSet) -> dict[str, int]:
    counts = np.bincount(np.asarray(documents.symbols)[documents.starts + 1], minlength=charset.vocab_size)
    return {charset.charatidx(i): int(n) for i, n in enumerate(counts) if n and i != charset.unknown_idx}
