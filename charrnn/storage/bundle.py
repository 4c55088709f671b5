"""A model as a single file: an uncompressed zip of a working directory without its text.

Reading one trusts nothing: only known names are taken, nothing may be compressed (so nothing can swell), and every
checksum is verified before the new directory appears.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

from charrnn.errors import CheckpointNotFound, CorruptFile, NotAModelDirectory, SaveFailed
from charrnn.storage import budget, lookup
from charrnn.storage.atomic import replacing
from charrnn.storage.belongings import CHECKPOINTS, HISTORY_FILE, INVENTORY_FILE, MODEL_FILE, REFS_FILE
from charrnn.storage.checkpoint import SUFFIX, Checkpoint, place_of
from charrnn.storage.checkpointfile import read_arrays
from charrnn.storage.creation import resolve, staged
from charrnn.storage.faults import reading, writing
from charrnn.storage.modelfile import Facts
from charrnn.storage.plain import exists, read_plain
from charrnn.storage.refs import Branch, Refs
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from charrnn.storage.zipguard import opened_zip

_MOST_CHECKPOINTS = 2  # the last and the best


def export_bundle(workdir: WorkDir, file: str | os.PathLike[str]) -> Path:
    """Write a model to the zip `file`, whole or not at all, and return its path.

    It holds the facts, the last and the best checkpoint with their notes, and the history. A bundle that is there
    already is replaced.

    Raises
    ------
    CheckpointNotFound
        If the model has no checkpoint yet.
    CorruptFile
        If one of the two is damaged.
    ModelReplaced
        If another model is in the directory now.
    SaveFailed
        If `file` cannot be written, or is there and not a bundle.

    Examples
    --------
    >>> import numpy, tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     workdir = WorkDir.create(Path(parent, "m"), {"modeltype": "GRUEncode"})
    ...     saved = workdir.save_checkpoint({"W": numpy.eye(2)}, {"epoch": 0, "step": 5, "valid_loss": 3.25})
    ...     bundle = export_bundle(workdir, Path(parent, "m.zip"))
    ...     import_bundle(bundle, Path(parent, "copy")).find()
    <Checkpoint e0000-s00000005-v3.250: 3.2500 nats/char, ...>
    """
    target = resolve(file)
    if exists(target) and not is_bundle(target):
        raise SaveFailed(f"did not write {target}: the file there is not a bundle made by export. Choose another name.")
    with reading(workdir.path / MODEL_FILE):
        workdir.require_same_model()
    last, content = _intact(workdir, lookup.LAST)
    chosen = {last.name: content}
    refs, found, _ = workdir.snapshot()
    if lookup.best(found):
        best, content = _intact(workdir, lookup.BEST)
        chosen[best.name] = content
    refs = Refs(
        branch=refs.branch,
        branches={refs.branch: Branch(last.name, after=max(lookup.newest_serial(refs, found), last.serial))},
        notes={name: text for name, text in refs.notes.items() if name in chosen},
        model=workdir.id,
    )
    model, history = read_plain(workdir.path / MODEL_FILE), workdir.history.to_bytes()
    with replacing(target) as output, zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as bundle:
        bundle.writestr(MODEL_FILE, model)
        bundle.writestr(REFS_FILE, refs.to_bytes())
        bundle.writestr(HISTORY_FILE, history)
        for name, content in chosen.items():
            bundle.writestr(f"{CHECKPOINTS}/{name}{SUFFIX}", content)
    return target


def is_bundle(path: Path) -> bool:
    """Return whether a file looks like a bundle made by export, which a newer one may replace."""
    with writing(path):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        with open(path, "rb") as file:
            head = file.read(300)
    return head[:4] == b"PK\x03\x04" and head[30:40] == MODEL_FILE.encode() and b'"charrnn model"' in head


def import_bundle(
    file: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    accept: Callable[[Facts], object] | None = None,
    max_memory: int = budget.MEMORY,
) -> WorkDir:
    """Make the working directory `path` from a bundle, whole or not at all, and open it.

    What `accept` raises of the model's facts passes through, and nothing is left behind.

    Parameters
    ----------
    file : str or os.PathLike
        The bundle.
    path, overwrite : str or os.PathLike, bool
        As for `WorkDir.create`.
    accept : callable, optional
        Called with the model's facts before the directory appears.
    max_memory : int
        Bytes that reading any of its files may take.

    Raises
    ------
    NotAModelDirectory
        If the bundle does not exist.
    CorruptFile, FileUnreadable, TooLarge, NewerFormat
        If it is not a bundle, holds what a bundle never holds, is damaged, cannot be read, would take too much
        memory, or was written by a later charrnn.
    ModelExists, InvalidValue, WorkdirLocked, SaveFailed
        As `WorkDir.create`.
    """
    source, target = resolve(file), resolve(path)
    with reading(source, "bundle"):
        if not source.is_file():
            raise NotAModelDirectory(f"{source} is not a file: expected a bundle made by export.")
    with staged(target, overwrite) as stage:
        with writing(stage):
            (stage / CHECKPOINTS).mkdir()
        _unpack(source, stage)
        if not exists(stage / MODEL_FILE):
            raise CorruptFile(f"{source} lacks {MODEL_FILE}: it is not a bundle made by export.")
        try:
            workdir = WorkDir(stage, max_memory)
            inventory = workdir.stock(former=None)
        except CorruptFile as error:
            raise type(error)(f"{source} is damaged: {_without(error, stage)}") from error
        with writing(stage):
            (stage / INVENTORY_FILE).write_bytes(inventory.to_bytes())
        if problems := verify(workdir).problems:
            raise CorruptFile(f"{source} is damaged: {_without('; '.join(problems), stage)}")
        if accept is not None:
            accept(workdir.model)
    return WorkDir(target, max_memory)


def _without(message: object, stage: Path) -> str:
    """Return a message without the name of the directory that is being built."""
    return str(message).replace(f"{stage}{os.sep}", "")


def _intact(workdir: WorkDir, which: str) -> tuple[Checkpoint, bytes]:
    """Return the last or the best checkpoint, and the content of its file, every byte checked."""
    for _ in range(3):
        checkpoint = workdir.find(which)
        try:
            content = read_plain(checkpoint.path)
            read_arrays(checkpoint.path, workdir.max_memory)
        except FileNotFoundError:  # thinned away just now: another one is the last or the best
            continue
        return checkpoint, content
    raise CheckpointNotFound(f"{checkpoint.path} was thinned away just now: export again.")


def _unpack(source: Path, stage: Path) -> None:
    """Copy the members to the directory that is being built, none of them larger than the bundle itself."""
    with opened_zip(source, "bundle") as bundle:
        _inspect(bundle, source)
        for name in bundle.namelist():
            with bundle.open(name) as member, writing(stage), open(stage / name, "xb") as copy:
                shutil.copyfileobj(member, copy)


def _inspect(bundle: zipfile.ZipFile, source: Path) -> None:
    """Refuse contents that no bundle made by export has."""
    members = bundle.infolist()
    checkpoints = 0
    for member in members:
        folder, _, name = member.filename.rpartition("/")
        if folder == CHECKPOINTS and name.endswith(SUFFIX) and place_of(name.removesuffix(SUFFIX)):
            checkpoints += 1
        elif member.filename not in (MODEL_FILE, REFS_FILE, HISTORY_FILE):
            raise CorruptFile(
                f"{source} holds {member.filename!r}, which is not part of a bundle made by export: refused."
            )
        if member.compress_type != zipfile.ZIP_STORED:
            raise CorruptFile(
                f"{source} is compressed, and bundles made by export are not: refused. Unpack it, and load that."
            )
    if len({member.filename for member in members}) < len(members):
        raise CorruptFile(f"{source} holds a file twice: refused.")
    if sum(member.file_size for member in members) > source.stat().st_size:
        raise CorruptFile(f"{source} claims to hold more than its own size: refused.")
    if checkpoints > _MOST_CHECKPOINTS:
        raise CorruptFile(
            f"{source} holds {checkpoints} checkpoints, and a bundle made by export two at most: refused."
        )
