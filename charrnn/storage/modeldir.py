"""Read a working directory: its files and checkpoints; nothing here writes."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from abc import abstractmethod
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from charrnn.errors import CharRNNError, CheckpointNotFound, CorruptFile, DamageWarning, ModelReplaced, NotTrainedYet
from charrnn.storage import budget, lookup
from charrnn.storage.belongings import CHECKPOINTS, DATA, HISTORY_FILE, INVENTORY_FILE, MODEL_FILE, REFS_FILE
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.checkpointfile import read_arrays
from charrnn.storage.faults import ForeignFile, reading
from charrnn.storage.history import History
from charrnn.storage.inventory import Inventory, Listed
from charrnn.storage.lookup import Lost
from charrnn.storage.modelfile import Facts, ModelFile
from charrnn.storage.plain import exists, require_plain
from charrnn.storage.refs import Refs
from charrnn.storage.shelf import Shelf
from charrnn.storage.standing import Standing

_ATTEMPTS = 20
_PAUSE = 0.01  # seconds between them, for a writer to finish what it is doing

Which = Checkpoint | str | int | None


class ModelDir:
    """A working directory, for reading; `WorkDir` also writes.

    Parameters
    ----------
    path : pathlib.Path
        The directory.
    max_memory : int
        Bytes that the values of a file may take when it is read.

    Attributes
    ----------
    path : pathlib.Path
        The directory.
    data : pathlib.Path
        The folder of encoded text (absent in a directory imported from a bundle).
    history : History
        The history of every round or step.
    shelf : Shelf
        The folder of checkpoints.
    """

    def __init__(self, path: Path, max_memory: int = budget.MEMORY) -> None:
        self.path = path
        self.data = path / DATA
        self.max_memory = max_memory
        self._file, self._signature = self._read_model()
        self.shelf = Shelf(path / CHECKPOINTS, self.id, max_memory)
        self.history = History(path / HISTORY_FILE, self.id, self.lock, max_memory)

    @abstractmethod
    def lock(self) -> AbstractContextManager[None]:
        """Be the one writer for a `with` block."""

    @property
    def model(self) -> Facts:
        """The facts given at its creation."""
        return self._file.model

    @property
    def id(self) -> str:
        """Identifies the model; every file of it carries it too."""
        return self._file.id

    @property
    def data_files(self) -> dict[str, Facts]:
        """Size and SHA-256 of each file of encoded text, by name."""
        return self._file.data

    @property
    def refs(self) -> Refs:
        """Branches, pins and notes as they are on disk now."""
        try:
            return Refs.read(self.path / REFS_FILE, self.id, self.max_memory)
        except FileNotFoundError:
            return Refs(model=self.id)
        except CorruptFile as error:
            with contextlib.suppress(OSError, CorruptFile):
                self.require_same_model()
            raise type(error)(
                f"{error} Put back a copy of it, or delete it: branches, pins and notes are lost then, checkpoints not."
            ) from error

    @property
    def inventory(self) -> Inventory | None:
        """The inventory; None if it is not readable or does not exist, as in directories of charrnn 0.1."""
        try:
            return self.read_inventory()
        except CharRNNError:  # `verify` names it, and nothing else depends on it
            return None

    def read_inventory(self) -> Inventory | None:
        """Return the inventory, or raise as `Inventory.read`."""
        return Inventory.read(self.path / INVENTORY_FILE, self.id, self.max_memory)

    @property
    def has_inventory(self) -> bool:
        """Whether the directory was made with an inventory, as all are since charrnn 0.1."""
        return self._file.inventory

    @property
    def is_new(self) -> bool:
        """Whether no checkpoint was ever saved, so that a model without one is untrained rather than lost."""
        refs, found, lost = self.snapshot()
        inventory = self.inventory
        begun = inventory.newest > 0 if inventory else self.history.lines > 0
        return not (found or lost or begun) and refs.fresh

    def snapshot(self) -> tuple[Refs, list[Checkpoint], dict[str, Lost]]:
        """Return refs, readable checkpoints, and damaged and missing ones as they stood at one moment.

        A writer may be at work meanwhile.
        """
        before = None
        for _ in range(_ATTEMPTS):  # what two looks in succession agree on did not change between its parts
            now = self._look()
            if now == before:
                break
            before = now
        return now

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All readable checkpoints, in the order of saving. Others are left out with a `DamageWarning`."""
        _, found, lost = self.snapshot()
        for item in lost.values():
            warnings.warn(f"{item.error} It is left out.", DamageWarning, stacklevel=2)
        return found

    def find(self, which: Which = None) -> Checkpoint:
        """Return one checkpoint.

        Parameters
        ----------
        which : Which
            None or "last": where the current branch stands. "best": the lowest validation loss of all. A name. The name
            of a branch: where that stands. An index into `checkpoints`.

        Raises
        ------
        NotTrainedYet
            If no checkpoint was ever saved.
        CheckpointNotFound
            If it does not exist or is missing; near matches, or the last good one, are named.
        CorruptFile
            If it is damaged (or a damaged one may be the last or the best); the last good one is named.
        """
        if isinstance(which, Checkpoint):
            return which
        refs, found, lost = self.snapshot()
        try:
            return lookup.find(which, refs, found, lost)
        except CheckpointNotFound as error:
            if self.is_new:
                raise NotTrainedYet(f"{self.path}: the model has no checkpoint yet: train it first.") from None
            hint = f" {self._last_good()}" if any(item.error is error for item in lost.values()) else ""
            raise CheckpointNotFound(f"{self.path}: {error}{hint}") from None
        except CorruptFile as error:
            raise type(error)(f"{error} {self._last_good()}") from error

    def load(self, which: Which = None) -> tuple[Checkpoint, dict[str, np.ndarray]]:
        """Return a checkpoint (`which` as in `find`) with its arrays, every byte checked.

        What is asked for by another name than its own is looked up again if a writer thins it away meanwhile.

        Raises
        ------
        CheckpointNotFound
            If it does not exist, or was thinned away meanwhile.
        CorruptFile, NewerFormat
            If it is damaged: file, array and the last good checkpoint are named. If a later charrnn wrote it.
        """
        problem = CheckpointNotFound(f"{self.path}: {which!r} is gone: it was thinned away or removed.")
        for _ in range(_ATTEMPTS):
            try:
                checkpoint = self.find(which)
            except CheckpointNotFound as error:
                if isinstance(error, NotTrainedYet) or which not in (None, lookup.LAST, lookup.BEST):
                    raise
                problem = error
                time.sleep(_PAUSE)
                continue
            try:
                return checkpoint, read_arrays(checkpoint.path, self.max_memory)
            except FileNotFoundError:  # the writer thinned it away just now: what is last or best has moved on
                problem = CheckpointNotFound(
                    f"{checkpoint.path} is gone: it was thinned away or removed. See the list of checkpoints."
                )
            except CorruptFile as error:
                raise type(error)(f"{error} {self._last_good()}") from error
        raise problem

    def read(self, which: Which = None) -> tuple[dict[str, np.ndarray], Facts]:
        """Return arrays and record of a checkpoint; see `load`."""
        checkpoint, arrays = self.load(which)
        return arrays, checkpoint.record

    def standing(self, branch: str | None = None) -> Standing:
        """Return where a branch stands now, by default the current one; see `save_checkpoint`."""
        refs, found, _ = self.snapshot()
        return Standing.of(branch or refs.branch, refs, found)

    def stock(self, former: Inventory | None, forget: Collection[str] = ()) -> Inventory:
        """Return an inventory of present checkpoints and those of a former inventory, except those to forget."""
        now = {c.name: Listed(c.serial, c.branch) for c in self.shelf.scan()[0]}
        listed = {**(former.checkpoints if former else {}), **now}
        return Inventory(
            model=self.id,
            checkpoints={name: entry for name, entry in listed.items() if name not in forget},
            newest=max([former.newest if former else 0, *(entry.serial for entry in now.values())]),
            lines=self.history.lines,
            digest=self.history.digest(),
            revision=self.refs.revision,
            data=former.data if former else exists(self.data),
        )

    def require_same_model(self) -> None:
        """Raise ModelReplaced unless the directory still holds the model that was opened."""
        status = os.lstat(self.path / MODEL_FILE)
        if (status.st_ino, status.st_mtime_ns, status.st_size) == self._signature:
            return
        now, signature = self._read_model()
        if now.id != self.id:
            raise ModelReplaced(
                f"{self.path} holds another model now: the one opened here was made {self._file.created} "
                f"(id {self.id[:8]}), the one there {now.created} (id {now.id[:8]}). Nothing was written. Load the "
                "new one with ModelState.load, or make yours again in another directory."
            )
        self._signature = signature

    def require_plain_tree(self) -> None:
        """Raise CorruptFile if a link, pipe or device is in the place of one of the model's folders or data files."""
        for folder in (self.data, self.shelf.folder):
            require_plain(folder, directory=True)
        for name in self.data_files:
            require_plain(self.data / name)

    def _look(self) -> tuple[Refs, list[Checkpoint], dict[str, Lost]]:
        found, damaged = self.shelf.scan()
        inventory = self.inventory
        listed = inventory.checkpoints if inventory else {}
        lost = {}
        for name, error in damaged.items():
            if name in listed:
                lost[name] = Lost(error, listed[name].branch, listed[name].serial)
            elif not (inventory and isinstance(error, ForeignFile)):  # nothing of this model was in its place
                lost[name] = Lost(error)
        for name in listed.keys() - {checkpoint.name for checkpoint in found} - damaged.keys():
            path = self.shelf.path_of(name)
            if not exists(path):
                lost[name] = Lost(CheckpointNotFound(f"{path} is missing."), listed[name].branch, listed[name].serial)
        return self.refs, found, lost

    def _last_good(self) -> str:
        """Return a sentence that offers the newest checkpoint whose every byte is right."""
        for checkpoint in reversed(self.snapshot()[1]):
            with contextlib.suppress(CorruptFile, FileNotFoundError):
                read_arrays(checkpoint.path, self.max_memory)
                return f"The last good checkpoint is {checkpoint.name}: restore that, or put back a copy of the file."
        return "No other checkpoint is good: put back a copy of the file."

    def _read_model(self) -> tuple[ModelFile, tuple[int, ...]]:
        """Return the contents of `model.json`, and a signature that shows whether the file has changed."""
        try:
            with reading(self.path / MODEL_FILE):
                status = os.lstat(self.path / MODEL_FILE)
            return ModelFile.read(self.path, self.max_memory), (status.st_ino, status.st_mtime_ns, status.st_size)
        except CorruptFile as error:
            raise type(error)(f"{error} Put back a copy of it: it never changes, so one of any age will do.") from error
