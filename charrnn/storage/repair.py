"""Repair a damaged working directory: keep what is intact, and a copy of everything that is replaced."""

from __future__ import annotations

import dataclasses
import os
import warnings
from pathlib import Path

from charrnn.errors import CharRNNError, CorruptFile, DamageWarning
from charrnn.storage import lookup, rows
from charrnn.storage.atomic import sync_directory, write_atomically
from charrnn.storage.belongings import CHECKPOINTS, DATA, HISTORY_FILE, INVENTORY_FILE, MODEL_FILE, REFS_FILE, REPAIRED
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.creation import resolve
from charrnn.storage.faults import writing
from charrnn.storage.inventory import Inventory
from charrnn.storage.jsonfile import dump_json
from charrnn.storage.lines import Lines
from charrnn.storage.lock import WriterLock
from charrnn.storage.plain import exists
from charrnn.storage.refs import Branch, Refs
from charrnn.storage.verify import OK, is_whole, verify
from charrnn.storage.workdir import WorkDir
from charrnn.table import Table

_LOST_ROW = "{}"  # in the place of a row that cannot be read: rows keep their numbers


class Repair(Table):
    """The damage of a working directory and its repairs: a row for each file, which prints as a table.

    Attributes
    ----------
    last_good : str or None
        The name of the newest checkpoint that is whole; training goes on from the newest one of the current branch.
    """

    def __init__(self, path: Path) -> None:
        workdir = WorkDir(path)
        self._path = path
        problems = {row["file"]: row["state"] for row in verify(workdir) if row["state"] != OK}
        self._bad = list(problems)
        self._good = [checkpoint for checkpoint in _found(workdir) if is_whole(workdir, checkpoint)]
        self.last_good = self._good[-1].name if self._good else None
        super().__init__(
            {"file": file, "state": state, "remedy": self._remedy(file, state)} for file, state in problems.items()
        )

    @property
    def needed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._bad)

    def carry_out(self) -> Path | None:
        """Make the repairs of the table, and return the folder with the replaced files; None if none was replaced.

        Raises
        ------
        CorruptFile
            If `model.json` is another model's: nothing is done before the right one is back.
        WorkdirLocked
            If another process is writing.
        SaveFailed
            If the directory cannot be written. What was replaced up to then is in its folder.
        """
        if not self._bad:
            return None
        if MODEL_FILE in self._bad:  # by which all others would be judged
            raise CorruptFile(f"{self._path / MODEL_FILE} is damaged or foreign. Put back a copy of it, then repair.")
        with WriterLock(self._path).held(), writing(self._path):
            keep = self._new_folder()
            former = WorkDir(self._path)
            inventory, refs = former.inventory, self._refs(former)
            lines = max([inventory.lines if inventory else 0, *(checkpoint.history for checkpoint in self._good)])
            history = self._history(former, lines)
            for name in self._bad:
                self._set_aside(name, keep)
            (self._path / CHECKPOINTS).mkdir(exist_ok=True)
            if history is not None:
                write_atomically(self._path / HISTORY_FILE, history)
            write_atomically(self._path / REFS_FILE, refs.to_bytes())
            self._take_stock(inventory)
            sync_directory(self._path)
            return keep

    def _remedy(self, file: str, state: str) -> str:
        folder = file.split("/")[0]
        if folder == CHECKPOINTS:
            lost = "is given up" if state == "is missing" else "is set aside"
            return f"{lost}; the last good one is {self.last_good}" if self.last_good else f"{lost}; none is good"
        return {
            REFS_FILE: "is made again from the checkpoints, without pins and notes",
            INVENTORY_FILE: "is made again from what is there",
            HISTORY_FILE: "keeps the rows that can be read",
            DATA: "is set aside: the model writes and scores, and cannot train",
        }.get(folder, "cannot be repaired: put back a copy")

    def _new_folder(self) -> Path:
        n = 1
        while exists(self._path / f"{REPAIRED}-{n}"):
            n += 1
        folder = self._path / f"{REPAIRED}-{n}"
        folder.mkdir()
        return folder

    def _set_aside(self, name: str, keep: Path) -> None:
        """Move a file to the folder of replaced files; the encoded text is moved as a whole."""
        name = DATA if name.startswith(DATA) else name
        if exists(self._path / name):
            (keep / name).parent.mkdir(exist_ok=True)
            os.rename(self._path / name, keep / name)

    def _history(self, workdir: WorkDir, least: int) -> bytes | None:
        """Return the readable rows of the history, with the former number of lines; None if it is intact."""
        if HISTORY_FILE not in self._bad:
            return None
        lines = Lines(workdir.history.path, workdir.id)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)
            try:
                lines.refresh()
            except CharRNNError:
                lines.texts = []
        texts = [rows.header(workdir.id), *(_LOST_ROW if text is None else text for text in lines.texts[1:])]
        texts += [_LOST_ROW] * (least - len(texts))
        if self._good and self._good[-1].history < len(texts):
            texts.append(dump_json({rows.GOTO: self._good[-1].history}, ""))
        return b"".join(rows.written(workdir.id, n, text) for n, text in enumerate(texts))

    def _refs(self, workdir: WorkDir) -> Refs:
        """Return the branches, each continuing from its last good checkpoint."""
        inventory = workdir.inventory
        newest = max([inventory.newest if inventory else 0, *(checkpoint.serial for checkpoint in self._good)])
        if REFS_FILE in self._bad:
            refs = _from_checkpoints(self._good, workdir.id)
        else:
            refs = dataclasses.replace(workdir.refs, model=workdir.id)
            for name, at in list(refs.branches.items()):
                head = lookup.head(name, refs, self._good)
                if head is not None:
                    refs.branches[name] = Branch(head.name, after=max(newest, at.after))
                elif name != refs.branch:
                    del refs.branches[name]
                elif self._good:
                    refs.branches[name] = Branch(self._good[-1].name, after=max(newest, at.after))
        return dataclasses.replace(refs, revision=max(refs.revision, inventory.revision if inventory else 0) + 1)

    def _take_stock(self, former: Inventory | None) -> None:
        workdir = WorkDir(self._path)
        now = workdir.stock(former=None)
        newest = max(now.newest, former.newest if former else 0)
        if not self._good:  # or the model would be taken for a new one
            newest = max(newest, 1)
        now = dataclasses.replace(now, newest=newest, data=now.data and (former.data if former else True))
        write_atomically(self._path / INVENTORY_FILE, now.to_bytes())


def examine(path: str | os.PathLike[str]) -> Repair:
    """Return the damage of the working directory `path`, and the possible repairs; nothing changes yet.

    Raises
    ------
    NotAModelDirectory, FileNotFoundError
        If the directory does not exist, or holds no model.
    CorruptFile, NewerFormat
        If `model.json`, without which nothing can be saved, is damaged or of a newer charrnn.

    Examples
    --------
    >>> repair = examine("workdirs/alice")   # doctest: +SKIP
    >>> print(repair)                        # doctest: +SKIP
    >>> repair.carry_out()                   # doctest: +SKIP
    """
    target = resolve(path)
    if not exists(target / MODEL_FILE):
        WorkDir.open(target)
    return Repair(target)


def _found(workdir: WorkDir) -> list[Checkpoint]:
    try:
        return workdir.shelf.scan()[0]
    except CharRNNError:
        return []


def _from_checkpoints(good: list[Checkpoint], model: str) -> Refs:
    """Return the branches that checkpoints are on, each begun where its first one came from."""
    names = {checkpoint.name for checkpoint in good}
    firsts: dict[str, Checkpoint] = {}
    for checkpoint in good:
        firsts.setdefault(checkpoint.branch, checkpoint)
    branches = {
        name: Branch(first.parent if first.parent in names else None, after=first.serial - 1)
        for name, first in firsts.items()
    }
    branch = good[-1].branch if good else Refs().branch
    return Refs(branch=branch, branches=branches or Refs().branches, model=model)
