"""Judging what a damaged working directory gives: everything right, or an error; never something wrong."""

from __future__ import annotations

import warnings
from pathlib import Path

from charrnn.errors import CharRNNError, DamageWarning
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import same, state_after

FOUND = "found"
HARMLESS = "harmless"
MISSED = "missed"


def judge(path: Path, intact: tuple[dict, list, list]) -> str:
    """Open `path`, read all that it gives, and compare with what it gave when it was `intact` (see `contents`).

    Returns `FOUND` where an error or a warning told of the damage and nothing wrong was given, `HARMLESS` where every
    value is as before, `MISSED` otherwise.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", DamageWarning)
        try:
            got = contents(path)
            problems = verify(WorkDir.open(path)).problems
        except CharRNNError:
            return FOUND
    if got == intact and not problems:
        return HARMLESS
    wrong = [item for part, whole in zip(got[1:], intact[1:], strict=True) for item in part if item not in whole]
    return FOUND if (told or problems) and not wrong and got[0] == intact[0] else MISSED


def contents(path: Path) -> tuple[dict, list, list]:
    """Return all values of a working directory: facts; checkpoints whose arrays are right; rows."""
    workdir = WorkDir.open(path)
    workdir.find()
    checkpoints = []
    for checkpoint in workdir.checkpoints:
        arrays, record = workdir.read(checkpoint)
        checkpoints.append((checkpoint.name, record, same(arrays, state_after(checkpoint.step))))
    return {"model": workdir.model, "refs": workdir.refs.to_json()}, checkpoints, list(workdir.history)
