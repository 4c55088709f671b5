"""Decide whether a source is text, documents or music, and encode it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from charrnn.data.corpus import Corpus
from charrnn.data.documents.corpus import DocumentCorpus, encode_documents
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import SUFFIXES, Documents
from charrnn.data.music.corpus import MusicCorpus, encode_pieces
from charrnn.data.music.options import MusicOptions
from charrnn.data.music.source import Pieces, has_music, is_music
from charrnn.data.text import paths
from charrnn.data.text.charset import UNKNOWN, CharSet
from charrnn.data.text.corpus import CharacterCorpus, TextCorpus, encode
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import CorruptFile, InvalidValue


def _holds_music(source: Any, options: DocumentOptions, music: MusicOptions) -> bool:
    """Say whether a source is music.

    What is said decides: kind="music", documents=True, or for a folder options about music or about documents. Else a
    folder is what most of its files are.

    Raises
    ------
    InvalidValue
        It is, but there are options about documents; or it is not, but there are some about music.
    """
    said = options.kind == "music"
    about = [name for name in options.chosen if not (said and name == "kind")]
    asked = music != MusicOptions()
    found = said or (options.documents is None and (is_music(source) or (asked and has_music(source))))
    if found and about and not (said or asked) and paths.is_folder(source):
        return False
    if found and about:
        raise InvalidValue(f"{source} is music, but {', '.join(about)} is about documents: leave it out.")
    if not found and asked:
        raise InvalidValue(f"dt, beats, onsets, transpose and pedal are for music, which {source} is not.")
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
    return not hasattr(source, "read") and (Path(source).suffix.lower() in SUFFIXES or paths.is_folder(source))


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
        return Pieces.open(self.given, **self.options.reading)

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
