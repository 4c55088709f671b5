"""Sources of data, one class for each kind: opened, and encoded into files; see `recognise` for which kind one is."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from charrnn.data.corpus import Corpus
from charrnn.data.documents.corpus import DocumentCorpus, encode_documents
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import Documents
from charrnn.data.music.corpus import MusicCorpus, encode_pieces
from charrnn.data.music.options import MusicOptions
from charrnn.data.music.source import Pieces
from charrnn.data.text.charset import UNKNOWN, CharSet
from charrnn.data.text.corpus import CharacterCorpus, TextCorpus, encode
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import CorruptFile, InvalidValue


class Characters(NamedTuple):
    """A source in characters: its name, their number and how many are different, and the number of documents, or 0."""

    name: str
    length: int
    kinds: int
    documents: int = 0


@dataclass(frozen=True)
class Source(ABC):
    """A source of one kind, which nothing was read of yet.

    Parameters
    ----------
    given : path, binary stream, list, array ...
        The source itself.
    reading : ReadOptions
        How text files are read.
    remarks : tuple of str
        Sentences about why it is of this kind, where that is not plain.
    """

    corpus: ClassVar[type[Corpus]]  # what encoding it makes
    given: Any
    reading: ReadOptions
    remarks: tuple[str, ...] = ()

    @abstractmethod
    def open(self) -> TextSource | Documents | Pieces:
        """Look through the source: its name, checksum, notes, and how often each character occurs."""

    @abstractmethod
    def characters(self) -> Characters:
        """Look through the source and return what it holds in characters.

        Raises
        ------
        InvalidValue
            If it is music.
        """

    def encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int = 0,
        random_seed: int = 0,
        known: CharSet | None = None,
        testfrac: float = 0.0,
    ) -> tuple[Corpus, int]:
        """Encode the source into files in a directory.

        Parameters are those of `charrnn.data.text.corpus.encode`, and `random_seed` that of the division.

        Returns
        -------
        corpus : Corpus
        never_written : int
            How many of the first symbols do not occur in the data, so that a model should not write them: U+FFFD, and
            the begin symbol of documents.

        Raises
        ------
        SourceNotFound, SourceUnusable, InvalidValue, UnknownName, SaveFailed
            If the source or an argument cannot be used.
        """
        corpus, never_written = self._encode(directory, seq_len, trainfrac, min_count, random_seed, known, testfrac)
        return dataclasses.replace(corpus, notes=(*self.remarks, *corpus.notes)), never_written

    @abstractmethod
    def _encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int,
        random_seed: int,
        known: CharSet | None,
        testfrac: float,
    ) -> tuple[Corpus, int]:
        """Encode the source, as `encode` says."""

    @abstractmethod
    def encode_like(self, directory: Path, corpus: Any) -> Corpus:
        """Encode the source as another corpus was, with no other characters and labels, all of it as one part."""


@dataclass(frozen=True)
class ContinuousText(Source):
    """A source that is one continuous text."""

    corpus = TextCorpus

    def open(self) -> TextSource:
        return TextSource.open(self.given, self.reading)

    def characters(self) -> Characters:
        text = self.open()
        return Characters(text.name, text.survey.length, len(text.survey.counts_by_character))

    def _encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int,
        random_seed: int,
        known: CharSet | None,
        testfrac: float,
    ) -> tuple[TextCorpus, int]:
        text = self.open()
        corpus = encode(text, directory, seq_len, trainfrac, min_count, known, testfrac)
        return corpus, 0 if _has_unknown(text.survey, corpus) else 1

    def encode_like(self, directory: Path, corpus: TextCorpus) -> TextCorpus:
        return encode(self.open(), directory, corpus.seq_len, 1.0, known=corpus.charset, closed=True)


@dataclass(frozen=True)
class SeparateDocuments(Source):
    """A source of documents."""

    corpus = DocumentCorpus
    options: DocumentOptions = field(default_factory=DocumentOptions)

    def open(self) -> Documents:
        options = self.options
        return Documents.open(
            self.given,
            options.text,
            options.labels,
            kind=options.format,
            delimiter=options.delimiter,
            header=options.header,
            only=options.only,
            min_documents=options.min_documents,
            options=self.reading,
        )

    def characters(self) -> Characters:
        found = self.open()
        kinds = len(found.survey.counts_by_character)
        return Characters(found.name, found.survey.length, kinds, found.count)

    def _encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int,
        random_seed: int,
        known: CharSet | None,
        testfrac: float,
    ) -> tuple[DocumentCorpus, int]:
        documents = self.open()
        corpus = encode_documents(documents, directory, seq_len, trainfrac, min_count, random_seed, known, testfrac)
        return corpus, 0 if _has_unknown(documents.survey, corpus) else 2

    def encode_like(self, directory: Path, corpus: DocumentCorpus) -> DocumentCorpus:
        seed = corpus.random_seed
        return encode_documents(self.open(), directory, corpus.seq_len, 1.0, random_seed=seed, like=corpus)


@dataclass(frozen=True)
class Music(Source):
    """A source of piano music; it has no characters, so that neither `min_count` nor `known` matter."""

    corpus = MusicCorpus
    options: MusicOptions = field(default_factory=MusicOptions)

    def open(self) -> Pieces:
        return Pieces.open(self.given, **self.options.reading)

    def characters(self) -> Characters:
        raise InvalidValue(f"{named(self.given)} is music, which has no characters: take preset='piano' for it.")

    def _encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int,
        random_seed: int,
        known: CharSet | None,
        testfrac: float,
    ) -> tuple[MusicCorpus, int]:
        options = self.options
        return encode_pieces(self.open(), directory, seq_len, trainfrac, options.transpose, random_seed, testfrac), 0

    def encode_like(self, directory: Path, corpus: MusicCorpus) -> MusicCorpus:
        step: dict[str, Any] = {"dt": None, "beats": None} | corpus.step
        pieces = Pieces.open(self.given, **self.options.reading | step | {"onsets": corpus.onsets})
        return encode_pieces(pieces, directory, corpus.seq_len, 1.0, 0, corpus.random_seed)


SOURCES: dict[str, type[Source]] = {source.corpus.kind: source for source in (ContinuousText, SeparateDocuments, Music)}


def corpus_from_json(record: Mapping[str, Any]) -> Corpus:
    """Restore the record of encoded data by its kind, which old records do not name.

    Raises
    ------
    CorruptFile
        If there is no such kind, or the record lacks something.
    """
    inferred = "music" if "pieces" in record else "documents" if "documents" in record else "text"
    kind = record.get("kind", inferred)
    if kind not in SOURCES:
        raise CorruptFile(f"The record is of {kind!r}: expected {', '.join(SOURCES)}. A newer charrnn may read it.")
    return SOURCES[kind].corpus.from_json(record)


def named(given: Any) -> str:
    """Return how a message names a source.

    >>> named("alice.txt"), named(["one", "two"])
    ('alice.txt', 'a list of 2')
    """
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    return f"a list of {len(given):,}" if isinstance(given, list | tuple) else f"{given!r:.60}"


def _has_unknown(survey: Survey, corpus: CharacterCorpus) -> bool:
    return any(ch == UNKNOWN or ch not in corpus.charset for ch in survey.counts_by_character)
