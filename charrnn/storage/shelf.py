"""The folder of checkpoints: listing them by their headers, adding one, taking some away."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import CharRNNError, CorruptFile, NewerFormat
from charrnn.storage.checkpoint import SUFFIX, Checkpoint, checkpoint_name, read_header, write_checkpoint


class Shelf:
    """The checkpoints of one model.

    Parameters
    ----------
    folder
        Where their files are.
    model
        Identifies the model; checkpoints of others are refused.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self._model = model
        self._seen: dict[tuple[str, int, int], Checkpoint | CharRNNError] = {}

    def scan(self) -> tuple[list[Checkpoint], dict[str, CharRNNError]]:
        """Return the readable checkpoints in the order of saving, and what is wrong with the others by name.

        Checkpoints never change, so that only headers of new files are read.
        """
        seen = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile by the writer
                        stat = entry.stat()
                        key = (entry.name, stat.st_mtime_ns, stat.st_size)
                        seen[key] = self._seen.get(key) or self._look(Path(entry.path))
        self._seen = seen
        found = [entry for entry in seen.values() if isinstance(entry, Checkpoint)]
        damaged = {Path(key[0]).stem: entry for key, entry in seen.items() if isinstance(entry, CharRNNError)}
        return sorted(found, key=lambda checkpoint: checkpoint.serial), damaged

    def add(self, arrays: dict[str, np.ndarray], record: dict[str, Any], **facts: Any) -> Checkpoint:
        """Write a checkpoint under a free name."""
        name = stem = checkpoint_name(record["epoch"], record["step"], record["valid_loss"])
        taken = {path.stem for path in self.folder.iterdir()}
        copy = 2
        while name in taken:
            name, copy = f"{stem}-{copy}", copy + 1
        path = self.folder / (name + SUFFIX)
        time = datetime.now(UTC).isoformat()
        write_checkpoint(path, arrays, {"name": name, "model": self._model, "time": time, **facts, "record": record})
        return read_header(path)[0]

    def remove(self, checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
        """Remove checkpoints; return those that are gone (one that is being read may have to stay on Windows)."""
        gone = []
        for checkpoint in checkpoints:
            with contextlib.suppress(PermissionError):
                checkpoint.path.unlink(missing_ok=True)
                gone.append(checkpoint)
        return gone

    def set_aside(self, name: str) -> Path:
        """Rename a damaged file, so that it is no longer taken for a checkpoint, and return its new path."""
        path = self.folder / (name + SUFFIX)
        return path.replace(path.with_name(path.name + ".damaged"))

    def _look(self, path: Path) -> Checkpoint | CharRNNError:
        try:
            checkpoint, facts = read_header(path)
        except (CorruptFile, NewerFormat) as error:
            return error
        if facts["model"] != self._model:
            return CorruptFile(f"{path} belongs to another model than the directory that it is in.")
        return checkpoint
