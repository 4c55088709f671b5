"""Documents from the rows of a table: CSV, a data frame; JSON stands in `jsontables`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from charrnn.data.documents import dialect as dialects
from charrnn.data.documents.document import Document, Report, as_labels, as_lines
from charrnn.data.documents.plaintexts import split
from charrnn.data.text.source import TextSource
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName, near_matches
from charrnn.wording import plural

NEWLINE = re.compile("\n")
LOOKED_AT = 1000  # rows from which it is found out whether the first names the columns

Column = str | int


class CsvTable:
    """The rows of a CSV file; line ends within quotes belong to the field.

    Rows that cannot be read, or have another number of fields than the first, are left out, if they are few. Those that
    repeat the names of the columns, as in tables that were put together, are left out too.

    Parameters
    ----------
    source : TextSource
        The file.
    text : Column, optional
        Column of the text, by name or number; None for the only one, or the one called "text".
    columns : mapping of str to Column
        Columns of the labels, by name or number.
    separator : str, optional
        What separates fields; None to find out, with the quoting: see `charrnn.data.documents.dialect`.
    header : bool, optional
        Whether the first row names the columns; None to find out: it does if columns are asked for by name, or if one
        is called "text", or if it looks like names.

    Raises
    ------
    UnknownName
        If a column does not exist.
    SourceUnusable
        If the table has no rows, or several columns have the requested name.
    InvalidValue
        If the separator is not one character.
    """

    def __init__(
        self,
        source: TextSource,
        text: Column | None,
        columns: Mapping[str, Column],
        separator: str | None,
        header: bool | None,
    ) -> None:
        if separator is not None and (not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n'):
            raise InvalidValue(f"delimiter={separator!r}: expected the one character that separates fields.")
        self.name = source.name
        self._source = source
        wanted = {column for column in (text, *columns.values()) if isinstance(column, str)}
        sample = self._sample()
        declared = dialects.DECLARED.fullmatch(sample[0]) if sample else None
        self._declared = int(bool(declared))
        known = separator or (declared[1] if declared else None)
        tabbed = self.name.lower().endswith((".tsv", ".tab"))
        with self._named():
            self._dialect = dialects.infer(sample[self._declared :], wanted, known, tabbed)
        some = list(itertools.islice(dialects.rows(sample[self._declared :], self._dialect), LOOKED_AT))
        first = [cell.strip() for cell in some[0].cells] if some else []
        self._width = len(first)
        if header is None:
            others = [dialects.fitted(row.cells, self._width) for row in some[1:]]
            header = bool(wanted) or "text" in map(str.lower, first) or dialects.names_columns(first, others)
        self._header = first if header else None
        names = first if header else list(map(str, range(self._width)))
        self._text = position(text_column(text, first, self.name), names, self.name)
        self._columns = {name: position(column, names, self.name) for name, column in columns.items()}
        found = [self._dialect.note] if separator is None and self._width > 1 else []
        self.notes = [*source.notes, *found, self._note(first)]

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; rows that cannot be read are left out."""
        number = 0
        for line, row, error in itertools.islice(self._rows(), int(self._header is not None), None):
            place = f"line {line:,}"
            cells = dialects.fitted(row, self._width)
            if not error and self._repeats(cells):
                report.add("Left out", "row", "like the first, which names the columns", place)
                continue
            number += 1
            if error:
                report.spoil("row", "that cannot be read", place, error)
            elif len(cells) != self._width:
                how = f"with more or fewer than {plural(self._width, 'field')}"
                why = f"It has {plural(len(cells), 'field')} instead of {self._width}, as the first row has."
                report.spoil("row", how, place, f"{why} Name what separates fields, as in delimiter=';'.")
            else:
                labels = {name: label for name, i in self._columns.items() if (label := cells[i].strip())}
                yield Document(cells[self._text], labels, place)
        report.require_few(self.name, number)

    def _repeats(self, cells: list[str]) -> bool:
        if self._declared and cells[0].lower() == "sep=" and not any(cells[1:]):
            return True
        return self._header == [cell.strip() for cell in cells]

    def _sample(self) -> list[str]:
        lines, size = [], 0
        for line in _lines(self._source):
            lines.append(line)
            size += len(line)
            if size >= dialects.SAMPLE:
                break
        return lines

    def _rows(self) -> Iterator[dialects.Row]:
        lines = itertools.islice(_lines(self._source), self._declared, None)
        with self._named():
            for line, cells, error in dialects.rows(lines, self._dialect, self._width):
                yield dialects.Row(line + self._declared, cells, error)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except SourceUnusable as error:
            raise SourceUnusable(f"{self.name}, {error}") from None

    def _note(self, first: list[str]) -> str:
        if self._header is not None:
            others = [name for i, name in enumerate(first) if i != self._text]
            verb = "the others are" if len(others) > 1 else "the other is"
            beside = f"; {verb} {', '.join(map(repr, others[:20]))}" if others else ""
            return f"Took the text from column {first[self._text]!r}{beside}."
        begin = first[self._text][:30]
        return f"Took the text from column {self._text}, the first being {begin!r}; with header=True that is a name."


class FrameTable:
    """The rows of a data frame of pandas or polars: whatever has `columns` and is indexed by their names."""

    name = "frame"

    def __init__(self, frame: Any, text: Column | None, columns: Mapping[str, Column]) -> None:
        self._frame = frame
        names = [str(name).strip("\ufeff") for name in frame.columns]
        self._text = frame.columns[position(text_column(text, names, self.name), names, self.name)]
        self._columns = {name: frame.columns[position(column, names, self.name)] for name, column in columns.items()}
        self.notes = [f"Took the text from column {str(self._text)!r}."]

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; rows with anything but texts, numbers and labels are left out."""
        columns = [self._frame[column] for column in (self._text, *self._columns.values())]
        number = 0
        for number, row in enumerate(zip(*columns, strict=True), 1):
            place = f"row {number - 1:,}"
            yield from made(row[0], dict(zip(self._columns, row[1:], strict=True)), place, report)
        report.require_few(self.name, number)


def made(text: object, labels: Mapping[str, object], place: str, report: Report) -> Iterator[Document]:
    """Yield the document of a row, unless one of its cells holds what is neither a text nor a label."""
    try:
        document = Document(as_lines(text, place), as_labels(labels, place), place)
    except SourceUnusable as error:
        report.spoil("row", "that holds something else than texts", place, str(error))
    else:
        yield document


def _lines(source: TextSource) -> Iterator[str]:
    return (line + "\n" for line in split(source.chunks(), NEWLINE, source.name))


def text_column(text: Column | None, names: Sequence[str], source: str) -> Column:
    """Return the column of the text: the one asked for, the only one, or the one called "text"."""
    if not names:
        raise SourceUnusable(f"{source} holds no row.")
    if text is not None:
        return text
    called = [name for name in names if name.lower() == "text"]
    if "text" in called or len(called) == 1:
        return "text" if "text" in called else called[0]
    if len(names) == 1:
        return 0
    raise UnknownName(
        f"{source} has {len(names)} columns: {', '.join(_short(names[:40]))}. Name the one that holds the text, as in "
        f"text={_short(names)[-1]!r}, or give its number, from 0 to {len(names) - 1}."
    )


def position(column: Column, names: Sequence[str], source: str) -> int:
    """Return the number of a column that is given by its name or number.

    >>> position("2", ["2", "1", "0"], "frame"), position(1, ["2", "1", "0"], "frame")
    (0, 1)

    Raises
    ------
    SourceUnusable
        If several columns have the name, or a number is also the name of another column.
    UnknownName
        If a column does not exist.
    """
    if isinstance(column, str):
        places = [number for number, name in enumerate(names) if name == column]
        if len(places) > 1:
            raise SourceUnusable(
                f"{source} has several columns {column!r}, numbers {', '.join(map(str, places))}: give the number."
            )
        if places:
            return places[0]
    elif 0 <= column < len(names):
        if str(column) in names and names[column] != str(column):
            raise SourceUnusable(
                f"{source} has a column called {str(column)!r} that is not its number {column}, which is "
                f"{_short(names)[column]!r}: name the one meant."
            )
        return column
    raise UnknownName(
        f"{source} has no column {column!r}. {near_matches(str(column), _short(names))} "
        f"By number they go from 0 to {len(names) - 1}."
        + (" If it is a table, name what separates its fields: delimiter=" if len(names) == 1 else "")
    )


def _short(names: Sequence[str]) -> list[str]:
    """Return names to be shown: what was taken for a header may be a first document."""
    return [" ".join(name.split())[:30] for name in names]
