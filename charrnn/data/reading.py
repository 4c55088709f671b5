"""The user's options for reading a source, which are kept with the model."""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from charrnn.data.documents.options import FORMATS, DocumentOptions
from charrnn.data.documents.source import SUFFIXES
from charrnn.data.music.options import MusicOptions
from charrnn.data.text import cleaning, paths
from charrnn.data.text.source import ReadOptions
from charrnn.errors import CorruptFile

TRAINFRAC = 0.9
DAMAGED = "The record of how the source is read is damaged"


class Known(Protocol):
    """Characters that are known."""

    def __contains__(self, ch: str, /) -> bool: ...


@dataclass(frozen=True)
class Reading:
    """All that was chosen about how a source is read and divided.

    Parameters
    ----------
    text : ReadOptions
    documents : DocumentOptions
    music : MusicOptions
    min_count : int
        Characters that occur less often are U+FFFD.
    trainfrac, testfrac : float
        Parts of the source to learn from and to test on.
    source, validfile, testfile : str or list of str, optional
        The paths that were given, as they were given; None for what has no path.

    Examples
    --------
    >>> Reading(ReadOptions(lower=True), trainfrac=0.8).arguments
    {'lower': True, 'trainfrac': 0.8}
    """

    text: ReadOptions = field(default_factory=ReadOptions)
    documents: DocumentOptions = field(default_factory=DocumentOptions)
    music: MusicOptions = field(default_factory=MusicOptions)
    min_count: int = 0
    trainfrac: float = TRAINFRAC
    testfrac: float = 0.0
    source: str | list[str] | None = None
    validfile: str | list[str] | None = None
    testfile: str | list[str] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `ModelState.initfromsrcfile` that are not as they are by default, without the source."""
        usual = ReadOptions()
        text = {name: value for name, value in vars(self.text).items() if value != getattr(usual, name)}
        nested = ("text", "documents", "music", "source")
        plain = Reading()
        own = {name: value for name, value in vars(self).items() if value != getattr(plain, name)}
        chosen = {name: value for name, value in own.items() if name not in nested}
        documents = {} if self.documents.documents is None else {"documents": self.documents.documents}
        return text | documents | self.documents.chosen | self.music.chosen | chosen

    def but(self, text: Mapping[str, Any], documents: Mapping[str, Any]) -> Reading:
        """Return a copy with some options of texts and of documents changed: those that are not None."""
        return dataclasses.replace(
            self,
            text=dataclasses.replace(self.text, **_given(text)),
            documents=dataclasses.replace(self.documents, **_given(documents)),
        )

    def cleaned(self, text: str, known: Known) -> str:
        r"""Return a text as the model's own text was read: line ends, case, punctuation.

        Where it holds characters that are not known, its composed or decomposed form is taken if more is known of it.

        >>> Reading(ReadOptions(lower=True)).cleaned("E\u0301t\u00c9\r\n", "\u00e9t\n")
        'été\n'
        """
        options = dataclasses.replace(self.text, gutenberg=False)
        text = "".join(options.clean(cleaning.without_traces(iter([text]))))
        forms = [text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))]
        return min(forms, key=lambda form: sum(ch not in known for ch in set(form)))

    def of_another(self, source: Any) -> Reading:
        """Return the options that hold for another source as well: properties of the file are detected again.

        That is the division, the encoding where the other is UTF-8, and whether Project Gutenberg's markers must be
        there; of documents, the columns if both are tables, and delimiter and header if both have the same format.
        """
        kept = self.documents.chosen
        ours = self.documents.format or format_of(self.source)
        theirs = format_of(source, self.documents.format)
        apart = ("delimiter", "header", "kind") if ours != theirs else ()
        foreign = ("text",) if (ours in FORMATS) != (theirs in FORMATS) else ()
        documents = DocumentOptions(**{name: value for name, value in kept.items() if name not in (*apart, *foreign)})
        encoding = None if _is_utf8(source) else self.text.encoding
        gutenberg = None if self.text.gutenberg else self.text.gutenberg
        text = dataclasses.replace(self.text, encoding=encoding, gutenberg=gutenberg)
        return Reading(text, documents, self.music, self.min_count)

    def to_json(self) -> dict[str, Any]:
        """Return a record that JSON can hold."""
        nested = {"text": self.text.to_json(), "documents": self.documents.to_json(), "music": self.music.to_json()}
        return dict(vars(self)) | nested

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Restore it from its record.

        Raises
        ------
        CorruptFile
            If the record is not one of a reading.
        """
        try:
            nested = {
                "text": ReadOptions.from_json(record["text"]),
                "documents": DocumentOptions.from_json(record["documents"]),
                "music": MusicOptions.from_json(record["music"]),
            }
            return cls(**{**record, **nested})
        except (TypeError, KeyError, AttributeError) as error:
            raise CorruptFile(f"{DAMAGED}: {error!r}. Restore it from a copy.") from error


def given_paths(source: Any) -> str | list[str] | None:
    """Return the paths that stand for a source, as they were given; None if it has none.

    >>> given_paths("alice.txt"), given_paths(["a poem", "another"])
    ('alice.txt', None)
    """
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, list | tuple) and source and all(map(paths.is_file, source)):
        return [os.fspath(item) for item in source]
    return None


def format_of(source: Any, kind: str | None = None) -> str:
    """Return what documents stand in, as far as names tell: a format of tables, "text", or "memory".

    >>> format_of("poems.csv"), format_of(["a.txt", "b.txt"]), format_of("poems", kind="json"), format_of(None)
    ('csv', 'text', 'json', 'memory')
    """
    names = list(source) if isinstance(source, list | tuple) else [source]
    if not all(isinstance(name, str | os.PathLike) for name in names):
        return "memory"
    found = {SUFFIXES.get(os.path.splitext(name)[1].lower(), kind or "text") for name in names}
    return found.pop() if len(found) == 1 else "text"


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _is_utf8(source: Any) -> bool:
    """Return whether a source is a file of UTF-8 beyond ASCII."""
    if not paths.is_file(source):
        return False
    try:
        with open(source, encoding="utf-8") as file:
            return any(not block.isascii() for block in iter(lambda: file.read(1 << 20), ""))
    except (OSError, ValueError):
        return False
