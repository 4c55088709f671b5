"""A model and its past, as a person at the prompt meets it."""

import os
import shutil
import warnings

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import (
    BranchMoved,
    CheckpointNotFound,
    CorruptFile,
    DamageWarning,
    InvalidValue,
    ModelExists,
    NotAModelDirectory,
    SaveFailed,
    SourceNotFound,
    UnknownName,
    WorkdirLocked,
)
from charrnn.session.facts import Facts
from charrnn.session.train import _learner as learner
from charrnn.tasks import task_for
from tests.sessions import everything


@pytest.fixture
def trained(ms):
    """A model with checkpoints at steps 0, 3, 6 and 9."""
    ms.train(num_rounds=3, train_len=3, print_every=0)
    return ms


def damage(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 4
    path.write_bytes(content)


# Going back and branching off


def test_checkout_is_for_good_and_restore_for_a_look(trained):
    trained.restore(1)
    assert ModelState.load(trained.path).steps == 9
    assert trained.checkout(1) is trained
    again = ModelState.load(trained.path)
    assert again.steps == trained.steps == 3
    assert everything(again) == everything(trained)
    assert [row["step"] for row in again.history] == [3]
    assert again.history.steps()["step"].tolist() == [1, 2, 3]
    assert "pinned" in again.log()[3]["marks"]  # where it stood


def test_a_branch_goes_its_own_way_and_the_main_one_stays(trained):
    at_nine = everything(trained)
    trained.restore(2).branch("lower-lr")
    trained.learnrate /= 10
    trained.train(train_len=2, print_every=0)
    assert (trained.checkpoint.branch, trained.checkpoint.parent) == ("lower-lr", trained.checkpoints[2].name)
    on_branch = everything(trained)
    assert trained.history.steps()["step"].tolist() == list(range(1, 9))
    assert trained.history.steps()["learnrate"][-1] == pytest.approx(trained.history.steps()["learnrate"][0] / 10)

    assert everything(trained.checkout("main")) == at_nine
    assert trained.history.steps()["step"].tolist() == list(range(1, 10))
    assert everything(ModelState.load(trained.path)) == at_nine
    assert everything(trained.checkout("lower-lr")) == on_branch
    assert everything(ModelState.load(trained.path)) == on_branch


def test_a_branch_trains_as_the_main_one_would_have(trained):
    expected = everything(trained)
    trained.restore(2).branch("same")
    trained.train(train_len=3, print_every=0)
    assert everything(trained) == expected


def test_what_cannot_be_checked_out_changes_nothing(trained):
    before, files = everything(trained), sorted(trained.path.rglob("*"))
    with pytest.raises(CheckpointNotFound, match="lower"):
        trained.checkout("lower")
    damage(trained.checkpoints[1].path)
    with pytest.raises(CorruptFile, match=f"{trained.checkpoints[1].name}.*last good.*{trained.checkpoint.name}"):
        trained.checkout(1)
    with pytest.raises(InvalidValue, match="best"):
        trained.branch("best")
    assert everything(trained) == before == everything(ModelState.load(trained.path))
    assert sorted(trained.path.rglob("*")) == files


def test_a_model_without_checkpoint_has_nothing_to_branch_from(make):
    with pytest.raises(CheckpointNotFound, match="train it first"):
        make(init_checkpoint=False).branch("b")


def test_another_process_may_be_writing(trained):
    other = ModelState.load(trained.path)

    def meddle(step):
        before = everything(other)
        for act in (lambda: other.checkout(0), lambda: other.branch("b"), lambda: other.note("hm")):
            with pytest.raises(WorkdirLocked):
                act()
        assert everything(other) == before

    trained.train(train_len=1, callback=meddle, print_every=0)


def test_pins_and_notes_are_on_where_the_model_stands(trained):
    trained.restore(1)
    assert trained.pin() == trained.note("a turning point") == trained.checkpoints[1]
    trained.note("the end", "last")
    rows = ModelState.load(trained.path).log()
    assert [row["note"] for row in rows] == [None, "a turning point", None, "the end"]
    assert "pinned" in rows[1]["marks"]
    trained.unpin()
    trained.note("")
    assert trained.log()[1]["marks"] == ""
    assert trained.log()[1]["note"] is None


def test_the_log_is_a_table_of_all(trained):
    rows = trained.log()
    assert [row["step"] for row in rows] == [0, 3, 6, 9]
    assert [row["valid_loss"] for row in rows] == [checkpoint.loss for checkpoint in trained.checkpoints]
    assert all(row["sample"] for row in rows[1:])
    shown = repr(rows).splitlines()
    assert len(shown) == 5
    assert [name for name in ("learnrate", "branch", "marks", "time", "train_loss") if name in shown[0]]


def test_training_thins_what_is_neither_best_nor_kept(ms):
    ms.train(num_rounds=3, train_len=1, print_every=0)
    kept = [ms.pin(1).name, ms.note("dear", 2).name]
    ms.disk_budget = 0
    ms.train(num_rounds=3, train_len=1, print_every=0)
    best = min(ms.checkpoints, key=lambda checkpoint: checkpoint.loss)
    first = ms.checkpoints[0]
    assert first.step == 0
    assert {checkpoint.name for checkpoint in ms.checkpoints} == {*kept, first.name, best.name, ms.checkpoint.name}
    ms.disk_budget = ModelState.disk_budget
    ms.train(num_rounds=30, train_len=1, print_every=0)
    assert len(ms.checkpoints) < 24


# History


def test_the_history_has_every_step(ms):
    seen = []
    ms.train(num_rounds=2, train_len=4, print_every=0, save_every=1e-9, callback=seen.append)
    ms.train(train_len=3, print_every=0, callback=seen.append)
    steps = ModelState.load(ms.path).history.steps()
    assert steps["step"].tolist() == list(range(1, 12))
    for name in ("loss", "grad_norm", "learnrate"):
        np.testing.assert_array_equal(steps[name], np.float32([getattr(step, name) for step in seen]))
    rounds = ms.history.columns()
    assert rounds["step"].tolist() == [4, 8, 11]
    assert rounds["train_loss"][0] == pytest.approx(steps["loss"][:4].mean(), rel=1e-6)


def test_steps_of_an_error_are_kept_and_those_restored_away_forgotten(ms):
    def fail(step):
        if step.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ms.train(callback=fail, print_every=0)
    ms.train(train_len=1, print_every=0)
    assert ms.history.steps()["step"].tolist() == [1, 2, 3, 4, 5, 6]
    ms.restore(0).train(train_len=2, print_every=0)
    assert ms.history.steps()["step"].tolist() == [1, 2]


def test_steps_that_no_checkpoint_holds_are_kept_until_something_is_restored(trained):
    learner(trained, 16).step(1.0)  # as when a second Ctrl-C stopped training at once
    trained.newcheckpoint()
    assert trained.history.steps()["step"].tolist() == list(range(1, 11))
    learner(trained.restore(0), 16).step(1.0)
    trained.restore().train(train_len=1, print_every=0)
    assert trained.history.steps()["step"].tolist() == list(range(1, 12))


def test_rows_of_a_run_that_was_killed_before_its_first_checkpoint_are_left_behind(make):
    ms = make(init_checkpoint=False)
    ms.history.append({"step": 7, "valid_loss": 1.0}, {"step": np.arange(1, 8), "loss": np.ones(7)})
    again = ModelState.load(ms.path)
    again.train(train_len=2, print_every=0)
    assert [row["step"] for row in again.history] == [2]
    assert again.history.steps()["step"].tolist() == [1, 2]


# Comparing


def test_a_comparison_of_two_checkpoints(trained):
    trained.learnrate = 0.5
    trained.train(train_len=1, print_every=0, batchsize=4)
    before = everything(trained)
    trained.diff(0, 1, numchars=0)
    assert everything(trained) == before
    found = trained.diff(1)
    a, b = (trained.workdir.read(which)[0] for which in (1, "last"))
    for row in found.weights:
        one, other = a[f"param/{row['matrix']}"].astype(float), b[f"param/{row['matrix']}"].astype(float)
        assert row["rms a"] == pytest.approx((one**2).mean() ** 0.5)
        assert row["change"] == pytest.approx(np.linalg.norm(other - one) / np.linalg.norm(one), rel=1e-5)
    assert {row["matrix"] for row in found.weights} == trained.model.parameters.keys()
    settings = {row["what"]: (row["a"], row["b"]) for row in found.settings}
    assert settings["learnrate"] == ("0.01", "0.5")
    assert settings["batchsize"] == ("16", "4")
    assert "engine" not in settings
    valid = found.losses[0]
    assert (valid["a"], valid["b"]) == (trained.checkpoints[1].loss, trained.checkpoint.loss)
    assert found.b.sample == trained.generate(300, rng=0)
    assert found.a.sample == trained.restore(1).generate(300, rng=0)
    for part in ("0.5", "valid_loss", "1.Uz", "a writes", found.b.checkpoint.name):
        assert part in repr(found)


def test_nothing_differs_from_itself(trained):
    found = trained.diff("last")
    assert not found.settings
    assert {row["change"] for row in found.weights} == {0.0}
    assert found.a.sample == found.b.sample


# Checking


def test_a_sound_directory_is_verified_and_unchanged(trained):
    before = everything(trained.restore(1))
    report = trained.verify()
    assert report.ok
    assert report[-1]["file"] == f"loss of {trained.checkpoints[-1].name}"
    assert everything(trained) == before


def test_a_wrong_loss_is_found(trained):
    record = dict(trained.checkpoint.record)
    arrays, _ = trained.workdir.read()
    trained.workdir.save_checkpoint(arrays, {**record, "valid_loss": record["valid_loss"] * 1.001})
    (problem,) = trained.verify().problems
    assert f"{record['valid_loss']:.6f}" in problem


def test_damage_everywhere_is_listed(trained):
    last = trained.checkpoint
    damage(last.path)
    damage(trained.path / "data" / trained.corpus.filename)
    opened = ModelState.unrestored(trained.path)
    opened.live.trained = trained.model
    report = opened.verify()
    wrong = {row["file"] for row in report if row["state"] != "ok"}
    assert {f"checkpoints/{last.path.name}", f"data/{trained.corpus.filename}"} <= wrong
    assert not any(row["file"].startswith("loss of") for row in report)  # of what text is damaged


def test_a_damaged_checkpoint_leaves_the_loss_of_another_to_be_computed(trained):
    damage(trained.checkpoint.path)
    opened = ModelState.unrestored(trained.path)
    opened.live.trained = trained.model
    assert opened.verify()[-1]["file"] == f"loss of {trained.checkpoints[2].name}"  # the newest that is whole


def test_a_deep_verification_computes_the_losses_of_several_checkpoints(trained):
    losses = [row["file"] for row in trained.verify(deep=True) if row["file"].startswith("loss of")]
    assert losses[0] == f"loss of {trained.checkpoints[-1].name}"
    assert len(losses) == len(set(losses)) > 1


def test_a_damaged_last_checkpoint_is_named_and_the_good_one_loads_and_trains(trained):
    names = [checkpoint.name for checkpoint in trained.checkpoints]
    damage(trained.checkpoint.path)
    with pytest.raises(CorruptFile, match=f"{names[3]}.*{names[2]}"):
        ModelState.load(trained.path)
    again = ModelState.load(trained.path, names[2])
    assert again.steps == 6
    with pytest.raises(CorruptFile, match=names[2]):
        again.restore()
    again.restore(names[2]).train(train_len=1, print_every=0)
    assert ModelState.load(trained.path).steps == 7


# Elsewhere


def test_a_model_as_a_single_file_writes_and_scores_without_its_text(trained, tmp_path):
    trained.note("take this", "last")
    bundle = trained.export(tmp_path / "model.zip")
    moved = ModelState.import_(bundle, tmp_path / "moved")
    moved.live.trained = trained.model
    moved.restore()
    assert everything(moved) == everything(trained)
    assert moved.generate(30, prompt="1", rng=5) == trained.generate(30, prompt="1", rng=5)
    assert moved.score("1 and 1").nats == trained.score("1 and 1").nats
    assert moved.history.steps()["step"].tolist() == list(range(1, 10))
    assert moved.log()[-1]["note"] == "take this"
    assert moved.epochs == trained.epochs
    assert moved.verify().ok
    assert "numbers.txt: not here" in repr(moved)
    for act in (moved.train, moved.calc_loss, moved.regularized_loss, moved.traintime):
        with pytest.raises(SourceNotFound, match="without its text"):
            act()
    assert not (moved.path / "data").exists()


def test_what_is_no_bundle_leaves_nothing_behind(trained, tmp_path):
    bundle = trained.export(tmp_path / "model.zip")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(NotAModelDirectory):
        ModelState.import_(tmp_path / "none.zip", tmp_path / "new")
    with pytest.raises(UnknownName, match="abacus"):
        ModelState.import_(bundle, tmp_path / "new", engine="abacus")
    with pytest.raises(ModelExists):
        ModelState.import_(bundle, trained.path)
    damage(bundle)
    with pytest.raises(CorruptFile):
        ModelState.import_(bundle, tmp_path / "new")
    assert sorted(tmp_path.iterdir()) == before


def test_a_directory_can_be_zipped_copied_and_moved(trained, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", trained.path)
    shutil.unpack_archive(archive, tmp_path / "unpacked")
    copies = [tmp_path / "unpacked", shutil.copytree(trained.path, tmp_path / "copied")]
    trained.train(train_len=2, print_every=0)
    expected = everything(trained)
    copies.append(trained.path.rename(tmp_path / "a place with ü"))
    for copy in copies:
        again = ModelState.load(copy)
        again.live.trained = trained.model
        again.restore()
        if again.steps == 9:
            again.train(train_len=2, print_every=0)
        assert everything(again) == expected
        assert again.verify().ok


def test_another_number_of_threads_goes_on_alike(trained):
    other = shutil.copytree(trained.path, trained.path.with_name("copy"))
    one, two = ModelState.load(trained.path, threads=1), ModelState.load(other, threads=2)
    assert two.calc_loss() == pytest.approx(one.calc_loss(), rel=1e-5)
    first = one.train(train_len=2, print_every=0).valid_loss
    assert two.restore(3).train(train_len=2, print_every=0).valid_loss == pytest.approx(first, rel=1e-4)
    assert two.checkpoint.record["threads"] == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user who may be refused")
def test_a_read_only_directory_can_be_looked_at(trained):
    folders = [trained.path, *(path for path in trained.path.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        again = ModelState.load(trained.path)
        again.live.trained = trained.model
        assert everything(again.restore("best")) == everything(trained.restore("best"))
        assert again.generate(5)
        assert len(again.log()) == 4
        assert again.verify().ok
        for act in (
            again.train,
            again.newcheckpoint,
            again.checkout,
            lambda: again.branch("b"),
            lambda: again.note("n"),
        ):
            with pytest.raises(SaveFailed, match="could not write"):
                act()
    finally:
        for folder in folders:
            folder.chmod(0o755)
    again.train(train_len=1, print_every=0)


@pytest.mark.parametrize(("option", "error"), [({"engine": "nonsense"}, UnknownName), ({"threads": 0}, InvalidValue)])
def test_nonsense_fails_when_loading(trained, option, error):
    with pytest.raises(error):
        ModelState.load(trained.path, **option)


# U+FFFD


@pytest.mark.parametrize(
    ("text", "options", "may"), [("ab\n", {}, False), ("a\ufffd\n", {}, True), ("aab\n", {}, False)]
)
def test_what_the_text_never_held_is_never_written(tmp_path, text, options, may):
    source = tmp_path / "text.txt"
    source.write_text(text * 40, encoding="utf-8")
    ms = ModelState.initfromsrcfile(source, tmp_path / "m", layers=1, state_size=3, seq_len=5, init_checkpoint=False)
    for temp in (1.0, 100.0):  # a new model guesses nearly evenly
        assert ("\ufffd" in ms.generate(300, temp=temp, rng=1)[1:]) is may
        assert ("\ufffd" in "".join(ms.stream(300, temp=temp, rng=1))[1:]) is may


def test_folded_characters_may_be_written(tmp_path):
    source = tmp_path / "text.txt"
    source.write_text("ab\n" * 40 + "é", encoding="utf-8")
    ms = ModelState.initfromsrcfile(
        source, tmp_path / "m", layers=1, state_size=3, seq_len=5, min_count=2, init_checkpoint=False
    )
    assert "\ufffd" in ms.generate(300, temp=100.0, rng=1)


def test_directories_that_do_not_tell_may_write_all(trained):
    told = {name: value for name, value in trained.workdir.model.items() if name != "never_written"}
    never_written = Facts.from_json(told).never_written
    trained.task = task_for(trained.corpus, lambda: None, never_written)
    assert "\ufffd" in trained.generate(2000, temp=100.0, rng=1)


def test_a_crash_is_told_when_training_goes_on(trained):
    (trained.path / "checkpoints" / ".tmp-e0009-s00000099-v1.000.safetensors").write_bytes(b"half a checkpoint")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = ModelState.load(trained.path)
    with pytest.warns(DamageWarning, match="unfinished copy"):
        again.train(train_len=1, print_every=0)


# Several sessions on one directory


def test_a_lost_last_checkpoint_is_not_taken_for_another_session(trained):
    trained.checkpoint.path.unlink()
    with pytest.warns(DamageWarning, match="missing"):
        trained.train(train_len=1, print_every=0)
    assert trained.steps == 10


def test_a_session_goes_on_along_its_own_branch(trained):
    other = ModelState.load(trained.path)
    other.live.trained = None
    other.branch("aside")
    assert trained.restore().branch_name == "main"
    saved = trained.newcheckpoint()
    assert saved.branch == "main"
    assert other.branch_name == "aside"


def test_a_checkpoint_made_by_hand_follows_what_was_restored(trained):
    saved = trained.restore(1).newcheckpoint()
    assert saved.parent == trained.checkpoints[1].name
    assert len(ModelState.load(trained.path).history) == 1


def test_another_session_that_moved_the_branch_is_noticed_until_it_is_looked_at(trained):
    late = ModelState.load(trained.path)
    trained.train(train_len=1, print_every=0)
    with pytest.raises(BranchMoved, match="another session has moved it"):
        late.train(train_len=1, print_every=0)
    late.restore().train(train_len=1, print_every=0)
    assert late.steps == 11
