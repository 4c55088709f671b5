import os
import shutil

import numpy as np
import pytest

from charrnn.errors import CheckpointNotFound, CorruptFile, DamageWarning, InvalidValue, SaveFailed, WorkdirLocked
from charrnn.storage import modeldir as module
from charrnn.storage.atomic import TEMPORARY
from charrnn.storage.timetravel import branch, note
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, record_of, same, save, state_after


def steps(workdir):
    return [checkpoint.step for checkpoint in workdir.checkpoints]


def test_checkpoints_are_listed_in_the_order_of_saving(workdir):
    save(workdir, 5)
    assert steps(workdir) == steps(WorkDir.open(workdir.path)) == [10, 20, 30, 40, 5]
    assert [c.serial for c in workdir.checkpoints] == [1, 2, 3, 4, 5]
    assert [c.parent for c in workdir.checkpoints] == [None, *(c.name for c in workdir.checkpoints[:-1])]


@pytest.mark.parametrize(
    ("which", "step"),
    [(None, 40), ("last", 40), ("best", 30), (0, 10), (-2, 30), ("main", 40), ("e0002-s00000020-v1.100", 20)],
)
def test_find_and_read(workdir, which, step):
    assert workdir.find(which).step == step
    arrays, record = workdir.read(which)
    assert record["step"] == step
    assert same(arrays, state_after(step))


def test_a_checkpoint_may_be_given_as_itself_or_as_its_file(workdir):
    checkpoint = workdir.checkpoints[1]
    assert workdir.find(checkpoint) is checkpoint
    assert workdir.find(str(checkpoint.path)) == checkpoint


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("e0002-s00000021-v1.100", "Did you mean: e0002-s00000020-v1.100"),
        ("bast", "Did you mean: last, best"),
        (4, "expected 0 to 3"),
        (-5, "expected 0 to 3"),
    ],
)
def test_what_is_not_there_is_told_with_near_matches(workdir, which, message):
    with pytest.raises(CheckpointNotFound, match=rf"model: .*{message}"):
        workdir.find(which)


def test_a_new_model_has_no_checkpoint(tmp_path):
    for which in (None, "best", 0, "e0"):
        with pytest.raises(CheckpointNotFound, match="train it first"):
            new_workdir(tmp_path / str(which)).find(which)


def test_best_needs_a_loss(tmp_path):
    workdir = new_workdir(tmp_path / "model")
    workdir.save_checkpoint({}, record_of(1))
    workdir.save_checkpoint({}, record_of(2, float("nan")))
    with pytest.raises(CheckpointNotFound, match="no checkpoint has a validation loss"):
        workdir.find("best")
    workdir.save_checkpoint({}, record_of(3, float("inf")))
    assert workdir.find("best").step == 3


def test_same_place_twice_gets_another_name(tmp_path):
    workdir = new_workdir(tmp_path / "model")
    names = [workdir.save_checkpoint({"W": np.full(2, i)}, record_of(1, 2.0)).name for i in range(3)]
    assert names == ["e0000-s00000001-v2.000", "e0000-s00000001-v2.000-2", "e0000-s00000001-v2.000-3"]
    assert [workdir.read(name)[0]["W"][0] for name in names] == [0, 1, 2]


def test_a_record_needs_its_keys(workdir):
    with pytest.raises(InvalidValue, match="lacks step, valid_loss"):
        workdir.save_checkpoint({}, {"epoch": 1})
    assert len(workdir.checkpoints) == 4


def test_a_directory_that_was_moved_or_copied_works(workdir, tmp_path):
    copy = WorkDir.open(shutil.copytree(workdir.path, tmp_path / "copy"))
    workdir.path.rename(tmp_path / "moved")
    for again in (copy, WorkDir.open(tmp_path / "moved")):
        assert same(again.read()[0], state_after(40))
        save(again, 50)
        assert again.find().step == 50


def test_reading_needs_no_lock_and_writing_does(workdir):
    other = WorkDir.open(workdir.path)
    with workdir.lock():
        assert other.read()[1]["step"] == 40
        for write in (
            lambda: save(other, 50),
            lambda: other.history.append({}),
            lambda: other.save_checkpoint({}, record_of(1)),
        ):
            with pytest.raises(WorkdirLocked):
                write()
        save(workdir, 50)
    assert other.find().step == 50
    assert len(other.history) == 5


def test_a_reader_follows_when_the_last_one_is_thinned_away_under_its_eyes(workdir, monkeypatch):
    other = WorkDir.open(workdir.path)
    read_arrays = module.read_arrays

    def read_too_late(path, *budget):
        if "s00000040" in path.name:
            save(other, 50)
            path.unlink()
        return read_arrays(path, *budget)

    monkeypatch.setattr(module, "read_arrays", read_too_late)
    assert same(workdir.read()[0], state_after(50))
    with pytest.raises(CheckpointNotFound):
        workdir.read("e0004-s00000040-v1.100")


def test_a_checkpoint_object_that_is_gone(workdir):
    checkpoint = workdir.find()
    checkpoint.path.unlink()
    with pytest.raises(CheckpointNotFound, match="is gone"):
        workdir.read(checkpoint)


def test_unfinished_files_are_told_and_cleared_by_the_next_writer_only(workdir):
    leftover = workdir.path / "checkpoints" / f"{TEMPORARY}e0005-s00000050-v1.200.safetensors"
    leftover.write_bytes(b"half")
    assert WorkDir.open(workdir.path).find().step == 40
    assert leftover.exists()
    with (
        pytest.warns(DamageWarning, match=r"e0005-s00000050-v1\.200\.safetensors: discarded an unfinished"),
        workdir.lock(),
    ):
        pass
    assert not leftover.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_directory_can_be_read(workdir):
    folders = [workdir.path, workdir.path / "checkpoints"]
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert WorkDir.open(workdir.path).read()[1]["step"] == 40
        with pytest.raises(SaveFailed):
            save(workdir, 50)
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_missing_refs_file_loses_no_checkpoint(workdir):
    (workdir.path / "refs.json").unlink()
    assert workdir.find().step == 40
    save(workdir, 50)
    assert workdir.find().parent == "e0004-s00000040-v1.100"


def test_a_damaged_refs_file_is_told_with_what_to_do(workdir):
    (workdir.path / "refs.json").write_text("{")
    with pytest.raises(CorruptFile, match=r"refs\.json is damaged.*Put back a copy of it, or delete it"):
        workdir.find()


def test_it_prints_its_place(workdir):
    assert repr(workdir) == f"<WorkDir {workdir.path}: 4 checkpoints, branch main>"


def test_what_a_writer_changes_during_a_look_is_seen_in_the_next(workdir, monkeypatch):
    reader = WorkDir.open(workdir.path)
    scan, looks = reader.shelf.scan, []

    def overtaken():
        looks.append(scan())
        if len(looks) == 1:
            former = workdir.checkpoints
            save(workdir, 50)
            workdir.shelf.remove(former)
        return looks[-1]

    monkeypatch.setattr(reader.shelf, "scan", overtaken)
    assert reader.find().step == 50


def test_a_branch_whose_checkpoints_are_all_gone_says_so(workdir):
    branch(workdir, "side", 0)
    workdir.find().path.unlink()
    with pytest.raises(CheckpointNotFound, match="branch side has no checkpoint left"):
        workdir.find()
    assert workdir.find("main").step == 40


@pytest.mark.parametrize("which", [1.5, True, b"best", ["best"]])
def test_a_checkpoint_is_asked_for_by_name_or_index(workdir, which):
    with pytest.raises(InvalidValue, match="expected a name"):
        workdir.find(which)


def test_names_of_branches_and_notes_are_texts(workdir):
    with pytest.raises(InvalidValue, match="5 cannot name a branch"):
        branch(workdir, 5)
    with pytest.raises(InvalidValue, match="A note is a text"):
        note(workdir, 5)
    for path in (None, 5):
        with pytest.raises(InvalidValue, match="is not a path"):
            WorkDir.open(path)
