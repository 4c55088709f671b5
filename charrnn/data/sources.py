"""What a person may give to learn from, told apart: a continuous text, documents, or music; its way into files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from charrnn.data.documents.corpus import DocumentCorpus, encode_documents
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import SUFFIXES, Documents
from charrnn.data.music.corpus import MusicCorpus, encode_pieces
from charrnn.data.music.options import MusicOptions
from charrnn.data.music.source import Pieces, has_music, is_music
from charrnn.data.text import paths
from charrnn.data.text.charset import UNKNOWN, CharSet
from charrnn.data.text.corpus import Corpus, encode
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import InvalidValue


def holds_music(source: Any, options: DocumentOptions, music: MusicOptions) -> bool:
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
    return not hasattr(source, "read") and (Path(source).suffix.lower() in SUFFIXES or paths.is_folder(source))


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
        pieces = Pieces.open(source, **music.reading)
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
