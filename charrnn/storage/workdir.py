"""The working directory: everything a model is, on disk, where nothing is ever lost.

model.json                      what never changes: settings, characters, what was learned from
data/                           the encoded text
checkpoints/<name>.safetensors  one whole state each
history.jsonl                   one line for every round or step
refs.json                       branches, pins, notes
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import (
    CharRNNError,
    CheckpointNotFound,
    CorruptFile,
    DamageWarning,
    InvalidValue,
    NotAModelDirectory,
    near_matches,
)
from charrnn.storage import lookup
from charrnn.storage.atomic import discard_temporaries, write_atomically
from charrnn.storage.checkpoint import Checkpoint, read_arrays
from charrnn.storage.creation import MODEL_FILE, is_model, resolve, restore_replaced, staged
from charrnn.storage.history import History
from charrnn.storage.jsonfile import document_bytes, read_document
from charrnn.storage.lock import WriterLock
from charrnn.storage.refs import Refs
from charrnn.storage.shelf import Shelf

VERSION = 1
DATA = "data"
CHECKPOINTS = "checkpoints"
REFS_FILE = "refs.json"
HISTORY_FILE = "history.jsonl"
_ATTEMPTS = 20

Facts = dict[str, Any]
Which = Checkpoint | str | int | None


class WorkDir:
    """An open working directory. Make one with `WorkDir.create` or `WorkDir.open`.

    Any number of processes may read; those who write hold `lock()`. Every method that writes takes it for itself, so a
    program need hold it only around what belongs together (a training run).

    Attributes
    ----------
    path
        The directory.
    model
        The facts given at its creation.
    data
        The folder of encoded text (absent in a directory imported from a bundle).
    history
        The `History` of every round or step.
    shelf
        The folder of checkpoints.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     workdir = WorkDir.create(Path(parent, "alice"), {"modeltype": "GRUEncode"})
    ...     saved = workdir.save_checkpoint({"W": np.eye(2)}, {"epoch": 0, "step": 5, "valid_loss": 3.25})
    ...     again = WorkDir.open(Path(parent, "alice"))
    ...     arrays, record = again.read("last")
    >>> saved.name, again.model, arrays["W"][0], record["valid_loss"]
    ('e0000-s00000005-v3.250', {'modeltype': 'GRUEncode'}, array([1., 0.]), 3.25)
    """

    def __init__(self, path: Path) -> None:
        try:
            body = read_document(path / MODEL_FILE, "model", VERSION)
        except CorruptFile as error:
            raise CorruptFile(f"{error} Put back a copy of it: it never changes, so one of any age will do.") from error
        self.path = path
        self.data = path / DATA
        self.model: Facts = body["model"]
        self.id: str = body["id"]
        self.data_files: dict[str, Facts] = body["data"]
        self._lock = WriterLock(path, on_acquire=self._clear_leftovers)
        self.shelf = Shelf(path / CHECKPOINTS, self.id)
        self.history = History(path / HISTORY_FILE, self.id, self.lock)

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], model: Facts | Callable[[Path], Facts], overwrite: bool = False
    ) -> WorkDir:
        """Make a new working directory, whole or not at all.

        Parameters
        ----------
        path
            Where: a directory that does not exist yet, or is empty.
        model
            The facts that never change (JSON-able); or a function that is given the empty `data` folder, fills it, and
            returns the facts.
        overwrite
            Replace a model that is there already, with all its checkpoints.

        Raises
        ------
        ModelExists, InvalidValue, WorkdirLocked, SaveFailed
            See `creation.staged`. Whatever `model` raises passes through; in every case all is as before.
        """
        target = resolve(path)
        with staged(target, overwrite) as stage:
            data = stage / DATA
            data.mkdir()
            (stage / CHECKPOINTS).mkdir()
            body = {
                "id": uuid.uuid4().hex,
                "created": datetime.now(UTC).isoformat(),
                "model": model(data) if callable(model) else model,
                "data": {file.name: file_facts(file) for file in sorted(data.iterdir())},
            }
            (stage / REFS_FILE).write_bytes(Refs().to_bytes())
            (stage / MODEL_FILE).write_bytes(document_bytes("model", VERSION, body))
        return cls(target)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> WorkDir:
        """Open the working directory `path`, for reading and writing; nothing is written yet.

        Raises
        ------
        NotAModelDirectory
            It does not exist, or holds no model.
        CorruptFile, NewerFormat
            Its `model.json` is damaged, or of a later charrnn.
        """
        target = resolve(path)
        restore_replaced(target)
        if not is_model(target):
            what = "holds no charrnn model" if target.exists() else "does not exist"
            folders = (*target.parent.glob("*"), *target.glob("*"))
            models = [folder.relative_to(target.parent).as_posix() for folder in folders if is_model(folder)]
            hint = f" {near_matches(target.name, models)}" if models else ""
            raise NotAModelDirectory(f"{target} {what}. Make one with ModelState.initfromsrcfile (charrnn new).{hint}")
        return cls(target)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one writer for a `with` block (readers are never kept out).

        Raises
        ------
        WorkdirLocked
            Another process is writing; the message names it.
        SaveFailed
            The directory is read-only or gone.
        """
        with self._lock.held():
            yield

    @property
    def refs(self) -> Refs:
        """Branches, pins and notes as they are on disk now."""
        try:
            return Refs.read(self.path / REFS_FILE)
        except FileNotFoundError:
            return Refs()
        except CorruptFile as error:
            raise CorruptFile(
                f"{error} Put back a copy of it, or delete it: branches, pins and notes are lost then, checkpoints not."
            ) from error

    def snapshot(self) -> tuple[Refs, list[Checkpoint], dict[str, CharRNNError]]:
        """Return refs, readable checkpoints and damaged ones as they stood at one moment, a writer at work or not."""
        before = None
        for _ in range(_ATTEMPTS):  # what two looks in succession agree on did not change between its parts
            now = self.refs, *self.shelf.scan()
            if now == before:
                break
            before = now
        return now

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All readable checkpoints, in the order of saving. Damaged ones are left out with a `DamageWarning`."""
        _, found, damaged = self.snapshot()
        for error in damaged.values():
            warnings.warn(f"{error} It is left out.", DamageWarning, stacklevel=2)
        return found

    def save_checkpoint(self, arrays: dict[str, np.ndarray], record: Facts) -> Checkpoint:
        """Save a state as the newest checkpoint of the current branch, at once or not at all.

        Rows that belong to it are appended to the history before.

        Parameters
        ----------
        arrays
            Name to array, of booleans, integers or floats up to 64 bits.
        record
            JSON-able; `epoch`, `step` (batches trained on since the beginning) and `valid_loss` (nats per character, or
            None) are needed, `pos` (batches into the epoch) is shown.

        Raises
        ------
        InvalidValue
            Something cannot be stored, or is missing in the record.
        WorkdirLocked, SaveFailed
            Another process is writing; the disk is full or read-only.
        """
        if missing := {"epoch", "step", "valid_loss"} - record.keys():
            raise InvalidValue(f"the record of a checkpoint lacks {', '.join(sorted(missing))}.")
        with self.lock():
            self.history.sync()
            refs, found, _ = self.snapshot()
            parent = lookup.head(refs.branch, refs, found)
            return self.shelf.add(
                arrays,
                record,
                serial=lookup.newest_serial(refs, found) + 1,
                branch=refs.branch,
                parent=parent.name if parent else None,
                history=self.history.mark,
            )

    def find(self, which: Which = None) -> Checkpoint:
        """Return one checkpoint.

        Parameters
        ----------
        which
            None or "last": where the current branch stands. "best": the lowest validation loss of all. A name. The name
            of a branch: where that stands. An index into `checkpoints`.

        Raises
        ------
        CheckpointNotFound
            There is none; near matches are named.
        CorruptFile
            It is damaged (or a damaged one may be the last or the best); the last good one is named.
        """
        if isinstance(which, Checkpoint):
            return which
        refs, found, damaged = self.snapshot()
        try:
            return lookup.find(which, refs, found, damaged)
        except CheckpointNotFound as error:
            raise CheckpointNotFound(f"{self.path}: {error}") from None
        except CorruptFile as error:
            raise CorruptFile(f"{error} {self._last_good()}") from error

    def read(self, which: Which = None) -> tuple[dict[str, np.ndarray], Facts]:
        """Return arrays and record of a checkpoint (`which` as in `find`), every byte checked.

        Raises
        ------
        CheckpointNotFound
            There is none, or it was thinned away meanwhile.
        CorruptFile, NewerFormat
            It is damaged: file, array and the last good checkpoint are named. It was written by a later charrnn.
        """
        for _ in range(_ATTEMPTS):
            checkpoint = self.find(which)
            try:
                return read_arrays(checkpoint.path), checkpoint.record
            except FileNotFoundError:  # the writer thinned it away just now: what is last or best has moved on
                continue
            except CorruptFile as error:
                raise CorruptFile(f"{error} {self._last_good()}") from error
        raise CheckpointNotFound(
            f"{checkpoint.path} is gone: it was thinned away or removed. See the list of checkpoints."
        )

    @contextlib.contextmanager
    def edited_refs(self) -> Iterator[Refs]:
        """Give a `with` block the refs to change, under the lock, and write them at its end."""
        with self.lock():
            refs = self.refs
            yield refs
            write_atomically(self.path / REFS_FILE, refs.to_bytes())

    def __repr__(self) -> str:
        return f"<WorkDir {self.path}: {len(self.checkpoints)} checkpoints, branch {self.refs.branch}>"

    def _last_good(self) -> str:
        """Return a sentence that offers the newest checkpoint whose every byte is right."""
        for checkpoint in reversed(self.snapshot()[1]):
            with contextlib.suppress(CorruptFile, FileNotFoundError):
                read_arrays(checkpoint.path)
                return f"The last good checkpoint is {checkpoint.name}: restore that, or put back a copy of the file."
        return "No other checkpoint is good: put back a copy of the file."

    def _clear_leftovers(self) -> None:
        self.history.discard_torn_row()
        for folder in (self.path, self.path / CHECKPOINTS):
            for name in discard_temporaries(folder):
                warnings.warn(
                    f"{folder / name}: discarded an unfinished copy, left by a crash while it was being written.",
                    DamageWarning,
                    stacklevel=2,
                )


def file_facts(file: Path) -> Facts:
    """Return size (bytes) and SHA-256 of a file."""
    with open(file, "rb") as content:
        return {"size": file.stat().st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest()}
