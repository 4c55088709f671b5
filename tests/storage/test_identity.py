"""Two sessions on one directory: neither destroys what the other made, nor files its own under the other's name."""

import os
import re

import pytest

from charrnn.errors import BranchMoved, CorruptFile, ModelReplaced, SaveFailed
from charrnn.storage.bundle import export_bundle
from charrnn.storage.timetravel import branch, branches, checkout, note, resume
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, record_of, save, state_after


@pytest.fixture
def replaced(workdir):
    """An open directory in whose place another model was made meanwhile, and that one."""
    other = WorkDir.create(workdir.path, {"modeltype": "other"}, overwrite=True)
    save(other, 50)
    return workdir, other


@pytest.mark.parametrize(
    "write",
    [
        lambda workdir: save(workdir, 60),
        lambda workdir: workdir.history.append({"step": 60}),
        lambda workdir: note(workdir, "mine", workdir.checkpoints[0]),
        lambda workdir: checkout(workdir, "e0005-s00000050-v1.200"),
        lambda workdir: branch(workdir, "side", "e0005-s00000050-v1.200"),
        lambda workdir: workdir.take_stock(),
        lambda workdir: export_bundle(workdir, workdir.path.parent / "model.zip"),
    ],
)
def test_a_session_of_a_replaced_model_writes_nothing(replaced, write):
    session, other = replaced
    before = {path: path.read_bytes() for path in other.path.rglob("*") if path.is_file()}
    with pytest.raises(ModelReplaced, match=rf"made 20.*{session.id[:8]}.*there 20.*{other.id[:8]}"):
        write(session)
    assert {path: path.read_bytes() for path in other.path.rglob("*") if path.is_file()} == before
    assert verify(other).ok
    assert WorkDir.open(other.path).find().step == 50


def test_it_is_noticed_in_the_midst_of_a_run_too(workdir):
    with workdir.lock():
        save(workdir, 50)
        os.rename(workdir.path, workdir.path.with_name("elsewhere"))
        new_workdir(workdir.path, (60,))
        with pytest.raises(ModelReplaced):
            save(workdir, 51)


def test_without_its_model_file_nothing_is_written(workdir):
    (workdir.path / "model.json").unlink()
    with pytest.raises(SaveFailed, match=r"whether it still holds this model.*Put back"):
        save(workdir, 50)


def test_a_model_file_that_was_put_back_is_the_same_one(workdir):
    file = workdir.path / "model.json"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    assert save(workdir, 50).step == 50


def test_checkpoints_of_another_model_are_never_set_aside(workdir, tmp_path):
    other = new_workdir(tmp_path / "other", (90,)).find().path
    copy = workdir.shelf.folder / other.name
    copy.write_bytes(other.read_bytes())
    assert workdir.find().step == 40  # it was never a checkpoint of this model
    assert len(workdir.checkpoints) == 4
    assert verify(workdir).problems == [
        f"checkpoints/{other.name}: {copy} belongs to another model than the directory that it is in. "
        "Put back the right one."
    ]
    checkout(workdir, 2)
    save(workdir, 31)
    assert copy.read_bytes() == other.read_bytes()
    assert workdir.find().step == 31


@pytest.mark.parametrize("file", ["refs.json", "history.jsonl", "inventory.json"])
def test_files_of_another_model_are_named(workdir, tmp_path, file):
    other = new_workdir(tmp_path / "other", (10, 20, 30, 40))
    (workdir.path / file).write_bytes((other.path / file).read_bytes())
    problems = verify(workdir).problems
    assert [problem.split(":")[0] for problem in problems] == [file]
    assert "belongs to another model" in problems[0]


def test_a_history_of_another_model_is_not_shown(workdir, tmp_path):
    other = new_workdir(tmp_path / "other", (50,))
    (workdir.path / "history.jsonl").write_bytes((other.path / "history.jsonl").read_bytes())
    with pytest.raises(CorruptFile, match="belongs to another model"):
        list(WorkDir.open(workdir.path).history)


# Branches belong to sessions


def test_two_sessions_on_two_branches_file_each_under_its_own(workdir):
    first, at = WorkDir.open(workdir.path), workdir.standing()
    second = WorkDir.open(workdir.path)
    branch(second, "side", 0)
    there = second.standing()
    resume(first, first.find(at.head), at)
    saved = first.save_checkpoint(state_after(50), record_of(50), first.standing("main"))
    assert (saved.branch, saved.parent) == ("main", at.head)
    resume(second, second.find(there.head), there)
    saved = second.save_checkpoint(state_after(11), record_of(11), there)
    assert (saved.branch, saved.parent) == ("side", "e0001-s00000010-v1.200")
    assert {name: c.step for name, c in branches(workdir).items()} == {"main": 50, "side": 11}
    assert [row["step"] for row in WorkDir.open(workdir.path).history] == [10]


@pytest.mark.parametrize("act", [lambda w: save(w, 50), lambda w: checkout(w, 0)])
def test_a_session_whose_branch_was_moved_is_refused_and_told_what_to_do(workdir, act):
    session, at = WorkDir.open(workdir.path), workdir.standing()
    act(workdir)
    before = {path: path.read_bytes() for path in workdir.path.rglob("*") if path.is_file()}
    message = re.escape("branch main stood at e0004-s00000040-v1.100") + r".*ms\.checkout\('main'\).*ms\.branch"
    with pytest.raises(BranchMoved, match=message):
        resume(session, session.find(at.head), at)
    with pytest.raises(BranchMoved, match=message):
        session.save_checkpoint(state_after(41), record_of(41), at)
    assert {path: path.read_bytes() for path in workdir.path.rglob("*") if path.is_file()} == before
    branch(session, "mine", at.head)
    assert session.save_checkpoint(state_after(41), record_of(41), session.standing()).parent == at.head


def test_a_new_model_can_be_begun_by_one_session_only(tmp_path):
    workdir = new_workdir(tmp_path / "model")
    session, at = WorkDir.open(workdir.path), workdir.standing()
    resume(workdir, None, at)
    save(workdir, 10)
    with pytest.raises(BranchMoved, match="stood at its beginning"):
        resume(session, None, at)
