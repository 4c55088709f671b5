"""Checking every byte of a working directory, and that nothing is missing."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from charrnn.errors import CharRNNError, CorruptFile, DamageWarning, ModelReplaced
from charrnn.storage import lookup
from charrnn.storage.belongings import CHECKPOINTS, DATA, HISTORY_FILE, INVENTORY_FILE, MODEL_FILE, REFS_FILE
from charrnn.storage.checkpoint import SUFFIX, Checkpoint
from charrnn.storage.checkpointfile import read_arrays, read_header
from charrnn.storage.faults import ForeignFile
from charrnn.storage.modelfile import file_facts
from charrnn.storage.plain import require_plain
from charrnn.storage.workdir import WorkDir
from charrnn.table import Table

OK = "ok"
_LOOKS = 5  # at a directory that changes meanwhile
_PAUSE = 0.05  # seconds between them

Check = Callable[[], object]


class Verification(Table):
    """The result of `verify`: a row for each file, which prints as a table."""

    @property
    def problems(self) -> list[str]:
        """The problems, one sentence for each file concerned."""
        return [f"{row['file']}: {row['state']}" for row in self if row["state"] != OK]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems


def verify(workdir: WorkDir) -> Verification:
    """Check every file of a working directory against its checksums and the other files; change nothing.

    Whatever goes wrong in a check is what it finds: nothing is raised. If a writer is at work, what looks damaged is
    looked at again.

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
    inventory.json                                  ok
    history.jsonl                                   ok
    checkpoints/e0000-s00000005-v3.250.safetensors  ok
    """
    for _ in range(_LOOKS):
        before = _signature(workdir.path)
        found = Verification()
        listed = _state(partial(_fill, found, workdir))
        if listed != OK:
            found.append({"file": ".", "state": listed})
        if found.ok or (_signature(workdir.path) == before and not _is_written(workdir)):
            break
        time.sleep(_PAUSE)
    return found


def is_whole(workdir: WorkDir, checkpoint: Checkpoint) -> bool:
    """Return whether every byte of a checkpoint is as it was saved."""
    return _state(partial(_check_checkpoint, workdir, checkpoint.path.name)) == OK


def worth_measuring(workdir: WorkDir, most: int) -> list[Checkpoint]:
    """Return checkpoints whose stored loss can be computed again: the newest, the best, and others spread evenly.

    Parameters
    ----------
    workdir : WorkDir
        The working directory.
    most : int
        How many, at most. Those whose arrays are damaged are left out.
    """
    measured = [c for c in workdir.snapshot()[1] if "measured" in c.record and c.loss is not None]
    newest_first, best = measured[::-1], lookup.best(measured)
    spread = [*newest_first[:1], *([best] if best else []), *measured[:: max(1, len(measured) // max(1, most))]]
    order = [*(spread if most > 1 else []), *newest_first]
    chosen: list[Checkpoint] = []
    for checkpoint in order:
        if len(chosen) < most and checkpoint not in chosen:
            with contextlib.suppress(CorruptFile, FileNotFoundError):
                read_arrays(checkpoint.path, workdir.max_memory)
                chosen.append(checkpoint)
    return chosen


def _fill(table: Verification, workdir: WorkDir) -> None:
    for file, check in _checks(workdir):
        table.append({"file": file, "state": _state(check)})


def _checks(opened: WorkDir) -> Iterator[tuple[str, Check]]:
    """Yield the files that are there or should be, each with its check."""
    yield MODEL_FILE, partial(_check_model, opened)
    try:
        workdir = WorkDir(opened.path, opened.max_memory)  # which remembers nothing of what it saw before
    except (CharRNNError, OSError):
        workdir = opened
    yield REFS_FILE, partial(_check_refs, workdir)
    if os.path.lexists(workdir.path / INVENTORY_FILE) or _has_inventory(workdir):
        yield INVENTORY_FILE, partial(_check_inventory, workdir)
    yield HISTORY_FILE, partial(_check_history, workdir)
    inventory = workdir.inventory
    if os.path.lexists(workdir.data) or (inventory and inventory.data):
        if workdir.data_files:
            for name, facts in workdir.data_files.items():
                yield f"{DATA}/{name}", partial(_check_data, workdir.data, name, facts)
        elif not os.path.isdir(workdir.data):
            yield DATA, partial(_check_folder, workdir.data)
    names = {path.name for path in _listing(workdir.shelf.folder)}
    names |= {name + SUFFIX for name in inventory.checkpoints} if inventory else set()
    folder = workdir.shelf.folder
    if not names or _state(partial(_check_folder, folder)) != OK:
        yield CHECKPOINTS, partial(_check_folder, folder)
        return
    for name in sorted(names):
        yield f"{CHECKPOINTS}/{name}", partial(_check_checkpoint, workdir, name)


def _listing(folder: Path) -> list[Path]:
    """Return the files of checkpoints, without those being written; empty if the folder does not exist."""
    try:
        require_plain(folder, directory=True)
        return [path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith(".")]
    except (OSError, CharRNNError):
        return []


def _state(check: Check) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)  # it is said here
            check()
    except CharRNNError as error:
        return str(error)
    except Exception as error:  # whatever a hostile file brings about
        return f"could not be checked: {type(error).__name__}: {error}"
    return OK


def _check_model(workdir: WorkDir) -> None:
    now = WorkDir(workdir.path, workdir.max_memory)
    if now.id != workdir.id:
        raise CorruptFile("is another model's than the one that was opened")
    if _is_foreign(lambda: now.refs) and _is_foreign(now.read_inventory):  # hardly both of them
        raise CorruptFile("is another model's than all other files are: put back the right one")


def _is_foreign(read: Check) -> bool:
    try:
        read()
    except (ForeignFile, ModelReplaced):
        return True
    except (CharRNNError, OSError):
        return False
    return False


def _check_refs(workdir: WorkDir) -> None:
    refs, inventory = workdir.refs, workdir.inventory
    if not os.path.lexists(workdir.path / REFS_FILE):
        raise CorruptFile("is missing: branches, pins and notes are lost")
    if inventory and refs.revision < inventory.revision:
        raise CorruptFile("is an older copy: what was changed since is lost")
    for name, at in refs.branches.items():
        if at.base is not None and not os.path.lexists(workdir.shelf.path_of(at.base)):
            raise CorruptFile(f"branch {name} begins at {at.base}, which is missing")


def _has_inventory(workdir: WorkDir) -> bool:
    """Return whether something says that the directory has an inventory."""
    return workdir.has_inventory or any(_says_so(checkpoint) for checkpoint in _readable(workdir)[-1:])


def _readable(workdir: WorkDir) -> list[Checkpoint]:
    """Return the readable checkpoints in the order of saving; none if the folder is none."""
    try:
        return workdir.shelf.scan()[0]
    except CharRNNError:
        return []


def _says_so(checkpoint: Checkpoint) -> bool:
    try:
        return read_header(checkpoint.path)[1].get("inventory") is True
    except (CharRNNError, OSError):
        return False


def _check_inventory(workdir: WorkDir) -> None:
    if workdir.read_inventory() is None:
        raise CorruptFile("is missing: what else is missing cannot be seen")


def _check_history(workdir: WorkDir) -> None:
    inventory, history = workdir.inventory, workdir.history
    lines = max([checkpoint.history for checkpoint in _readable(workdir)] + [inventory.lines if inventory else 0])
    if history.damaged:
        raise CorruptFile(f"{history.damaged} rows are damaged or missing")
    if history.lines < lines:
        raise CorruptFile(f"ends after {history.lines} lines, and there were {lines}")
    if inventory and history.digest(inventory.lines) != inventory.digest:
        raise CorruptFile("is another history than the one that was written")
    if history.torn:
        raise CorruptFile(f"the last {history.torn} bytes are no whole row: the next writer will discard them")


def _check_folder(folder: Path) -> None:
    if not require_plain(folder, directory=True):
        raise CorruptFile("is missing")


def _check_data(folder: Path, name: str, facts: dict[str, object]) -> None:
    _check_folder(folder)
    if not os.path.lexists(folder / name):
        raise CorruptFile("is missing")
    if file_facts(folder / name) != facts:
        raise CorruptFile("does not match its checksum")


def _check_checkpoint(workdir: WorkDir, name: str) -> None:
    path = workdir.shelf.folder / name
    try:
        _, facts = read_header(path, workdir.max_memory)
        if facts["model"] != workdir.id:
            raise ForeignFile.of(path)
        read_arrays(path, workdir.max_memory)
    except FileNotFoundError:
        inventory = workdir.inventory
        if inventory and path.stem in inventory.checkpoints:  # else a writer thinned it away just now
            raise CorruptFile("is missing") from None


def _signature(path: Path) -> list[tuple[int, int, int]]:
    """Return a signature that changes if a writer is at work."""
    found = []
    for name in (REFS_FILE, INVENTORY_FILE, HISTORY_FILE, CHECKPOINTS):
        with contextlib.suppress(OSError):
            status = os.lstat(path / name)
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return found


def _is_written(workdir: WorkDir) -> bool:
    """Return whether another process seems to be writing now."""
    return workdir.owner() is not None
