"""Inputs made up for every reader, right checksums included: only charrnn's errors come out, soon, in little memory."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.durable.verdict import Verdict
from charrnn.errors import CharRNNError
from charrnn.storage import jsonfile, rows
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.checkpointfile import read_arrays
from charrnn.storage.history import History
from charrnn.storage.inventory import Inventory
from charrnn.storage.legacy import read_legacy
from charrnn.storage.modelfile import ModelFile
from charrnn.storage.npyfile import read_npy
from charrnn.storage.refs import Refs
from charrnn.storage.timetravel import note
from tests.storage.states import new_workdir

ODD = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**200,
    0.5,
    math.inf,
    math.nan,
    "",
    "x",
    "\x1b[31m",
    "../a",
    "\0",
    [],
    [[]],
    {},
]


def inputs(parent: Path, rng: Random) -> Iterator[Verdict]:
    """Give each reader in turn something that was whole once."""
    readers = list(_readers(parent))
    with mock.patch("os.fsync"):  # nothing here is about power cuts
        while True:
            for file, whole, change, read in readers:
                file.write_bytes(change(whole, rng))
                try:
                    read(file)
                except (CharRNNError, FileNotFoundError):
                    yield Verdict.FOUND
                else:
                    yield Verdict.HARMLESS


def bytes_changed(content: bytes, rng: Random) -> bytes:
    """Return the content with a few bytes set, left out, doubled, or cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.choice([1, 1, 4, 50]))
        act = rng.randrange(4)
        if act == 0:
            changed[at:end] = rng.choice([b"\0", b"\xff", b"9", b"[", b'"']) * (end - at)
        elif act == 1:
            del changed[at:end]
        elif act == 2:
            changed[at:at] = changed[at:end] * rng.choice([1, 3])
        elif rng.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def value_changed(value: Any, rng: Random) -> Any:
    """Return JSON's dicts and lists with one value in them exchanged, left out, or put elsewhere."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places:
        return rng.choice(ODD)
    for _ in range(rng.choice([1, 1, 2, 4])):
        home, key = rng.choice(places)
        with contextlib.suppress(LookupError):
            if rng.random() < 0.2:
                del home[key]
            elif rng.random() < 0.2:
                home[key] = copy.deepcopy(rng.choice(places)[0])
            else:
                home[key] = rng.choice(ODD)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _readers(parent: Path) -> Iterator[tuple[Path, bytes, Callable[[bytes, Random], bytes], Callable[[Path], object]]]:
    """Yield for each reader and way of changing: a file, its whole content, what changes it, what reads it."""
    workdir = new_workdir(parent / "whole", (10, 20))
    note(workdir, "a note")
    model = workdir.id
    home = parent / "home"
    home.mkdir()

    def signed(kind: str) -> Callable[[bytes, Random], bytes]:
        return lambda whole, rng: jsonfile.to_bytes(kind, 1, value_changed(json.loads(whole)["body"], rng))

    def read_history(file: Path) -> None:
        history = History(file, model, contextlib.nullcontext)
        repr(history)
        history.columns()
        history.steps()

    jsons: dict[str, Callable[[Path], object]] = {
        "model": lambda file: ModelFile.read(file.parent),
        "refs": lambda file: Refs.read(file, model),
        "inventory": lambda file: Inventory.read(file, model),
    }
    for kind, read in jsons.items():
        whole = (workdir.path / f"{kind}.json").read_bytes()
        yield home / f"{kind}.json", whole, bytes_changed, read
        yield home / f"{kind}.json", whole, signed(kind), read
    whole = workdir.history.path.read_bytes()
    yield home / "history.jsonl", whole, bytes_changed, read_history
    yield home / "history.jsonl", whole, lambda whole, rng: _row_changed(whole, model, rng), read_history
    last = workdir.find().path
    yield home / last.name, last.read_bytes(), bytes_changed, read_arrays
    yield home / last.name, last.read_bytes(), _record_changed, read_arrays
    bundle = export_bundle(workdir, parent / "whole.zip")
    yield home / "m.zip", bundle.read_bytes(), bytes_changed, _import
    yield home / "m.zip", bundle.read_bytes(), _member_changed, _import
    np.save(array := io.BytesIO(), np.arange(12.0).reshape(3, 4))
    yield home / "a.npy", array.getvalue(), bytes_changed, lambda file: _read_npy(file)
    shapes = {"E": (3, 2), "a": (2,), "U": (3, 2, 2), "W": (3, 2, 2), "b": (3, 2), "V": (2, 3), "c": (3,)}
    np.savez_compressed(legacy := io.BytesIO(), **{name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    yield home / "legacy.npz", legacy.getvalue(), bytes_changed, read_legacy
    yield home / "legacy.npz", legacy.getvalue(), _member_changed, read_legacy


def _read_npy(file: Path) -> None:
    with open(file, "rb") as stream:
        read_npy(stream, file.stat().st_size, file)


def _import(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        import_bundle(file, Path(folder, "copy"))


def _row_changed(whole: bytes, model: str, rng: Random) -> bytes:
    lines = whole.splitlines(keepends=True)
    n = rng.randrange(len(lines))
    row = value_changed(json.loads(lines[n])["row"], rng)
    if isinstance(row, dict) and rng.random() < 0.3:
        row[rng.choice([rows.GOTO, rows.STEPS])] = rng.choice([*ODD, {"step": "AAAA"}, {"loss": "AAA="}])
    number = rng.choice([n, n, n + 1, 2**40, -1])
    lines[n] = rows.written(model, number, json.dumps(row))
    return b"".join(lines)


def _record_changed(whole: bytes, rng: Random) -> bytes:
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    if rng.random() < 0.3:
        header = value_changed(header, rng)
    else:
        text = json.dumps(value_changed(json.loads(header["__metadata__"]["charrnn"]), rng))
        header["__metadata__"] = {"charrnn": text, "sha256": jsonfile.sha256(text)}
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    return struct.pack("<Q", rng.choice([len(packed)] * 9 + [2**62])) + packed + whole[8 + length :]


def _member_changed(whole: bytes, rng: Random) -> bytes:
    """Return a zip with right checksums, one of whose members is changed, renamed, left out or very large."""
    with zipfile.ZipFile(io.BytesIO(whole)) as former:
        members = {info.filename: (former.read(info), info.compress_type) for info in former.infolist()}
    name = rng.choice(list(members))
    content, method = members.pop(name)
    act = rng.randrange(4)
    if act == 0:
        members[name] = bytes_changed(content, rng), method
    elif act == 1:
        members[rng.choice(["../a", "model.json", "checkpoints/x.safetensors", "F.npy", "/etc/a"])] = content, method
    elif act == 2:
        members[name] = content + bytes(rng.choice([1, 10**6])), rng.choice([method, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(new := io.BytesIO(), "w") as bundle:
        for member, (data, compression) in members.items():
            bundle.writestr(member, data, compression)
    return new.getvalue()
