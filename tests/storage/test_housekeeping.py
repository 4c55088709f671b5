import os

import pytest

from charrnn.errors import DamageWarning, InvalidValue, NotAModelDirectory, WorkdirLocked
from charrnn.storage import jsonfile
from charrnn.storage.housekeeping import copy, models, prune, remove, rename
from charrnn.storage.timetravel import note
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, save


def test_models_are_listed_with_their_disk_use(workdir, tmp_path):
    new_workdir(tmp_path / "untrained")
    (tmp_path / "letter.txt").write_text("dear")
    (tmp_path / "empty").mkdir()
    table = models(tmp_path)
    rows = {row["model"]: row for row in table}
    assert set(rows) == {"model", "untrained"}
    assert {name: rows["model"][name] for name in ("modeltype", "steps", "checkpoints", "best_loss", "branch")} == {
        "modeltype": "GRUEncode", "steps": 40, "checkpoints": 4, "best_loss": 1.0, "branch": "main",
    }  # fmt: skip
    size = sum(path.stat().st_size for path in workdir.path.rglob("*") if path.is_file())
    assert rows["model"]["MB"] == pytest.approx(size / 1e6, abs=0.05)
    assert rows["untrained"]["checkpoints"] == 0
    assert models(workdir.path)[0]["model"] == "."


def test_damaged_and_newer_models_are_listed_with_what_they_need(workdir, tmp_path, monkeypatch):
    damaged = new_workdir(tmp_path / "damaged")
    (damaged.path / "model.json").write_bytes(b"{")
    with monkeypatch.context() as patch:
        patch.setattr("charrnn.__version__", "7.3")
        newer = jsonfile.to_bytes("model", 9, {"what": "?"})
    (new_workdir(tmp_path / "newer").path / "model.json").write_bytes(newer)
    workdir.find().path.unlink()
    states = {row["model"]: row["state"] for row in models(tmp_path)}
    assert "is damaged" in states["damaged"]
    assert "charrnn 7.3 wrote it. Upgrade charrnn to that version" in states["newer"]
    assert states["model"] == "1 checkpoints damaged or missing"


def test_a_folder_is_needed(tmp_path):
    with pytest.raises(InvalidValue, match="is not a directory"):
        models(tmp_path / "nowhere")


def test_a_renamed_model_goes_on(workdir, tmp_path):
    moved = rename(workdir.path, "alice")
    assert moved.path == (tmp_path / "alice").resolve()
    assert sorted(os.listdir(tmp_path)) == ["alice"]
    assert verify(moved).ok
    assert save(moved, 50).serial == 5
    assert rename(moved.path, tmp_path / "a" / "b").find().step == 50


def test_a_copy_is_a_model_of_its_own_without_what_is_not_charrnns(workdir, tmp_path):
    (workdir.path / "alice.txt").write_text("dear")
    (workdir.path / "link").symlink_to("alice.txt")
    (workdir.path / ".tmp-0123abcd-refs.json").write_text("half")
    with pytest.warns(DamageWarning, match="unfinished copy"):
        twin = copy(workdir.path, "twin")
    assert verify(twin).ok
    save(twin, 50)
    assert (twin.find().step, workdir.find().step) == (50, 40)
    assert not {"alice.txt", "link"} & set(os.listdir(twin.path))
    assert sorted(os.listdir(tmp_path)) == ["model", "twin"]


@pytest.mark.parametrize("act", [rename, copy])
def test_nothing_is_ever_overwritten(workdir, tmp_path, act):
    new_workdir(tmp_path / "other", (50,))
    (tmp_path / "letter.txt").write_text("dear")
    for target in ("other", "letter.txt"):
        with pytest.raises(InvalidValue, match="exists"):
            act(workdir.path, target)
    with pytest.raises(NotAModelDirectory):
        act(tmp_path / "nowhere", "new")
    assert sorted(os.listdir(tmp_path)) == ["letter.txt", "model", "other"]


def test_pruning_leaves_what_has_to_stay(workdir):
    note(workdir, "good", 1)
    for step in (50, 60, 70):
        save(workdir, step)
    assert {checkpoint.step for checkpoint in prune(workdir.path)} == {40, 50, 60}
    assert [checkpoint.step for checkpoint in workdir.checkpoints] == [10, 20, 30, 70]
    assert verify(workdir).ok


def test_removing_leaves_what_is_not_charrnns(workdir, tmp_path):
    (workdir.path / "alice.txt").write_text("dear")
    (workdir.path / "data" / "notes.md").write_text("mine")
    assert remove(workdir.path) == ["alice.txt", "data/notes.md"]
    left = sorted(path.relative_to(workdir.path).as_posix() for path in workdir.path.rglob("*") if path.is_file())
    assert left == ["alice.txt", "data/notes.md"]
    other = new_workdir(tmp_path / "other", (10,))
    (other.path / "model.json").write_bytes(b"{")
    assert remove(other.path) == []
    assert not other.path.exists()


@pytest.mark.parametrize("act", [lambda path: rename(path, "new"), lambda path: copy(path, "new"), prune, remove])
def test_a_model_in_training_is_left_alone(workdir, act):
    before = sorted(workdir.path.rglob("*"))
    session = WorkDir.open(workdir.path)
    with session.lock():
        inside = sorted(workdir.path.rglob("*"))
        with pytest.raises(WorkdirLocked):
            act(workdir.path)
        assert sorted(workdir.path.rglob("*")) == inside
    assert before
