"""Encode pieces of music into files, and divide them for training, validation and test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from charrnn import checks
from charrnn.data.music.dataset import PieceSet, key_range
from charrnn.data.music.rolls import KEYS
from charrnn.data.music.source import Pieces
from charrnn.data.streams import arrayfile, split
from charrnn.data.text.corpus import require_settings
from charrnn.errors import CorruptFile, InvalidValue
from charrnn.wording import plural

FRAMES, STARTS, RANGES, PART = "frames.npy", "starts.npy", "ranges.npy", "part.npy"
PARTS = ("train", "valid", "test")
RESTORE = "Restore them from a copy."


@dataclass(frozen=True)
class MusicCorpus:
    """Encoded music: what is known of it beside the frames themselves, and the way to open it.

    Attributes
    ----------
    pieces, length : int
        Pieces and frames in all.
    train_pieces, train_len, valid_pieces, valid_len, test_pieces, test_len : int
        Pieces and frames of each part; where there is none for validation, these are those for training.
    onsets : bool
        Whether frames have 176 columns, those from 88 on for struck keys.
    dt : float
        Seconds of a frame.
    beats : float or None
        Beats of a frame, where they are known.
    seq_len : int
        T, as fitted to the pieces.
    transpose : int
        By how many semitones at most pieces are shifted in training.
    random_seed : int
        Seed of the division, and of order and keys in training.
    source, sha256 : str
        Name of where the music comes from, and the checksum of its frames.
    notes : tuple of str
        Sentences about whatever was not plain.
    """

    pieces: int
    length: int
    train_pieces: int
    train_len: int
    valid_pieces: int
    valid_len: int
    test_pieces: int
    test_len: int
    onsets: bool
    dt: float
    beats: float | None
    seq_len: int
    transpose: int
    random_seed: int
    source: str
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> int:
        """Width of a frame: 88, or 176 with onsets."""
        return 2 * KEYS if self.onsets else KEYS

    def open(self, directory: str | os.PathLike[str]) -> tuple[PieceSet, PieceSet]:
        """Map the pieces for training and for validation into memory.

        Raises
        ------
        CorruptFile
            A file is missing, truncated or another.
        """
        return self.part(directory, "train"), self.part(directory, "valid")

    def part(self, directory: str | os.PathLike[str], part: str) -> PieceSet:
        """Map the pieces of one part into memory: "train", "valid" or "test".

        Only those for training are transposed, and only there the first frame of a piece counts.

        Raises
        ------
        CorruptFile
            A file is missing, truncated or another.
        InvalidValue
            There is no such part.
        """
        present = [name for name, number in zip(PARTS, self._numbers(), strict=True) if number]
        if part not in present:
            raise InvalidValue(f"{self.source} has no part {part!r}: it has {', '.join(present)}.")
        directory = Path(directory)
        frames = arrayfile.load(directory / FRAMES, "u", ndim=2)
        starts = arrayfile.load(directory / STARTS, "i")
        ranges = arrayfile.load(directory / RANGES, "u", ndim=2)
        parts = arrayfile.load(directory / PART, "u")
        shapes = (frames.shape, starts.shape, ranges.shape, parts.shape)
        expected = ((self.length, self.columns // 8), (self.pieces + 1,), (self.pieces, 2), (self.pieces,))
        if shapes != expected:
            raise CorruptFile(f"The files in {directory} are not those of {plural(self.pieces, 'piece')}. {RESTORE}")
        chosen = parts == PARTS.index(part)
        if part == "valid" and not chosen.any():
            chosen = parts == PARTS.index("train")
        training = part == "train"
        return PieceSet(
            frames,
            starts[:-1][chosen],
            np.diff(starts)[chosen],
            ranges[chosen],
            self.seq_len,
            transpose=self.transpose if training else 0,
            count_first=training,
            random_seed=self.random_seed,
            name=f"{self.source} ({ {'train': 'training', 'valid': 'validation'}.get(part, part) })",
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able record."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"notes": list(self.notes)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MusicCorpus:
        """Restore a corpus from its record.

        Raises
        ------
        CorruptFile
            The record is not one of music.
        """
        if missing := {field.name for field in fields(cls)} - record.keys():
            raise CorruptFile(f"The record of the music lacks {', '.join(sorted(missing))}. {RESTORE}")
        kept = {field.name: record[field.name] for field in fields(cls)}
        return cls(**kept | {"notes": tuple(kept["notes"])})

    def _numbers(self) -> tuple[int, int, int]:
        return self.train_pieces, self.valid_pieces, self.test_pieces


def encode_pieces(
    pieces: Pieces,
    directory: str | os.PathLike[str],
    seq_len: int = 100,
    trainfrac: float = 0.9,
    transpose: int = 0,
    random_seed: int = 0,
) -> MusicCorpus:
    """Write the frames of pieces and their division to files.

    Parameters
    ----------
    pieces
        The pieces.
    directory
        Existing directory for the files.
    seq_len
        T; shortened where the pieces have fewer frames in all.
    trainfrac
        Part of the pieces to train on, in (0, 1], if their source has none for validation; the others are drawn at
        random. With 1, and where there is but one piece, validation is on the training pieces.
    transpose
        In each epoch of training a piece is shifted by up to so many semitones, up or down.
    random_seed
        Seed of the division, and of order and keys in training.

    Raises
    ------
    InvalidValue
        A number makes no sense.
    SaveFailed
        A file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> pieces = Pieces.open([np.eye(88)[n : n + 20] for n in range(20)])
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     corpus = encode_pieces(pieces, directory)
    ...     train, valid = corpus.open(directory)
    >>> len(train), len(valid), train.predictions, valid.predictions
    (18, 2, 360, 38)
    """
    require_settings(seq_len, trainfrac, 0)
    checks.whole("transpose", transpose, least=0, most=KEYS - 1, otherwise=" semitones")
    directory = Path(directory)
    named = [name for name, _ in pieces.packed()]
    part = np.array([PARTS.index("train" if name == "all" else name) for name in named], np.uint8)
    divided = "valid" in named
    if not divided:
        learnt = np.flatnonzero(part == 0)
        held_out = split.validation(np.zeros((len(learnt), 0), np.int32), trainfrac, random_seed)
        part[learnt[held_out]] = PARTS.index("valid")
    lengths = np.array([len(piece) for _, piece in pieces.packed()], np.int64)
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
        "Divided as the source is." if divided else "",
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
