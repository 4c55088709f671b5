import pytest

from charrnn.errors import CheckpointNotFound, InvalidValue
from charrnn.storage.timetravel import branch, branches, checkout, log, note, pin, unpin
from charrnn.storage.workdir import WorkDir
from tests.storage.states import save


def history_steps(workdir):
    return [row["step"] for row in WorkDir.open(workdir.path).history]


def test_after_a_checkout_the_last_is_where_it_went(workdir):
    assert checkout(workdir, 1).step == 20
    assert WorkDir.open(workdir.path).find().step == 20
    assert history_steps(workdir) == [10, 20]


def test_training_goes_on_from_there(workdir):
    checkout(workdir, "best")
    save(workdir, 31)
    assert workdir.find().parent == "e0003-s00000030-v1.000"
    assert workdir.find("last").step == 31
    assert history_steps(workdir) == [10, 20, 30, 31]


def test_what_was_left_behind_is_pinned_and_can_be_returned_to(workdir):
    checkout(workdir, 0)
    assert workdir.refs.pinned == ["e0004-s00000040-v1.100"]
    checkout(workdir, "e0004-s00000040-v1.100")
    save(workdir, 50)
    assert workdir.find().parent == "e0004-s00000040-v1.100"
    assert history_steps(workdir) == [10, 20, 30, 40, 50]


def test_checkout_of_the_last_changes_nothing(workdir):
    before = workdir.refs, workdir.history.mark
    checkout(workdir)
    assert (workdir.refs, workdir.history.mark) == before


def test_rows_since_the_last_checkpoint_are_left_aside_by_going_on_from_it(workdir):
    workdir.history.append({"step": 41})
    checkout(workdir)
    save(workdir, 41)
    assert history_steps(workdir) == [10, 20, 30, 40, 41]


def test_branches_share_what_came_before_and_grow_apart(workdir):
    assert branch(workdir, "lower-lr", 1).step == 20
    save(workdir, 25)
    assert checkout(workdir, "main").step == 40
    save(workdir, 50)
    assert {name: at.step for name, at in branches(workdir).items()} == {"main": 50, "lower-lr": 25}
    assert workdir.find("lower-lr").parent == "e0002-s00000020-v1.100"
    assert workdir.find().branch == "main"
    assert history_steps(workdir) == [10, 20, 30, 40, 50]
    checkout(workdir, "lower-lr")
    assert history_steps(workdir) == [10, 20, 25]
    assert len(workdir.checkpoints) == 6


def test_a_new_branch_stands_where_it_began(workdir):
    branch(workdir, "a")
    branch(workdir, "b", 0)
    assert {name: at.step for name, at in branches(workdir).items()} == {"main": 40, "a": 40, "b": 10}


@pytest.mark.parametrize("name", ["main", "", "a/b", "a b", "last", "best", "e0003-s00012034-v1.512"])
def test_odd_names_of_branches_are_refused(workdir, name):
    with pytest.raises(InvalidValue, match=r"exists already|expected letters"):
        branch(workdir, name)
    assert list(branches(workdir)) == ["main"]


def test_a_failed_branch_or_checkout_changes_nothing(workdir):
    before = workdir.refs
    for travel in (lambda: branch(workdir, "new", 17), lambda: checkout(workdir, "mian")):
        with pytest.raises(CheckpointNotFound):
            travel()
    assert workdir.refs == before


def test_pins_and_notes(workdir):
    pin(workdir, 0)
    pin(workdir, 0)
    note(workdir, "before the wedding", 1)
    note(workdir, "after", 1)
    note(workdir, "passing")
    note(workdir, "")
    refs = WorkDir.open(workdir.path).refs
    assert refs.pinned == ["e0001-s00000010-v1.200"]
    assert refs.notes == {"e0002-s00000020-v1.100": "after"}
    unpin(workdir, 0)
    unpin(workdir, 0)
    assert workdir.refs.pinned == []


def test_the_log_shows_places_marks_and_notes(workdir):
    note(workdir, "good", "best")
    branch(workdir, "side", 0)
    table = log(workdir)
    assert [row["step"] for row in table] == [10, 20, 30, 40]
    assert [row["marks"] for row in table] == ["last", "", "best", "last of main"]
    assert [row["note"] for row in table] == [None, None, "good", None]
    assert repr(table).splitlines()[3].startswith("e0003-s00000030-v1.000")
