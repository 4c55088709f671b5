import os

import pytest

from charrnn.errors import (
    DamageWarning,
    InvalidValue,
    ModelExists,
    NotAModelDirectory,
    SaveFailed,
    SourceUnusable,
    WorkdirLocked,
)
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, save


def test_data_and_facts_come_from_one_function(tmp_path):
    workdir = new_workdir(tmp_path / "a" / "b" / "model")
    again = WorkDir.open(workdir.path)
    assert again.model == {"modeltype": "GRUEncode", "hyper": {"layers": 2}}
    assert set(again.data_files) == {"train.npy"}
    assert (again.data / "train.npy").stat().st_size == again.data_files["train.npy"]["size"]
    assert again.id == workdir.id != new_workdir(tmp_path / "other").id


@pytest.mark.parametrize(
    "error", [SourceUnusable("empty"), KeyboardInterrupt(), OSError(28, "No space left on device")]
)
@pytest.mark.parametrize("existing", [False, True])
def test_a_failure_leaves_everything_as_it_was(tmp_path, error, existing):
    target = tmp_path / "new" / "model"
    if existing:
        target.mkdir(parents=True)

    def fail(data):
        (data / "train.npy").write_bytes(b"half")
        raise error

    expected = SaveFailed if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        WorkDir.create(target, fail)
    assert [os.listdir(tmp_path), existing and os.listdir(target)] == ([["new"], []] if existing else [[], False])


def test_facts_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="holds a object"):
        WorkDir.create(tmp_path / "model", {"what": object()})
    assert not os.listdir(tmp_path)


def test_a_model_is_never_replaced_unasked(tmp_path):
    workdir = new_workdir(tmp_path / "model", (10,))
    with pytest.raises(ModelExists, match=r"already holds a model.*overwrite=True"):
        WorkDir.create(workdir.path, {})
    assert workdir.find().step == 10


def test_a_model_is_replaced_when_asked(tmp_path):
    old = new_workdir(tmp_path / "model", (10,))
    new = WorkDir.create(old.path, {"modeltype": "other"}, overwrite=True)
    assert new.checkpoints == []
    assert WorkDir.open(old.path).model == {"modeltype": "other"}
    assert os.listdir(tmp_path) == ["model"]


def test_a_failed_replacement_keeps_the_former(tmp_path):
    workdir = new_workdir(tmp_path / "model", (10,))
    with pytest.raises(InvalidValue):
        WorkDir.create(workdir.path, {"what": object()}, overwrite=True)
    assert WorkDir.open(workdir.path).find().step == 10
    assert os.listdir(tmp_path) == ["model"]


def test_a_model_in_training_is_not_replaced(tmp_path):
    workdir = new_workdir(tmp_path / "model", (10,))
    with workdir.lock(), pytest.raises(WorkdirLocked):
        WorkDir.create(workdir.path, {}, overwrite=True)
    assert workdir.find().step == 10


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_files_are_left_alone(tmp_path, overwrite):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidValue, match=r"holds other files.*Choose another"):
        WorkDir.create(tmp_path, {}, overwrite=overwrite)
    with pytest.raises(InvalidValue, match="is a file"):
        WorkDir.create(tmp_path / "letter.txt", {}, overwrite=overwrite)
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_leftovers_of_a_killed_creation_are_cleared(tmp_path):
    (tmp_path / ".model.new-0123abcd" / "data").mkdir(parents=True)
    (tmp_path / ".model.old-0123abcd").mkdir()
    new_workdir(tmp_path / "model")
    assert sorted(os.listdir(tmp_path)) == [".model.old-0123abcd", "model"]
    WorkDir.create(tmp_path / "model", {}, overwrite=True)
    assert os.listdir(tmp_path) == ["model"]


def test_a_replacement_cut_short_gives_the_former_back(tmp_path):
    workdir = new_workdir(tmp_path / "model", (10,))
    workdir.path.rename(tmp_path / ".model.old-0123abcd")
    (tmp_path / ".model.new-4567cdef").mkdir()  # what was to take its place
    with pytest.warns(DamageWarning, match="the former model is back"):
        again = WorkDir.open(tmp_path / "model")
    assert save(again, 20).parent == "e0001-s00000010-v1.200"


def test_what_is_no_model_directory_is_told_with_its_neighbours(tmp_path):
    new_workdir(tmp_path / "alice")
    with pytest.raises(NotAModelDirectory, match=r"alise does not exist.*initfromsrcfile.*Did you mean: alice"):
        WorkDir.open(tmp_path / "alise")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotAModelDirectory, match="holds no charrnn model"):
        WorkDir.open(tmp_path / "empty")
    new_workdir(tmp_path / "empty" / "inner")
    with pytest.raises(NotAModelDirectory, match="Did you mean: empty/inner"):
        WorkDir.open(tmp_path / "empty")
    with pytest.raises(NotAModelDirectory, match="holds no charrnn model"):
        WorkDir.open(tmp_path / "alice" / "model.json")


def test_links_and_home_are_followed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    new_workdir(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert WorkDir.open("~/link").path == (tmp_path / "real").resolve()
    WorkDir.create(tmp_path / "link", {"modeltype": "new"}, overwrite=True)
    assert WorkDir.open(tmp_path / "real").model == {"modeltype": "new"}


def test_files_that_are_not_charrnns_stay_when_a_model_is_replaced(tmp_path):
    old = new_workdir(tmp_path / "model", (10,))
    own = ["alice.txt", "notes/plan.md", "data/source.txt", "checkpoints/README.md", "model.json.bak"]
    for name in own:
        (old.path / name).parent.mkdir(exist_ok=True)
        (old.path / name).write_text(name)

    def read(data):
        return {"text": (old.path / "alice.txt").read_text()}  # the text that is learned from is in the directory

    new = WorkDir.create(old.path, read, overwrite=True)
    assert new.model == {"text": "alice.txt"}
    assert new.is_new
    for name in own:
        assert (new.path / name).read_text() == name
    assert os.listdir(tmp_path) == ["model"]


def test_a_leftover_is_not_brought_back_after_a_move(tmp_path):
    new_workdir(tmp_path / ".model.old-0123abcd", (10,))  # what could not be removed whole
    workdir = new_workdir(tmp_path / "model", (20,))
    workdir.path.rename(tmp_path / "elsewhere")
    with pytest.raises(NotAModelDirectory, match="does not exist"):
        WorkDir.open(tmp_path / "model")


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-this-name/model", "x" * 300 + "/m"])
def test_impossible_paths_are_refused(tmp_path, path):
    with pytest.raises((InvalidValue, SaveFailed)):
        WorkDir.create(path if path.startswith("~") else tmp_path / path, {})
