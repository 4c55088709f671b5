"""How a file becomes text, as a person says it and as a model records it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from charrnn import checks
from charrnn.data.text import cleaning
from charrnn.errors import CorruptFile, UnknownName


@dataclass(frozen=True)
class ReadOptions:
    """How a file becomes text.

    Parameters
    ----------
    encoding : str, optional
        Name of the encoding; None finds it out: UTF-8 if the whole file is valid. Else the lines that are not, or the
        whole file, are read in an encoding that is a guess, which is reported.
    newlines : bool
        Turn CRLF and CR line ends into LF.
    lower : bool
        Lower-case the text.
    gutenberg : bool, optional
        Keep only what stands between the START and END lines of Project Gutenberg. None does so for texts that have
        both; False keeps all.
    strip_punctuation : bool
        Leave out punctuation.

    Raises
    ------
    UnknownName
        If the encoding does not exist.
    InvalidValue
        If one of the others is neither True nor False.

    >>> ReadOptions(lower=True)
    ReadOptions(encoding=None, newlines=True, lower=True, gutenberg=None, strip_punctuation=False)
    """

    encoding: str | None = None
    newlines: bool = True
    lower: bool = False
    gutenberg: bool | None = None
    strip_punctuation: bool = False

    def __post_init__(self) -> None:
        for name in ("newlines", "lower", "strip_punctuation"):
            checks.flag(name, getattr(self, name))
        if self.gutenberg is not None:
            checks.flag("gutenberg", self.gutenberg)
        if self.encoding is not None:
            try:
                "a".encode(self.encoding)
            except (LookupError, TypeError) as error:
                raise UnknownName(
                    f"encoding={self.encoding!r}: {error}. Leave encoding out to have it detected."
                ) from None

    def clean(self, chunks: Iterator[str], tally: Counter[str] | None = None) -> Iterator[str]:
        """Yield decoded chunks, cleaned with these options; `tally` collects the counts of `cleaning`."""
        if self.newlines:
            chunks = cleaning.normalise_newlines(chunks, tally)
        if self.gutenberg:
            chunks = cleaning.inside_gutenberg_markers(chunks, tally)
        if self.lower:
            chunks = cleaning.lower(chunks)
        if self.strip_punctuation:
            chunks = cleaning.strip_punctuation(chunks)
        return chunks

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ReadOptions:
        """Return the options of a record; missing ones have their values from before the option existed.

        Raises
        ------
        CorruptFile
            If the record is not one of such options.
        """
        if unknown := record.keys() - {field.name for field in fields(cls)}:
            raise CorruptFile(f"The record of how a text is read has {', '.join(sorted(unknown))}, which is unknown.")
        try:
            return cls(**{"gutenberg": False} | dict(record))
        except ValueError as error:
            raise CorruptFile(f"The record of how a text is read is damaged: {error}") from error
