"""Open piano music, whatever it stands in: MIDI files, published sets of piano rolls, arrays."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.data.music.midirolls import INCIDENTS, FileReport, read_rolls, require_one_step
from charrnn.data.music.rolls import KEYS, Roll
from charrnn.data.music.rollsets import PARTS, read_rollset
from charrnn.errors import SourceNotFound, SourceUnusable
from charrnn.wording import plural

MIDI = (".mid", ".midi", ".kar")
SETS = (".npz", ".mat", ".json")
PICKLES = (".pkl", ".pickle")
SECONDS_PER_BEAT = 0.5
DEFAULT_DT = 0.25
SHORTEST = 2  # frames of a piece: fewer have nothing to predict
NAMED = 3  # files that a note names


class Reports(list[FileReport]):
    """What became of each file, a line for each."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


class Pieces:
    """Pieces of piano music, divided for training, validation and test if their source is.

    Attributes
    ----------
    name : str
        Name of the file or folder.
    onsets : bool
        Whether struck keys are told from held ones.
    dt : float
        Seconds of a frame; where tempos differ, those of the middle one.
    beats : float or None
        Beats of a frame, where they are known.
    reports : Reports
        What became of each MIDI file.
    notes : list of str
        Sentences about whatever was not plain.

    Examples
    --------
    >>> pieces = Pieces.open([np.eye(88)[:20], np.eye(88)[:1]])
    >>> pieces
    <Pieces arrays: 1 piece, 20 frames of 0.25 s>
    >>> pieces.notes
    ['Left out 1 piece of fewer than 2 frames.']
    """

    def __init__(
        self, name: str, parts: dict[str, list[Roll]], onsets: bool, reports: Iterable[FileReport] = ()
    ) -> None:
        self.name = name
        self.onsets = onsets
        self.reports = Reports(reports)
        self.notes = _notes(self.reports)
        left = {part: [roll for roll in rolls if len(roll) >= SHORTEST] for part, rolls in parts.items()}
        if short := sum(map(len, parts.values())) - sum(map(len, left.values())):
            self.notes.append(f"Left out {plural(short, 'piece')} of fewer than {SHORTEST} frames.")
        rolls = [roll for part in left.values() for roll in part]
        if not left.get("train") and not left.get("all"):
            raise SourceUnusable(f"{name} holds no piece to learn from. {' '.join(self.notes)}".rstrip())
        if onsets and all(roll.onsets is None for roll in rolls):
            self.notes.append("A key is taken as struck where it begins to sound: the source does not tell.")
        self.dt = float(statistics.median(roll.dt for roll in rolls))
        self.beats = rolls[0].beats
        self._parts = {part: [self._packed(roll) for roll in rolls] for part, rolls in left.items()}

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | Iterable[np.ndarray | Roll],
        *,
        dt: float | None = None,
        beats: float | None = None,
        onsets: bool = False,
    ) -> Pieces:
        """Open music of any kind.

        Parameters
        ----------
        source
            A MIDI file; a folder of them, those in its sub-folders included, divided if these are called `train`,
            `valid` and `test`; a set of piano rolls, as `charrnn.data.music.rollsets` describes them; a list of
            `Roll`s or of arrays of 0 and 1, (T, 88), or (T, 176) with onsets.
        dt, beats
            Seconds of a frame, or beats of a frame. MIDI files are cut into such frames, a quarter of a beat if neither
            is given; for other sources this only tells how they sound.
        onsets
            Whether to tell struck keys from held ones, in columns of their own.

        Raises
        ------
        SourceNotFound
            There is no such file or folder.
        SourceUnusable
            It holds no piece, or not what it should.
        InvalidValue
            Another argument makes no sense.
        NotInstalled
            A library that reads it is not installed.
        """
        require_one_step(dt, beats)
        if not isinstance(source, str | os.PathLike):
            return cls("arrays", {"all": _rolls(source, dt, beats)}, onsets)
        path = Path(source).expanduser()
        if not path.exists():
            raise SourceNotFound(f"There is no file or folder {path}.")
        suffix = path.suffix.lower()
        if suffix in PICKLES:
            raise SourceUnusable(f"{path} is a pickle, which could run code: save it as .npz, .mat or .json instead.")
        if path.is_dir() or _is_midi(path):
            return cls._of_midi(path, dt, beats, onsets)
        if suffix not in SETS:
            raise SourceUnusable(f"{path} is no music: expected a folder, or a file of {', '.join(MIDI + SETS)}.")
        found = read_rollset(path)
        timing = (found.dt, found.beats) if dt is None and beats is None else (dt, beats)
        return cls(path.name, {part: _rolls(planes, *timing) for part, planes in found.parts.items()}, onsets)

    @classmethod
    def _of_midi(cls, path: Path, dt: float | None, beats: float | None, onsets: bool) -> Pieces:
        files = _midi_files(path) if path.is_dir() else [path]
        if not files:
            raise SourceUnusable(f"{path} holds no MIDI file: expected names that end in {', '.join(MIDI)}.")
        names = {name: part for part, names in PARTS.items() for name in names}
        divided = {names.get(file.relative_to(path).parts[0].lower(), "") for file in files} if path.is_dir() else set()
        parts: dict[str, list[Roll]] = {}
        reports = []
        for file in files:
            rolls, report = read_rolls(file, dt, beats, onsets)
            part = names.get(file.relative_to(path).parts[0].lower(), "train") if "train" in divided else "all"
            parts.setdefault(part, []).extend(map(_without_rests_around, rolls))
            report.name = str(file.relative_to(path)) if path.is_dir() else path.name
            reports.append(report)
        return cls(path.name, parts, onsets, reports)

    @property
    def parts(self) -> dict[str, int]:
        """Number of pieces of each part: "train", "valid" and "test", or "all" if they are not divided."""
        return {part: len(pieces) for part, pieces in self._parts.items()}

    @property
    def frames(self) -> int:
        """Frames of all pieces."""
        return sum(len(piece) for pieces in self._parts.values() for piece in pieces)

    @property
    def sha256(self) -> str:
        """Checksum of all frames."""
        checksum = hashlib.sha256()
        for part, piece in self.packed():
            checksum.update(f"{part} {len(piece)}".encode())
            checksum.update(piece.tobytes())
        return checksum.hexdigest()

    def packed(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each piece with its part, eight columns in a byte: uint8 (T, 11), or (T, 22) with onsets."""
        for part, pieces in self._parts.items():
            for piece in pieces:
                yield part, piece

    def rolls(self, part: str | None = None) -> Iterator[Roll]:
        """Yield the pieces, those of a part or all."""
        for name, piece in self.packed():
            if part in (None, name):
                yield Roll.from_planes(np.unpackbits(piece, axis=1), dt=self.dt, beats=self.beats)

    def __len__(self) -> int:
        return sum(self.parts.values())

    def __repr__(self) -> str:
        return (
            f"<Pieces {self.name}: {plural(len(self), 'piece')}, {plural(self.frames, 'frame')} of {self.dt:.3g} s"
            f"{' with onsets' if self.onsets else ''}>"
        )

    def _packed(self, roll: Roll) -> np.ndarray:
        if self.onsets and roll.onsets is None:
            roll = Roll(roll.frames, np.zeros_like(roll.frames))
        return np.packbits(roll.planes[:, : 2 * KEYS if self.onsets else KEYS], axis=1)


def is_music(source: Any) -> bool:
    """Return whether a source is music rather than text: what `Pieces.open` reads, as far as a glance tells.

    A folder is if at least half of its files are MIDI files, a JSON file if it holds lists of pieces, and a list if it
    holds arrays or rolls. Nothing is imported for it, and nothing raised.

    >>> is_music("alice.txt"), is_music([np.zeros((4, 88))]), is_music(["a poem"])
    (False, True, False)
    """
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(item, Roll | np.ndarray) for item in source)
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            return 2 * len(_midi_files(path)) >= max(1, sum(1 for _ in _visible(path)))
        if path.suffix.lower() == ".json":
            return _holds_pieces(path)
        return path.suffix.lower() in (*MIDI, ".npz", ".mat") or _is_midi(path)
    except OSError:
        return False


def _is_midi(path: Path) -> bool:
    if path.suffix.lower() in MIDI:
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"MThd"


def _visible(path: Path) -> Iterator[Path]:
    for file in sorted(path.rglob("*")):
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts):
            yield file


def _midi_files(path: Path) -> list[Path]:
    return [file for file in _visible(path) if file.suffix.lower() in MIDI]


def _holds_pieces(path: Path) -> bool:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    pieces = record
    if isinstance(record, dict):
        pieces = next((record[name] for name in PARTS["train"] if name in record), None)
    for _ in range(3):  # pieces, frames, pitches; a rest has none
        if not isinstance(pieces, list):
            return False
        pieces = next((item for item in pieces if item != []), None)
    return isinstance(pieces, int)


def _rolls(arrays: Iterable[np.ndarray | Roll], dt: float | None, beats: float | None) -> list[Roll]:
    if dt is None:
        dt = DEFAULT_DT if beats is None else beats * SECONDS_PER_BEAT
    return [array if isinstance(array, Roll) else Roll.from_planes(array, dt=dt, beats=beats) for array in list(arrays)]


def _without_rests_around(roll: Roll) -> Roll:
    sounding = np.flatnonzero(roll.frames.any(axis=1))
    kept = slice(sounding[0], sounding[-1] + 1)
    onsets = None if roll.onsets is None else roll.onsets[kept]
    return Roll(roll.frames[kept], onsets, roll.dt, roll.beats, roll.meter)


def _notes(reports: Reports) -> list[str]:
    """Return sentences on what was left out or altered, for all files together."""
    notes = []
    if refused := [report for report in reports if report.refused]:
        named = "; ".join(f"{report.name}: {report.refused}" for report in refused[:NAMED])
        more = f"; and {len(refused) - NAMED:,} more" if len(refused) > NAMED else ""
        notes.append(f"Left out {plural(len(refused), 'file')} ({named}{more}).")
    total: Counter[str] = Counter()
    for report in reports:
        total.update({name: getattr(report, name) for name in INCIDENTS})
    return notes + [f"{plural(total[name], 'note')} {what}." for name, what in INCIDENTS.items() if total[name]]
