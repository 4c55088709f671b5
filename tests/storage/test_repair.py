"""Whatever is damaged or missing: after a repair the directory verifies, loads its last good state, and goes on."""

import os
import warnings

import pytest

from charrnn.errors import CheckpointNotFound, CorruptFile, NotAModelDirectory, WorkdirLocked
from charrnn.storage.repair import examine
from charrnn.storage.timetravel import branch, branches, note, pin
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, same, save, state_after

LAST = "checkpoints/e0004-s00000040-v1.100.safetensors"


def remove(path):
    path.unlink()


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 4
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])


def exchange(path):
    home = home_of(path)
    other = new_workdir(home.parent / "other", (10, 20, 30, 40)).path / path.relative_to(home)
    path.write_bytes(b"another" if path.suffix == ".npy" else other.read_bytes())


def link(path):
    outside = home_of(path).parent / "outside"
    os.rename(path, outside)
    path.symlink_to(outside)


def home_of(path):
    """Return the working directory that a file is in."""
    return next(folder for folder in path.parents if (folder / "model.json").exists())


@pytest.mark.parametrize("harm", [remove, flip, cut, exchange, link])
@pytest.mark.parametrize("file", ["refs.json", "inventory.json", "history.jsonl", "data/train.npy", LAST])
def test_what_can_be_saved_is_saved(workdir, file, harm):
    harm(workdir.path / file)
    before = (workdir.path / file).read_bytes() if (workdir.path / file).exists() else None
    repair = examine(workdir.path)
    assert repair.needed
    assert [row["file"] for row in repair] == [file]
    assert repair[0]["remedy"]
    assert repair.last_good == ("e0003-s00000030-v1.000" if file == LAST else "e0004-s00000040-v1.100")
    assert not verify(workdir).ok  # nothing has changed yet
    keep = repair.carry_out()
    if before is not None:
        assert (keep / file).read_bytes() == before
    again = WorkDir.open(workdir.path)
    assert verify(again).ok, verify(again)
    checkpoint, arrays = again.load()
    assert checkpoint.name == repair.last_good
    assert same(arrays, state_after(checkpoint.step))
    rows = [row["step"] for row in again.history]
    assert set(rows) <= {10, 20, 30, 40}
    if file in ("refs.json", "inventory.json", "data/train.npy"):
        assert rows == [10, 20, 30, 40]
    assert save(again, 50).parent == checkpoint.name
    assert save(again, 60).step == again.find().step == 60
    assert verify(again).ok
    assert not examine(workdir.path).needed
    assert examine(workdir.path).carry_out() is None


def test_branches_are_found_again_from_the_checkpoints(workdir):
    branch(workdir, "side", 1)
    save(workdir, 21)
    pin(workdir, 0)
    note(workdir, "good", "best")
    (workdir.path / "refs.json").write_bytes(b"")
    examine(workdir.path).carry_out()
    again = WorkDir.open(workdir.path)
    assert {name: at.step for name, at in branches(again).items()} == {"main": 40, "side": 21}
    assert again.refs.branch == "side"
    assert again.refs.notes == {}


def test_everything_at_once(workdir):
    for file in ("refs.json", "inventory.json", "history.jsonl", "data/train.npy", LAST):
        cut(workdir.path / file)
    repair = examine(workdir.path)
    assert len(repair) == 5
    repair.carry_out()
    again = WorkDir.open(workdir.path)
    assert verify(again).ok
    assert again.find().step == 30
    assert not again.data.exists()


def test_where_no_checkpoint_is_good_the_model_is_not_taken_for_a_new_one(workdir):
    for checkpoint in workdir.checkpoints:
        checkpoint.path.write_bytes(b"")
    repair = examine(workdir.path)
    assert "none is good" in repair[0]["remedy"]
    repair.carry_out()
    again = WorkDir.open(workdir.path)
    assert not again.is_new
    with pytest.raises(CheckpointNotFound, match="no checkpoint is left"):
        again.load()


def test_without_its_model_file_nothing_can_be_done(workdir, tmp_path):
    with pytest.raises(NotAModelDirectory):
        examine(tmp_path / "nowhere")
    cut(workdir.path / "model.json")
    with pytest.raises(CorruptFile, match="Put back a copy"):
        examine(workdir.path)


def test_a_directory_in_use_is_left_alone(workdir):
    (workdir.path / "inventory.json").unlink()
    repair = examine(workdir.path)
    with workdir.lock(), pytest.raises(WorkdirLocked):
        repair.carry_out()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sorted(os.listdir(workdir.path)) == [
            ".lock",
            "checkpoints",
            "data",
            "history.jsonl",
            "model.json",
            "refs.json",
        ]


def test_a_foreign_model_file_is_named_and_does_not_cost_the_others(workdir, tmp_path):
    file = workdir.path / "model.json"
    right = file.read_bytes()
    file.write_bytes((new_workdir(tmp_path / "other").path / "model.json").read_bytes())
    repair = examine(workdir.path)
    assert "another model's than all other files" in repair[0]["state"]
    with pytest.raises(CorruptFile, match="Put back a copy"):
        repair.carry_out()
    file.write_bytes(right)
    assert not examine(workdir.path).needed
