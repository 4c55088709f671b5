"""Open piano music, whatever it stands in: MIDI files, published sets of piano rolls, arrays."""

from __future__ import annotations

import hashlib
import os
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from charrnn import checks
from charrnn.data.budget import LIMIT, require_memory
from charrnn.data.music.midirolls import INCIDENTS, FileReport, read_rolls, require_one_step
from charrnn.data.music.parts import PARTS
from charrnn.data.music.rolls import KEYS, Roll
from charrnn.data.music.rollsets import read_rollset
from charrnn.data.text import paths
from charrnn.data.text.paths import MIDI, is_midi
from charrnn.errors import CorruptFile, InvalidValue, SourceNotFound, SourceUnusable
from charrnn.wording import plural

SETS = (".npz", ".mat", ".json")
PICKLES = (".pkl", ".pickle")
SECONDS_PER_BEAT = 0.5
DEFAULT_DT = 0.25
SHORTEST = 2  # frames of a piece: fewer have nothing to predict
HEAD = 1 << 16  # characters of a JSON file that tell whether it holds pieces
NAME = "|".join(name for names in PARTS.values() for name in names)
RESTS = r"(?:\[\s*\]\s*,\s*)*"
PIECES = re.compile(  # a list of pieces, which are lists of frames, of pitches; a rest has none
    rf'\s*(?:\{{(?:.*?,)?\s*"(?:{NAME})"\s*:\s*)?\[\s*{RESTS}\[\s*{RESTS}\[\s*-?\d+\s*[],]', re.DOTALL
)
NAMED = 100  # files that a note names; `Pieces.reports` holds all


class Reports(list[FileReport]):
    """What became of each file, a line for each."""

    def to_json(self) -> list[dict[str, Any]]:
        """Return a JSON-able record."""
        return [vars(report).copy() for report in self]

    @classmethod
    def from_json(cls, record: Iterable[dict[str, Any]]) -> Reports:
        """Restore reports from their record.

        Raises
        ------
        CorruptFile
            If the record is not one of reports.
        """
        try:
            return cls(FileReport(**entry) for entry in record)
        except TypeError as error:
            raise CorruptFile(f"The record of the files read is damaged: {error}. Restore it from a copy.") from error

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


class Pieces:
    """Pieces of piano music, divided for training, validation and test if their source is.

    Attributes
    ----------
    name : str
        Name of the file or folder.
    onsets : bool
        Whether struck and held keys are distinguished.
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
        self,
        name: str,
        rolls: Iterable[tuple[str, Roll]],
        onsets: bool,
        reports: Reports | None = None,
        memory_limit: float = LIMIT,
    ) -> None:
        self.name = name
        self.onsets = onsets
        self.reports = Reports() if reports is None else reports
        self._parts: dict[str, list[np.ndarray]] = {}
        width, short, size, told = (2 if onsets else 1) * KEYS // 8, 0, 0, False
        steps = []
        for part, roll in rolls:  # each is packed before the next one is read
            pieces = self._parts.setdefault(part, [])
            if len(roll) < SHORTEST:
                short += 1
                continue
            size += len(roll) * width
            require_memory(name, size, memory_limit)
            pieces.append(self._packed(roll))
            steps.append((roll.dt, roll.beats))
            told = told or roll.onsets is not None
        self.notes = _notes(self.reports)
        if short:
            self.notes.append(f"Left out {plural(short, 'piece')} of fewer than {SHORTEST} frames.")
        if not self._parts.get("train") and not self._parts.get("all"):
            raise SourceUnusable(f"{name} holds no piece to learn from. {' '.join(self.notes)}".rstrip())
        if onsets and not told:
            self.notes.append("A key is taken as struck where it begins to sound: the source does not tell.")
        self.dt = float(statistics.median(dt for dt, _ in steps))
        self.beats = steps[0][1]

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | Iterable[np.ndarray | Roll | str | os.PathLike[str]],
        *,
        dt: float | None = None,
        beats: float | None = None,
        onsets: bool = False,
        pedal: bool = True,
        memory_limit: float = LIMIT,
    ) -> Pieces:
        """Open music of any kind.

        Parameters
        ----------
        source : path, or iterable of numpy.ndarray, Roll or paths
            A MIDI file; a folder of them, those in its sub-folders included, divided if these are called `train`,
            `valid` and `test`; a list of MIDI files; a set of piano rolls, as `charrnn.data.music.rollsets` describes
            them; a list of `Roll`s or of arrays of 0 and 1, (T, 88), or (T, 176) with onsets.
        dt, beats : float, optional
            Seconds of a frame, or beats of a frame. MIDI files are cut into such frames, a quarter of a beat if neither
            is given; for other sources this only tells how they sound.
        onsets : bool
            Whether to tell struck keys from held ones, in columns of their own.
        pedal : bool
            Whether notes of MIDI files last as long as the sustain pedal holds them.
        memory_limit : float
            Gigabytes of memory that the source may take.

        Raises
        ------
        SourceNotFound
            If a file or folder does not exist.
        SourceUnusable
            If it has no piece, an unexpected content, or takes more memory than allowed.
        InvalidValue
            If another argument has the wrong type or is out of range.
        NotInstalled
            If a library that reads it is not installed.
        """
        require_one_step(dt, beats)
        checks.flag("pedal", pedal)
        checks.number("memory_limit", memory_limit, above=0)
        if not isinstance(source, str | os.PathLike):
            if not isinstance(source, Iterable):
                raise InvalidValue(
                    f"{source!r:.60} is not music: expected a file, a folder, or a list of files or arrays."
                )
            given = list(source)
            files = paths.listed_files(given)
            if files is not None:
                return cls._of_midi("list", files, dt, beats, onsets, pedal, memory_limit)
            rolls = (("all", roll) for roll in _rolls(cast(list[Any], given), dt, beats))
            return cls("arrays", rolls, onsets, None, memory_limit)
        path = paths.require_path(source)
        if not path.exists():
            raise SourceNotFound(f"There is no file or folder {path}.")
        suffix = path.suffix.lower()
        if suffix in PICKLES:
            raise SourceUnusable(f"{path} is a pickle, which could run code: save it as .npz, .mat or .json instead.")
        if path.is_dir() or _is_midi(path):
            files, others = _midi_files(path) if path.is_dir() else ([path], 0)
            if not files:
                raise SourceUnusable(f"{path} holds no MIDI file: expected names that end in {', '.join(MIDI)}.")
            pieces = cls._of_midi(path, files, dt, beats, onsets, pedal, memory_limit)
            if others:
                pieces.notes.append(
                    f"Passed over {plural(others, 'file')} that {'is' if others == 1 else 'are'} not MIDI."
                )
            return pieces
        if suffix not in SETS:
            raise SourceUnusable(f"{path} is not music: expected a folder, or a file of {', '.join(MIDI + SETS)}.")
        found = read_rollset(path, memory_limit)
        timing = (found.dt, found.beats) if dt is None and beats is None else (dt, beats)
        rolls = ((part, roll) for part, planes in found.parts.items() for roll in _rolls(planes, *timing))
        return cls(path.name, rolls, onsets, None, memory_limit)

    @classmethod
    def _of_midi(
        cls,
        place: Path | str,
        files: list[Path],
        dt: float | None,
        beats: float | None,
        onsets: bool,
        pedal: bool,
        memory_limit: float,
    ) -> Pieces:
        folder = place if isinstance(place, Path) and place.is_dir() else None
        names = {name: part for part, names in PARTS.items() for name in names}
        part_of = {file: names.get(file.relative_to(folder).parts[0].lower(), "") if folder else "" for file in files}
        divided = "train" in part_of.values()
        reports = Reports()

        def read() -> Iterator[tuple[str, Roll]]:
            for file in files:
                rolls, report = read_rolls(file, dt, beats, onsets, pedal)
                report.name = file.relative_to(folder).as_posix() if folder else file.name
                reports.append(report)
                for roll in rolls:
                    yield (part_of[file] or "train") if divided else "all", _without_rests_around(roll)

        return cls(place.name if isinstance(place, Path) else place, read(), onsets, reports, memory_limit)

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
    holds arrays or rolls, or the paths of MIDI files. Nothing is imported for it, and nothing raised.

    >>> is_music("alice.txt"), is_music([np.zeros((4, 88))]), is_music(["a poem"])
    (False, True, False)
    """
    if isinstance(source, list | tuple):
        return bool(source) and (
            all(isinstance(item, Roll | np.ndarray) for item in source)
            or all(paths.is_file(item) and _is_midi(Path(item).expanduser()) for item in source)
        )
    if not isinstance(source, str | os.PathLike) or not str(source).strip():
        return False
    try:
        path = paths.require_path(source)
        if path.is_dir():
            music, others = folder_census(path)
            return music > 0 and music >= others
        if path.suffix.lower() == ".json":
            return _holds_pieces(path)
        return path.suffix.lower() in (*MIDI, ".npz", ".mat") or _is_midi(path)
    except (OSError, SourceUnusable):
        return False


def has_music(source: Any) -> bool:
    """Return whether a source is music, or a folder with some in it; nothing is raised."""
    try:
        return is_music(source) or (paths.is_folder(source) and folder_census(Path(source).expanduser())[0] > 0)
    except SourceUnusable:
        return False


def folder_census(folder: Path) -> tuple[int, int]:
    """Return how many files of a folder are MIDI files, and how many are not."""
    files, others = _midi_files(folder)
    return len(files), others


def _midi_files(folder: Path) -> tuple[list[Path], int]:
    """Return the MIDI files of a folder and its sub-folders, and the number of other files."""
    files, _ = paths.folder_files(folder)
    music = [file for file in files if is_midi(file)]
    return music, len(files) - len(music)


def _is_midi(path: Path) -> bool:
    if is_midi(path):
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith(b"MThd") or (head.startswith(b"RIFF") and head.endswith(b"RMID"))


def _holds_pieces(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return PIECES.match(file.read(HEAD)) is not None


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
    return notes + [f"{plural(total[name], noun)} {what}." for name, (noun, what) in INCIDENTS.items() if total[name]]
