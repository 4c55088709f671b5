"""Read documents (poems, songs, letters) and their labels from tables, folders, lists and delimited texts."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from charrnn import checks
from charrnn.data.documents.csvtables import Column, CsvTable, FrameTable
from charrnn.data.documents.document import Document, Report
from charrnn.data.documents.jsontables import JsonTable
from charrnn.data.documents.plaintexts import DelimitedText, Files, Folder, Texts
from charrnn.data.text import cleaning, paths
from charrnn.data.text.source import ReadOptions, TextSource, cleaning_notes
from charrnn.data.text.survey import Survey
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName, near_matches
from charrnn.wording import plural

__all__ = ["Document", "Documents"]

SUFFIXES = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson", ".jsonlines"), "jsonl"),
    ".json": "json",
}
KINDS = ("csv", "jsonl", "json", "text")
BLOCK = 1 << 18  # characters surveyed at a time

Delimiter = str | re.Pattern[str]
Labels = Column | Sequence[Column] | Mapping[str, Column]


class Reader(Protocol):
    """Reads documents again at each call; `notes` are sentences about the source as a whole."""

    name: str
    notes: list[str]

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield every document."""
        ...


class Documents:
    """Documents, read again at each iteration, with one at a time in memory.

    Opening reads them through.

    Attributes
    ----------
    name : str
        Name of the file or folder.
    label_names : tuple of str
        The label columns.
    label_counts : dict of str to Counter
        For each label column, how many documents have each label.
    count : int
        Number of documents.
    survey : Survey
        Length and character counts of all texts.
    sha256 : str
        Checksum of the texts and labels.
    notes : list of str
        Sentences about what was read how, and what was left out.

    Examples
    --------
    >>> documents = Documents.open(["To see a World", "", "Hope is the thing"])
    >>> [document.text for document in documents]
    ['To see a World', 'Hope is the thing']
    >>> documents.notes
    ['Left out 1 document without text, at item 2.']
    """

    def __init__(
        self,
        reader: Reader,
        label_names: Iterable[str],
        only: Mapping[str, Collection[str]],
        minimum: Mapping[str, int],
        options: ReadOptions,
    ) -> None:
        self.name = reader.name
        self.label_names = tuple(label_names)
        self._reader = reader
        self._options = options
        self._kept: dict[str, set[str]] = {}
        if only or minimum:
            self._kept = self._labels_to_keep(only, minimum)
        report = Report()
        self._take_survey(report)
        self.notes = [*reader.notes, *report.notes]
        if not self.count:
            raise SourceUnusable(f"{self.name} holds no document. {' '.join(report.notes)}".rstrip())
        self.notes += [f"No document has a label in {name!r}." for name, n in self.label_counts.items() if not n]

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | BinaryIO | Iterable[str | Document] | Any,
        text: Column | None = None,
        labels: Labels = (),
        *,
        kind: str | None = None,
        delimiter: Delimiter | None = None,
        header: bool | None = None,
        only: Mapping[str, str | Collection[str]] | None = None,
        min_documents: int | Mapping[str, int] = 1,
        options: ReadOptions | None = None,
    ) -> Documents:
        """Open documents of any kind.

        Parameters
        ----------
        source : path, binary stream, iterable of str or Document, or table
            A CSV file; a JSON file with one value per line, or an array; a folder, each file of which is a document;
            any other text file, or "-" for standard input, to be divided by a delimiter; a list of files, of strings or
            of `Document`s; a data frame of pandas or polars. Several tables in a folder or list are read as one.
        text : Column, optional
            Column of the text in a table, by name or number; optional if there is only one, or one called "text".
        labels : Labels
            Columns of labels, by name or number; a mapping gives them other names, as in {"author": 0}. In a folder
            they name the levels of sub-folders. `Document`s bring their own. In JSON, "meta.author" is the key "author"
            of the object "meta".
        kind : str, optional
            "csv", "jsonl", "json" or "text", where the file's name does not tell.
        delimiter : Delimiter, optional
            In CSV files what separates fields, found out if not given; in texts what separates documents, blank lines
            if not given: a string as it is written, or a pattern by `re.compile`, in which `^` and `$` match at lines.
        header : bool, optional
            Whether the first row of a CSV file names the columns. Found out if not given: it does if columns are asked
            for by name, or one is called "text".
        only : mapping of str to str or collection of str, optional
            For label columns, or others, the labels to keep, as in {"author": ["Blake", "Keats"]}.
        min_documents : int or mapping of str to int
            Keep labels with at least so many documents: in every label column, or in those of a mapping.
        options : ReadOptions, optional
            How text is read and cleaned. Labels stay as they are.

        Raises
        ------
        SourceNotFound
            If a file or folder does not exist.
        SourceUnusable
            If the source has no document, or an unexpected content.
        UnknownName
            If a column, label, kind or encoding does not exist.
        InvalidValue
            If another argument has the wrong type or is out of range.
        """
        options = options or ReadOptions()
        if not (isinstance(source, str | os.PathLike) or hasattr(source, "read") or hasattr(source, "columns")):
            items = list(source) if isinstance(source, Iterable) and not isinstance(source, Mapping | bytes) else source
            files = paths.listed_files(items) if isinstance(items, list) else None
            source = Texts(items) if files is None else files
            labels = labels or (source.label_names if isinstance(source, Texts) else ())
        columns = _columns(labels)
        if only is not None and not isinstance(only, Mapping):
            raise InvalidValue(f'only={only!r}: expected columns with their labels, such as {{"author": ["Blake"]}}.')
        chosen = {name: _texts(values) for name, values in (only or {}).items()}
        if not isinstance(min_documents, Mapping):
            checks.whole("min_documents", min_documents)
            min_documents = dict.fromkeys(columns, min_documents)
        for number in min_documents.values():
            checks.whole("min_documents", number)
        minimum = {name: number for name, number in min_documents.items() if number > 1}
        needed = columns | {name: name for name in (*chosen, *minimum) if name not in columns}
        reader = _reader(source, text, needed, kind, delimiter, header, options)
        return cls(reader, columns, chosen, minimum, options)

    def __iter__(self) -> Iterator[Document]:
        return self._read(Report())

    def __repr__(self) -> str:
        labels = "".join(f", {plural(len(n), name)}" for name, n in self.label_counts.items())
        size = plural(self.survey.length, "character")
        return f"<Documents {self.name}: {plural(self.count, 'document')}{labels}, {size}>"

    def _read(self, report: Report) -> Iterator[Document]:
        for document in self._cleaned(report):
            for name, kept in self._kept.items():
                if document.labels.get(name) not in kept:
                    report.add("Left out", "document", f"for their {name}", document.place)
                    break
            else:
                labels = {name: document.labels[name] for name in self.label_names if name in document.labels}
                yield Document(document.text, labels, document.place)

    def _cleaned(self, report: Report) -> Iterator[Document]:
        """Yield every document that has a text, without line ends around it."""
        options = replace(self._options, gutenberg=False)
        cut = False if getattr(self._reader, "whole_files", False) else self._options.gutenberg
        tally: Counter[str] = Counter()
        for document in self._reader.documents(report):
            marks = document.text.count("\ufeff")
            tally["marks"] += marks
            text = document.text.replace("\ufeff", "") if marks else document.text
            text = "".join(options.clean(iter([text])))
            if cut is not False:
                text = cleaning.without_wrapping(text, cut, tally)
            if text.strip():
                yield Document(text.strip("\n"), document.labels, document.place)
            else:
                report.add("Left out", "document", "without text", document.place)
        report.extend(cleaning_notes(tally, self._options.gutenberg is None))

    def _labels_to_keep(self, only: Mapping[str, Collection[str]], minimum: Mapping[str, int]) -> dict[str, set[str]]:
        counts: dict[str, Counter[str]] = {name: Counter() for name in {**only, **minimum}}
        for document in self._cleaned(Report()):
            for name in counts.keys() & document.labels.keys():
                counts[name][document.labels[name]] += 1
        for name, labels in only.items():
            if absent := sorted(set(labels) - counts[name].keys()):
                raise UnknownName(f"No document has the {name} {absent[0]!r}. {near_matches(absent[0], counts[name])}")
        return {
            name: {label for label, n in found.items() if n >= minimum.get(name, 1) and label in only.get(name, found)}
            for name, found in counts.items()
        }

    def _take_survey(self, report: Report) -> None:
        self.count = 0
        self.survey = Survey()
        self.label_counts: dict[str, Counter[str]] = {name: Counter() for name in self.label_names}
        checksum = hashlib.sha256()
        texts, length = [], 0
        for document in self._read(report):
            self.count += 1
            for name, label in document.labels.items():
                self.label_counts[name][label] += 1
            checksum.update(repr((document.text, *document.labels.items())).encode())
            texts.append(document.text)
            length += len(document.text)
            if length > BLOCK:
                self.survey.add_documents(texts)
                texts, length = [], 0
        self.survey.add_documents(texts)
        self.sha256 = checksum.hexdigest()


def _columns(labels: Labels) -> dict[str, Column]:
    """Return label columns by their names.

    >>> _columns("author"), _columns(["author", 2]), _columns({"author": 0})
    ({'author': 'author'}, {'author': 'author', '2': 2}, {'author': 0})
    """
    columns: dict[str, Any]
    names: list[Any] = []
    if isinstance(labels, Mapping):
        columns = dict(labels)
    elif isinstance(labels, str) or not isinstance(labels, Iterable):
        columns = {str(labels): labels}
    else:
        names = list(labels)
        columns = {str(label): label for label in names}
    if any(name != columns[str(name)] for name in names):
        raise InvalidValue(
            f"labels={labels!r}: give columns of the same name others, as in {{'year': 2, 'form': '2'}}."
        )
    for column in columns.values():
        if isinstance(column, bool) or not isinstance(column, str | int):
            raise InvalidValue(f"labels={labels!r}: expected columns by name or number, such as ['author'].")
    return columns


def _texts(labels: str | Collection[str]) -> set[str]:
    return set(map(str, labels)) if isinstance(labels, Collection) and not isinstance(labels, str) else {str(labels)}


def _reader(
    source: Any,
    text: Column | None,
    columns: Mapping[str, Column],
    kind: str | None,
    delimiter: Delimiter | None,
    header: bool | None,
    options: ReadOptions,
) -> Reader:
    if kind is not None and kind not in KINDS:
        raise UnknownName(f"kind={kind!r} is not a kind of file. {near_matches(str(kind), KINDS)}")
    if isinstance(source, Texts):
        _refuse("a list", text=text, kind=kind, delimiter=delimiter, header=header)
        return source
    if hasattr(source, "columns"):
        _refuse("a data frame", kind=kind, delimiter=delimiter, header=header)
        return FrameTable(source, text, columns)
    raw = replace(options, lower=False, strip_punctuation=False)  # delimiters and labels stay as they are
    if isinstance(source, list):
        if kind is None and _kinds(source) <= {"text"}:
            each = "a list of files, each of which is a document"
            _refuse(each, text=text, delimiter=delimiter, header=header, labels=columns or None)
            return Files("list", source, raw)
        return Several("list", [_of_file(file, text, columns, kind, delimiter, header, raw) for file in source])
    if isinstance(source, str | os.PathLike) and source != "-":
        source = paths.require_path(source)
        if source.is_dir():
            files, _ = paths.folder_files(source)
            if files and "text" not in _kinds(files):
                tables = [_of_file(file, text, columns, kind, delimiter, header, raw) for file in files]
                return Several(source.resolve().name, tables)
            each = "a folder, each file of which is a document"
            _refuse(each, text=text, kind=kind, delimiter=delimiter, header=header)
            return Folder(source, columns, raw)
    return _of_file(source, text, columns, kind, delimiter, header, raw)


def _kinds(files: Iterable[Path]) -> set[str]:
    return {SUFFIXES.get(file.suffix.lower(), "text") for file in files}


def _of_file(
    source: Any,
    text: Column | None,
    columns: Mapping[str, Column],
    kind: str | None,
    delimiter: Delimiter | None,
    header: bool | None,
    raw: ReadOptions,
) -> Reader:
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "name", "")
    kind = kind or SUFFIXES.get(Path(str(name)).suffix.lower(), "text")
    if kind == "text":
        file = TextSource.open(source, raw)
        _refuse("a plain text", text=text, header=header)
        if isinstance(delimiter, str) and raw.newlines:
            delimiter = delimiter.replace("\r\n", "\n").replace("\r", "\n")  # as in the text
        return DelimitedText(file, columns, delimiter)
    file = TextSource.open(source, replace(raw, gutenberg=False))
    if kind == "csv":
        if isinstance(delimiter, re.Pattern):
            if len(delimiter.pattern) == 1:  # as models recorded what separates fields, once
                return CsvTable(file, text, columns, delimiter.pattern, header)
            raise InvalidValue(f"delimiter={delimiter!r}: the fields of {file.name} are separated by one character.")
        return CsvTable(file, text, columns, delimiter, header)
    _refuse("JSON lines" if kind == "jsonl" else "JSON", delimiter=delimiter, header=header)
    return JsonTable(file, text, columns, lines=True if kind == "jsonl" else None)


class Several:
    """Several tables or texts, read one after the other as one."""

    def __init__(self, name: str, readers: Sequence[Reader]) -> None:
        self.name = name
        self._readers = readers
        self.notes = [f"{reader.name}: {note}" for reader in readers for note in reader.notes]
        self.whole_files = all(getattr(reader, "whole_files", False) for reader in readers)

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents."""
        for reader in self._readers:
            for document in reader.documents(report):
                yield replace(document, place=f"{reader.name}, {document.place}")


def _refuse(source: str, **options: object) -> None:
    """Raise InvalidValue for an option that means nothing to a kind of source."""
    for name, value in options.items():
        if value is not None:
            raise InvalidValue(f"{name}={value!r} means nothing for {source}: leave it out.")
