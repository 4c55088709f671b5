"""The folder of checkpoints: listing them by their headers, adding one, taking some away."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import CharRNNError, CorruptFile, FileUnreadable, NewerFormat
from charrnn.storage import budget
from charrnn.storage.checkpoint import SUFFIX, Checkpoint, checkpoint_name
from charrnn.storage.checkpointfile import read_header, write_checkpoint
from charrnn.storage.faults import ForeignFile, reading, writing
from charrnn.storage.plain import require_plain


class Shelf:
    """The checkpoints of one model.

    Parameters
    ----------
    folder : pathlib.Path
        Where their files are.
    model : str
        Identifies the model; checkpoints of others are refused.
    max_memory : int
        Bytes that reading a header may take.
    """

    def __init__(self, folder: Path, model: str, max_memory: int = budget.MEMORY) -> None:
        self.folder = folder
        self._model = model
        self._max_memory = max_memory
        self._seen: dict[tuple[str, int, int, int], Checkpoint | CharRNNError] = {}

    def scan(self) -> tuple[list[Checkpoint], dict[str, CharRNNError]]:
        """Return the readable checkpoints in the order of saving, and the damage of the others by name.

        Checkpoints never change, so that only headers of new files are read.

        Raises
        ------
        CorruptFile, FileUnreadable
            If the folder is not a plain directory, or cannot be read.
        """
        seen = {}
        with contextlib.suppress(FileNotFoundError), reading(self.folder, "folder of checkpoints"):
            require_plain(self.folder, directory=True)
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                        with contextlib.suppress(FileNotFoundError):  # removed meanwhile by the writer
                            stat = entry.stat(follow_symlinks=False)
                            key = (entry.name, entry.inode(), stat.st_mtime_ns, stat.st_size)
                            seen[key] = self._seen.get(key) or self._look(Path(entry.path))
        self._seen = {key: found for key, found in seen.items() if not isinstance(found, FileUnreadable)}
        found = [entry for entry in seen.values() if isinstance(entry, Checkpoint)]
        damaged = {Path(key[0]).stem: entry for key, entry in seen.items() if isinstance(entry, CharRNNError)}
        return sorted(found, key=lambda checkpoint: checkpoint.serial), damaged

    def path_of(self, name: str) -> Path:
        """Return the file of the checkpoint that is called `name`."""
        return self.folder / (name + SUFFIX)

    def add(self, arrays: dict[str, np.ndarray], record: dict[str, Any], **facts: Any) -> Checkpoint:
        """Write a checkpoint under a free name."""
        with writing(self.folder):
            taken = {path.stem for path in self.folder.iterdir()}
        name = stem = checkpoint_name(record["epoch"], record["step"], record["valid_loss"])
        copy = 2
        while name in taken:
            name, copy = f"{stem}-{copy}", copy + 1
        time = datetime.now(UTC).isoformat()
        facts = {"name": name, "model": self._model, "time": time, **facts, "record": record}
        return write_checkpoint(self.path_of(name), arrays, facts)

    def remove(self, checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
        """Remove checkpoints; return those that are gone (one that is being read may have to stay on Windows)."""
        gone = []
        for checkpoint in checkpoints:
            with contextlib.suppress(PermissionError), writing(checkpoint.path):
                checkpoint.path.unlink(missing_ok=True)
                gone.append(checkpoint)
        return gone

    def set_aside(self, name: str) -> Path:
        """Rename a damaged file so that it no longer counts as a checkpoint, and return its new path."""
        path = self.path_of(name)
        aside, copy = path.with_name(path.name + ".damaged"), 2
        while os.path.lexists(aside):
            aside, copy = path.with_name(f"{path.name}.damaged-{copy}"), copy + 1
        with writing(path):
            return path.rename(aside)

    def _look(self, path: Path) -> Checkpoint | CharRNNError:
        try:
            checkpoint, facts = read_header(path, self._max_memory)
        except (CorruptFile, NewerFormat) as error:
            return error
        if facts["model"] != self._model:
            return ForeignFile.of(path)
        return checkpoint
