"""Find out how the fields of a table in text form are separated and quoted, and whether its first row names them."""

from __future__ import annotations

import csv
import re
import statistics
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from charrnn.data.documents import document
from charrnn.errors import SourceUnusable

SEPARATORS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # the line that spreadsheets write before all others
NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?%?")
NUMBERED = list(map(str, range(1000)))  # how data frames without names of columns are written
LONGEST_NAME = 40  # characters of a column's name
EVEN = 0.9  # share of rows that must have the width of the first
SAMPLE = 1 << 18  # characters looked at
PATIENCE = 1000  # lines in which the end of a row with stray quotes is looked for
CLOSE = "Close every quoted field, and double quotes within it."


class Dialect(NamedTuple):
    """How fields are written.

    `quote` is "" where quotes are characters like others; `escaped` says that a backslash stands before quotes within
    a field; `spaced` that blanks follow separators.
    """

    separator: str
    quote: str = '"'
    escaped: bool = False
    spaced: bool = False

    @property
    def note(self) -> str:
        """A sentence about it."""
        parts = [f"{NAMES.get(self.separator, repr(self.separator))} between fields"]
        if self.quote != '"':
            parts.append(f"fields in {self.quote}" if self.quote else "quotes taken as they stand")
        if self.escaped:
            parts.append("backslashes before quotes")
        return f"Read with {', '.join(parts)}."


class Row(NamedTuple):
    """The fields of a row, and its first line, counted from 1; or an error."""

    line: int
    cells: list[str]
    error: str = ""


def rows(lines: Iterable[str], dialect: Dialect, width: int = 0) -> Iterator[Row]:
    """Yield the rows of a table that are not blank.

    A row with a stray quote has an `error`; the next one begins where the fields of the first would make up `width`,
    and else at the next line.

    Raises
    ------
    SourceUnusable
        If a field is too long for a document. The message does not name the file.
    """
    source, waiting, used = iter(lines), deque[str](), list[str]()

    def feed() -> Iterator[str]:
        while waiting or (line := next(source, None)) is not None:
            used.append(waiting.popleft() if waiting else str(line))
            yield used[-1].replace('\\"', '""') if dialect.escaped else used[-1]

    quoting = {"quotechar": dialect.quote, "strict": True} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    options: dict[str, Any] = {"delimiter": dialect.separator, "skipinitialspace": dialect.spaced, **quoting}
    reader, number = csv.reader(feed(), **options), 1
    while True:
        used.clear()
        usual = csv.field_size_limit(document.LONGEST)  # of the whole process: lent for one row only
        try:
            cells, error = next(reader), ""
        except StopIteration:
            return
        except csv.Error as wrong:
            if "field larger" in str(wrong):
                raise SourceUnusable(f"line {number:,}: {wrong}. {CLOSE}") from None
            cells, error = [], f"{wrong}. {CLOSE}"
        finally:
            csv.field_size_limit(usual)
        if error:
            while len(used) < PATIENCE and (line := waiting.popleft() if waiting else next(source, None)) is not None:
                used.append(line)
            span = _span(used[:PATIENCE], dialect, width)
            waiting.extendleft(reversed(used[span:]))
            del used[span:]
            reader = csv.reader(feed(), **options)
        if cells or error:
            yield Row(number, cells, error)
        number += len(used)


def _span(lines: Sequence[str], dialect: Dialect, width: int) -> int:
    """Return how many lines a row with stray quotes takes: a quote before a separator or a line end closes a field."""
    text, separator, quote = "".join(lines), re.escape(dialect.separator), re.escape(dialect.quote)
    closing = re.compile(rf"(?<!{quote})(?:{quote}{quote})*{quote}(?={separator}|\r?\n|\Z)")
    plain = re.compile(rf"[^\n{separator}]*")
    begins = re.compile(rf"[{separator}\n]{quote}")  # of another field: the one before was not closed
    at = fields = 0
    while fields <= width:
        match = closing.search(text, at + 1) if text.startswith(dialect.quote, at) else plain.match(text, at)
        if match is None or begins.search(text, at + 1, match.end()):
            return 1
        fields, at = fields + 1, match.end()
        if not text.startswith(dialect.separator, at):
            return text.count("\n", 0, at) + 1 if fields == width else 1
        at += 1
    return 1


def fitted(cells: list[str], width: int) -> list[str]:
    """Return a row without empty fields beyond its width.

    >>> fitted(["Blake", "O Rose", "", " "], 2), fitted(["a", "b", "c"], 2)
    (['Blake', 'O Rose'], ['a', 'b', 'c'])
    """
    return cells[:width] if len(cells) > width and not any(cell.strip() for cell in cells[width:]) else cells


def infer(
    sample: Sequence[str], wanted: Collection[str], separator: str | None = None, tabbed: bool = False
) -> Dialect:
    """Return the dialect in which the rows of a sample fit the first one best, and that has the columns asked for.

    Parameters
    ----------
    sample : sequence of str
        The first lines.
    wanted : collection of str
        Names of columns.
    separator : str, optional
        What separates fields, if it is known.
    tabbed : bool
        Whether to prefer tabs where nothing else decides.

    Examples
    --------
    >>> infer(["no;author;score\\n", "1;Blake, William;1,5\\n", "2;Keats, John;2,5\\n"], ["author"])
    Dialect(separator=';', quote='"', escaped=False, spaced=False)
    """
    separators = [separator] if separator else sorted(SEPARATORS, key=lambda ch: ch == "\t", reverse=tabbed)
    candidates = [dialect for ch in separators for dialect in _variants(ch, "".join(sample))]
    judged = [(_fit(sample, dialect, wanted), dialect) for dialect in candidates]
    return max(judged, key=lambda pair: pair[0])[1]


def names_columns(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row looks like the names of the columns, rather than like the rows that follow.

    It does if it holds short names only, and in some column the others are numbers, or texts far longer than its name;
    or if it comes again, as in tables that were put together.

    >>> names_columns(["who", "poem"], [["Blake", "O Rose thou art sick"], ["Keats", "Season of mists"]])
    True
    >>> names_columns(["Blake", "Rose"], [["Keats", "Autumn"], ["Keats", "Urn"]])
    False
    """
    names = [cell.strip() for cell in first]
    if len(names) > 1 and names in (NUMBERED[: len(names)], ["", *NUMBERED[: len(names) - 1]]):
        return True
    if len(set(names)) < len(names) or any(
        (not name and i) or len(name) > LONGEST_NAME or "\n" in name or NUMBER.fullmatch(name)
        for i, name in enumerate(names)
    ):
        return False
    if len(names) > 1 and any([cell.strip() for cell in row] == names for row in others):
        return True
    for name, *cells in zip(names, *(row for row in others if len(row) == len(names)), strict=True):
        values = [cell.strip() for cell in cells if cell.strip()]
        if len(values) > 1 and all(map(NUMBER.fullmatch, values)):
            return True
        prose = bool(values) and statistics.median(" " in value or len(value) > LONGEST_NAME for value in values) == 1
        if prose and " " not in name and statistics.median(map(len, values)) >= 2 * len(name):
            return True
    return False


def _variants(separator: str, text: str) -> Iterator[Dialect]:
    yield Dialect(separator)
    if f'{separator} "' in text:
        yield Dialect(separator, spaced=True)
    if '\\"' in text:
        yield Dialect(separator, escaped=True)
    if text.lstrip().startswith("'") and f"'{separator}'" in text:
        yield Dialect(separator, quote="'")
    if separator == "\t" and "\t" in text and '"' in text:
        yield Dialect(separator, quote="")


def _fit(
    sample: Sequence[str], dialect: Dialect, wanted: Collection[str]
) -> tuple[bool, bool, bool, bool, bool, float, int]:
    """Return how well a dialect suits a sample, to be compared."""
    found = list(rows(sample, dialect))
    if len(found) > 1 and found[-1].error and sum(map(len, sample)) >= SAMPLE:
        found.pop()  # the sample ends within it
    if not found or found[0].error:
        return False, False, False, False, False, 0.0, 0
    first = [cell.strip() for cell in found[0].cells]
    width, number = len(first), len(found) - 1
    good = sum(not row.error and len(fitted(row.cells, width)) == width for row in found[1:])
    even = good / number if number else 1.0
    has = set(wanted) <= set(first) and (bool(wanted) or any(cell.lower() == "text" for cell in first))
    others = set(SEPARATORS) - {dialect.separator}
    pure = all(dialect.separator in cell or NUMBER.fullmatch(cell) or not others & set(cell) for cell in first)
    quoted = any(SPACED.match(cell) for row in found for cell in row.cells) or all(
        len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in first
    )
    fits, several = even >= EVEN, width > 1
    return has, fits and several, fits and pure, dialect.quote != "", pure and not quoted, even, width


SPACED = re.compile(r'\s+"')
