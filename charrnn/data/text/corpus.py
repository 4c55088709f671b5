"""Encode a text once into a file of symbols, in bounded memory, and split it for training and validation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from charrnn import checks
from charrnn.data.streams import arrayfile, geometry
from charrnn.data.text.charset import CharSet
from charrnn.data.text.dataset import DataSet
from charrnn.data.text.source import TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import CorruptFile, SourceUnusable
from charrnn.wording import plural

FILENAME = "symbols.npy"
SPLIT_WINDOW = 0.005  # of the text: how far the split may move to a line end


@dataclass(frozen=True)
class Corpus:
    """An encoded text: what is known of it beside the symbols themselves.

    Attributes
    ----------
    charset : CharSet
        The characters, in the order of their indices.
    filename : str
        File of the symbols, relative to the directory they were encoded into.
    length, split : int
        Characters in all; the first `split` are for training, the others for validation. Where they are equal,
        validation is on the training text.
    seq_len : int
        T, as fitted to the text.
    source, sha256 : str
        Name of the text's file, and its checksum.
    file_sha256 : str
        Checksum of the file of symbols.
    notes : tuple of str
        Sentences about whatever was not plain.
    """

    charset: CharSet
    filename: str
    length: int
    split: int
    seq_len: int
    source: str
    sha256: str
    file_sha256: str
    notes: tuple[str, ...] = ()

    @property
    def train_len(self) -> int:
        """Characters to train on."""
        return self.split

    @property
    def valid_len(self) -> int:
        """Characters to validate on."""
        return self.length - self.split or self.length

    def open(self, directory: str | os.PathLike[str]) -> tuple[DataSet, DataSet]:
        """Map the training and the validation text into memory.

        Raises
        ------
        CorruptFile
            The file of symbols is missing, truncated or another.
        """
        path = Path(directory) / self.filename
        size, start = self.charset.vocab_size, self.split % self.length
        train = DataSet.load(path, size, self.seq_len, 0, self.split, f"{self.source} (training)")
        valid = DataSet.load(path, size, self.seq_len, start, self.length, f"{self.source} (validation)")
        if (len(train), len(valid)) != (self.train_len, self.valid_len):
            raise CorruptFile(f"{path} is too short: expected {self.length:,} symbols. Restore it from a copy.")
        return train, valid

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        return record | {"charset": self.charset.to_json(), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Corpus:
        """Restore a corpus from its record.

        Raises
        ------
        CorruptFile
            The record is not one of a corpus.
        """
        if missing := {field.name for field in fields(cls)} - record.keys():
            raise CorruptFile(f"The record of the text lacks {', '.join(sorted(missing))}. Restore it from a copy.")
        kept = {field.name: record[field.name] for field in fields(cls)}
        return cls(**kept | {"charset": CharSet.from_json(kept["charset"]), "notes": tuple(kept["notes"])})


def encode(
    source: TextSource,
    directory: str | os.PathLike[str],
    seq_len: int = 100,
    trainfrac: float = 0.9,
    min_count: int = 0,
    known: CharSet | None = None,
) -> Corpus:
    """Write the symbols of a text to a file, and split them at a line end near `trainfrac`.

    Parameters
    ----------
    source
        The text.
    directory
        Existing directory for the file.
    seq_len
        T; shortened where the text is shorter.
    trainfrac
        Part to train on, in (0, 1]; the tail is for validation. With 1, validation is on the training text.
    min_count
        Characters that occur fewer times become U+FFFD.
    known
        Characters that keep their indices, whether they occur or not; those of the text come after them.

    Raises
    ------
    InvalidValue
        A number makes no sense.
    SourceUnusable
        The source changed while it was read.
    SaveFailed
        The file cannot be written.

    Examples
    --------
    >>> import io, tempfile
    >>> source = TextSource.open(io.BytesIO(b"to be or not to be\\n" * 100))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     corpus = encode(source, directory)
    >>> corpus.train_len, corpus.valid_len
    (1710, 190)
    """
    require_settings(seq_len, trainfrac, min_count)
    survey = source.survey
    counts = survey.counts_by_character, survey.linestarts_by_character, min_count
    charset = known.extended(*counts) if known else CharSet.from_counts(*counts)
    path = Path(directory) / FILENAME
    file_sha256 = arrayfile.write(path, _symbols(source, charset), (survey.length,), charset.index_dtype)
    split = _split(np.load(path, mmap_mode="r"), trainfrac, charset)
    fitted = geometry.fit(split, seq_len, batchsize=1)
    unsplit = f"{plural(split, 'character')} are too few to split: validation is on the training text."
    notes = [
        *source.notes,
        folding_note(survey, charset),
        unsplit if split == survey.length and trainfrac < 1 else "",
        fitted.note,
    ]
    return Corpus(
        charset=charset,
        filename=FILENAME,
        length=survey.length,
        split=split,
        seq_len=fitted.seq_len,
        source=source.name,
        sha256=source.sha256,
        file_sha256=file_sha256,
        notes=tuple(filter(None, notes)),
    )


def require_settings(seq_len: int, trainfrac: float, min_count: int) -> None:
    """Raise InvalidValue if a setting of an encoding is of the wrong type or out of range."""
    checks.whole("seq_len", seq_len)
    checks.number("trainfrac", trainfrac, above=0, most=1, otherwise=", the part of the text to learn from")
    checks.number("min_count", min_count, least=0)


def folding_note(survey: Survey, charset: CharSet) -> str:
    """Return a sentence about the characters that are too rare to be known, if there are any."""
    folded = {ch: n for ch, n in survey.counts_by_character.items() if ch not in charset}
    if not folded:
        return ""
    kinds, times = plural(len(folded), "rare character"), plural(sum(folded.values()), "occurrence")
    return f"Folded {kinds} ({times}) into U+FFFD."


def _symbols(source: TextSource, charset: CharSet) -> Iterator[np.ndarray]:
    """Yield the symbols of a text, block by block."""
    left = source.survey.length
    for chunk in source.chunks():
        left -= len(chunk)
        yield charset.indices(chunk)
    if left:
        raise SourceUnusable(f"{source.name} changed while it was read. Try again when nothing writes to it.")


def _split(symbols: np.ndarray, trainfrac: float, charset: CharSet) -> int:
    """Return where validation begins: after a newline just behind `trainfrac`, else one just before, else there.

    Both parts have at least 2 characters; where that cannot be, all of the text is for training.
    """
    length = len(symbols)
    if trainfrac == 1 or length < 4:
        return length
    target = min(max(int(length * trainfrac), 2), length - 2)
    if "\n" not in charset:
        return target
    window = max(1, int(length * SPLIT_WINDOW))
    first = max(target - window, 1)
    newlines = first + np.flatnonzero(symbols[first : min(target + window, length - 2)] == charset.idxofchar("\n"))
    behind, before = newlines[newlines >= target], newlines[newlines < target]
    if len(behind):
        return int(behind[0]) + 1
    return int(before[-1]) + 1 if len(before) else target
