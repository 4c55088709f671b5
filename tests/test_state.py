"""`ModelState`: the contract at the prompt, and that a session can end anywhere and go on bit for bit."""

import json
import math
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from charrnn import HyperParams, ModelState, Sample, generatestring
from charrnn.errors import (
    CheckpointNotFound,
    CorruptFile,
    DamageWarning,
    EngineUnavailable,
    InvalidCell,
    InvalidValue,
    ModelExists,
    NotAModelDirectory,
    SourceNotFound,
    SourceUnusable,
    UnknownCharacters,
    UnknownName,
    WorkdirLocked,
)
from charrnn.model.cells.modeltypes import ModelType
from charrnn.model.engines import engine as engines
from charrnn.training.timing import time_steps
from tests.sessions import SMALL, everything


def available(name):
    try:
        return engines.resolve(name) == name
    except EngineUnavailable:
        return False


ENGINES = [
    pytest.param(name, marks=pytest.mark.skipif(not available(name), reason=f"{name} is not installed"))
    for name in ("cpu", "jax")
]


# The ancestor's README


def test_the_lines_of_the_ancestors_readme_run(srcfile, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ms = ModelState.initfromsrcfile(str(srcfile), 'workingdir', modeltype='GRUEncode', trainfrac=0.9, layers=2,
                                    state_size=8, learnrate=0.001, decay=0.95, regcost=0.1)  # fmt: skip
    ms.trainmodel(num_rounds=3, batchsize=16, print_every=100)
    generatestring(ms, numchars=30, temp=0.5)
    assert "Generated 30 chars, temperature 0.5:" in capsys.readouterr().out
    ms = ModelState.load('workingdir')  # fmt: skip
    assert ms.restore() is ms
    name = ms.checkpoints[1].name
    assert ms.restore(name).checkpoint.name == name


# Making


def test_a_new_model_has_its_first_loss_and_checkpoint(ms, capsys):
    (first,) = ms.checkpoints
    assert ms.checkpoint == first
    assert first.loss == pytest.approx(math.log(len(ms.chars)), rel=0.2)
    assert (ms.place.epoch, ms.place.pos, ms.steps) == (0, 0, 0)


def test_the_first_checkpoint_can_be_skipped_and_training_works_all_the_same(make):
    ms = make(init_checkpoint=False)
    assert ms.checkpoints == []
    again = ModelState.load(ms.path)
    assert everything(again) == everything(ms)
    again.train(train_len=3)
    assert len(again.checkpoints) == 1


def test_the_same_seed_makes_the_same_model(make):
    one, same = make("a", init_checkpoint=False), make("b", init_checkpoint=False)
    other = make("c", init_checkpoint=False, random_seed=1)
    assert everything(one)[0] == everything(same)[0] != everything(other)[0]


def test_a_preset_is_a_start_that_fields_change(make):
    hyper = make(hyper=HyperParams.preset("rngru"), layers=1, init_checkpoint=False).hyper
    assert (hyper.policy, hyper.clip, hyper.layers) == ("ancestor", "step", 1)
    with pytest.raises(InvalidValue, match="give one"):
        make("other", preset="rngru", hyper=HyperParams())


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, SourceNotFound), (b"", SourceUnusable), (b"x", SourceUnusable), (bytes(range(256)) * 9, SourceUnusable)],
)
def test_a_text_that_cannot_be_learned_leaves_nothing_behind(tmp_path, content, error):
    source = tmp_path / "text"
    if content is not None:
        source.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match="text"):
        ModelState.initfromsrcfile(source, tmp_path / "new" / "model", **SMALL)
    with pytest.raises(SourceUnusable, match="holds no document"):
        ModelState.initfromsrcfile(tmp_path, tmp_path / "new" / "model", **SMALL)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"modeltype": "GRUEncoder"}, UnknownName),
        ({"modeltype": ModelType("MineEncode", lambda hyper: "GRU", "encode")}, InvalidCell),
        ({"layer": 2}, UnknownName),
        ({"optimizer": "adamant"}, UnknownName),
        ({"engine": "abacus"}, UnknownName),
        ({"encoding": "utf-88"}, UnknownName),
        ({"layers": 0}, InvalidValue),
        ({"learnrate": math.nan}, InvalidValue),
        ({"trainfrac": 1.5}, InvalidValue),
        ({"trainfrac": math.nan}, InvalidValue),
        ({"seq_len": 0}, InvalidValue),
        ({"min_count": -1}, InvalidValue),
        ({"threads": 0}, InvalidValue),
        ({"tied": True, "modeltype": "GRUResize"}, InvalidValue),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing_behind(make, tmp_path, options, error):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error):
        make(**options)
    assert sorted(tmp_path.iterdir()) == before


def test_near_matches_are_named(make):
    with pytest.raises(UnknownName, match="GRUEncode"):
        make(modeltype="GRUEncoder")
    with pytest.raises(UnknownName, match="layers"):
        make(layer=2)


def test_a_model_is_replaced_only_when_asked(make):
    make(init_checkpoint=False)
    with pytest.raises(ModelExists, match="overwrite=True"):
        make(random_seed=1)
    assert make(random_seed=1, init_checkpoint=False, overwrite=True).hyper.random_seed == 1


@pytest.mark.parametrize("text", ["ab", "aaa", "a\nb\n", "x" * 11])
def test_anything_from_two_characters_up_trains(tmp_path, text):
    source = tmp_path / "tiny.txt"
    source.write_text(text, encoding="utf-8")
    ms = ModelState.initfromsrcfile(source, tmp_path / "model", layers=1, state_size=3, init_checkpoint=False)
    ms.train(num_rounds=2)
    assert math.isfinite(ms.calc_loss())
    assert len(ms.generate(5, prompt=text)) == len(text) + 5


# Training and saving


def test_training_learns_saves_and_reports(ms):
    before = ms.checkpoint.loss
    summary = ms.train(num_rounds=3)
    assert summary.valid_loss < before
    assert summary.valid_loss == ms.calc_loss() == ms.checkpoint.loss == ms.checkpoints[-1].loss
    assert ms.place.epoch == 3
    assert list(ms.history.columns()["epoch"]) == [1, 2, 3]
    assert ms.history.columns()["valid_loss"][-1] == summary.valid_loss
    assert [checkpoint.epoch for checkpoint in ms.checkpoints] == [0, 1, 2, 3]


def test_a_loaded_model_is_the_saved_one(ms):
    ms.train(num_rounds=2, train_len=5)
    assert everything(ModelState.load(ms.path)) == everything(ms)


def test_restoring_goes_back_wholly(ms):
    states = [everything(ms)]
    for _ in range(2):
        ms.train(train_len=5)
        states.append(everything(ms))
    for which in (1, ms.checkpoints[1].name, ms.checkpoints[1], str(ms.checkpoints[1].path)):
        assert everything(ms.restore(which)) == states[1]
        assert everything(ms.restore()) == states[2]
        assert everything(ModelState.load(ms.path, which)) == states[1]
    best = min(ms.checkpoints, key=lambda checkpoint: checkpoint.loss)
    assert ms.restore("best").checkpoint == best


def test_training_from_a_restored_checkpoint_repeats_what_followed(ms):
    ms.train(num_rounds=2, train_len=5)
    once = everything(ms)
    first_history = list(ms.history)
    ms.restore(1)
    ms.train(train_len=5)
    assert everything(ms) == once
    assert [row["step"] for row in ms.history] == [row["step"] for row in first_history]
    assert everything(ModelState.load(ms.path)) == once


RESUME = """
import sys
from charrnn import ModelState
ModelState.load(sys.argv[1], engine=sys.argv[2]).train(num_rounds=int(sys.argv[3]), train_len=11, batchsize=3)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_two_and_three_rounds_in_two_processes_are_five_in_one(make, engine):
    whole, parts = make("whole", engine=engine), make("parts", engine=engine)
    whole.train(num_rounds=5, train_len=11, batchsize=3)
    for rounds in ("2", "3"):
        subprocess.run([sys.executable, "-c", RESUME, parts.path, engine, rounds], check=True, capture_output=True)
    assert everything(ModelState.load(parts.path)) == everything(whole)
    saved, expected = (max(Path(ms.path, "checkpoints").iterdir()) for ms in (parts, whole))
    assert saved.name == expected.name


@pytest.mark.slow
def test_a_killed_process_loses_no_more_than_its_last_round(make):
    killed = make()
    whole = ModelState.load(shutil.copytree(killed.path, killed.path.with_name("whole")))
    process = subprocess.Popen([sys.executable, "-c", RESUME, killed.path, "cpu", "9999"], stdout=subprocess.DEVNULL)
    while len(killed.checkpoints) < 4:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    again = ModelState.load(killed.path)
    rounds, rest = divmod(again.steps, 11)
    assert rounds >= 3
    assert rest == 0
    whole.train(num_rounds=rounds, train_len=11, batchsize=3)
    assert everything(again) == everything(whole)
    with warnings.catch_warnings(action="ignore", category=DamageWarning):  # what the kill left behind is told
        again.train(train_len=11, batchsize=3)
    whole.train(train_len=11, batchsize=3)
    assert everything(again) == everything(whole)


def test_an_interrupted_session_goes_on_bit_for_bit(make):
    stopped = make()
    whole = ModelState.load(shutil.copytree(stopped.path, stopped.path.with_name("whole")))
    whole.train(train_len=9, print_every=0)

    def press(step):
        if step.step == 4:
            signal.raise_signal(signal.SIGINT)

    summary = stopped.train(train_len=9, print_every=2, callback=press)
    assert summary.interrupted
    assert stopped.checkpoint.name == summary.checkpoint
    again = ModelState.load(stopped.path)
    assert (again.steps, again.place.pos) == (4, 4)
    again.train(train_len=5, print_every=0)
    assert everything(again) == everything(whole)


def test_an_error_in_a_callback_loses_nothing(ms):
    def fail(step):
        if step.step == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ms.train(callback=fail)
    assert ModelState.load(ms.path).steps == 3
    assert everything(ModelState.load(ms.path)) == everything(ms)


def test_looking_changes_nothing(ms, monkeypatch):
    monkeypatch.setattr("charrnn.session.train.time_steps", lambda learner: time_steps(learner, seconds=0.01))
    ms.train(train_len=3)
    before, files = everything(ms), sorted(ms.path.rglob("*"))
    ms.calc_loss()
    ms.calc_loss(valid_len=1, batchsize=3)
    ms.regularized_loss()
    ms.traintime()
    ms.generate(5)
    ms.score("1 and 1")
    ms.trackneurons("12")
    repr(ms), repr(ms.history), repr(ms.checkpoints)
    assert everything(ms) == before
    assert sorted(ms.path.rglob("*")) == files


def test_compile_builds_everything_and_changes_nothing(make, capsys):
    ms = make(init_checkpoint=False)
    before = everything(ms)
    assert ms.model.compilations == []
    capsys.readouterr()
    ms.compile()
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "training",
        "writing",
        "scoring",
        "neurons",
    ]
    assert everything(ms) == before
    names = [name for name, _ in ms.model.compilations]
    assert sorted(names) == ["generation", "losses", "predictions", "training"]
    ms.train(train_len=1)
    ms.generate(5)
    assert len(ms.model.compilations) == len(names)


def test_the_ancestors_figure_is_the_loss_with_its_penalty(ms):
    weights = sum(float((array.astype(float) ** 2).sum()) for array in ms.model.parameters.values() if array.ndim > 1)
    expected = ms.calc_loss(batchsize=4) + 0.1 / 2 * weights / (4 * 7)
    assert ms.regularized_loss(batchsize=4) == pytest.approx(expected, rel=1e-4)


def test_another_batch_size_keeps_the_part_of_the_epoch_that_is_done(ms):
    ms.train(batchsize=2, train_len=ms.train_data.batchepoch(2) // 2)
    epochs = ms.epochs
    ms.train(batchsize=5, train_len=1)
    assert ms.epochs == pytest.approx(epochs + 1 / ms.train_data.batchepoch(5), abs=0.02)
    assert ms.place.state.shape == (2, 5, 5)


def test_hidden_states_are_cleared_only_when_asked(make):
    ms = make()
    ms.train(train_len=3)
    ms.train(train_len=1)
    kept = everything(ms)
    ms.restore(1)
    ms.train(train_len=1, clear_state=True)
    assert everything(ms)[1] != kept[1]
    assert everything(ms)[2:5] == kept[2:5]


@pytest.mark.parametrize(
    "options",
    [
        {"batchsize": 0},
        {"batchsize": 2.5},
        {"num_rounds": 0},
        {"train_len": -1},
        {"minutes": math.nan},
        {"callback": 3},
    ],
)
def test_nonsense_in_training_changes_nothing(ms, options):
    before = everything(ms)
    with pytest.raises(InvalidValue, match=next(iter(options))):
        ms.train(**options)
    assert everything(ms) == before
    assert len(ms.checkpoints) == 1


def test_one_writer_at_a_time(ms):
    other = ModelState.load(ms.path)
    refusals = []

    def meddle(step):
        with pytest.raises(WorkdirLocked) as caught:
            other.train(train_len=1)
        refusals.append(str(caught.value))

    ms.train(train_len=1, callback=meddle)
    assert len(refusals) == 1


def test_a_checkpoint_on_demand(ms):
    ms.model.step(np.ones((7, 2), np.int32), np.ones((7, 2), np.int32), ms.model.freshstate(2))
    saved = ms.newcheckpoint(loss=1.5)
    assert (saved.loss, saved.step) == (1.5, 1)
    assert everything(ModelState.load(ms.path)) == everything(ms)


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_checkpoint_is_found_and_changes_nothing(ms, damage):
    ms.train(num_rounds=2, train_len=2)
    before, path = everything(ms), ms.checkpoints[1].path
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content[:-7] if damage == "truncate" else content)
    with pytest.raises(CorruptFile, match=path.stem):
        ms.restore(path.stem)
    with pytest.raises(CorruptFile, match=path.stem):
        ModelState.load(ms.path, path.stem)
    assert everything(ms) == before


def test_a_wrong_directory_or_checkpoint_is_named(ms, tmp_path):
    for wrong in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotAModelDirectory):
            ModelState.load(wrong)
    with pytest.raises(CheckpointNotFound, match=ms.checkpoint.name):
        ms.restore(ms.checkpoint.name[:-1])
    with pytest.raises(CheckpointNotFound):
        ModelState.load(ms.path, 5)


def test_a_directory_can_be_moved(ms, tmp_path):
    ms.train(train_len=2)
    moved = ms.path.rename(tmp_path / "elsewhere")
    again = ModelState.load(moved)
    assert everything(again) == everything(ms)
    again.train(train_len=1)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("clip", ["value", "step"])
def test_a_model_with_layer_normalisation_learns(make, engine, clip):
    ms = make(modeltype="LSTMEncode", layer_norm=True, clip=clip, engine=engine)
    before = ms.calc_loss(batchsize=4)
    ms.train(batchsize=4, train_len=20, print_every=0)
    assert ms.calc_loss(batchsize=4) < before
    assert (ms.model.parameters["1.gUi"] != 1).any()
    assert (ms.model.parameters["1.gm"] != 1).any()
    assert len(ms.generate(10)) == 11


@pytest.mark.skipif(not available("jax"), reason="jax is not installed")
def test_a_model_goes_from_engine_to_engine(make):
    ms = make(engine="cpu")
    ms.train(train_len=3)
    copied = shutil.copytree(ms.path, ms.path.with_name("copied"))
    cpu, jax = ModelState.load(ms.path, engine="cpu"), ModelState.load(copied, engine="jax")
    assert jax.calc_loss() == pytest.approx(cpu.calc_loss(), rel=1e-5)
    losses = [other.train(train_len=3).valid_loss for other in (cpu, jax)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


# Writing and reading


def test_a_sample_can_be_written_again_and_gone_on_from(ms):
    sample = ms.generate(20, temp=0.8, prompt="1 and ")
    assert isinstance(sample, Sample)
    assert sample.startswith("1 and ")
    assert len(sample) == 26
    assert ms.generate(20, temp=0.8, prompt="1 and ", rng=sample.rng_seed) == sample
    assert sample.state.shape == (2, 5)
    whole = ms.generate(20, argmax=True, prompt="1")
    part = ms.generate(8, argmax=True, prompt="1")
    assert part + ms.generate(12, argmax=True, prompt=part[-1], init_state=part.state)[1:] == whole


def test_a_stream_is_the_same_text_in_pieces(ms):
    assert "".join(ms.stream(600, prompt="1", rng=3)) == ms.generate(600, prompt="1", rng=3)


def test_the_ancestors_generatestring(ms, capsys):
    assert ms.generatestring(10, seed="12") is None
    assert "12" in capsys.readouterr().out
    assert generatestring(ms, 10, ret_state=True).shape == (2, 5)


def test_a_prompts_unknown_characters(ms):
    with pytest.raises(UnknownCharacters, match="Ω"):
        ms.generate(5, prompt="Ω", on_unknown="error")
    with pytest.warns(UserWarning, match="Ω"):
        ms.generate(5, prompt="Ω")


def test_a_score_is_the_models_own_errors(ms):
    text = "3 times 3 is 9,\n"
    symbols = ms.chars.encode("\n" + text)[:, np.newaxis]
    errors, _ = ms.model.errors(symbols[:-1], symbols[1:])
    np.testing.assert_allclose(ms.score(text).per_char, np.asarray(errors)[:, 0], rtol=1e-5)


def test_neurons_are_the_states_of_processing(ms):
    _, states = ms.model.process(ms.chars.encode("1 and 1"))
    np.testing.assert_allclose(ms.trackneurons("1 and 1"), np.asarray(states).transpose(1, 2, 0), rtol=1e-6)
    assert ms.trackneurons("1 and 1").shape == (2, 5, 7)


def test_the_model_is_there_for_exploring(ms):
    x, y = (np.asarray(symbols) for symbols in ms.train_data.batch(0, 3)[:2])
    errors, _ = ms.model.errors(x, y)
    assert np.asarray(errors).shape == (7, 3)
    gradients = ms.model.gradients(x, y)
    assert gradients.keys() == ms.model.parameters.keys()
    assert ms.model.step(x, y, ms.model.freshstate(3)).loss == pytest.approx(float(np.mean(errors)), rel=1e-5)


# What is shown


def test_repr_answers_the_next_questions(ms):
    assert "ms.train()" in repr(ms)
    ms.train(num_rounds=2, train_len=3)
    shown = repr(ModelState.load(ms.path))
    count = sum(array.size for array in ms.model.parameters.values())
    for fact in (
        "GRUEncode 2×5",
        f"{count:,} parameters",
        "numbers.txt",
        "step 6",
        f"{ms.checkpoint.loss:.3f}",
        ms.checkpoint.name,
        ms.path.name,
        "0.01",
    ):
        assert fact in shown, fact


def test_lists_and_records_show_a_line_for_each(ms):
    ms.train(num_rounds=2, train_len=2)
    assert repr(ms.checkpoints).count("\n") == 2
    assert repr(ms.history).count("\n") >= 2


def test_loading_brings_in_no_compiler(ms):
    ms.train(train_len=2)
    code = (
        "import sys\nfrom charrnn import ModelState\n"
        "repr(ModelState.load(sys.argv[1]))\nprint('pytensor' in sys.modules, 'llvmlite' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, ms.path], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_the_facts_on_disk_are_plain_json(ms):
    assert "GRUEncode" in json.dumps(json.loads((ms.path / "model.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "options",
    [
        {"hyper": {}},
        {"hyper": {"layers": 1}},
        {"hyper": "rngru"},
        {"overwrite": "no"},
        {"init_checkpoint": None},
        {"trainfrac": "half"},
        {"min_count": "2"},
        {"documents": "yes"},
    ],
)
def test_arguments_of_another_kind_are_refused(make, tmp_path, options):
    (name,) = options
    with pytest.raises(InvalidValue, match=name):
        make("refused", **options)
    assert not (tmp_path / "refused").exists()


def test_a_branch_is_named(ms):
    assert "  branch  " not in repr(ms)
    assert "  branch      lower-lr\n" in repr(ms.branch("lower-lr"))
    assert "  branch  " not in repr(ms.checkout("main"))
