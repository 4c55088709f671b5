"""Documents from the rows of a table: CSV, JSON lines, a data frame."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from charrnn.data.documents import document
from charrnn.data.documents.document import Document, Report, as_labels, as_text
from charrnn.data.documents.plaintexts import split
from charrnn.data.text.source import TextSource
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName, near_matches
from charrnn.wording import plural

SEPARATORS = (",", ";", "\t", "|")
NEWLINE = re.compile("\n")
LOOKED_AT = 1000  # lines of JSON whose fields are taken for the table's columns

Column = str | int


class CsvTable:
    """The rows of a CSV file; line ends within quotes belong to the field.

    Parameters
    ----------
    source
        The file.
    text
        Column of the text, by name or number; None for the only one, or the one called "text".
    columns
        Columns of the labels, by name or number.
    separator
        What separates fields; None for the first of `SEPARATORS` that makes columns of the names asked for.
    header
        Whether the first row names the columns; None to find out: it does if columns are asked for by name, or if one
        is called "text".

    Raises
    ------
    UnknownName
        There is no such column.
    SourceUnusable
        There is no row, a quoted field is not closed, or quotes within one are not doubled.
    InvalidValue
        The separator is not one character.
    """

    def __init__(
        self,
        source: TextSource,
        text: Column | None,
        columns: Mapping[str, Column],
        separator: str | None,
        header: bool | None,
    ) -> None:
        if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
            raise InvalidValue(f"delimiter={separator!r}: expected the one character that separates fields.")
        self.name = source.name
        self._source = source
        wanted = {column for column in (text, *columns.values()) if isinstance(column, str)}
        candidates = [separator] if separator else sorted(SEPARATORS, key=lambda ch: ch == "\t", reverse=self._tabbed)
        self._separator = next((ch for ch in candidates if self._has(wanted, ch)), candidates[0])
        first = self._first_row(self._separator)
        self._header = bool(wanted) or "text" in first if header is None else header
        self._width = len(first)
        names = first if self._header else list(map(str, range(self._width)))
        self._text = _position(_text_column(text, first, self.name), names, self.name)
        self._columns = {name: _position(column, names, self.name) for name, column in columns.items()}
        self.notes = [*source.notes, self._note(first)]

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; rows with more or fewer fields than the first are left out."""
        for line, row in itertools.islice(self._rows(self._separator), int(self._header), None):
            if len(row) == self._width:
                labels = {name: label for name, i in self._columns.items() if (label := row[i].strip())}
                yield Document(row[self._text], labels, f"line {line:,}")
            else:
                report.add(
                    "Left out", "row", f"with more or fewer than {plural(self._width, 'field')}", f"line {line:,}"
                )

    @property
    def _tabbed(self) -> bool:
        return self.name.lower().endswith((".tsv", ".tab"))

    def _has(self, wanted: set[str], separator: str) -> bool:
        try:
            return wanted <= set(self._first_row(separator))
        except SourceUnusable:  # quoted fields end at another separator
            return False

    def _first_row(self, separator: str) -> list[str]:
        return [cell.strip() for _, row in itertools.islice(self._rows(separator), 1) for cell in row]

    def _rows(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not blank, with the number of the line that it begins in."""
        rows = csv.reader(_lines(self._source), delimiter=separator, strict=True)
        while True:
            line = rows.line_num + 1
            usual = csv.field_size_limit(document.LONGEST)  # of the whole process: lent for one row only
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise SourceUnusable(
                    f"{self.name}, line {line:,}: {error}. Close every quoted field, and double quotes within it."
                ) from None
            finally:
                csv.field_size_limit(usual)
            if row:
                yield line, row

    def _note(self, first: list[str]) -> str:
        if self._header:
            return f"Took the text from column {first[self._text]!r}."
        begin = first[self._text][:30]
        return f"Took the text from column {self._text}, the first being {begin!r}; with header=True that is a name."


class JsonTable:
    """The objects of a file with one JSON object per line, as rows."""

    def __init__(self, source: TextSource, text: Column | None, columns: Mapping[str, Column]) -> None:
        self.name = source.name
        self._source = source
        some = itertools.islice(self._objects(Report()), LOOKED_AT)
        names = list(dict.fromkeys(name for _, fields in some for name in fields))
        self._text = names[_position(_text_column(text, names, self.name), names, self.name)]
        self._columns = {name: names[_position(column, names, self.name)] for name, column in columns.items()}
        self.notes = [*source.notes, f"Took the text from {self._text!r}."]

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; lines that are no objects are left out."""
        for place, fields in self._objects(report):
            labels = {name: fields.get(column) for name, column in self._columns.items()}
            yield Document(as_text(fields.get(self._text), place), as_labels(labels, place), place)

    def _objects(self, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
        for number, line in enumerate(_lines(self._source), 1):
            try:
                fields = json.loads(line) if line.strip() else {}
            except (ValueError, RecursionError):
                fields = None
            if not isinstance(fields, dict):
                report.add("Left out", "line", "without a JSON object", f"line {number:,}")
            elif fields:
                yield f"line {number:,}", fields


class FrameTable:
    """The rows of a data frame of pandas or polars: whatever has `columns` and is indexed by their names."""

    name = "frame"

    def __init__(self, frame: Any, text: Column | None, columns: Mapping[str, Column]) -> None:
        self._frame = frame
        names = list(map(str, frame.columns))
        if twice := [name for name, n in Counter(names).items() if n > 1]:
            raise SourceUnusable(f"The frame has several columns {twice[0]!r}: give them names of their own.")
        self._text = frame.columns[_position(_text_column(text, names, self.name), names, self.name)]
        self._columns = {name: frame.columns[_position(column, names, self.name)] for name, column in columns.items()}
        self.notes = [f"Took the text from column {str(self._text)!r}."]

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents."""
        columns = [self._frame[column] for column in (self._text, *self._columns.values())]
        for number, row in enumerate(zip(*columns, strict=True)):
            place = f"row {number:,}"
            yield Document(
                as_text(row[0], place), as_labels(dict(zip(self._columns, row[1:], strict=True)), place), place
            )


def _lines(source: TextSource) -> Iterator[str]:
    return (line + "\n" for line in split(source.chunks(), NEWLINE, source.name))


def _text_column(text: Column | None, names: Sequence[str], source: str) -> Column:
    if not names:
        raise SourceUnusable(f"{source} holds no row.")
    if text is not None:
        return text
    if "text" in names:
        return names.index("text")
    if len(names) == 1:
        return 0
    raise UnknownName(
        f"{source} has {len(names)} columns: {', '.join(_short(names))}. Name the one that holds the text: text="
    )


def _position(column: Column, names: Sequence[str], source: str) -> int:
    """Return the number of a column that is given by its name or number."""
    if column in names:
        return names.index(str(column))
    if isinstance(column, int) and 0 <= column < len(names):
        return column
    raise UnknownName(
        f"{source} has no column {column!r}. {near_matches(str(column), _short(names))} "
        f"By number they go from 0 to {len(names) - 1}."
    )


def _short(names: Sequence[str]) -> list[str]:
    """Return names to be shown: what was taken for a header may be a first document."""
    return [" ".join(name.split())[:30] for name in names]
