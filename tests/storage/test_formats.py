"""Directories and bundles of every format version so far still load; `formats/v<n>` was made by the code of its time.

To add one when a format changes: `python -m tests.storage.test_formats tests/storage/formats/v<n>`.
"""

import shutil
import sys
from pathlib import Path

import pytest

from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.timetravel import branch, branches, checkout, note, pin
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, same, save, state_after

VERSIONS = sorted(Path(__file__).with_name("formats").iterdir())


def make(folder: Path) -> None:
    """Write a directory that uses everything there is, and its bundle."""
    workdir = new_workdir(folder / "model", (10, 20, 30, 40))
    note(workdir, "schön", "best")
    pin(workdir, 0)
    branch(workdir, "side", 1)
    save(workdir, 21)
    export_bundle(workdir, folder / "model.zip")


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def version(request, tmp_path):
    return shutil.copytree(request.param, tmp_path / "copy")


def test_a_directory_loads_whole_and_can_be_gone_on_with(version):
    workdir = WorkDir.open(version / "model")
    assert verify(workdir).ok
    assert workdir.model == {"modeltype": "GRUEncode", "hyper": {"layers": 2}}
    assert [checkpoint.step for checkpoint in workdir.checkpoints] == [10, 20, 30, 40, 21]
    for checkpoint in workdir.checkpoints:
        assert same(workdir.read(checkpoint)[0], state_after(checkpoint.step))
    assert {name: at.step for name, at in branches(workdir).items()} == {"main": 40, "side": 21}
    assert workdir.refs.notes == {"e0003-s00000030-v1.000": "schön"}
    assert workdir.refs.pinned == ["e0001-s00000010-v1.200"]
    assert [row["step"] for row in workdir.history] == [10, 20, 21]
    checkout(workdir, "main")
    assert save(workdir, 50).serial == 6
    assert [row["step"] for row in workdir.history] == [10, 20, 30, 40, 50]


def test_a_bundle_loads(version, tmp_path):
    workdir = import_bundle(version / "model.zip", tmp_path / "imported")
    assert [checkpoint.step for checkpoint in workdir.checkpoints] == [30, 21]
    assert same(workdir.read()[0], state_after(21))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
