"""`Corpus`: the record of what was encoded, which every kind of data implements."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Self, TypeVar

from charrnn.data.documents.labels import LabelTable
from charrnn.data.streams.batch import Streams
from charrnn.errors import CorruptFile
from charrnn.wording import plural

USES = {"valid": "validate on", "test": "test on"}

S = TypeVar("S", bound=Streams, covariant=True)


class ModelShape(NamedTuple):
    """What a model needs to know of the data it is for.

    Parameters
    ----------
    vocab_size : int
        V: the number of symbols, or the width of a frame.
    resets : bool
        Whether batches say where documents or pieces begin, which resets the hidden state.
    label_sizes : tuple of int
        The number of label ids in each label column, id 0 for "no label" included.
    """

    vocab_size: int
    resets: bool = False
    label_sizes: tuple[int, ...] = ()


class Parts(NamedTuple, Generic[S]):
    """Encoded data, mapped into memory: for training, for validation, and for testing if the source has such a part."""

    train: S
    valid: S
    test: S | None = None


@dataclass(frozen=True, kw_only=True)
class Corpus(ABC):
    """Encoded data: all that is known of it except its symbols or frames, and the way to open those.

    Attributes
    ----------
    kind : str
        The kind of data, as records name it.
    unit, noun : str
        What a model of it predicts, in short (as in "nats/char") and in full (as in "nats per character").
    tables : tuple of LabelTable
        The labels of documents, a table for each column.
    source, sha256 : str
        The source's name and its checksum.
    length : int
        Characters or frames in all.
    train_len, valid_len, test_len : int
        Characters or frames for training, for validation and for testing.
    seq_len : int
        T, shortened where the data are shorter.
    notes : tuple of str
        Sentences about anything unusual in the source.
    apart : mapping of str to Corpus
        Parts that come from sources of their own, by name: "valid", "test".
    prefix : str
        What the names of its files begin with, where it is such a part.
    """

    kind: ClassVar[str]
    unit: ClassVar[str] = "char"
    noun: ClassVar[str] = "character"
    _later: ClassVar[frozenset[str]] = frozenset({"apart", "prefix"})  # fields that earlier records lack

    source: str
    sha256: str
    length: int
    seq_len: int
    notes: tuple[str, ...] = ()
    apart: Mapping[str, Self] = field(default_factory=dict)
    prefix: str = ""

    if TYPE_CHECKING:  # fields of some kinds, computed by others

        @property
        def tables(self) -> tuple[LabelTable, ...]: ...
        @property
        def train_len(self) -> int: ...
        @property
        def valid_len(self) -> int: ...
        @property
        def test_len(self) -> int: ...
    else:
        tables = ()
        test_len = 0

    @abstractmethod
    def shape(self) -> ModelShape:
        """Return what a model needs to know of the data."""

    def open(self, directory: str | os.PathLike[str], label_dropout: float = 0.0) -> Parts[Any]:
        """Map the encoded data into memory.

        Parameters
        ----------
        directory : str or os.PathLike
            Where the data were encoded into.
        label_dropout : float
            The probability that training hides the labels of a document.

        Raises
        ------
        CorruptFile
            If a file is missing, truncated or of other data.
        """
        found = self._open(Path(directory), label_dropout)
        for part, corpus in self.apart.items():
            found = found._replace(**{part: corpus._open(Path(directory), 0.0).valid})
        return found

    @abstractmethod
    def _open(self, directory: Path, label_dropout: float) -> Parts[Any]:
        """Map what was encoded from the source itself."""

    def with_parts(self, apart: Mapping[str, Self]) -> Self:
        """Return a record with parts that come from sources of their own, which were encoded beside its files."""
        notes = [f"{corpus.source}, to {USES[part]}: {note}" for part, corpus in apart.items() for note in corpus.notes]
        return replace(self, apart=apart, notes=(*self.notes, *notes))

    @abstractmethod
    def kinds(self) -> str:
        """Return how many different characters or keys there are, such as "65 characters"."""

    def summary(self) -> str:
        """Return what the source holds and which parts are for training and validation, then a line for each note."""
        noun = f"{self.noun}s"
        apart = [f"To {USES[part]}: {at.source}, {at.length:,} {noun}." for part, at in self.apart.items()]
        more = [*apart, *(table.summary() for table in self.tables), *self.notes]
        return "\n  ".join([self._division(), *more])

    @abstractmethod
    def _division(self) -> str:
        """Return the first line of `summary`."""

    @abstractmethod
    def facts(self) -> list[tuple[str, object]]:
        """Return names and values for a report; a value that is a tuple of strings is a list of names."""

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `ModelState.initfromsrcfile` that encode the source in this way."""
        return {"seq_len": self.seq_len}

    def to_json(self) -> dict[str, Any]:
        """Return a record that JSON can hold."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        record |= {"notes": list(self.notes), "apart": {part: at.to_json() for part, at in self.apart.items()}}
        unused = [name for name in ("apart", "prefix") if not record[name]]
        return {"kind": self.kind, **{name: value for name, value in record.items() if name not in unused}}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Restore a corpus of this kind from its record; `charrnn.data.sources.corpus_from_json` finds the kind.

        Raises
        ------
        CorruptFile
            If the record lacks something.
        """
        if missing := {field.name for field in fields(cls)} - record.keys() - cls._later:
            lacking = ", ".join(sorted(missing))
            raise CorruptFile(f"The record of the {cls.kind} lacks {lacking}. Restore it from a copy.")
        kept = {field.name: record[field.name] for field in fields(cls) if field.name in record}
        kept["apart"] = {part: cls.from_json(at) for part, at in record.get("apart", {}).items()}
        return cls._from_fields(kept)

    @classmethod
    def _from_fields(cls, kept: dict[str, Any]) -> Self:
        """Restore a corpus from the values of its fields as JSON holds them."""
        return cls(**kept | {"notes": tuple(kept["notes"])})


def division(number: int, all_learned: bool) -> str:
    """Return what validation is on, where documents or pieces are divided.

    >>> division(3, all_learned=False), division(30, all_learned=True)
    ('on 3 others', 'on these')
    """
    return "on these" if all_learned else f"on {plural(number, 'other')}"
