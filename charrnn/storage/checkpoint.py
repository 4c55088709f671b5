"""One checkpoint: a single safetensors file that holds every array, and in its header everything else.

The header's metadata has two entries: `charrnn`, a JSON text with the facts and the caller's record, and `sha256`, the
checksum of that text. The text holds the checksum of each array, so nothing in the file can change unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from charrnn.errors import CorruptFile, InvalidValue
from charrnn.storage.atomic import write_atomically
from charrnn.storage.jsonfile import check_format, dump_json, sha256

VERSION = 1
SUFFIX = ".safetensors"
_NAME = re.compile(r"e(?P<epoch>\d{4,})-s(?P<step>\d{8,})-v(?P<loss>none|nan|inf|[\d.]+|\de\+\d+)(-\d+)?")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint is, without its arrays.

    Attributes
    ----------
    name
        `e<epoch>-s<step>-v<loss>`: sorts by time within one run and is legal on every file system.
    path
        Its file.
    epoch, step, pos
        Whole passes over the training text; batches trained on since the beginning; batches into the present epoch.
    loss
        Validation loss in nats per character, or None where it was not measured.
    time
        When it was saved (UTC).
    branch, parent
        The branch it was saved on, and the name of the checkpoint that training had gone on from (None: the first).
    serial
        1, 2, 3 ... in the order of saving, over all branches.
    history
        How many lines of the history had been written then.
    record
        Everything that the caller saved with it.
    """

    name: str
    path: Path = field(compare=False)
    epoch: int
    step: int
    pos: int
    loss: float | None
    time: datetime
    branch: str
    parent: str | None
    serial: int
    history: int
    record: dict[str, Any] = field(compare=False)

    def __repr__(self) -> str:
        loss = "no loss" if self.loss is None else f"{self.loss:.4f} nats/{self._unit}"
        return f"<Checkpoint {self.name}: {loss}, {self.time:%Y-%m-%d %H:%M} UTC, branch {self.branch}>"

    def __hash__(self) -> int:
        return hash((self.name, self.serial))

    def printstats(self, out: TextIO | None = None) -> None:
        """Print date, position and loss, one to a line, to `out` (standard output)."""
        out = out or sys.stdout
        print(f"Checkpoint:   {self.name}", file=out)
        print(f"Date:         {self.time:%Y-%m-%d %H:%M:%S} UTC", file=out)
        print(f"Branch:       {self.branch}", file=out)
        print(f"Epoch:        {self.epoch}, position {self.pos}, step {self.step}", file=out)
        if self.loss is not None:
            bits, perplexity = self.loss / math.log(2), float(np.exp(self.loss))
            others = f" ({bits:.4f} bits, perplexity {perplexity:.2f})" if self._unit == "char" else ""
            print(f"Loss:         {self.loss:.4f} nats/{self._unit}{others}", file=out)

    @property
    def _unit(self) -> str:
        return self.record.get("unit", "char")


def checkpoint_name(epoch: int, step: int, loss: float | None) -> str:
    """Return the name for a checkpoint.

    >>> checkpoint_name(3, 12034, 1.5119), checkpoint_name(0, 0, None), checkpoint_name(1, 7, 1e30)
    ('e0003-s00012034-v1.512', 'e0000-s00000000-vnone', 'e0001-s00000007-v1e+30')
    """
    shown = "none" if loss is None else f"{loss:.3f}" if not loss >= 1e6 or math.isinf(loss) else f"{loss:.0e}"
    return f"e{epoch:04d}-s{step:08d}-v{shown}"


class Place(NamedTuple):
    """What a checkpoint's name tells: the step, and the loss (infinite where there is none)."""

    step: int
    loss: float


def place_of(name: str) -> Place | None:
    """Return what a checkpoint's name tells, or None if it is no such name.

    >>> place_of("e0003-s00012034-v1.512-2"), place_of("model")
    (Place(step=12034, loss=1.512), None)
    """
    match = _NAME.fullmatch(name)
    if not match:
        return None
    return Place(int(match["step"]), math.inf if match["loss"] in ("none", "nan") else float(match["loss"]))


def write_checkpoint(path: Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Write arrays and facts (JSON-able) as the checkpoint file `path`, at once or not at all."""
    stored = {name: _storable(name, array) for name, array in arrays.items()}
    digests = {name: _digest(name, array) for name, array in stored.items()}
    document = {"format": "charrnn checkpoint", "version": VERSION, "arrays": digests, **facts}
    text = dump_json(document, "the record of a checkpoint")
    write_atomically(path, save(stored, metadata={"charrnn": text, "sha256": sha256(text)}))


def read_header(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Return the checkpoint at `path` and all its facts, having read only the file's header.

    Raises
    ------
    CorruptFile, NewerFormat
        As `read_arrays`; damage inside the arrays is found only there.
    FileNotFoundError
        There is no such file.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
        text = metadata["charrnn"]
        intact = sha256(text) == metadata["sha256"]
        facts = json.loads(text)
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, KeyError, UnicodeError, ValueError) as error:
        raise CorruptFile(f"{path} is damaged or no charrnn checkpoint ({error}).") from error
    if not intact:
        raise CorruptFile(f"{path} is damaged: its record does not match its checksum.")
    check_format(facts, path, "checkpoint", VERSION)
    if facts["name"] != path.stem:
        raise CorruptFile(f"{path} holds another checkpoint, {facts['name']}: it was renamed or swapped.")
    record = facts["record"]
    checkpoint = Checkpoint(
        name=facts["name"],
        path=path,
        epoch=record["epoch"],
        step=record["step"],
        pos=record.get("pos", 0),
        loss=record["valid_loss"],
        time=datetime.fromisoformat(facts["time"]),
        branch=facts["branch"],
        parent=facts["parent"],
        serial=facts["serial"],
        history=facts["history"],
        record=record,
    )
    return checkpoint, facts


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return every array of the checkpoint at `path`: writable, bit for bit as saved, and checked against its checksum.

    Raises
    ------
    CorruptFile
        The file is truncated, altered or foreign; the message names it, and the array where one is concerned.
    NewerFormat
        A newer charrnn wrote it.
    FileNotFoundError
        There is no such file.
    """
    digests = read_header(path)[1]["arrays"]
    try:
        arrays = load(path.read_bytes())
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptFile(f"{path} is damaged: {error}.") from error
    if arrays.keys() != digests.keys():
        odd = ", ".join(sorted(arrays.keys() ^ digests.keys()))
        raise CorruptFile(f"{path} is damaged: its arrays are not those of its record (differing: {odd}).")
    for name, array in arrays.items():
        if _digest(name, array) != digests[name]:
            raise CorruptFile(f"{path} is damaged: array {name} does not match its checksum.")
    return {name: arrays[name] if arrays[name].flags.writeable else arrays[name].copy() for name in digests}


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
