"""What a person may give to learn from, told apart: a continuous text or documents; and its way into files."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn.data.charset import UNKNOWN
from charrnn.data.documentcorpus import DocumentCorpus, encode_documents
from charrnn.data.documents import SUFFIXES, Documents, Labels
from charrnn.data.encoding import Corpus, encode
from charrnn.data.reading import ReadOptions, TextSource
from charrnn.data.survey import Survey
from charrnn.data.tables import Column
from charrnn.errors import InvalidValue


@dataclass(frozen=True)
class DocumentOptions:
    """How documents are found in a source, see `charrnn.data.documents.Documents.open`.

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

    @property
    def chosen(self) -> dict[str, Any]:
        """The options that are not as they are by default."""
        default = DocumentOptions()
        given = {name: value for name, value in vars(self).items() if name != "documents"}
        return {name: value for name, value in given.items() if value != getattr(default, name)}


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
) -> tuple[Corpus | DocumentCorpus, int]:
    """Encode a source into files in a directory; return what is known of it, and how many first symbols never come.

    These are U+FFFD, if the text has none, and the begin of documents.

    Raises
    ------
    SourceNotFound, SourceUnusable, InvalidValue, UnknownName, SaveFailed
        As of `encode`, `encode_documents` and `Documents.open`.
    """
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
        corpus = encode_documents(documents, directory, seq_len, trainfrac, min_count, random_seed)
        return corpus, 0 if _has_unknown(documents.survey, corpus) else 2
    text = TextSource.open(source, reading)
    corpus = encode(text, directory, seq_len=seq_len, trainfrac=trainfrac, min_count=min_count)
    return corpus, 0 if _has_unknown(text.survey, corpus) else 1


def _has_unknown(survey: Survey, corpus: Corpus | DocumentCorpus) -> bool:
    return any(ch == UNKNOWN or ch not in corpus.charset for ch in survey.counts_by_character)
