"""Models are listed, renamed, copied, pruned, removed and repaired."""

import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue


def test_a_model_is_copied_renamed_listed_and_removed(run, model, tmp_path):
    run("copy", model, "twin")
    run("rename", tmp_path / "twin", "other")
    assert ModelState.load(tmp_path / "other").hyper == ModelState.load(model).hyper
    listed = run("list", tmp_path)
    assert "model" in listed
    assert "other" in listed
    with pytest.raises(InvalidValue, match="--yes"):
        run("rm", tmp_path / "other")
    with pytest.raises(InvalidValue, match="Nothing was changed"):
        run("rm", tmp_path / "other", stdin="no\n")
    assert (tmp_path / "other").exists()
    run("rm", tmp_path / "other", stdin="y\n")
    assert not (tmp_path / "other").exists()
    assert "There is no model" in run("list", model / "checkpoints")


def test_checkpoints_that_need_not_be_kept_are_removed(run, model):
    run("train", model, "--rounds", 5, "--train-len", 2, "--verbose", 0)
    assert len(ModelState.load(model).checkpoints) == 6
    removed = int(run("prune", model, "--yes").split()[1])
    assert len(ModelState.load(model).checkpoints) == 6 - removed
    assert removed >= 3


def test_damage_is_repaired_after_asking(run, model):
    assert run("repair", model) == "Everything is as it was written.\n"
    run("train", model, "--train-len", 2, "--verbose", 0)
    last = ModelState.load(model).checkpoint
    last.path.write_bytes(b"nonsense")
    with pytest.raises(InvalidValue, match="--yes"):
        run("repair", model)
    assert "is kept in" in run("repair", model, "--yes")
    assert run("repair", model) == "Everything is as it was written.\n"
    assert ModelState.load(model).checkpoint.name != last.name
