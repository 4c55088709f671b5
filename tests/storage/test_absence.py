"""What is missing is named, and never taken for something that was not written yet."""

import shutil
import threading

import numpy as np
import pytest

from charrnn.errors import CheckpointNotFound, DamageWarning, NotTrainedYet
from charrnn.storage.thinning import thin
from charrnn.storage.timetravel import branch, checkout, note
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, same, save, state_after
from tests.storage.test_formats import VERSIONS


def test_a_new_model_says_so(tmp_path):
    workdir = new_workdir(tmp_path / "model")
    assert workdir.is_new
    with pytest.raises(NotTrainedYet, match="no checkpoint yet"):
        workdir.load()
    save(workdir, 10)
    assert not workdir.is_new


@pytest.mark.parametrize("inventory", [True, False])
@pytest.mark.parametrize("emptied", ["folder", "files"])
def test_a_model_whose_checkpoints_are_gone_is_not_new(workdir, inventory, emptied):
    for checkpoint in workdir.checkpoints:
        checkpoint.path.unlink()
    if emptied == "folder":
        workdir.shelf.folder.rmdir()
    if not inventory:  # as directories of charrnn 0.1 have none
        (workdir.path / "inventory.json").unlink()
    again = WorkDir.open(workdir.path)
    assert not again.is_new
    with pytest.raises(CheckpointNotFound) as caught:
        again.load()
    assert not isinstance(caught.value, NotTrainedYet)


def test_a_branch_whose_base_is_gone_is_not_new(tmp_path):
    workdir = new_workdir(tmp_path / "model", (10,))
    branch(workdir, "side")
    workdir.find().path.unlink()
    with pytest.raises(CheckpointNotFound, match="no checkpoint is left") as caught:
        WorkDir.open(workdir.path).load()
    assert not isinstance(caught.value, NotTrainedYet)


def test_a_missing_last_checkpoint_is_named_with_the_last_good_one(workdir):
    workdir.find().path.unlink()
    again = WorkDir.open(workdir.path)
    with pytest.raises(CheckpointNotFound, match=r"s00000040-v1.100\.safetensors is missing.*good .*e0003-s00000030"):
        again.load()
    checkout(again, "e0003-s00000030-v1.000")
    assert save(again, 31).parent == "e0003-s00000030-v1.000"
    assert again.find().step == 31


def every_file(path):
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file() and p.name != ".lock")


def test_every_single_deletion_is_named(workdir, tmp_path):
    note(workdir, "good", "best")
    files = every_file(workdir.path)
    assert len(files) == 9
    for file in [*files, "data", "checkpoints"]:
        copy = shutil.copytree(workdir.path, tmp_path / "copy")
        shutil.rmtree(copy / file) if (copy / file).is_dir() else (copy / file).unlink()
        problems = (
            verify(WorkDir(copy)).problems if file != "model.json" else verify(workdir_without_model(copy)).problems
        )
        assert problems, file
        assert all(problem.startswith(file) for problem in problems), problems
        shutil.rmtree(copy)


def workdir_without_model(path):
    """Return a session that was opened before `model.json` went away."""
    content = (path.parent / "model" / "model.json").read_bytes()
    (path / "model.json").write_bytes(content)
    session = WorkDir.open(path)
    (path / "model.json").unlink()
    return session


def test_a_history_truncated_at_the_end_of_a_row_is_named(workdir):
    checkout(workdir, 1)  # the last line says so
    path = workdir.history.path
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        problems = verify(WorkDir.open(workdir.path)).problems
        assert [problem.split(":")[0] for problem in problems] == ["history.jsonl"], kept


def test_an_older_copy_of_a_file_is_named(workdir):
    former = {file: (workdir.path / file).read_bytes() for file in ("refs.json", "history.jsonl")}
    note(workdir, "good", "best")
    save(workdir, 50)
    for file, content in former.items():
        now = (workdir.path / file).read_bytes()
        (workdir.path / file).write_bytes(content)
        assert [problem.split(":")[0] for problem in verify(workdir).problems] == [file]
        (workdir.path / file).write_bytes(now)
    assert verify(workdir).ok


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_a_directory_of_an_older_charrnn_names_what_it_can_and_all_once_it_was_saved_in(version, tmp_path):
    workdir = WorkDir.open(shutil.copytree(version / "model", tmp_path / "model"))
    (workdir.history.path).write_bytes(b"".join(workdir.history.path.read_bytes().splitlines(keepends=True)[:-1]))
    assert [problem.split(":")[0] for problem in verify(workdir).problems] == ["history.jsonl"]
    shutil.copy(version / "model" / "history.jsonl", workdir.history.path)
    workdir = WorkDir.open(workdir.path)
    checkout(workdir)
    newest = save(workdir, 50)
    assert verify(workdir).ok
    (workdir.path / "inventory.json").unlink()
    assert [problem.split(":")[0] for problem in verify(workdir).problems] == ["inventory.json"]
    workdir.take_stock()
    newest.path.unlink()
    assert verify(workdir).problems == [f"checkpoints/{newest.path.name}: is missing"]


def test_what_was_thinned_away_is_not_missing(workdir):
    for step in range(50, 200, 10):
        save(workdir, step)
        thin(workdir, max_bytes=4000)
    assert verify(workdir).ok


def test_thousands_of_loads_beside_a_thinning_writer_are_never_untrained(tmp_path):
    workdir = new_workdir(tmp_path / "model", (1,))
    stop = threading.Event()

    def write():
        writer = WorkDir.open(workdir.path)
        for step in range(2, 100_000):
            if stop.is_set():
                return
            save(writer, step % 50 + 1)
            thin(writer, max_bytes=0)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for which in [None, "best", "main"] * 100:
            checkpoint, arrays = WorkDir.open(workdir.path).load(which)
            assert same(arrays, state_after(checkpoint.step))
    finally:
        stop.set()
        thread.join()


def test_a_reader_does_not_call_damaged_what_is_being_written(workdir):
    (workdir.shelf.folder / ".tmp-0123abcd-e0009-s00000090-v0.100.safetensors").write_bytes(b"half")
    assert verify(workdir).ok


def test_saving_goes_on_without_an_inventory(workdir):
    (workdir.path / "inventory.json").write_bytes(b"{")
    assert save(workdir, 50).serial == 5
    assert workdir.find().step == 50


def test_missing_checkpoints_stay_named_until_they_are_given_up(workdir):
    workdir.checkpoints[0].path.unlink()
    save(workdir, 50)
    missing = "checkpoints/e0001-s00000010-v1.200.safetensors: is missing"
    assert verify(workdir).problems == [missing]
    with pytest.warns(DamageWarning, match="is missing"):
        assert len(workdir.checkpoints) == 4
    workdir.take_stock(forget=["e0001-s00000010-v1.200"])
    assert verify(workdir).ok
    assert np.isfinite(workdir.find().loss)
