"""Read sets of piano rolls as they are published: `.npz`, `.mat` and JSON, divided for training, validation and test.

Nothing is unpickled.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from charrnn.data.budget import LIMIT, require_memory
from charrnn.data.music.parts import PARTS, named, planes, required
from charrnn.data.music.rolls import KEYS, LOWEST, Roll
from charrnn.errors import SourceNotFound, SourceUnusable

JSON_GROWS = 25  # bytes that a byte of JSON may take once it is read, as in [[],[],...]
PICKLED = "holds pickled Python objects, which could run code: save arrays or lists instead"


class RollSet(NamedTuple):
    """The pieces of each part, as planes (T, 88) or (T, 176) of booleans, and the length of a frame if the file has it.

    A set that is not divided has but one part, "all".
    """

    parts: dict[str, list[np.ndarray]]
    dt: float | None = None
    beats: float | None = None


def read_rollset(path: Path, memory_limit: float = LIMIT) -> RollSet:
    """Read a set.

    Parameters
    ----------
    path : pathlib.Path
        A file of one of these kinds:

        `.npz`
            `train`, `valid` and `test`, the frames of all pieces of a part one after the other, 0 or 1, (N, 88); or
            (N, 11) with eight keys packed into each byte as `numpy.packbits` does; 176 and 22 with onsets. The lengths
            of its pieces stand in `train_len` and so on.
        `.mat`
            `traindata`, `validdata` and `testdata`, cell arrays of frames (T, 88) (Boulanger-Lewandowski et al. 2012).
        `.json`
            `train`, `valid` and `test`, lists of pieces, which are lists of frames, which are lists of the pitches that
            sound; or one such list of pieces. Numbers from 0 to 87, some of them below 21, count keys, others are
            MIDI's. A negative one is a rest. `dt` or `beats` may give the length of a frame.
    memory_limit : float
        Gigabytes of memory that reading may take, as its headers announce.

    Raises
    ------
    SourceNotFound
        If the file does not exist.
    SourceUnusable
        If it is damaged, of another kind, or would take more memory than allowed.
    NotInstalled
        If the file is a `.mat` and scipy is not installed.
    """
    readers: Mapping[str, Callable[[Path, float], RollSet]] = {".npz": _npz, ".mat": _mat, ".json": _json}
    if not path.is_file():
        raise SourceNotFound(f"There is no file {path}.")
    try:
        return readers[path.suffix.lower()](path, memory_limit)
    except OSError as error:
        if isinstance(error, SourceNotFound):
            raise
        raise SourceUnusable(
            f"{path} cannot be read: {error.strerror or error}. Give a file that you may read."
        ) from error


def _npz(path: Path, memory_limit: float) -> RollSet:
    arrays = _arrays(path, memory_limit)
    parts = {}
    for part, name in named(arrays).items():
        frames, lengths = _unpacked(path, name, arrays[name]), arrays.get(f"{name}_len", np.zeros(0))
        if not _make_up(lengths, len(frames)):
            raise SourceUnusable(f"{path}: {name}_len must hold lengths of pieces that make up {len(frames):,} frames.")
        parts[part] = np.split(frames, np.cumsum(lengths)[:-1])
    return RollSet(required(path, parts, arrays))


def _arrays(path: Path, memory_limit: float) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file; those that are not of a set are not read, but have their names."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = [name for part in named(names).values() for name in (part, f"{part}_len") if name in names]
            size = 0.0
            for name in wanted:
                with archive.open(names[name]) as file:
                    size += _size(*_header(file), path)
            require_memory(path, size, memory_limit)
            arrays = dict.fromkeys(names, np.zeros(0))
            for name in wanted:
                with archive.open(names[name]) as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
            return arrays
    except (SourceUnusable, OSError):
        raise
    except Exception as error:  # the parsers of zip and of headers meet foreign bytes
        raise SourceUnusable(f"{path} is not an intact .npz file: {error}.") from error


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _size(shape: tuple[int, ...], dtype: np.dtype, path: Path) -> float:
    """Return the bytes that an array takes, with those of its frames while they are made and checked."""
    if dtype.hasobject:
        raise SourceUnusable(f"{path} {PICKLED}.")
    cells = math.prod(shape)
    packed = dtype == np.uint8 and len(shape) == 2 and shape[1] in (KEYS // 8, KEYS // 4)
    return cells * dtype.itemsize + 4 * cells * (8 if packed else 1)


def _make_up(lengths: np.ndarray, total: int) -> bool:
    """Return whether lengths of pieces make up all frames."""
    whole = lengths.ndim == 1 and lengths.dtype.kind in "iu" and len(lengths) > 0
    return bool(whole and lengths.min() >= 0 and lengths.sum() == total)


def _unpacked(path: Path, name: str, frames: np.ndarray) -> np.ndarray:
    if frames.ndim == 2 and frames.dtype == np.uint8 and frames.shape[1] in (KEYS // 8, KEYS // 4):
        return np.unpackbits(frames, axis=1).astype(bool)
    return planes(path, name, frames)


def _mat(path: Path, memory_limit: float) -> RollSet:
    from charrnn.data.music import matfile

    with matfile.as_npz(path, memory_limit) as converted:
        arrays = _arrays(converted, memory_limit)
    parts = {}
    for part in PARTS:
        if part in arrays:
            frames = np.unpackbits(arrays[part], axis=1).astype(bool)
            parts[part] = np.split(frames, np.cumsum(arrays[f"{part}_len"])[:-1])
    return RollSet(parts)


def _json(path: Path, memory_limit: float) -> RollSet:
    require_memory(path, JSON_GROWS * path.stat().st_size, memory_limit)
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceUnusable(f"{path} is not JSON: {error}.") from error
    pieces = {"all": record}
    if isinstance(record, dict):
        pieces = {part: record[name] for part, name in named(record).items()}
    values = [
        value
        for part in pieces.values()
        for piece in _list(path, part)
        for frame in _list(path, piece)
        for value in _list(path, frame)
    ]
    if any(isinstance(value, bool) or not isinstance(value, int) for value in values):
        raise SourceUnusable(f"{path}: a frame must be a list of pitches, whole numbers.")
    low, high = min((value for value in values if value >= 0), default=0), max(values, default=0)
    lowest = 0 if low < LOWEST and high < KEYS else LOWEST
    parts = {
        part: [Roll.from_pitches(([n for n in frame if n >= 0] for frame in piece), lowest).frames for piece in found]
        for part, found in pieces.items()
    }
    timing = [record.get(name) if isinstance(record, dict) else None for name in ("dt", "beats")]
    return RollSet(required(path, parts, record), *timing)


def _list(path: Path, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise SourceUnusable(f"{path}: expected lists of pieces, of frames, of pitches, not {str(value)[:40]!r}.")
    return value
