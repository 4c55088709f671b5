"""Encode documents and their labels into files, and divide them for training and validation."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from charrnn.data.corpus import ModelShape, Parts, division
from charrnn.data.documents.dataset import SPECIALS, DocumentSet, encode_document
from charrnn.data.documents.labels import NO_LABEL, LabelTable
from charrnn.data.documents.source import Documents
from charrnn.data.streams import arrayfile, split
from charrnn.data.text.charset import CharSet
from charrnn.data.text.corpus import ROUNDING, TRAINFRAC, CharacterCorpus, charset_of, folding_note, require_settings
from charrnn.errors import CorruptFile, SourceUnusable
from charrnn.wording import plural

SYMBOLS, STARTS, LABELS, VALID, TEST = "symbols.npy", "starts.npy", "labels.npy", "valid.npy", "test.npy"
UNKNOWN_LABEL = -1  # one that was not there when the source was first read
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
    test_documents, test_len : int
        Documents and characters for testing.
    """

    kind = "documents"
    _later = CharacterCorpus._later | {"test_documents", "test_len"}

    tables: tuple[LabelTable, ...]
    documents: int
    train_documents: int
    train_len: int
    valid_documents: int
    valid_len: int
    firsts: dict[str, int]
    random_seed: int
    test_documents: int = 0
    test_len: int = 0

    def shape(self) -> ModelShape:
        return ModelShape(self.charset.vocab_size, resets=True, label_sizes=tuple(table.size for table in self.tables))

    def _open(self, directory: Path, label_dropout: float) -> Parts[DocumentSet]:
        symbols = arrayfile.load(directory / f"{self.prefix}{SYMBOLS}", "u")
        starts = arrayfile.load(directory / f"{self.prefix}{STARTS}", "i")
        valid = arrayfile.load(directory / f"{self.prefix}{VALID}", "b")
        labels = arrayfile.load(directory / f"{self.prefix}{LABELS}", "i", ndim=2) if self.tables else None
        tested = self.test_documents and "test" not in self.apart
        test = arrayfile.load(directory / f"{self.prefix}{TEST}", "b") if tested else np.zeros_like(valid)
        expected = (self.length + 2 * self.documents, *[self.documents + 1, self.documents, self.documents])
        if (len(symbols), len(starts), len(valid), len(test)) != expected:
            raise CorruptFile(f"The files in {directory} are not those of {self.documents:,} documents. {RESTORE}")
        if labels is not None and labels.shape != (self.documents, len(self.tables)):
            raise CorruptFile(f"{directory / LABELS} holds other labels than those of {self.source}. {RESTORE}")
        learned = ~valid & ~test

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

        return Parts(
            part(learned, "training", label_dropout),
            part(valid if valid.any() else learned, "validation"),
            part(test, "test") if tested else None,
        )

    def with_parts(self, apart: Mapping[str, Self]) -> Self:
        sizes: dict[str, Any] = {}
        for part, corpus in apart.items():
            sizes |= {f"{part}_documents": corpus.documents, f"{part}_len": corpus.length}
        return replace(super().with_parts(apart), **sizes)

    def random_first(self, rng: np.random.Generator | int | None = None) -> str:
        """Draw a character to begin a document with, as often as documents for training begin with it."""
        if not self.firsts:
            return self.charset.charatidx(self.charset.randomidx(rng))
        counts = np.array(list(self.firsts.values()), float)
        return str(np.random.default_rng(rng).choice(list(self.firsts), p=counts / counts.sum()))

    def _division(self) -> str:
        alone = "valid" not in self.apart and self.train_documents + self._own_tests == self.documents
        held_out = division(self.valid_documents, alone)
        held_out += f", testing on {self.test_documents:,}" if self.test_documents else ""
        return (
            f"{self.source}: {plural(self.documents, 'document')}, {plural(self.length, 'character')} of "
            f"{plural(len(self.charset.characters), 'kind')}. Learning from {self.train_documents:,}, "
            f"validating {held_out}."
        )

    @property
    def _own_tests(self) -> int:
        return 0 if "test" in self.apart else self.test_documents

    def facts(self) -> list[tuple[str, object]]:
        documents = f"{self.documents:,}, of which {self.valid_documents:,} to validate on"
        return [("documents", documents), *((table.name, table.labels) for table in self.tables), *super().facts()]

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | ({"labels": [table.name for table in self.tables]} if self.tables else {})

    def to_json(self) -> dict[str, Any]:
        record = super().to_json() | {"tables": [table.to_json() for table in self.tables]}
        for part in record.get("apart", {}).values():
            part.update(tables=None)  # the same
        return record

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
    testfrac: float = 0.0,
    like: DocumentCorpus | None = None,
) -> DocumentCorpus:
    """Write the symbols of documents, their labels and their division to files.

    Parameters
    ----------
    documents : Documents
        The documents.
    directory : str or os.PathLike
        Existing directory for the files.
    seq_len : int
        T; shortened where the documents have fewer characters in all.
    trainfrac : float
        Part of the documents to train on, in (0, 1]. The others, for validation, are drawn from each label in
        proportion, but one document at least of each label is for training; where they are of very different length,
        by their characters instead of their number. With 1, and where there are too few,
        validation is on the training documents.
    min_count : int
        Characters that occur fewer times become U+FFFD.
    random_seed : int
        Seed of the division, and of the order of documents in training.
    known : CharSet, optional
        Characters that keep their indices, whether they occur or not; those of the documents come after them.
    testfrac : float
        Part of the documents to test on.
    like : DocumentCorpus, optional
        A corpus whose characters and labels are the only ones: others are U+FFFD, and no label.

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
    require_settings(seq_len, trainfrac, min_count, testfrac)
    directory, survey = Path(directory), documents.survey
    charset = charset_of(survey, min_count, like.charset if like else known, like is not None, SPECIALS)
    tables = like.tables if like else tuple(LabelTable(name, n) for name, n in documents.label_counts.items())
    starts, labels = array("q", [0]), array("i")
    symbols = _symbols(documents, charset, tables, starts, labels, NO_LABEL if like else UNKNOWN_LABEL)
    size = survey.length + 2 * documents.count
    arrayfile.write(directory / SYMBOLS, symbols, (size,), charset.index_dtype)
    bounds = np.array(starts, np.int64)
    ids = np.array(labels, np.int32).reshape(documents.count, len(tables))
    divided = trainfrac + testfrac < 1 - ROUNDING
    valid, test, sized = _division(
        ids, np.diff(bounds) - 2, trainfrac if divided else 1 - testfrac, testfrac, random_seed
    )
    arrayfile.write(directory / STARTS, [bounds], bounds.shape, bounds.dtype)
    arrayfile.write(directory / VALID, [valid], valid.shape, valid.dtype)
    if test.any():
        arrayfile.write(directory / TEST, [test], test.shape, test.dtype)
    if tables:
        arrayfile.write(directory / LABELS, [ids], ids.shape, ids.dtype)

    begins, steps = bounds[:-1], np.diff(bounds) - 1
    learned = ~valid & ~test
    train = DocumentSet(
        arrayfile.load(directory / SYMBOLS, "u"), begins[learned], steps[learned], charset.vocab_size, seq_len
    )
    fitted = train.fit(batchsize=1)
    held_out = valid if valid.any() else learned
    unsplit = f"{plural(documents.count, 'document')} cannot be divided: validation is on the training documents."
    notes = [
        *documents.notes,
        folding_note(survey, charset, like is not None),
        _unlearned(documents, tables) if like else "",
        unsplit if divided and not valid.any() else "",
        *sized,
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
        test_documents=int(test.sum()),
        test_len=int((steps[test] - 1).sum()),
        firsts=_firsts(train, charset),
        seq_len=fitted.seq_len,
        random_seed=random_seed,
        source=documents.name,
        sha256=documents.sha256,
        notes=tuple(filter(None, notes)),
    )


def _division(
    labels: np.ndarray, sizes: np.ndarray, trainfrac: float, testfrac: float, random_seed: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return which documents are for validation and which for testing, with notes."""
    test, tested = np.zeros(len(sizes), bool), ""
    if testfrac:
        test, tested = split.validation_by_size(labels, sizes, 1 - testfrac, random_seed, "character")
    rest, valid = ~test, np.zeros(len(sizes), bool)
    share = min(trainfrac / (1 - testfrac), 1.0)
    valid[rest], sized = split.validation_by_size(labels[rest], sizes[rest], share, random_seed, "character")
    return valid, test, [tested.replace("validation", "testing"), sized]


def _unlearned(documents: Documents, tables: tuple[LabelTable, ...]) -> str:
    """Return a sentence about labels that are not among those learned, if there are any."""
    found = [(table, item) for table in tables for item in documents.label_counts.get(table.name, {}).items()]
    counts = [n for table, (label, n) in found if label not in table.ids]
    labels = f"{plural(len(counts), 'label')} ({plural(sum(counts), 'document')})"
    return f"{labels} not among those learned, read as no label." if counts else ""


def _symbols(
    documents: Documents,
    charset: CharSet,
    tables: tuple[LabelTable, ...],
    starts: array[int],
    labels: array[int],
    otherwise: int,
) -> Iterator[np.ndarray]:
    """Yield the symbols of each document; append to `starts` where it ends and to `labels` its label ids."""
    for document in documents:
        symbols = encode_document(document.text, charset)
        starts.append(starts[-1] + len(symbols))
        labels.extend(table.ids.get(document.labels.get(table.name), otherwise) for table in tables)
        yield symbols
    if (len(starts) - 1, starts[-1]) != (
        documents.count,
        documents.survey.length + 2 * documents.count,
    ) or UNKNOWN_LABEL in labels:
        raise SourceUnusable(f"{documents.name} changed while it was read. Try again when nothing writes to it.")


def _firsts(documents: DocumentSet, charset: CharSet) -> dict[str, int]:
    counts = np.bincount(np.asarray(documents.symbols)[documents.starts + 1], minlength=charset.vocab_size)
    return {charset.charatidx(i): int(n) for i, n in enumerate(counts) if n and i != charset.unknown_idx}
