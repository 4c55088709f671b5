"""Warm starts: what comes along, what new characters mean, and that the first model stays as it is."""

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import CheckpointNotFound, InvalidValue, ModelExists, SourceNotFound, UnknownName
from tests.conftest import TEXT

OTHER = "".join(f"{n} élans → {n} owls; 7 times {n} is {7 * n}.\n" for n in range(80))


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "owls.txt"
    path.write_text(OTHER, encoding="utf-8")
    return path


@pytest.fixture
def trained(ms):
    ms.train(train_len=20, print_every=0, verbose=0)
    return ms


def test_new_characters_are_read_and_predicted_as_the_unknown_one(trained, other, tmp_path):
    old, new = trained.model, (tuned := trained.finetune(other, tmp_path / "tuned")).model
    assert tuned.chars.chars[: len(trained.chars)] == trained.chars.chars
    assert set(tuned.chars.chars[len(trained.chars) :]) == set(OTHER) - set(TEXT)
    x = tuned.chars.encode(OTHER[:90])
    before, states = old.process(np.where(x < len(trained.chars), x, 0))
    after, new_states = new.process(x)
    np.testing.assert_allclose(new_states, states, atol=1e-6)
    added = len(tuned.chars) - len(trained.chars)
    np.testing.assert_allclose(after[:, : len(trained.chars)] * (1 + added * before[:, :1]), before, atol=1e-6)
    np.testing.assert_allclose(after[:, len(trained.chars) :], np.repeat(after[:, :1], added, axis=1), atol=1e-6)


@pytest.mark.parametrize("modeltype", ["LSTMResize", "GRUEmbed"])
def test_every_input_stage_grows(make, other, tmp_path, modeltype):
    ms = make(modeltype=modeltype, tied=modeltype == "GRUEmbed")
    tuned = ms.finetune(other, tmp_path / "tuned")
    x = tuned.chars.encode(OTHER[:40])
    before = ms.model.process(np.where(x < len(ms.chars), x, 0))[1]
    np.testing.assert_allclose(tuned.model.process(x)[1], before, atol=1e-6)
    tuned.train(train_len=2, print_every=0)


def test_the_optimizer_and_the_steps_come_along_where_it_is_the_same(trained, tmp_path):
    (tmp_path / "same.txt").write_text(TEXT, encoding="utf-8")
    tuned = trained.finetune(tmp_path / "same.txt", tmp_path / "tuned", learnrate=0.5)
    assert tuned.steps == trained.steps == 20
    assert (tuned.learnrate, tuned.place.epoch, tuned.place.pos) == (0.5, 0, 0)
    for name, array in trained.model.arrays().items():
        np.testing.assert_array_equal(tuned.model.arrays()[name], array)
    fresh = trained.finetune(tmp_path / "same.txt", tmp_path / "fresh", optimizer="adam", average=0.9)
    assert fresh.steps == 0
    for name, array in trained.model.parameters.items():
        np.testing.assert_array_equal(fresh.model.parameters[name], array)
        np.testing.assert_array_equal(fresh.model.arrays()[f"param/{name}"], array)
        assert not fresh.model.slots[f"mean/{name}"].any()


def test_the_average_is_what_a_model_begins_from(make, other, tmp_path):
    ms = make(average=0.9)
    ms.train(train_len=5, print_every=0, verbose=0)
    tuned = ms.finetune(other, tmp_path / "tuned", average=0)
    np.testing.assert_array_equal(tuned.model.parameters["1.Wz"], ms.model.parameters["1.Wz"])


def test_it_is_a_model_of_its_own_that_trains_and_is_found_again(trained, other, tmp_path, capsys):
    before = trained.checkpoint, trained.model.arrays()
    tuned = trained.finetune(other, tmp_path / "tuned", seq_len=9)
    shown = capsys.readouterr().out
    assert "owls.txt" in shown
    assert "→" in shown
    assert tuned.origin["model"] == "model"
    assert tuned.origin["checkpoint"] == trained.checkpoint.name
    assert "origin      model, which learned from numbers.txt" in repr(tuned)
    assert tuned.train_data.seq_len == 9
    again = ModelState.load(tmp_path / "tuned")
    assert again.generate(50, rng=1) == tuned.generate(50, rng=1)
    loss = tuned.calc_loss()
    tuned.train(num_rounds=3, print_every=0, verbose=0)
    assert tuned.calc_loss() < loss
    assert trained.checkpoint == before[0]
    for name, array in trained.model.arrays().items():
        np.testing.assert_array_equal(array, before[1][name])


def test_a_warm_start_without_its_checkpoint_is_not_taken_for_a_new_model(trained, other, tmp_path):
    tuned = trained.finetune(other, tmp_path / "tuned")
    tuned.checkpoint.path.unlink()
    with pytest.raises(CheckpointNotFound):
        ModelState.load(tmp_path / "tuned")


def test_documents_go_on_with_documents(tmp_path):
    ms = ModelState.initfromsrcfile(["an owl", "an otter", "a newt"] * 5, tmp_path / "first", state_size=4, seq_len=5)
    tuned = ms.finetune(["ein Uhu", "ein Otter"] * 5, tmp_path / "second")
    assert tuned.chars.specials == ms.chars.specials
    assert tuned.chars.chars[: len(ms.chars)] == ms.chars.chars
    tuned.train(print_every=0, verbose=0)
    assert tuned.excerpt(3, rng=0) in "ein Uhu, ein Otter"


@pytest.mark.parametrize("name", ["layers", "state_size"])
def test_what_parameters_depend_on_stays(trained, other, tmp_path, name):
    with pytest.raises(InvalidValue, match=f"keeps its {name}"):
        trained.finetune(other, tmp_path / "tuned", **{name: 3})
    assert not (tmp_path / "tuned").exists()


def test_labels_do_not_go_along(tmp_path):
    csv = tmp_path / "verse.csv"
    csv.write_text("author,text\n" + "me,an owl\nyou,an otter\n" * 9, encoding="utf-8")
    ms = ModelState.initfromsrcfile(csv, tmp_path / "first", labels="author", state_size=4, seq_len=5)
    with pytest.raises(InvalidValue, match="labels"):
        ms.finetune(csv, tmp_path / "second")


def test_what_a_new_model_refuses_is_refused(trained, other, tmp_path):
    with pytest.raises(SourceNotFound):
        trained.finetune(tmp_path / "nowhere.txt", tmp_path / "tuned")
    with pytest.raises(UnknownName, match="learnrate"):
        trained.finetune(other, tmp_path / "tuned", learn_rate=1)
    with pytest.raises(ModelExists):
        trained.finetune(other, trained.path)


def test_an_excerpt_is_a_piece_of_the_text_learned(ms):
    assert ms.excerpt(50, rng=3) == ms.excerpt(50, rng=3) != ms.excerpt(50, rng=4)
    for seed in range(20):
        assert ms.excerpt(30, rng=seed) in TEXT[: ms.corpus.split]
    assert len(ms.excerpt(30)) == 30
    assert ms.excerpt(10**6) == TEXT[: ms.corpus.split]
    with pytest.raises(InvalidValue, match="length"):
        ms.excerpt(0)


def test_a_model_never_takes_its_own_place(ms, other):
    before = ms.checkpoint
    with pytest.raises(InvalidValue, match="stays as it is"):
        ms.finetune(other, ms.path, overwrite=True)
    assert ModelState.load(ms.path).checkpoint == before
