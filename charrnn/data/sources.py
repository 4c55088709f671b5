"""What a person may give to learn from, told apart: a continuous text, documents, or music; its way into files."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn import checks
from charrnn.data.documents.corpus import DocumentCorpus, encode_documents
from charrnn.data.documents.source import SUFFIXES, Documents, Labels
from charrnn.data.documents.tables import Column
from charrnn.data.music.corpus import MusicCorpus, encode_pieces
from charrnn.data.music.source import Pieces, is_music
from charrnn.data.text.charset import UNKNOWN, CharSet
from charrnn.data.text.corpus import Corpus, encode
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import InvalidValue


@dataclass(frozen=True)
class DocumentOptions:
    """How documents are found in a source, see `charrnn.data.documents.source.Documents.open`.

    `documents` says whether there are any; None leaves that to `holds_documents`.
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


def holds_music(source: Any, options: DocumentOptions, music: MusicOptions) -> bool:
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


def holds_documents(source: Any, options: DocumentOptions) -> bool:
    """Say whether a source is documents, each on its own, and not one continuous text.

    It is if the options say so; if any of them is about documents; or if it is a table, a folder, a list or a data
    frame.

    Raises
    ------
    InvalidValue
        It is not to be documents, but options about documents are given.

    Examples
    --------
    >>> holds_documents("poems.csv", DocumentOptions()), holds_documents("alice.txt", DocumentOptions())
    (True, False)
    """
    if options.documents is False and options.chosen:
        raise InvalidValue(f"documents=False, yet {', '.join(options.chosen)} is about documents: leave one out.")
    if options.documents is not None:
        return options.documents
    if options.chosen or not (isinstance(source, str | os.PathLike) or hasattr(source, "read")):
        return True
    return not hasattr(source, "read") and (Path(source).suffix.lower() in SUFFIXES or Path(source).is_dir())


def encode_source(
    source: Any,
    directory: Path,
    seq_len: int,
    trainfrac: float,
    min_count: int,
    random_seed: int,
    reading: ReadOptions,
    options: DocumentOptions,
    music: MusicOptions,
    known: CharSet | None = None,
) -> tuple[Corpus | DocumentCorpus | MusicCorpus, int]:
    """Encode a source into files in a directory; return what is known of it, and how many first symbols never come.

    These are U+FFFD, if the text has none, and the begin of documents. The characters of `known` keep their indices.

    Raises
    ------
    SourceNotFound, SourceUnusable, InvalidValue, UnknownName, SaveFailed
        As of `encode`, `encode_documents` and `Documents.open`, `encode_pieces` and `Pieces.open`.
    """
    if holds_music(source, options, music):
        pieces = Pieces.open(source, dt=music.dt, beats=music.beats, onsets=music.onsets)
        return encode_pieces(pieces, directory, seq_len, trainfrac, music.transpose, random_seed), 0
    corpus: Corpus | DocumentCorpus
    if holds_documents(source, options):
        documents = Documents.open(
            source,
            options.text,
            options.labels,
            kind=options.kind,
            delimiter=options.delimiter,
            header=options.header,
            only=options.only,
            min_documents=options.min_documents,
            options=reading,
        )
        corpus = encode_documents(documents, directory, seq_len, trainfrac, min_count, random_seed, known)
        return corpus, 0 if _has_unknown(documents.survey, corpus) else 2
    text = TextSource.open(source, reading)
    corpus = encode(text, directory, seq_len, trainfrac, min_count, known)
    return corpus, 0 if _has_unknown(text.survey, corpus) else 1


def _has_unknown(survey: Survey, corpus: Corpus | DocumentCorpus) -> bool:
    return any(ch == UNKNOWN or ch not in corpus.charset for ch in survey.counts_by_character)
