"""Documents from JSON: one value per line, or an array of objects, of lists, of strings.

Values are read one after the other; the file as a whole is never in memory.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from charrnn.data.documents import dialect as dialects
from charrnn.data.documents.csvtables import Column, _lines, made, position, text_column
from charrnn.data.documents.document import Document, Report
from charrnn.data.text.source import TextSource
from charrnn.errors import SourceUnusable

LARGEST = 1 << 24  # characters of one value: JSON may take 25 times as many bytes once it is read
LOOKED_AT = 1000  # values whose keys are taken for the table's columns
HEAD = 1 << 18  # characters looked at to tell JSON lines from one value
FEW = 20  # lines that tell JSON lines from one value
BLANK = re.compile(r"\s*")
WITHIN = re.compile(r'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:\s*\[\s*(?=["\[{])')  # an object that begins with an array
KINDS: dict[Any, str] = {dict: "objects", list: "lists", str: "strings"}
NOUNS = {"objects": "a JSON object", "lists": "a JSON list", "strings": "a JSON string"}
TWICE = object()  # the value of a key that occurs twice


class Value(NamedTuple):
    """A value with the place where it stands; `error` says why there is none."""

    place: str
    value: Any
    error: str = ""


class JsonTable:
    """The objects, lists or strings of a JSON file, as rows.

    Parameters
    ----------
    source : TextSource
        The file.
    text : Column, optional
        Column of the text: a key, for keys within objects a dotted name such as "meta.title", or a number in lists. A
        list of strings there is lines of a text.
    columns : mapping of str to Column
        Columns of the labels.
    lines : bool, optional
        Whether there is one value per line; None to find out.

    Raises
    ------
    UnknownName
        If a column does not exist.
    SourceUnusable
        If the file is not JSON, or JSON of another form.
    """

    def __init__(
        self, source: TextSource, text: Column | None, columns: Mapping[str, Column], lines: bool | None = None
    ) -> None:
        self.name = source.name
        self._source = source
        self._by_line = _is_lines(source) if lines is None else lines and not _is_array(source)
        self.notes = [*source.notes]
        self._wanted = {column for column in (text, *columns.values()) if isinstance(column, str)}
        self._key = ""
        some = list(itertools.islice(self._values(), LOOKED_AT))
        self._kind = _usual([found.value for found in some])
        rows = [found.value for found in some if KINDS.get(type(found.value)) == self._kind]
        if not rows:
            wrong = next((found.error for found in some if found.error), "")
            raise SourceUnusable(f"{self.name} holds no row that is an object, a list or a string. {wrong}".rstrip())
        self._names, self._skipped = self._columns_of(rows)
        self._text = self._names[position(text_column(text, self._names, self.name), self._names, self.name)]
        self._columns = {name: self._names[position(at, self._names, self.name)] for name, at in columns.items()}
        if self._key:
            self.notes.append(f"Took the items of {self._key}.")
        if self._skipped:
            self.notes.append("The first list names the columns.")
        if self._kind != "strings":
            self.notes.append(f"Took the text from {self._text!r}.")

    def documents(self, report: Report) -> Iterator[Document]:
        """Yield the documents; values that are not of the usual kind are left out."""
        noun = "line" if self._by_line else "item"
        number = 0
        for place, value, error in itertools.islice(self._values(), self._skipped, None):
            number += 1
            if KINDS.get(type(value)) != self._kind:
                why = error or f"It is not {NOUNS[self._kind]}, as the others are."
                report.spoil(noun, f"without {NOUNS[self._kind]}", place, why)
                continue
            fields = self._fields(value)
            if any(fields.get(name) is TWICE for name in (self._text, *self._columns.values())):
                report.spoil(noun, "with a key twice", place, "A key is there twice.")
                continue
            labels = {name: fields.get(column) for name, column in self._columns.items()}
            yield from made(fields.get(self._text), labels, place, report)
        report.require_few(self.name, number)

    def _columns_of(self, rows: list[Any]) -> tuple[list[str], int]:
        """Return the names of the columns, and how many rows hold these instead of a document."""
        if self._kind != "lists":
            return list(dict.fromkeys(name for row in rows for name in self._fields(row))), 0
        width = max(map(len, rows))
        first, *others = [[cell if isinstance(cell, str) else json.dumps(cell) for cell in row] for row in rows]
        header = bool(self._wanted) or "text" in first or dialects.names_columns(first, others)
        self._places = first if header and len(first) == width else list(map(str, range(width)))
        return self._places, int(self._places is first)

    def _fields(self, row: Any) -> dict[str, Any]:
        if isinstance(row, str):
            return {"0": row}
        if isinstance(row, list):
            return dict(zip(self._places, row, strict=False))
        return dict(_flat(row))

    def _values(self) -> Iterator[Value]:
        if self._by_line:
            return (
                _parsed(line, f"line {number:,}") for number, line in enumerate(_lines(self._source), 1) if line.strip()
            )
        head = next((chunk for chunk in self._source.chunks() if chunk.strip()), "")
        if self._source.survey.length > LARGEST and (match := WITHIN.match(head)):
            self._key = match[1]
            return _elements(self._source.chunks(), self.name, match.end(), r"\s*\]\s*\}\s*")
        if head.lstrip().startswith("["):
            return _elements(self._source.chunks(), self.name, head.index("[") + 1, r"\s*\]\s*")
        return self._within_object()

    def _within_object(self) -> Iterator[Value]:
        """Yield the rows of one object: of the only array in it, of its columns, of the objects it names, or itself."""
        text = ""
        for chunk in self._source.chunks():
            text += chunk
            if len(text) > LARGEST:
                raise SourceUnusable(f"{self.name} is one JSON value of more than {LARGEST:,} characters. {ADVICE}")
        record = _parsed(text, "its text")
        if record.error and (several := _sequence(text)):
            return (Value(f"item {number:,}", value) for number, value in enumerate(several, 1))
        if not isinstance(record.value, dict):
            raise SourceUnusable(
                f"{self.name} is not JSON that holds rows: {record.error or text.strip()[:40]!r}. {PROSE}"
            )
        columns = _from_columns(record.value, self._wanted)
        arrays = {name: value for name, value in record.value.items() if isinstance(value, list) and value}
        if columns is not None:
            self._key, rows = "its columns", columns
        elif self._wanted & dict(_flat(record.value)).keys() or isinstance(record.value.get("text"), str):
            rows = [record.value]
        elif len(arrays) == 1 and _usual(next(iter(arrays.values()))):
            self._key = json.dumps(next(iter(arrays)), ensure_ascii=False)
            rows = next(iter(arrays.values()))
        elif record.value and all(isinstance(value, dict) for value in record.value.values()):
            self._key, rows = "its keys", list(record.value.values())
        else:
            names = ", ".join(list(record.value)[:20])
            raise SourceUnusable(
                f"{self.name} is one JSON object of {names}: expected an array, or an object with one array of "
                "objects, lists or strings. Write that to a file of its own."
            )
        return (Value(f"item {number:,}", value) for number, value in enumerate(rows, 1))


ADVICE = "Write one object per line instead, and call the file .jsonl."
PROSE = "Learn it as it stands with kind='text'."


def _usual(values: Iterable[Any]) -> str:
    """Return what most values are: objects wherever there are some, else lists or strings if those are most."""
    values = list(values)
    counts = Counter(KINDS.get(type(value), "") for value in values)
    if counts["objects"]:
        return "objects"
    return next((kind for kind in ("lists", "strings") if 2 * counts[kind] > len(values)), "")


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of an object by their dotted names; one that two keys have is marked.

    >>> dict(_flat({"a": {"b": 1, "c": {"d": 2}}, "e": []}))
    {'a.b': 1, 'a.c.d': 2, 'e': []}
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        nested = _flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else [(prefix + name, value)]
        for key, item in nested:
            found[key] = TWICE if key in found else item
    yield from found.items()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in pairs:
        record[name] = TWICE if name in record else value
    return record


DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


def _parsed(text: str, place: str) -> Value:
    if len(text) > LARGEST:
        return Value(place, None, f"It has more than {LARGEST:,} characters.")
    try:
        return Value(place, DECODER.decode(text))
    except json.JSONDecodeError as error:
        return Value(place, None, f"{error.msg}, at its character {error.pos + 1:,}.")
    except (ValueError, RecursionError):  # numbers of thousands of digits; brackets within brackets
        return Value(place, None, "It is nested too deeply, or holds a number that is too long.")


def _sequence(text: str) -> list[Any]:
    """Return values that follow each other, each over several lines; none if they are anything else."""
    found, at = [], 0
    try:
        while at < len(text):
            value, stop = DECODER.raw_decode(text, BLANK.match(text, at).end())  # type: ignore[union-attr]
            found.append(value)
            at = BLANK.match(text, stop).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return []
    return found


def _elements(chunks: Iterator[str], name: str, start: int, end: str) -> Iterator[Value]:
    """Yield the elements of an array that begins at a place of a text."""
    text, at, number, line = "", start, 0, 1
    closing, gap = re.compile(end), re.compile(r"\s*,?\s*")
    first = True
    fresh, more = True, True  # whether to read on, and whether there is more

    def fail(why: str) -> SourceUnusable:
        where = line + text.count("\n", 0, at)
        return SourceUnusable(
            f"{name} is not JSON: at line {where:,}, item {number + 1:,} of the array, {why}. {PROSE}"
        )

    while True:
        if fresh:
            wanted = max(1 << 16, 2 * (len(text) - at))
            while more and len(text) - at < wanted:
                chunk = next(chunks, None)
                more = chunk is not None
                text += chunk or ""
            fresh = False
        begin = len(text) - len(text[at:].lstrip()) if first else gap.match(text, at).end()  # type: ignore[union-attr]
        if match := closing.match(text, at):
            rest = len(text) - len(text[match.end() :].lstrip())
            if rest < len(text) and text[rest] != "[":
                at = rest
                raise fail("something follows the array; expected nothing, or one value per line")
            if rest == len(text) and not more:
                return
            fresh = rest == len(text)
            if not fresh:  # arrays that were put together
                at, first = rest + 1, True
            continue
        if not more and begin >= len(text):
            raise fail("the file ends within the array")
        try:
            value, stop = DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            cut = isinstance(error, json.JSONDecodeError) and (
                error.msg.startswith("Unterminated string") or error.pos + 16 >= len(text)
            )
            if more and cut and len(text) - at < LARGEST:
                fresh = True
                continue
            why = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
            at = begin
            raise fail(f"{why[0].lower()}{why[1:]}") from None
        if more and stop + 1 >= len(text):
            fresh = True
            continue
        if not first and "," not in text[at:begin]:
            raise fail("a comma is missing")
        number, first = number + 1, False
        yield Value(f"item {number:,}", value)
        at = stop
        if at > 1 << 16:
            line += text.count("\n", 0, at)
            text, at = text[at:], 0


def _from_columns(record: Mapping[str, Any], wanted: set[str]) -> list[dict[str, Any]] | None:
    """Return the rows of an object whose keys are columns, as data frames are written; None if it is not one."""
    columns = list(record.values())
    if len(columns) < 1 or not (wanted or {"text"}) <= record.keys():
        return None
    if all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1 and len(columns) > 1:
        return [dict(zip(record, row, strict=True)) for row in zip(*columns, strict=True)]
    if all(isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns):
        return [{name: column[key] for name, column in record.items()} for key in columns[0]]
    return None


def _first_lines(source: TextSource) -> tuple[list[str], bool]:
    """Return the lines at the beginning of a file that are not blank, and whether that is all of it."""
    text, chunks = "", source.chunks()
    for chunk in chunks:
        text += chunk
        if len(text) > HEAD:
            break
    whole = next((False for chunk in chunks if chunk), True)
    lines = [line for line in text.split("\n") if line.strip()]
    return lines[:FEW] if whole else lines[:-1][:FEW], whole


def _is_array(source: TextSource) -> bool:
    """Return whether a file that is called JSON lines is one array over several lines."""
    lines, _ = _first_lines(source)
    first = lines[0].strip() if lines else ""
    return first.startswith("[") and "]" not in first and bool(_parsed(first, "").error)


def _is_lines(source: TextSource) -> bool:
    """Return whether most lines are values of their own, and there is more than one."""
    lines, whole = _first_lines(source)
    values = [_parsed(line, "").value for line in lines]
    return len(lines) + (not whole) > 1 and 2 * sum(type(value) in KINDS for value in values) > len(lines)
