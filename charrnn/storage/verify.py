"""Checking every byte of a working directory."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from charrnn.errors import CharRNNError, CorruptFile, DamageWarning
from charrnn.storage.checkpoint import SUFFIX, read_arrays
from charrnn.storage.creation import MODEL_FILE
from charrnn.storage.history import History
from charrnn.storage.workdir import CHECKPOINTS, DATA, HISTORY_FILE, REFS_FILE, WorkDir, file_facts
from charrnn.table import Table

OK = "ok"


class Verification(Table):
    """What `verify` found: a row for each file, which prints as a table."""

    @property
    def problems(self) -> list[str]:
        """What is wrong, one sentence for each file concerned."""
        return [f"{row['file']}: {row['state']}" for row in self if row["state"] != OK]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems


def verify(workdir: WorkDir) -> Verification:
    """Check every file of a working directory against its checksums, and change nothing.

    Data that is absent as a whole is no damage: directories imported from a bundle have none.

    Examples
    --------
    >>> import numpy, tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     workdir = WorkDir.create(Path(parent, "m"), {})
    ...     saved = workdir.save_checkpoint({"W": numpy.eye(2)}, {"epoch": 0, "step": 5, "valid_loss": 3.25})
    ...     verify(workdir)
    file                                            state
    model.json                                      ok
    refs.json                                       ok
    history.jsonl                                   ok
    checkpoints/e0000-s00000005-v3.250.safetensors  ok
    """
    checks: dict[str, Callable[[], object]] = {
        MODEL_FILE: partial(WorkDir, workdir.path),
        REFS_FILE: partial(getattr, workdir, "refs"),
        HISTORY_FILE: partial(_check_history, workdir),
    }
    if workdir.data.exists():
        for name, facts in workdir.data_files.items():
            checks[f"{DATA}/{name}"] = partial(_check_data, workdir.data / name, facts)
    for path in sorted(workdir.shelf.folder.glob("*" + SUFFIX)):
        checks[f"{CHECKPOINTS}/{path.name}"] = partial(_check_checkpoint, workdir, path)
    return Verification({"file": file, "state": _state(check)} for file, check in checks.items())


def _state(check: Callable[[], object]) -> str:
    try:
        check()
    except (CharRNNError, OSError) as error:
        return str(error)
    return OK


def _check_history(workdir: WorkDir) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)  # it is told here
        history = History(workdir.history.path, workdir.id, workdir.lock)
        if history.damaged:
            raise CorruptFile(f"{history.damaged} rows are damaged or missing")
        if history.torn:
            raise CorruptFile(f"the last {history.torn} bytes are no whole row: the next writer will discard them")


def _check_data(file: Path, facts: dict[str, object]) -> None:
    if not file.exists():
        raise CorruptFile("is missing")
    if file_facts(file) != facts:
        raise CorruptFile("does not match its checksum")


def _check_checkpoint(workdir: WorkDir, path: Path) -> None:
    _, damaged = workdir.shelf.scan()
    if path.stem in damaged:
        raise damaged[path.stem]
    with contextlib.suppress(FileNotFoundError):  # a writer thinned it away just now
        read_arrays(path)
