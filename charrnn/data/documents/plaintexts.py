"""Documents from texts as they are: one file divided by a delimiter, a folder of files, a list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from charrnn.data.documents import document
from charrnn.data.documents.document import Document, Report, as_labels
from charrnn.data.text import paths
from charrnn.data.text.source import ReadOptions, TextSource, passed_over
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName
from charrnn.wording import plural

BLANK_LINES = r"\n(?:[ \t]*\n)+"
LONGEST_DELIMITER = 4096  # characters; what comes in chunks is divided when so many follow the delimiter


def split(chunks: Iterable[str], delimiter: re.Pattern[str], name: str = "") -> Iterator[str]:
    r"""Yield the pieces of a text between delimiters; how it is cut into chunks changes nothing.

    Raises
    ------
    SourceUnusable
        If a piece is too long for a document.

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


def compiled(delimiter: str | re.Pattern[str] | None) -> re.Pattern[str]:
    """Return the delimiter of a text: a literal string, or a pattern in which `^` and `$` match at lines.

    Raises
    ------
    InvalidValue
        If it is neither, or divides a text between any two characters.

    >>> compiled("|").split("a|b"), compiled(re.compile("^-+$")).split("a\\n---\\nb")
    (['a', 'b'], ['a\\n', '\\nb'])
    """
    if isinstance(delimiter, re.Pattern) and isinstance(delimiter.pattern, str):
        found = re.compile(delimiter.pattern, delimiter.flags | re.MULTILINE)
        if (between := found.match("ab", 1)) and not between[0]:
            raise InvalidValue(f"delimiter={delimiter!r} would divide a text between any two characters.")
        return found
    if delimiter is None:
        return re.compile(BLANK_LINES)
    if not isinstance(delimiter, str) or not delimiter:
        raise InvalidValue(
            f"delimiter={delimiter!r}: expected the characters that stand between documents, such as '---', or a "
            "pattern by re.compile."
        )
    return re.compile(re.escape(delimiter))


class DelimitedText:
    """The documents of one text, divided by blank lines, by a string or by a pattern, without labels."""

    whole_files = True

    def __init__(self, source: TextSource, columns: Collection[str], delimiter: str | re.Pattern[str] | None) -> None:
        if columns:
            raise UnknownName(
                f"{source.name} is a plain text, without {', '.join(columns)}. Labels take a table or folder."
            )
        self._given, self._delimiter = delimiter, compiled(delimiter)
        self.name = source.name
        self.notes = source.notes
        self._source = source

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; empty stretches between delimiters are skipped."""
        number = 0
        for number, piece in enumerate(self._pieces(self._delimiter), 1):
            yield Document(piece, place=f"document {number:,}")
        if number < 2:
            self.notes = [*self._source.notes, self._undivided()]

    def _pieces(self, delimiter: re.Pattern[str]) -> Iterator[str]:
        return (piece for piece in split(self._source.chunks(), delimiter, self.name) if piece.strip())

    def _undivided(self) -> str:
        """Return a sentence about a delimiter that is not in the text, but would divide it as a pattern."""
        if not isinstance(self._given, str):
            return f"The delimiter {self._delimiter.pattern!r} divides nothing."
        divides_nothing = f"The delimiter {self._given!r} divides nothing"
        try:
            pattern = compiled(re.compile(self._given))
            number = sum(1 for _ in self._pieces(pattern))
        except (re.error, InvalidValue, SourceUnusable, RecursionError, OverflowError):
            number = 0
        if number < 2:
            return f"{divides_nothing}."
        return (
            f"{divides_nothing} as it is written; as a pattern it gives {number:,} documents: "
            f"delimiter=re.compile({self._given!r})."
        )


REMARKS = {  # what a note on a file says, for many files together
    "Gutenberg": ("Freed", "of what stands outside of Project Gutenberg's markers (gutenberg=False keeps it)"),
    "UTF-8 but": ("Read", "in which some lines are in another encoding than UTF-8"),
    "encoded twice": ("Found", "with characters that look encoded twice"),
    "not valid": ("Read", "in which places are not valid, as U+FFFD"),
    "from the middle": ("Freed", "of byte order marks within"),
}


class Files:
    """Files, each a document, in their order. Each is read in its own encoding."""

    whole_files = True

    def __init__(self, name: str, files: Collection[Path], options: ReadOptions, optional: bool = False) -> None:
        self.name = name
        self.notes: list[str] = []
        self._files, self._options, self._optional = list(files), options, optional

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; files that are not texts are left out if they are `optional`, and else refused."""
        for file in self._files:
            place = self._place(file)
            try:
                source = TextSource.open(file, self._options)
            except SourceUnusable as error:
                if not self._optional:
                    raise
                report.add("Left out", "file", "that cannot be used", f"{place} ({str(error).partition('. ')[0]})")
                continue
            if source.encoding != "utf-8":
                report.add("Read", "file", f"as {source.encoding}", place)
            for sign, (verb, how) in REMARKS.items():
                if any(sign in note for note in source.notes):
                    report.add(verb, "file", how, place)
            yield Document(document.joined(source.chunks(), place), self._labels(file), place)

    def _place(self, file: Path) -> str:
        return str(file)

    def _labels(self, file: Path) -> dict[str, str]:
        return {}


class Folder(Files):
    """The files of a folder and its sub-folders, in the order of their names, each a document.

    Hidden ones, and working directories of models, are passed over.

    Parameters
    ----------
    path : pathlib.Path
        The folder.
    columns : mapping of str to str or int
        Names of label columns, each with the level of the sub-folders that are its labels: a number from 0 up, or
        its place among the columns.
    options : ReadOptions
        How to read each file.
    """

    def __init__(self, path: Path, columns: Mapping[str, str | int], options: ReadOptions) -> None:
        files, models = paths.folder_files(path)
        super().__init__(path.resolve().name, files, options, optional=True)
        self._path = path
        self._levels = {
            name: place if isinstance(level, str) else level for place, (name, level) in enumerate(columns.items())
        }
        self.notes += passed_over(models)
        if music := sum(map(paths.is_midi, files)):
            self.notes.append(
                f"{music:,} of {plural(len(files), 'file')} are MIDI files, which are not learned as texts."
            )

    def _place(self, file: Path) -> str:
        return file.relative_to(self._path).as_posix()

    def _labels(self, file: Path) -> dict[str, str]:
        folders = file.relative_to(self._path).parts[:-1]
        return {name: folders[level] for name, level in self._levels.items() if level < len(folders)}


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
