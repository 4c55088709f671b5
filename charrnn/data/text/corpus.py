"""Encode a text once into a file of symbols, in bounded memory, and split it for training and validation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from charrnn import checks
from charrnn.data.corpus import Corpus, ModelShape, Parts
from charrnn.data.streams import arrayfile, geometry
from charrnn.data.text.charset import CharSet
from charrnn.data.text.dataset import DataSet
from charrnn.data.text.source import TextSource
from charrnn.data.text.survey import Survey
from charrnn.errors import CorruptFile, SourceUnusable
from charrnn.wording import plural

FILENAME = "symbols.npy"
TRAINFRAC = 0.9
SPLIT_WINDOW = 0.005  # of the text: how far the split may move to a line end


@dataclass(frozen=True, kw_only=True)
class CharacterCorpus(Corpus):
    """A corpus of characters: a continuous text, or documents.

    Attributes
    ----------
    charset : CharSet
        The characters, in the order of their indices.
    """

    charset: CharSet

    def shape(self) -> ModelShape:
        return ModelShape(self.charset.vocab_size)

    def kinds(self) -> str:
        return plural(len(self.charset.characters), self.noun)

    def facts(self) -> list[tuple[str, object]]:
        learned, judged = (plural(number, self.noun) for number in (self.train_len, self.valid_len))
        known = ("kinds of characters", self.charset.characters)
        return [known, ("to learn from", learned), ("to validate on", judged)]

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"charset": self.charset.to_json()}

    @classmethod
    def _from_fields(cls, kept: dict[str, Any]) -> Self:
        return super()._from_fields(kept | {"charset": CharSet.from_json(kept["charset"])})


@dataclass(frozen=True, kw_only=True)
class TextCorpus(CharacterCorpus):
    """An encoded continuous text.

    Attributes
    ----------
    charset : CharSet
        The characters, in the order of their indices.
    filename : str
        File of the symbols, relative to the directory they were encoded into.
    split : int
        The first `split` characters are for training, the others for validation. Where `split` is the length,
        validation is on the training text.
    file_sha256 : str
        Checksum of the file of symbols.
    """

    kind = "text"

    filename: str
    split: int
    file_sha256: str

    @property
    def train_len(self) -> int:
        """Characters to train on."""
        return self.split

    @property
    def valid_len(self) -> int:
        """Characters to validate on."""
        return self.length - self.split or self.length

    def open(self, directory: str | os.PathLike[str], label_dropout: float = 0.0) -> Parts[DataSet]:
        path = Path(directory) / self.filename
        size, start = self.charset.vocab_size, self.split % self.length
        train = DataSet.load(path, size, self.seq_len, 0, self.split, f"{self.source} (training)")
        valid = DataSet.load(path, size, self.seq_len, start, self.length, f"{self.source} (validation)")
        if (len(train), len(valid)) != (self.train_len, self.valid_len):
            raise CorruptFile(f"{path} is too short: expected {self.length:,} symbols. Restore it from a copy.")
        return Parts(train, valid)

    def _division(self) -> str:
        validation = "on that" if self.split == self.length else f"on the last {self.valid_len:,}"
        return (
            f"{self.source}: {plural(self.length, 'character')} of {plural(len(self.charset.characters), 'kind')}. "
            f"Learning from {self.train_len:,}, validating {validation}."
        )

    def arguments(self) -> dict[str, Any]:
        trainfrac = round(self.split / self.length, 2)
        return super().arguments() | ({} if trainfrac == TRAINFRAC else {"trainfrac": trainfrac})


def encode(
    source: TextSource,
    directory: str | os.PathLike[str],
    seq_len: int = 100,
    trainfrac: float = TRAINFRAC,
    min_count: int = 0,
    known: CharSet | None = None,
) -> TextCorpus:
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
        If a number has the wrong type or is out of range.
    SourceUnusable
        If the source changes while it is read.
    SaveFailed
        If the file cannot be written.

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
    return TextCorpus(
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
