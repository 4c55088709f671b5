"""The file of a checkpoint: safetensors, with every array, and in its header everything else.

The header's metadata has two entries: `charrnn`, a JSON text with the facts and the caller's record, and `sha256`, the
checksum of that text. The text holds the checksum of each array, so nothing in the file can change unnoticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import charrnn
from charrnn.errors import CorruptFile, InvalidValue, SaveFailed
from charrnn.storage import budget
from charrnn.storage.atomic import write_atomically
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.faults import reading
from charrnn.storage.jsonfile import check_format, dump_json, require_content, sha256
from charrnn.storage.plain import opened
from charrnn.storage.schema import Optional

VERSION = 1
_SHAPE = {
    "name": str,
    "model": str,
    "time": str,
    "serial": int,
    "branch": str,
    "parent": (str, type(None)),
    "history": int,
    "arrays": {str: str},
    "record": {"epoch": int, "step": int, "pos": Optional(int), "valid_loss": (int, float, type(None))},
}


def write_checkpoint(path: Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> Checkpoint:
    """Write arrays and facts (JSON-able) as the file `path`, at once or not at all; return the checkpoint."""
    stored = {name: _storable(name, array) for name, array in arrays.items()}
    digests = {name: _digest(name, array) for name, array in stored.items()}
    head = {"format": "charrnn checkpoint", "version": VERSION, "charrnn": charrnn.__version__}
    text = dump_json({**head, "arrays": digests, **facts}, "the record of a checkpoint")
    try:
        write_atomically(path, save(stored, metadata={"charrnn": text, "sha256": sha256(text)}))
    except SaveFailed:
        with contextlib.suppress(OSError):  # the disk may have failed after the renaming
            path.unlink(missing_ok=True)
        raise
    return _checkpoint(path, json.loads(text))


def read_header(path: Path, max_memory: int = budget.MEMORY) -> tuple[Checkpoint, dict[str, Any]]:
    """Return the checkpoint at `path` and all its facts, having read only the file's header.

    Raises
    ------
    CorruptFile, NewerFormat
        As `read_arrays`; damage inside the arrays is found only there.
    FileNotFoundError
        If it does not exist.
    """
    with reading(path, "checkpoint"), opened(path) as file:
        return _parse(path, _header(path, file, max_memory), max_memory)


def read_arrays(path: Path, max_memory: int = budget.MEMORY) -> dict[str, np.ndarray]:
    """Return every array of the checkpoint at `path`: writable, bit for bit as saved, and checked against its checksum.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    max_memory : int
        Bytes that its arrays may take twice over: they are there as the file has them, and copied.

    Raises
    ------
    CorruptFile, FileUnreadable, TooLarge
        If the file is truncated, altered, foreign, cannot be read or would take too much memory; the message names it,
        and the array where one is concerned.
    NewerFormat
        If a newer charrnn wrote it.
    FileNotFoundError
        If it does not exist.
    """
    with reading(path, "checkpoint"), opened(path) as file:
        header = _header(path, file, max_memory)
        digests = _parse(path, header, max_memory)[1]["arrays"]
        budget.require_memory(path, 2 * os.fstat(file.fileno()).st_size, 2 * max_memory)
        file.seek(0)
        try:
            arrays = load(file.read())
        except SafetensorError as error:
            raise CorruptFile(f"{path} is damaged: {error}.") from error
        if arrays.keys() != digests.keys():
            odd = ", ".join(sorted(arrays.keys() ^ digests.keys()))
            raise CorruptFile(f"{path} is damaged: its arrays are not those of its record (differing: {odd}).")
        for name, array in arrays.items():
            if _digest(name, array) != digests[name]:
                raise CorruptFile(f"{path} is damaged: array {name} does not match its checksum.")
        return {name: arrays[name] if arrays[name].flags.writeable else arrays[name].copy() for name in digests}


def nonfinite(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return the names of the arrays that hold an infinity or a nan, as after a ruinous update.

    >>> nonfinite({"a": np.ones(2), "b": np.array([1, np.nan]), "c": np.arange(3)})
    ['b']
    """
    return [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]


def _header(path: Path, file: BinaryIO, max_memory: int) -> dict[str, Any]:
    """Return the JSON at the beginning of a safetensors file."""
    (length,) = struct.unpack("<Q", file.read(8))
    if length > os.fstat(file.fileno()).st_size - 8:
        raise CorruptFile(f"{path} is damaged or no charrnn checkpoint: it is shorter than its header says.")
    text = file.read(length)
    budget.require_memory(path, budget.json_memory(text), max_memory)
    return json.loads(text)


def _parse(path: Path, header: dict[str, Any], max_memory: int) -> tuple[Checkpoint, dict[str, Any]]:
    """Return the checkpoint and all the facts that a header holds."""
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not {"charrnn", "sha256"} <= metadata.keys():
        raise CorruptFile(f"{path} is damaged or no charrnn checkpoint: its header has no record.")
    text = metadata["charrnn"]
    if sha256(text) != metadata["sha256"]:
        raise CorruptFile(f"{path} is damaged: its record does not match its checksum.")
    budget.require_memory(path, budget.json_memory(text.encode("ascii")), max_memory)
    facts = json.loads(text)
    check_format(facts, path, "checkpoint", VERSION)
    require_content(facts, _SHAPE, path)
    if facts["name"] != path.stem:
        raise CorruptFile(f"{path} holds another checkpoint, {facts['name']}: it was renamed or swapped.")
    return _checkpoint(path, facts), facts


def _checkpoint(path: Path, facts: dict[str, Any]) -> Checkpoint:
    record = facts["record"]
    if facts["serial"] < 1 or min(facts["history"], record["epoch"], record["step"]) < 0:
        raise CorruptFile(f"{path} is damaged: its record has a negative count, or no serial number.")
    loss = record["valid_loss"]
    return Checkpoint(
        name=facts["name"],
        path=path,
        epoch=record["epoch"],
        step=record["step"],
        pos=record.get("pos", 0),
        loss=None if loss is None else float(loss),
        time=datetime.fromisoformat(facts["time"]),
        branch=facts["branch"],
        parent=facts["parent"],
        serial=facts["serial"],
        history=facts["history"],
        record=record,
    )


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array as the file holds it: little-endian, contiguous, of the same shape (0-d included)."""
    array = np.asarray(array)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise InvalidValue(
            f"array {name} has dtype {array.dtype}: expected booleans, integers or float16, float32, float64. "
            "Convert it before saving."
        )
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _digest(name: str, array: np.ndarray) -> str:
    """Return the checksum of an array's name, dtype, shape and bytes."""
    digest = hashlib.sha256(f"{name} {array.dtype.str} {array.shape}".encode())
    digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
