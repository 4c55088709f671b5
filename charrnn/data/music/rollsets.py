"""Read sets of piano rolls as they are published: `.npz`, `.mat` and JSON, divided for training, validation and test.

Nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from charrnn.data.music.rolls import KEYS, LOWEST, Roll, plane
from charrnn.errors import InvalidValue, SourceNotFound, SourceUnusable, need

PARTS = {
    "train": ("train", "training", "traindata"),
    "valid": ("valid", "validation", "val", "dev", "validdata"),
    "test": ("test", "testing", "testdata"),
}
PICKLED = "holds pickled Python objects, which could run code: save arrays or lists instead"


class RollSet(NamedTuple):
    """The pieces of each part, as planes (T, 88) or (T, 176) of booleans, and the length of a frame if the file has it.

    A set that is not divided has but one part, "all".
    """

    parts: dict[str, list[np.ndarray]]
    dt: float | None = None
    beats: float | None = None


def read_rollset(path: Path) -> RollSet:
    """Read a set.

    Parameters
    ----------
    path
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

    Raises
    ------
    SourceNotFound
        There is no such file.
    SourceUnusable
        It is damaged, or holds something else.
    NotInstalled
        scipy is not installed, and the file is a `.mat`.
    """
    readers: Mapping[str, Callable[[Path], RollSet]] = {".npz": _npz, ".mat": _mat, ".json": _json}
    if not path.is_file():
        raise SourceNotFound(f"There is no file {path}.")
    return readers[path.suffix.lower()](path)


def _npz(path: Path) -> RollSet:
    try:
        with path.open("rb") as content, np.lib.npyio.NpzFile(content, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        if "allow_pickle" in str(error):
            raise SourceUnusable(f"{path} {PICKLED}.") from None
        raise SourceUnusable(f"{path} is no whole .npz file: {error}.") from error
    parts = {}
    for part, name in _named(arrays).items():
        frames, lengths = _unpacked(path, name, arrays[name]), arrays.get(f"{name}_len", np.zeros(0))
        if not _make_up(lengths, len(frames)):
            raise SourceUnusable(f"{path}: {name}_len must hold lengths of pieces that make up {len(frames):,} frames.")
        parts[part] = np.split(frames, np.cumsum(lengths)[:-1])
    return RollSet(_required(path, parts, arrays))


def _make_up(lengths: np.ndarray, total: int) -> bool:
    """Return whether lengths of pieces make up all frames."""
    whole = lengths.ndim == 1 and lengths.dtype.kind in "iu" and len(lengths) > 0
    return bool(whole and lengths.min() >= 0 and lengths.sum() == total)


def _unpacked(path: Path, name: str, frames: np.ndarray) -> np.ndarray:
    if frames.ndim == 2 and frames.dtype == np.uint8 and frames.shape[1] in (KEYS // 8, KEYS // 4):
        return np.unpackbits(frames, axis=1).astype(bool)
    return _planes(path, name, frames)


def _mat(path: Path) -> RollSet:
    scipy_io = need("scipy.io", "music")
    try:
        arrays = {name: value for name, value in scipy_io.loadmat(path).items() if not name.startswith("__")}
    except NotImplementedError:
        raise SourceUnusable(f"{path} is of MATLAB 7.3, which is not read: save it with -v7.") from None
    except Exception as error:  # the parser meets foreign bytes, and raises whatever they lead it to
        raise SourceUnusable(f"{path} is no whole .mat file: {error}.") from error
    parts = {
        part: [_planes(path, name, piece) for piece in arrays[name].ravel()] for part, name in _named(arrays).items()
    }
    return RollSet(_required(path, parts, arrays))


def _json(path: Path) -> RollSet:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SourceUnusable(f"{path} is no JSON: {error}.") from error
    named = _named(record) if isinstance(record, dict) else {}
    pieces = {part: record[name] for part, name in named.items()} if isinstance(record, dict) else {"all": record}
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
    return RollSet(_required(path, parts, record), *timing)


def _list(path: Path, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise SourceUnusable(f"{path}: expected lists of pieces, of frames, of pitches, not {str(value)[:40]!r}.")
    return value


def _planes(path: Path, name: str, piece: np.ndarray) -> np.ndarray:
    """Return frames, with or without onsets, as booleans."""
    try:
        if getattr(piece, "ndim", 0) == 2 and piece.shape[1] == 2 * KEYS:
            return np.concatenate([plane(name, half) for half in np.split(piece, 2, axis=1)], axis=1)
        return plane(name, piece)
    except InvalidValue as error:
        raise SourceUnusable(f"{path}: {error}") from error


def _named(found: Iterable[str]) -> dict[str, str]:
    """Return the name that each part has, for those there are.

    >>> _named(["testdata", "traindata", "other"])
    {'train': 'traindata', 'test': 'testdata'}
    """
    found = set(found)
    return {part: name for part, names in PARTS.items() for name in names if name in found}


def _required(path: Path, parts: dict[str, list[np.ndarray]], found: Iterable[str]) -> dict[str, list[np.ndarray]]:
    if "train" not in parts and "all" not in parts:
        names = ", ".join(sorted(map(str, found))[:10]) or "nothing"
        raise SourceUnusable(f"{path} has no part called train: it holds {names}.")
    return parts
