"""Documents from texts as they are: one file divided by a delimiter, a folder of files, a list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from charrnn.data.documents import document
from charrnn.data.documents.document import Document, Report, as_labels
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName

BLANK_LINES = r"\n(?:[ \t]*\n)+"
LONGEST_DELIMITER = 4096  # characters; what comes in chunks is divided when so many follow the delimiter


def split(chunks: Iterable[str], delimiter: re.Pattern[str], name: str = "") -> Iterator[str]:
    r"""Yield the pieces of a text between delimiters; how it is cut into chunks changes nothing.

    Raises
    ------
    SourceUnusable
        A piece is too long for a document.

    >>> list(split(["one-", "-two--th", "ree"], re.compile("-+")))
    ['one', 'two', 'three']
    """
    text, start, searched = "", 0, 0  # `text` keeps some of what is behind, because delimiters may look back
    for chunk in chunks:
        kept = max(0, start - LONGEST_DELIMITER)
        text, start, searched = text[kept:] + chunk, start - kept, searched - kept
        sure = len(text) - LONGEST_DELIMITER
        for match in delimiter.finditer(text, max(searched, 0)):
            if match.start() >= sure:
                break
            yield text[start : match.start()]
            start = searched = match.end()
        searched = max(searched, sure, start)
        if len(text) - start > document.LONGEST:
            raise document.too_long(name)
    for match in delimiter.finditer(text, max(searched, 0)):
        yield text[start : match.start()]
        start = match.end()
    yield text[start:]


class DelimitedText:
    """The documents of one text, divided by blank lines or by any regular expression, without labels."""

    def __init__(self, source: TextSource, columns: Collection[str], delimiter: str | None) -> None:
        if columns:
            raise UnknownName(
                f"{source.name} is a plain text, without {', '.join(columns)}. Labels take a table or folder."
            )
        try:
            self._delimiter = re.compile(BLANK_LINES if delimiter is None else delimiter, re.MULTILINE)
        except (re.error, TypeError) as error:
            raise InvalidValue(f"delimiter={delimiter!r} is no regular expression: {error}.") from None
        if (between := self._delimiter.match("ab", 1)) and not between[0]:
            raise InvalidValue(f"delimiter={delimiter!r} would divide a text between any two characters.")
        self.name = source.name
        self.notes = source.notes
        self._source = source

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; nothing between two delimiters is no document."""
        pieces = (piece for piece in split(self._source.chunks(), self._delimiter, self.name) if piece.strip())
        number = 0
        for number, piece in enumerate(pieces, 1):
            yield Document(piece, place=f"document {number:,}")
        if number < 2:
            self.notes = [*self._source.notes, f"The delimiter {self._delimiter.pattern!r} divides nothing."]


class Folder:
    """The files of a folder and its sub-folders, in the order of their names, each a document.

    Each file is read in its own encoding. Hidden ones are passed over.

    Parameters
    ----------
    path
        The folder.
    columns
        Names of label columns, each with the level of the sub-folders that are its labels: a number from 0 up, or
        its place among the columns.
    options
        How to read each file.
    """

    def __init__(self, path: Path, columns: Mapping[str, str | int], options: ReadOptions) -> None:
        self.name = path.resolve().name
        self._path, self._options = path, options
        self._levels = {
            name: place if isinstance(level, str) else level for place, (name, level) in enumerate(columns.items())
        }
        self._files = sorted(file for file in path.rglob("*") if file.is_file() and not self._hidden(file))
        self.notes: list[str] = []

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; files that are no texts are left out."""
        for file in self._files:
            relative = file.relative_to(self._path)
            place, folders = relative.as_posix(), relative.parts[:-1]
            try:
                source = TextSource.open(file, self._options)
            except SourceUnusable as error:
                report.add("Left out", "file", "that cannot be used", f"{place} ({str(error).partition('. ')[0]})")
                continue
            if source.encoding != "utf-8":
                report.add("Read", "file", f"as {source.encoding}", place)
            labels = {name: folders[level] for name, level in self._levels.items() if level < len(folders)}
            yield Document(document.joined(source.chunks(), place), labels, place)

    def _hidden(self, file: Path) -> bool:
        return any(part.startswith(".") for part in file.relative_to(self._path).parts)


class Texts:
    """Strings and `Document`s at hand."""

    name = "list"

    def __init__(self, texts: Iterable[str | Document]) -> None:
        if isinstance(texts, Mapping) or not isinstance(texts, Iterable):
            raise InvalidValue(
                f"{texts!r:.60} is nothing to learn from: expected a file, a folder, a list of strings, a data frame."
            )
        self._documents = [text if isinstance(text, Document) else Document(text) for text in texts]
        self.notes: list[str] = []
        for number, item in enumerate(self._documents, 1):
            if not isinstance(item.text, str):
                kind = type(item.text).__name__
                raise InvalidValue(f"Item {number:,} is of type {kind}: expected a string or a Document.")

    @property
    def label_names(self) -> list[str]:
        """The columns in which documents have labels, by first appearance."""
        return list(dict.fromkeys(name for item in self._documents for name in item.labels))

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents."""
        for number, item in enumerate(self._documents, 1):
            place = item.place or f"item {number:,}"
            yield Document(item.text, as_labels(item.labels, place), place)
