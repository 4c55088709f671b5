"""The working directory: everything on disk that a model needs to resume.

model.json                      what never changes: settings, characters, what was learned from
data/                           the encoded text
checkpoints/<name>.safetensors  one whole state each
history.jsonl                   one line for every round or step
refs.json                       branches, pins, notes
inventory.json                  which checkpoints and how much history should be there
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import (
    CorruptFile,
    DamageWarning,
    InvalidValue,
    NotAModelDirectory,
    SaveFailed,
    near_matches,
)
from charrnn.escapes import visible
from charrnn.storage import budget, lookup
from charrnn.storage.atomic import discard_temporaries, write_atomically
from charrnn.storage.belongings import CHECKPOINTS, DATA, INVENTORY_FILE, MODEL_FILE, REFS_FILE, is_model
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.creation import resolve, restore_replaced, staged
from charrnn.storage.faults import reading, writing
from charrnn.storage.inventory import Inventory
from charrnn.storage.lock import WriterLock
from charrnn.storage.modeldir import ModelDir
from charrnn.storage.modelfile import Facts, ModelFile
from charrnn.storage.plain import require_plain
from charrnn.storage.refs import Refs
from charrnn.storage.standing import Standing


class WorkDir(ModelDir):
    """An open working directory. Make one with `WorkDir.create` or `WorkDir.open`.

    Any number of processes may read; those who write hold `lock()`. Every method that writes takes it for itself, so a
    program need hold it only around what belongs together (a training run).

    Parameters
    ----------
    path : pathlib.Path
        The directory.
    max_memory : int
        Bytes that the values of a file may take when it is read.

    The attributes are those of `ModelDir`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     workdir = WorkDir.create(Path(parent, "alice"), {"modeltype": "GRUEncode"})
    ...     saved = workdir.save_checkpoint({"W": np.eye(2)}, {"epoch": 0, "step": 5, "valid_loss": 3.25})
    ...     arrays, record = WorkDir.open(workdir.path).read()
    >>> saved.name, workdir.model, arrays["W"][0], record["valid_loss"]
    ('e0000-s00000005-v3.250', {'modeltype': 'GRUEncode'}, array([1., 0.]), 3.25)
    """

    def __init__(self, path: Path, max_memory: int = budget.MEMORY) -> None:
        super().__init__(path, max_memory)
        self._lock = WriterLock(path, on_acquire=self._on_acquire)

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], model: Facts | Callable[[Path], Facts], overwrite: bool = False
    ) -> WorkDir:
        """Make a new working directory, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            Where: a directory that does not exist yet, or is empty.
        model : Facts or callable
            The facts that never change (JSON-able); or a function that is given the empty `data` folder, fills it, and
            returns the facts.
        overwrite : bool
            Replace a model that is there already, with all its checkpoints. Files that are not charrnn's stay.

        Raises
        ------
        ModelExists, InvalidValue, WorkdirLocked, SaveFailed
            See `creation.staged`. Whatever `model` raises passes through; in every case all is as before.
        """
        target = resolve(path)
        with staged(target, overwrite) as stage:
            data = stage / DATA
            with writing(stage):
                data.mkdir()
                (stage / CHECKPOINTS).mkdir()
            facts = model(data) if callable(model) else model
            with writing(stage):
                file = ModelFile.new(facts, data)
                (stage / REFS_FILE).write_bytes(Refs(model=file.id).to_bytes())
                (stage / INVENTORY_FILE).write_bytes(Inventory(file.id).to_bytes())
                (stage / MODEL_FILE).write_bytes(file.to_bytes())
        return cls(target)

    @classmethod
    def open(cls, path: str | os.PathLike[str], max_memory: int = budget.MEMORY) -> WorkDir:
        """Open the working directory `path`, for reading and writing; nothing is written yet.

        Parameters
        ----------
        path : str or os.PathLike
            The directory.
        max_memory : int
            Bytes that the values of a file may take when it is read.

        Raises
        ------
        NotAModelDirectory
            If it does not exist, or holds no model.
        CorruptFile, NewerFormat
            If its `model.json` is damaged or of a later charrnn, or a link or device is in the place of a file.
        """
        target = resolve(path)
        with reading(target, "directory"):
            restore_replaced(target)
            if not require_plain(target / MODEL_FILE):
                raise _no_model(target)
            try:
                workdir = cls(target, max_memory)
            except FileNotFoundError:  # removed just now
                raise _no_model(target) from None
            workdir.require_plain_tree()
            return workdir

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one writer for a `with` block (readers are never kept out).

        Raises
        ------
        WorkdirLocked
            If another process is writing; the message names it.
        ModelReplaced
            If another model is in the directory now.
        SaveFailed
            If the directory is read-only or gone.
        """
        with self._lock.held():
            self._require_same_model()
            yield

    def owner(self) -> dict[str, Any] | None:
        """Return process, host and time of the writer at work, or None where no writer has signed."""
        return self._lock.owner()

    def save_checkpoint(
        self, arrays: dict[str, np.ndarray], record: Facts, standing: Standing | None = None
    ) -> Checkpoint:
        """Save a state as the newest checkpoint of a branch, at once or not at all.

        Rows that belong to it are appended to the history before; see `History.provisional`.

        Parameters
        ----------
        arrays : dict of str to numpy.ndarray
            Name to array, of booleans, integers or floats up to 64 bits.
        record : Facts
            JSON-able; `epoch`, `step` (batches trained on since the beginning) and `valid_loss` (nats per character, or
            None) are needed, `pos` (batches into the epoch) is shown.
        standing : Standing, optional
            The branch to save on, and where it stood when it was last looked at; by default the current branch,
            wherever it stands.

        Raises
        ------
        InvalidValue
            If something cannot be stored, or is missing in the record.
        BranchMoved
            If the branch stands elsewhere than `standing` says.
        WorkdirLocked, ModelReplaced, SaveFailed
            As `lock`; or the disk is full.
        """
        if missing := {"epoch", "step", "valid_loss"} - record.keys():
            raise InvalidValue(f"the record of a checkpoint lacks {', '.join(sorted(missing))}.")
        with self.lock():
            self.history.sync()
            refs, found, _ = self.snapshot()
            if standing:
                standing.require_unmoved(refs, found)
            branch = standing.branch if standing else refs.branch
            parent = lookup.head(branch, refs, found)
            former = self.inventory
            newest = max(lookup.newest_serial(refs, found), former.newest if former else 0)
            saved = self.shelf.add(
                arrays,
                record,
                serial=newest + 1,
                branch=branch,
                parent=parent.name if parent else None,
                history=self.history.mark,
                inventory=True,
            )
            with contextlib.suppress(SaveFailed):  # the checkpoint is saved, and the next one takes stock again
                self.take_stock(lasting=False)
            return saved

    @contextlib.contextmanager
    def edited_refs(self) -> Iterator[Refs]:
        """Give a `with` block the refs to change, under the lock, and write them at its end."""
        with self.lock():
            refs, former = self.refs, self.refs
            yield refs
            if refs != former:
                refs.model, refs.revision = self.id, refs.revision + 1
                write_atomically(self.path / REFS_FILE, refs.to_bytes())
                self.take_stock()

    def take_stock(self, forget: Collection[str] = (), lasting: bool = True) -> None:
        """Write the inventory: all former and present checkpoints, except those to forget.

        A power cut may bring back the former inventory unless this is `lasting`.

        Raises
        ------
        SaveFailed, WorkdirLocked
            If it cannot be written.
        """
        with self.lock():
            self.history.sync()
            former = self.inventory
            new = self.stock(former, forget)
            if new != former:
                write_atomically(self.path / INVENTORY_FILE, new.to_bytes(), lasting)

    def __repr__(self) -> str:
        return visible(f"<WorkDir {self.path}: {len(self.checkpoints)} checkpoints, branch {self.refs.branch}>")

    def _require_same_model(self) -> None:
        try:
            self.require_same_model()
        except (OSError, CorruptFile) as error:
            raise SaveFailed(
                f"could not write {self.path}: whether it still holds this model cannot be seen ({error}). Put back "
                f"a copy of {MODEL_FILE}, then save again."
            ) from error

    def _on_acquire(self) -> None:
        self._require_same_model()
        self.history.discard_torn_row()
        for folder in (self.path, self.path / CHECKPOINTS):
            with writing(folder):
                names = discard_temporaries(folder)
            for name in names:
                warnings.warn(
                    f"{folder / name}: discarded an unfinished copy, left by a crash while it was being written.",
                    DamageWarning,
                    stacklevel=2,
                )


def _no_model(target: Path) -> NotAModelDirectory:
    """Return the error for a directory without a model, which names the models near it."""
    what = "holds no charrnn model" if target.exists() else "does not exist"
    folders = (*target.parent.glob("*"), *target.glob("*"))
    models = [folder.relative_to(target.parent).as_posix() for folder in folders if is_model(folder)]
    hint = f" {near_matches(target.name, models)}" if models else ""
    return NotAModelDirectory(f"{target} {what}. Make one with ModelState.initfromsrcfile (charrnn new).{hint}")
