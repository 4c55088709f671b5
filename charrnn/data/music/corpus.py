"""Encode pieces of music into files, and divide them for training, validation and test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from charrnn import checks
from charrnn.data.corpus import USES, Corpus, ModelShape, Parts, division
from charrnn.data.music.dataset import PieceSet, key_range
from charrnn.data.music.rolls import KEYS
from charrnn.data.music.source import Pieces
from charrnn.data.streams import arrayfile, split
from charrnn.data.text.corpus import ROUNDING, TRAINFRAC, require_settings
from charrnn.errors import CorruptFile, InvalidValue
from charrnn.wording import plural

FRAMES, STARTS, RANGES, PART = "frames.npy", "starts.npy", "ranges.npy", "part.npy"
PARTS = ("train", "valid", "test")
RESTORE = "Restore them from a copy."


@dataclass(frozen=True, kw_only=True)
class MusicCorpus(Corpus):
    """Encoded music.

    Attributes
    ----------
    pieces : int
        Pieces in all.
    train_pieces, train_len, valid_pieces, valid_len, test_pieces, test_len : int
        Pieces and frames of each part; where no piece is left for validation, it is on the training pieces.
    onsets : bool
        Whether frames have 176 columns, those from 88 on for struck keys.
    dt : float
        Seconds of a frame.
    beats : float or None
        Beats of a frame, where they are known.
    transpose : int
        In each epoch of training a piece is shifted by up to so many semitones, up or down.
    random_seed : int
        Seed of the division, and of order and keys in training.
    """

    kind, unit, noun = "music", "frame", "frame"

    pieces: int
    train_pieces: int
    train_len: int
    valid_pieces: int
    valid_len: int
    test_pieces: int
    test_len: int
    onsets: bool
    dt: float
    beats: float | None
    transpose: int
    random_seed: int

    @property
    def columns(self) -> int:
        """Width of a frame: 88, or 176 with onsets."""
        return 2 * KEYS if self.onsets else KEYS

    @property
    def step(self) -> dict[str, float]:
        """The length of a frame, as an argument: its beats, or its seconds where beats are unknown."""
        return {"beats": self.beats} if self.beats else {"dt": self.dt}

    def shape(self) -> ModelShape:
        return ModelShape(self.columns, resets=True)

    def _open(self, directory: Path, label_dropout: float) -> Parts[PieceSet]:
        """Map the parts into memory; only training pieces are transposed, and only there the first frame counts."""
        frames = arrayfile.load(directory / f"{self.prefix}{FRAMES}", "u", ndim=2)
        starts = arrayfile.load(directory / f"{self.prefix}{STARTS}", "i")
        ranges = arrayfile.load(directory / f"{self.prefix}{RANGES}", "u", ndim=2)
        parts = arrayfile.load(directory / f"{self.prefix}{PART}", "u")
        shapes = (frames.shape, starts.shape, ranges.shape, parts.shape)
        expected = ((self.length, self.columns // 8), (self.pieces + 1,), (self.pieces, 2), (self.pieces,))
        if shapes != expected:
            raise CorruptFile(f"The files in {directory} are not those of {plural(self.pieces, 'piece')}. {RESTORE}")
        training, validation, test = (parts == number for number in range(len(PARTS)))

        def part(chosen: np.ndarray, name: str, transpose: int = 0, count_first: bool = False) -> PieceSet:
            return PieceSet(
                frames,
                starts[:-1][chosen],
                np.diff(starts)[chosen],
                ranges[chosen],
                self.seq_len,
                transpose=transpose,
                count_first=count_first,
                random_seed=self.random_seed,
                name=f"{self.source} ({name})",
            )

        return Parts(
            part(training, "training", self.transpose, count_first=True),
            part(validation if validation.any() else training, "validation"),
            part(test, "test") if test.any() else None,
        )

    def with_parts(self, apart: Mapping[str, Self]) -> Self:
        sizes: dict[str, Any] = {}
        for part, corpus in apart.items():
            if (part == "valid" and not self._alone) or (part == "test" and self.test_pieces):
                raise InvalidValue(f"{self.source} has pieces to {USES[part]} of its own: leave {part}file out.")
            sizes |= {f"{part}_pieces": corpus.valid_pieces, f"{part}_len": corpus.valid_len}
        return replace(super().with_parts(apart), **sizes)

    def kinds(self) -> str:
        return f"{KEYS} keys, struck or held" if self.onsets else f"{KEYS} keys"

    def _division(self) -> str:
        held_out = division(self.valid_pieces, self._alone)
        tested = f", testing on {self.test_pieces:,}" if self.test_pieces else ""
        return (
            f"{self.source}: {plural(self.pieces, 'piece')}, {plural(self.length, 'frame')} of {self._frame}. "
            f"Learning from {self.train_pieces:,}, validating {held_out}{tested}."
        )

    @property
    def _alone(self) -> bool:
        """Whether validation is on the training pieces."""
        tests = 0 if "test" in self.apart else self.test_pieces
        return "valid" not in self.apart and self.train_pieces + tests == self.pieces

    @property
    def _frame(self) -> str:
        return f"{self.beats:g} beats" if self.beats else f"{self.dt:g} s"

    def facts(self) -> list[tuple[str, object]]:
        parts = [("to learn from", self.train_len), ("to validate on", self.valid_len), ("to test on", self.test_len)]
        pieces = f"{self.pieces:,}, in frames of {self._frame}"
        return [("pieces", pieces), *((name, plural(number, "frame")) for name, number in parts if number)]

    def arguments(self) -> dict[str, Any]:
        chosen = {"onsets": self.onsets, "transpose": self.transpose}
        return super().arguments() | self.step | {name: value for name, value in chosen.items() if value}


def encode_pieces(
    pieces: Pieces,
    directory: str | os.PathLike[str],
    seq_len: int = 100,
    trainfrac: float = TRAINFRAC,
    transpose: int = 0,
    random_seed: int = 0,
    testfrac: float = 0.0,
) -> MusicCorpus:
    """Write the frames of pieces and their division to files.

    Parameters
    ----------
    pieces : Pieces
        The pieces.
    directory : str or os.PathLike
        Existing directory for the files.
    seq_len : int
        T; shortened where the pieces have fewer frames in all.
    trainfrac : float
        Part of the pieces to train on, in (0, 1], if their source has none for validation; the others are drawn at
        random. With 1, and where there is but one piece, validation is on the training pieces.
    transpose : int
        In each epoch of training a piece is shifted by up to so many semitones, up or down.
    random_seed : int
        Seed of the division, and of order and keys in training.
    testfrac : float
        Part of the pieces to test on, if their source has none.

    Raises
    ------
    InvalidValue
        If a number has the wrong type or is out of range.
    SaveFailed
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> pieces = Pieces.open([np.eye(88)[n : n + 20] for n in range(20)])
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     corpus = encode_pieces(pieces, directory)
    ...     train, valid, _ = corpus.open(directory)
    >>> len(train), len(valid), train.predictions, valid.predictions
    (18, 2, 360, 38)
    """
    require_settings(seq_len, trainfrac, 0, testfrac)
    checks.whole("transpose", transpose, least=0, most=KEYS - 1, otherwise=" semitones")
    directory = Path(directory)
    named = [name for name, _ in pieces.packed()]
    part = np.array([PARTS.index("train" if name == "all" else name) for name in named], np.uint8)
    lengths = np.array([len(piece) for _, piece in pieces.packed()], np.int64)
    divided, sized = "valid" in named, ""
    if testfrac and (divided or "test" in named):
        raise InvalidValue(f"testfrac={testfrac!r}: {pieces.name} is divided as it is, so leave it out.")
    unsplit = trainfrac + testfrac >= 1 - ROUNDING
    if testfrac:
        held_out = split.validation(np.zeros((len(part), 0), np.int32), 1 - testfrac, random_seed)
        part[held_out] = PARTS.index("test")
    trainfrac = 1.0 if unsplit else trainfrac / (1 - testfrac)
    if not divided:
        learnt = np.flatnonzero(part == 0)
        unlabelled = np.zeros((len(learnt), 0), np.int32)
        held_out, sized = split.validation_by_size(unlabelled, lengths[learnt], trainfrac, random_seed, "frame")
        part[learnt[held_out]] = PARTS.index("valid")
    ranges = np.array([key_range(np.unpackbits(piece, axis=1)) for _, piece in pieces.packed()], np.uint8)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    columns = 2 * KEYS if pieces.onsets else KEYS
    blocks = (piece for _, piece in pieces.packed())
    arrayfile.write(directory / FRAMES, blocks, (pieces.frames, columns // 8), np.dtype(np.uint8))
    for name, array in ((STARTS, starts), (RANGES, ranges), (PART, part)):
        arrayfile.write(directory / name, [array], array.shape, array.dtype)

    frames = arrayfile.load(directory / FRAMES, "u", ndim=2)
    learnt = part == 0
    fitted = PieceSet(frames, starts[:-1][learnt], lengths[learnt], ranges[learnt], seq_len).fit(batchsize=1)
    alone = not (part == PARTS.index("valid")).any()
    held = learnt if alone else part == PARTS.index("valid")
    tested = part == PARTS.index("test")
    notes = [
        *pieces.notes,
        f"{plural(int(learnt.sum()), 'piece')} cannot be divided: validation is on the training pieces."
        if alone and trainfrac < 1
        else "",
        "Divided as the source is." if divided else sized.replace("Documents", "Pieces"),
        fitted.note,
    ]
    return MusicCorpus(
        pieces=len(pieces),
        length=pieces.frames,
        train_pieces=int(learnt.sum()),
        train_len=int(lengths[learnt].sum()),
        valid_pieces=int(held.sum()),
        valid_len=int(lengths[held].sum()),
        test_pieces=int(tested.sum()),
        test_len=int(lengths[tested].sum()),
        onsets=pieces.onsets,
        dt=pieces.dt,
        beats=pieces.beats,
        seq_len=fitted.seq_len,
        transpose=int(transpose),
        random_seed=random_seed,
        source=pieces.name,
        sha256=pieces.sha256,
        notes=tuple(filter(None, notes)),
    )
