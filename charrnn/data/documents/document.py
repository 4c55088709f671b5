"""One document, and a report on the reading of documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from charrnn.errors import SourceUnusable
from charrnn.wording import plural

TOLERATED = 0.1  # share of rows that may be unreadable; above it the reading is doubtful
ALWAYS = 3  # so many are tolerated in any case, unless they are half of all
NAMED = 5  # places in one message
LONGEST = 1 << 26  # characters of one document: more should not be held in memory at once


@dataclass(frozen=True)
class Document:
    """A separate text (a poem, a song, a letter), with its labels by column.

    `place` says where it was found.

    >>> Document("Tyger Tyger, burning bright", {"author": "Blake"})
    Document(text='Tyger Tyger, burning bright', labels={'author': 'Blake'})
    """

    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    place: str = field(default="", compare=False, repr=False)


class Report:
    """The irregularities in documents being read: their counts and first places.

    >>> report = Report()
    >>> for line in (3, 8):
    ...     report.add("Left out", "document", "without text", f"line {line}")
    >>> report.notes
    ['Left out 2 documents without text, the first at line 3.']
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._first: dict[tuple[str, str, str], str] = {}
        self._spoilt: list[tuple[str, str]] = []
        self._number = 0
        self._sentences: list[str] = []

    def add(self, verb: str, noun: str, how: str, place: str) -> None:
        """Count one thing that happened to something at a place."""
        self._counts[verb, noun, how] += 1
        self._first.setdefault((verb, noun, how), place)

    def spoil(self, noun: str, how: str, place: str, why: str) -> None:
        """Count a row that is left out because it cannot be read; `why` is a sentence."""
        self.add("Left out", noun, how, place)
        self._number += 1
        if len(self._spoilt) < NAMED:
            self._spoilt.append((place, why))

    def extend(self, sentences: Iterable[str]) -> None:
        """Take up sentences about the documents as a whole."""
        self._sentences += sentences

    def require_few(self, name: str, rows: int) -> None:
        """Raise SourceUnusable if more than a tenth of all rows, the spoilt ones included, cannot be read.

        >>> report = Report()
        >>> report.spoil("row", "that cannot be read", "line 2", "It has 3 fields instead of 2.")
        >>> report.require_few("poems.csv", 1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        charrnn.errors.SourceUnusable: poems.csv, line 2: It has 3 fields instead of 2. 1 of 1 row cannot be ...
        """
        if (self._number <= max(ALWAYS, TOLERATED * rows) and 2 * self._number < rows) or not self._number:
            return
        (place, why), *others = self._spoilt
        more = f", the next at {' and '.join(where for where, _ in others)}" if others else ""
        raise SourceUnusable(
            f"{name}, {place}: {why} {self._number:,} of {plural(rows, 'row')} cannot be read{more}, and more than "
            f"{100 * TOLERATED:.0f} % are refused."
        )

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that happened."""
        return [
            f"{verb} {plural(n, noun)} {how}, {'the first ' if n > 1 else ''}at {self._first[verb, noun, how]}."
            for (verb, noun, how), n in self._counts.items()
        ] + self._sentences


def too_long(name: str) -> SourceUnusable:
    """Return the error for a document that is longer than `LONGEST`."""
    return SourceUnusable(
        f"{name} holds a document of more than {LONGEST:,} characters. Divide it by another delimiter, "
        "or learn from it as one continuous text."
    )


def joined(chunks: Iterator[str], name: str) -> str:
    """Return the text of chunks, unless it is too long for a document."""
    pieces, length = [], 0
    for chunk in chunks:
        pieces.append(chunk)
        length += len(chunk)
        if length > LONGEST:
            raise too_long(name)
    return "".join(pieces)


def as_text(value: object, place: str) -> str:
    """Return the value of a cell as a text, an empty one for a missing value.

    Raises
    ------
    SourceUnusable
        If the cell holds bytes, a list or an object.

    >>> [as_text(value, "row 1") for value in ("Blake", 1850.0, 7, None, float("nan"))]
    ['Blake', '1850', '7', '', '']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        raise SourceUnusable(f"At {place} there are bytes where a text or label should be: {value!r:.40}. Decode them.")
    if hasattr(value, "__iter__"):
        raise SourceUnusable(
            f"At {place} there is a {type(value).__name__} where a text or label should be: {value!r:.60}."
        )
    try:
        missing = value is None or bool(value != value)
    except TypeError:  # pandas.NA equals nothing, and differs from nothing
        missing = True
    if missing:
        return ""
    # A column of whole numbers turns into floats where one is missing.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_lines(value: object, place: str) -> str:
    r"""Return the value of a cell as a text; a list of strings is its lines.

    >>> as_lines(["Tyger Tyger,", "burning bright"], "row 1")
    'Tyger Tyger,\nburning bright'
    """
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return as_text(value, place)


def as_labels(values: Mapping[str, object], place: str) -> dict[str, str]:
    """Return the values of label cells as texts, without empty ones.

    >>> as_labels({"author": " Blake", "year": 1794, "form": None}, "row 1")
    {'author': 'Blake', 'year': '1794'}
    """
    return {name: label for name, value in values.items() if (label := as_text(value, place).strip())}
