"""Encode a text once into a file of symbols, in bounded memory, and split it for training and validation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
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
from charrnn.errors import CorruptFile, InvalidValue, SourceUnusable
from charrnn.wording import plural

FILENAME = "symbols.npy"
TRAINFRAC = 0.9
ROUNDING = 1e-9
NAMED = 5  # characters that a note names
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
        parts = [("to learn from", self.train_len), ("to validate on", self.valid_len), ("to test on", self.test_len)]
        known = ("kinds of characters", self.charset.characters)
        return [known, *((name, plural(number, self.noun)) for name, number in parts if number)]

    def to_json(self) -> dict[str, Any]:
        record = super().to_json() | {"charset": self.charset.to_json()}
        for part in record.get("apart", {}).values():
            part.update(charset=None)  # the same
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        if apart := record.get("apart"):
            shared = {name: record[name] for name in ("charset", "tables") if name in record}
            record = {**record, "apart": {part: {**at, **shared} for part, at in apart.items()}}
        return super().from_json(record)

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
    tested : int
        The last so many characters are for testing.
    """

    kind = "text"
    _later = CharacterCorpus._later | {"tested"}

    filename: str
    split: int
    file_sha256: str
    tested: int = 0

    @property
    def train_len(self) -> int:
        """Characters to train on."""
        return self.split

    @property
    def valid_len(self) -> int:
        """Characters to validate on."""
        return self.apart["valid"].length if "valid" in self.apart else self._own_valid_len

    @property
    def test_len(self) -> int:
        """Characters to test on."""
        return self.apart["test"].length if "test" in self.apart else self.tested

    @property
    def _end(self) -> int:
        """Where the part for testing begins."""
        return self.length - self.tested

    @property
    def _own_valid_len(self) -> int:
        return self._end - self.split or self._end

    def _open(self, directory: Path, label_dropout: float) -> Parts[DataSet]:
        path = directory / f"{self.prefix}{self.filename}"

        def part(start: int, stop: int, name: str) -> DataSet:
            name = f"{self.source} ({name})"
            return DataSet.load(path, self.charset.vocab_size, self.seq_len, start, stop, name)

        train, valid = part(0, self.split, "training"), part(self.split % self._end, self._end, "validation")
        test = part(self._end, self.length, "test") if self.tested else None
        if (len(train), len(valid), len(test or ())) != (self.train_len, self._own_valid_len, self.tested):
            raise CorruptFile(f"{path} is too short: expected {self.length:,} symbols. Restore it from a copy.")
        return Parts(train, valid, test)

    def _division(self) -> str:
        last = "next" if self.tested else "last"
        validation = "on that" if self.split == self._end else f"on the {last} {self._own_valid_len:,}"
        if "valid" in self.apart:
            validation = f"on {self.valid_len:,} others"
        validation += f", testing on the last {self.tested:,}" if self.tested else ""
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
    testfrac: float = 0.0,
    closed: bool = False,
) -> TextCorpus:
    """Write the symbols of a text to a file, and split them at a line end near `trainfrac`.

    Parameters
    ----------
    source : TextSource
        The text.
    directory : str or os.PathLike
        Existing directory for the file.
    seq_len : int
        T; shortened where the text is shorter.
    trainfrac : float
        Part to train on, in (0, 1]; the tail is for validation. With 1, validation is on the training text.
    min_count : int
        Characters that occur fewer times become U+FFFD.
    known : CharSet, optional
        Characters that keep their indices, whether they occur or not; those of the text come after them.
    testfrac : float
        Part to test on, at the very end; what is between is for validation.
    closed : bool
        No other characters than those known: any other is U+FFFD.

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
    require_settings(seq_len, trainfrac, min_count, testfrac)
    survey = source.survey
    charset = charset_of(survey, min_count, known, closed)
    path = Path(directory) / FILENAME
    file_sha256 = arrayfile.write(path, _symbols(source, charset), (survey.length,), charset.index_dtype)
    written = np.load(path, mmap_mode="r")
    end = _split(written, 1 - testfrac, charset)
    divided = trainfrac + testfrac < 1 - ROUNDING
    share = min(trainfrac * survey.length / end, 1.0) if end < survey.length else trainfrac
    split = _split(written[:end], share if divided else 1.0, charset)
    fitted = geometry.fit(split, seq_len, batchsize=1)
    unsplit = f"{plural(split, 'character')} are too few to split: validation is on the training text."
    notes = [
        *source.notes,
        folding_note(survey, charset, closed),
        unsplit if split == end and divided else "",
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
        tested=survey.length - end,
        notes=tuple(filter(None, notes)),
    )


def require_settings(seq_len: int, trainfrac: float, min_count: int, testfrac: float = 0.0) -> None:
    """Raise InvalidValue if a setting of an encoding is of the wrong type or out of range."""
    checks.number("testfrac", testfrac, least=0, below=1)
    checks.whole("seq_len", seq_len)
    checks.number("trainfrac", trainfrac, above=0, most=1, otherwise=", the part of the text to learn from")
    checks.number("min_count", min_count, least=0)
    if trainfrac + testfrac > 1 + ROUNDING:
        raise InvalidValue(f"trainfrac={trainfrac!r} and testfrac={testfrac!r} are more than the whole source.")


def charset_of(
    survey: Survey, min_count: int, known: CharSet | None, closed: bool, specials: Sequence[str] = ()
) -> CharSet:
    """Return the characters to encode with: those that occur, after those known, or only those known."""
    if known is not None and closed:
        return known
    counts = survey.counts_by_character, survey.linestarts_by_character, min_count
    return CharSet.from_counts(*counts, specials) if known is None else known.extended(*counts)


def folding_note(survey: Survey, charset: CharSet, closed: bool = False) -> str:
    """Return a sentence about the characters that are too rare to be known, or not learned, if there are any."""
    folded = {ch: n for ch, n in survey.counts_by_character.items() if ch not in charset}
    if not folded:
        return ""
    if closed:
        often = sorted(folded, key=lambda ch: -folded[ch])[:NAMED]
        share = f"{plural(sum(folded.values()), 'character')} of {plural(len(folded), 'kind')}"
        return f"{share} not in the text learned read as U+FFFD: {', '.join(map(repr, often))}."
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
