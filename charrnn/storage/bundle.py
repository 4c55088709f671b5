"""A model as a single file: an uncompressed zip of a working directory without its text.

Reading one trusts nothing: only known names are taken, nothing may be compressed (so nothing can swell), and every
checksum is verified before the new directory appears.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from charrnn.errors import CheckpointNotFound, CorruptFile, NotAModelDirectory
from charrnn.storage import lookup
from charrnn.storage.atomic import replacing
from charrnn.storage.checkpoint import SUFFIX, Checkpoint, place_of, read_arrays
from charrnn.storage.creation import MODEL_FILE, resolve, staged
from charrnn.storage.refs import Branch, Refs
from charrnn.storage.verify import verify
from charrnn.storage.workdir import CHECKPOINTS, HISTORY_FILE, REFS_FILE, Facts, WorkDir

_MALFORMED = (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, struct.error)


def export_bundle(workdir: WorkDir, file: str | os.PathLike[str]) -> Path:
    """Write a model to the zip `file`, whole or not at all, and return its path.

    It holds the model's facts, the last and the best checkpoint with their notes, and the history. A file that is there
    already is replaced.

    Raises
    ------
    CheckpointNotFound
        There is no checkpoint yet.
    CorruptFile
        One of the two is damaged.
    SaveFailed
        `file` cannot be written.

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
    last = workdir.find(lookup.LAST)
    refs, found, _ = workdir.snapshot()
    chosen = {checkpoint.name: _intact(checkpoint) for checkpoint in (last, lookup.best(found)) if checkpoint}
    refs = Refs(
        branch=refs.branch,
        branches={refs.branch: Branch(last.name, after=lookup.newest_serial(refs, found))},
        notes={name: text for name, text in refs.notes.items() if name in chosen},
    )
    with replacing(target) as output, zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as bundle:
        bundle.write(workdir.path / MODEL_FILE, MODEL_FILE)
        bundle.writestr(REFS_FILE, refs.to_bytes())
        bundle.writestr(HISTORY_FILE, workdir.history.to_bytes())
        for name, content in chosen.items():
            bundle.writestr(f"{CHECKPOINTS}/{name}{SUFFIX}", content)
    return target


def import_bundle(
    file: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    accept: Callable[[Facts], object] | None = None,
) -> WorkDir:
    """Make the working directory `path` from a bundle, whole or not at all, and open it.

    What `accept` raises of the model's facts passes through, and nothing is left behind.

    Raises
    ------
    NotAModelDirectory
        There is no such file.
    CorruptFile, NewerFormat
        It is no bundle, holds what a bundle never holds, or is damaged; or a later charrnn wrote it.
    ModelExists, InvalidValue, WorkdirLocked, SaveFailed
        As `WorkDir.create`.
    """
    source, target = resolve(file), resolve(path)
    if not source.is_file():
        raise NotAModelDirectory(f"{source} is no file: expected a bundle made by export.")
    with staged(target, overwrite) as stage:
        (stage / CHECKPOINTS).mkdir()
        for name, content in _members(source):
            (stage / name).write_bytes(content)
        if not (stage / MODEL_FILE).exists():
            raise CorruptFile(f"{source} holds no {MODEL_FILE}: it is no bundle made by export.")
        if problems := verify(WorkDir(stage)).problems:
            raise CorruptFile(f"{source} is damaged: {'; '.join(problems)}")
        if accept is not None:
            accept(WorkDir(stage).model)
    return WorkDir(target)


def _intact(checkpoint: Checkpoint) -> bytes:
    """Return the content of a checkpoint's file, every byte checked."""
    try:
        read_arrays(checkpoint.path)
        return checkpoint.path.read_bytes()
    except FileNotFoundError:
        raise CheckpointNotFound(f"{checkpoint.path} was thinned away just now: export again.") from None


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents, none of which lies outside its place or is larger than the bundle itself."""
    try:
        with zipfile.ZipFile(source) as bundle:
            _inspect(bundle, source)
            for name in bundle.namelist():
                yield name, bundle.read(name)
    except _MALFORMED as error:
        raise (
            error if isinstance(error, CorruptFile) else CorruptFile(f"{source} is no intact zip: {error}.")
        ) from error


def _inspect(bundle: zipfile.ZipFile, source: Path) -> None:
    """Refuse what no bundle made by export holds."""
    members = bundle.infolist()
    for member in members:
        folder, _, name = member.filename.rpartition("/")
        known = member.filename in (MODEL_FILE, REFS_FILE, HISTORY_FILE)
        if not known and not (folder == CHECKPOINTS and name.endswith(SUFFIX) and place_of(name.removesuffix(SUFFIX))):
            raise CorruptFile(f"{source} holds {member.filename!r}, which no bundle made by export holds: refused.")
        if member.compress_type != zipfile.ZIP_STORED:
            raise CorruptFile(
                f"{source} is compressed, as no bundle made by export is: refused. Unpack it, and load that."
            )
    if len({member.filename for member in members}) < len(members):
        raise CorruptFile(f"{source} holds a file twice: refused.")
    if sum(member.file_size for member in members) > source.stat().st_size:
        raise CorruptFile(f"{source} claims to hold more than its own size: refused.")
