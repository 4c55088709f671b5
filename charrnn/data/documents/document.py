"""One document, and a report of what happened while documents were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from charrnn.errors import SourceUnusable
from charrnn.wording import plural

LONGEST = 1 << 26  # characters of one document: more should not be held in memory at once


@dataclass(frozen=True)
class Document:
    """A text of its own (a poem, a song, a letter), with its label in each of the columns that it has one in.

    `place` says where it was found.

    >>> Document("Tyger Tyger, burning bright", {"author": "Blake"})
    Document(text='Tyger Tyger, burning bright', labels={'author': 'Blake'})
    """

    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    place: str = field(default="", compare=False, repr=False)


class Report:
    """What was not plain about documents being read: how often each thing happened, and where first.

    >>> report = Report()
    >>> for line in (3, 8):
    ...     report.add("Left out", "document", "without text", f"line {line}")
    >>> report.notes
    ['Left out 2 documents without text, the first at line 3.']
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._first: dict[tuple[str, str, str], str] = {}

    def add(self, verb: str, noun: str, how: str, place: str) -> None:
        """Count one thing that happened to something at a place."""
        self._counts[verb, noun, how] += 1
        self._first.setdefault((verb, noun, how), place)

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that happened."""
        return [
            f"{verb} {plural(n, noun)} {how}, {'the first ' if n > 1 else ''}at {self._first[verb, noun, how]}."
            for (verb, noun, how), n in self._counts.items()
        ]


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
    """Return what a cell holds as a text, an empty one for a missing value.

    Raises
    ------
    SourceUnusable
        It holds a list or an object.

    >>> [as_text(value, "row 1") for value in ("Blake", 1850.0, 7, None, float("nan"))]
    ['Blake', '1850', '7', '', '']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise SourceUnusable(
            f"At {place} there is a {type(value).__name__} where a text or label should be: {value!r}."
        )
    try:
        missing = value is None or bool(value != value)
    except TypeError:  # pandas.NA equals nothing, and differs from nothing
        missing = True
    if missing:
        return ""
    # A column of whole numbers turns into floats where one is missing.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_labels(values: Mapping[str, object], place: str) -> dict[str, str]:
    """Return what the cells of label columns hold as texts, without those that hold nothing.

    >>> as_labels({"author": " Blake", "year": 1794, "form": None}, "row 1")
    {'author': 'Blake', 'year': '1794'}
    """
    return {name: label for name, value in values.items() if (label := as_text(value, place).strip())}
