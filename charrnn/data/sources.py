"""Decide whether a source is text, documents or music, and encode it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from charrnn import checks
from charrnn.data.corpus import Corpus
from charrnn.data.documents.corpus import DocumentCorpus, encode_documents
from charrnn.data.documents.source import SUFFIXES, Documents, Labels
from charrnn.data.documents.tables import Column
from charrnn.data.music.corpus import MusicCorpus, encode_pieces
from charrnn.data.music.source import Pieces, is_music
from charrnn.data.text.charset import UNKNOWN, CharSet
from charrnn.data.text.corpus import CharacterCorpus, TextCorpus, encode
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import CorruptFile, InvalidValue


@dataclass(frozen=True)
class DocumentOptions:
    """How documents are found in a source, see `charrnn.data.documents.source.Documents.open`.

    `documents` says whether there are any; None leaves that to `_holds_documents`.
    """

    documents: bool | None = None
    text: Column | None = None
    labels: Labels = ()
    kind: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    only: Mapping[str, str | Collection[str]] | None = None
    min_documents: int | Mapping[str, int] = 1

    def __post_init__(self) -> None:
        for name in ("documents", "header"):
            if getattr(self, name) is not None:
                checks.flag(name, getattr(self, name))

    @property
    def chosen(self) -> dict[str, Any]:
        """The options that are not as they are by default."""
        default = DocumentOptions()
        given = {name: value for name, value in vars(self).items() if name != "documents"}
        return {name: value for name, value in given.items() if value != getattr(default, name)}


@dataclass(frozen=True)
class MusicOptions:
    """How music becomes frames; see `charrnn.data.music.source.Pieces.open` and `charrnn.data.music.corpus`."""

    dt: float | None = None
    beats: float | None = None
    onsets: bool = False
    transpose: int = 0

    def __post_init__(self) -> None:
        checks.flag("onsets", self.onsets)


def _holds_music(source: Any, options: DocumentOptions, music: MusicOptions) -> bool:
    """Say whether a source is music.

    Raises
    ------
    InvalidValue
        It is, but there are options about documents; or it is not, but there are some about music.
    """
    found = options.documents is None and is_music(source)
    if found and options.chosen:
        raise InvalidValue(f"{source} is music, but {', '.join(options.chosen)} is about documents: leave it out.")
    if not found and music != MusicOptions():
        raise InvalidValue(f"dt, beats, onsets and transpose are for music, which {source} is not.")
    return found


def _holds_documents(source: Any, options: DocumentOptions) -> bool:
    """Say whether a source is documents, each on its own, and not one continuous text.

    It is if the options say so; if any of them is about documents; or if it is a table, a folder, a list or a data
    frame.

    Raises
    ------
    InvalidValue
        It is not to be documents, but options about documents are given.

    Examples
    --------
    >>> _holds_documents("poems.csv", DocumentOptions()), _holds_documents("alice.txt", DocumentOptions())
    (True, False)
    """
    if options.documents is False and options.chosen:
        raise InvalidValue(f"documents=False, yet {', '.join(options.chosen)} is about documents: leave one out.")
    if options.documents is not None:
        return options.documents
    if options.chosen or not (isinstance(source, str | os.PathLike) or hasattr(source, "read")):
        return True
    return not hasattr(source, "read") and (Path(source).suffix.lower() in SUFFIXES or Path(source).is_dir())


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
    """

    corpus: ClassVar[type[Corpus]]  # what encoding it makes
    given: Any
    reading: ReadOptions

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

    @abstractmethod
    def encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int = 0,
        random_seed: int = 0,
        known: CharSet | None = None,
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


@dataclass(frozen=True)
class ContinuousText(Source):
    """A source that is one continuous text."""

    corpus = TextCorpus

    def open(self) -> TextSource:
        return TextSource.open(self.given, self.reading)

    def characters(self) -> Characters:
        text = self.open()
        return Characters(text.name, text.survey.length, len(text.survey.counts_by_character))

    def encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int = 0,
        random_seed: int = 0,
        known: CharSet | None = None,
    ) -> tuple[TextCorpus, int]:
        text = self.open()
        corpus = encode(text, directory, seq_len, trainfrac, min_count, known)
        return corpus, 0 if _has_unknown(text.survey, corpus) else 1


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
            kind=options.kind,
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

    def encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int = 0,
        random_seed: int = 0,
        known: CharSet | None = None,
    ) -> tuple[DocumentCorpus, int]:
        documents = self.open()
        corpus = encode_documents(documents, directory, seq_len, trainfrac, min_count, random_seed, known)
        return corpus, 0 if _has_unknown(documents.survey, corpus) else 2


@dataclass(frozen=True)
class Music(Source):
    """A source of piano music; it has no characters, so that neither `min_count` nor `known` matter."""

    corpus = MusicCorpus
    options: MusicOptions = field(default_factory=MusicOptions)

    def open(self) -> Pieces:
        options = self.options
        return Pieces.open(self.given, dt=options.dt, beats=options.beats, onsets=options.onsets)

    def characters(self) -> Characters:
        raise InvalidValue(f"{self.given} is music, which has no characters: take preset='piano' for it.")

    def encode(
        self,
        directory: Path,
        seq_len: int,
        trainfrac: float,
        min_count: int = 0,
        random_seed: int = 0,
        known: CharSet | None = None,
    ) -> tuple[MusicCorpus, int]:
        return encode_pieces(self.open(), directory, seq_len, trainfrac, self.options.transpose, random_seed), 0


SOURCES: dict[str, type[Source]] = {source.corpus.kind: source for source in (ContinuousText, SeparateDocuments, Music)}


def recognise(given: Any, reading: ReadOptions, documents: DocumentOptions, music: MusicOptions) -> Source:
    """Decide whether a source is text, documents or music.

    Raises
    ------
    InvalidValue
        If options are given for another kind than the source is.

    Examples
    --------
    >>> recognise("alice.txt", ReadOptions(), DocumentOptions(), MusicOptions()).corpus.kind
    'text'
    >>> recognise("poems.csv", ReadOptions(), DocumentOptions(), MusicOptions()).corpus.kind
    'documents'
    """
    if _holds_music(given, documents, music):
        return Music(given, reading, music)
    if _holds_documents(given, documents):
        return SeparateDocuments(given, reading, documents)
    return ContinuousText(given, reading)


def source_like(corpus: Corpus, given: Any, reading: ReadOptions) -> Source:
    """Return another source of the same kind as an encoded one."""
    return SOURCES[corpus.kind](given, reading)


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


def _has_unknown(survey: Survey, corpus: CharacterCorpus) -> bool:
    return any(ch == UNKNOWN or ch not in corpus.charset for ch in survey.counts_by_character)
