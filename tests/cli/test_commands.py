"""The command line, as a person would type it."""

import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from charrnn import ModelState, cli
from charrnn.errors import InvalidValue
from charrnn.training.learner import Learner
from tests.cli.conftest import SMALL


def test_new_train_sample_score_info(run, model):
    assert "Completed 2 rounds" in run("train", model, "--rounds", 2, "--batchsize", 4)
    text = run("sample", model, "-n", 30, "--rng", 7, "-p", "1")
    assert text == ModelState.load(model).generate(30, prompt="1", rng=7) + "\n"
    assert "nats/char" in run("score", model, "--text", "1 and 1")
    shown = run("info", model)
    assert ModelState.load(model).checkpoint.name in shown
    assert "GRUEncode 1×5" in shown
    assert "learnrate=0.001" in shown


def test_every_hyperparameter_can_be_set(run, srcfile, tmp_path):
    run("new", srcfile, tmp_path / "m", *SMALL, "--preset", "rngru", "--set", "regcost=0", "--set", "clip=norm")
    hyper = ModelState.load(tmp_path / "m").hyper
    assert (hyper.layers, hyper.regcost, hyper.clip, hyper.policy) == (1, 0.0, "norm", "ancestor")


def test_a_piped_text_is_taken_where_a_file_is(run, tmp_path, model):
    run("new", "-", tmp_path / "a", *SMALL, stdin="to be or not to be\n" * 9)
    run("new", tmp_path / "b", *SMALL, stdin="to be or not to be\n" * 9)
    assert ModelState.load(tmp_path / "a").chars == ModelState.load(tmp_path / "b").chars
    assert "over 7 characters" in run("score", model, stdin="1 and 1")
    assert "over 7 characters" in run("score", model, "-", stdin="1 and 1")


def test_a_fresh_sample_tells_how_to_get_it_again(run, model):
    assert "--rng" in run("sample", model, "-n", 5, notices=True)


def test_the_demo_trains_and_goes_on(run, tmp_path, srcfile, monkeypatch):
    from charrnn import corpora

    monkeypatch.setattr(corpora, "path", lambda name: srcfile)
    first = run("demo", tmp_path / "demo", "--minutes", 0.01)
    assert f"charrnn sample {tmp_path / 'demo'}" in first
    assert "Going on" not in first
    steps = ModelState.load(tmp_path / "demo").steps
    assert "Going on" in run("demo", tmp_path / "demo", "--minutes", 0.01)
    assert ModelState.load(tmp_path / "demo").steps > steps


def test_warmup_compiles(run, model):
    assert "training" in run("warmup", model)


def test_the_doctor_reports(run, monkeypatch):
    from charrnn import doctor

    report = doctor.report
    monkeypatch.setattr(doctor, "report", lambda: report(seconds=0.1))
    shown = run("doctor")
    for fact in ("python", "pytensor", "engine cpu", "blas", "characters/s"):
        assert fact in shown


def test_diff_compares_and_verify_checks(run, model):
    run("train", model, "--rounds", 2, "--train-len", 2, "--print-every", 0)
    shown = run("diff", model, "best", ModelState.load(model).checkpoints[1].name)
    last = ModelState.load(model).checkpoint
    assert last.name in shown
    assert "a writes" in shown
    shown = run("verify", model)
    assert f"loss of {last.name}" in shown
    assert "Everything is as it was written." in shown
    content = bytearray(last.path.read_bytes())
    content[-3] ^= 1
    last.path.write_bytes(content)
    result = CliRunner().invoke(cli.app, ["verify", str(model)])
    assert result.exit_code == 1
    assert "does not match its checksum" in result.output


def test_a_model_leaves_and_comes_back_as_a_file(run, model, tmp_path):
    assert "charrnn import" in run("export", model, tmp_path / "m.zip")
    assert "GRUEncode 1×5" in run("import", tmp_path / "m.zip", tmp_path / "again")
    text = run("sample", tmp_path / "again", "-n", 20, "--rng", 3)
    assert text == run("sample", model, "-n", 20, "--rng", 3)


def test_expected_errors_are_one_line(tmp_path):
    command = [sys.executable, "-m", "charrnn", "train", tmp_path / "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("charrnn: ")
    assert done.stderr.count("\n") == 1


def test_the_shell_has_the_model(model, monkeypatch, run):
    import IPython

    started = {}
    monkeypatch.setattr(IPython, "start_ipython", lambda argv, user_ns: started.update(user_ns))
    assert "GRUEncode 1×5" in run("shell", model)
    assert started["ms"].path == model.resolve()
    assert started["ModelState"] is ModelState


@pytest.mark.parametrize("presses", [1, 2])
def test_training_that_ctrl_c_stops_is_saved_and_has_a_status_of_its_own(model, monkeypatch, capfd, presses):
    learn = Learner.step

    def press(self, progress):
        result = learn(self, progress)
        if self.model.steps == 7:
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(Learner, "step", press)
    result = CliRunner().invoke(cli.app, ["train", str(model), "--rounds", "9", "--batchsize", "4"])
    assert result.exit_code == 130
    if presses == 1:
        assert f"saved in checkpoint {ModelState.load(model).checkpoint.name}" in result.output
        assert ModelState.load(model).steps == 7
    else:
        assert "stopped at once. Nothing was saved since this training began." in result.output
        assert ModelState.load(model).steps == 0


def test_poems_by_label(run, tmp_path):
    rows = [f'{"Ann" if i % 2 else "Bob"},"{"ab" * (i % 5 + 1)}"' for i in range(40)]
    (tmp_path / "poems.csv").write_text("\n".join(["author,poem", *rows]))
    model = tmp_path / "poems"
    options = ["--text", "poem", "--label", "author", *SMALL]
    told = run("new", tmp_path / "poems.csv", model, *options)
    assert "author: Ann (20), Bob (20)" in told
    run("train", model, "--batchsize", 4)
    wanted = ModelState.load(model).generate(numchars=30, n=3, label="Ann", rng=7, guidance=1.5)
    shown = run("sample", model, "-N", 3, "-n", 30, "--label", "Ann", "--rng", 7, "--guidance", 1.5)
    assert shown == f"{wanted!r}\n"
    assert shown == run("sample", model, "-N", 3, "-n", 30, "--label", "author=Ann", "--rng", 7, "--guidance", 1.5)
    run("new", tmp_path / "poems.csv", tmp_path / "bob", *options, "--only", "author=Bob")
    assert ModelState.load(tmp_path / "bob").corpus.documents == 20


def test_a_preset_makes_the_model_and_patience_ends_its_training(run, srcfile, tmp_path):
    run("new", srcfile, tmp_path / "m", "--preset", "alice", "--state-size", 5, "--seq-len", 7, "--trainfrac", 0.5)
    ms = ModelState.load(tmp_path / "m")
    assert (ms.modeltype, ms.corpus.seq_len, ms.hyper.dropout) == ("LSTMResize", 7, 0.2)
    assert ms.chars.idxofchar("A") == 0
    run("new", srcfile, tmp_path / "n", *SMALL, "--set", "learnrate=1e-30")
    out = run("train", tmp_path / "n", "--rounds", 9, "--patience", 2, "--print-every", 0)
    assert "the last 2 brought no lower validation loss" in out


def test_advice_is_shown(run, srcfile, monkeypatch):
    monkeypatch.setattr("charrnn.session.advice._measured", lambda *_, **__: lambda recipe, vocab_size: (1e5, 10**4))
    out = run("advise", srcfile, "--minutes", 3)
    assert "Advice for 3 min: GRUEncode" in out
    assert f"charrnn new {srcfile} workdirs/numbers --preset best --state-size" in out
    assert "charrnn train workdirs/numbers --minutes 3 --batchsize 16 --train-len" in out


def test_finetuning_makes_a_model_of_its_own(run, model, srcfile, tmp_path):
    out = run("finetune", model, srcfile, tmp_path / "tuned", "--set", "learnrate=0.5")
    assert "origin      model" in out
    assert f"charrnn train {tmp_path / 'tuned'}" in out
    assert ModelState.load(tmp_path / "tuned").hyper.learnrate == 0.5


def test_music_is_made_shown_saved_and_scored(run, tmp_path):
    from charrnn import corpora

    pytest.importorskip("symusic")
    model = tmp_path / "piano"
    run("new", corpora.path("pieces"), model, *SMALL, "--set", "note_units=3", "--threads", 1)
    shown = run("sample", model, "-n", 8, "-o", tmp_path / "x.mid", "--rng", 1)
    assert "8 frames" in shown
    assert f"Wrote {tmp_path / 'x.mid'}" in shown
    assert "nats per frame" in run("score", model, tmp_path / "x.mid")
    run("sample", model, "-n", 2, "-N", 2, "-o", tmp_path / "y.mid")
    assert sorted(path.name for path in tmp_path.glob("y*")) == ["y-1.mid", "y-2.mid"]
    for words in (["sample", model, "--label", "a"], ["sample", model, "--argmax"], ["score", model, "--text", "a"]):
        with pytest.raises(InvalidValue, match="learned music"):
            run(*words)


def test_one_label_needs_no_column_and_several_do(run, model):
    with pytest.raises(InvalidValue, match="COLUMN=LABEL"):
        run("sample", model, "--label", "a", "--label", "b")


@pytest.mark.filterwarnings("ignore::charrnn.errors.DamageWarning")
def test_info_shows_what_can_be_shown_of_a_damaged_model(run, model):
    (damaged,) = (model / "checkpoints").glob("*.safetensors")
    damaged.write_bytes(b"nonsense")
    shown = run("info", model, notices=True)
    assert damaged.name in shown
    assert "GRUEncode 1×5" in shown
    assert "learnrate=0.001" in shown


def test_history_curves_and_pages(run, model, tmp_path):
    run("train", model, "--rounds", 2, "--train-len", 3, "--verbose", 0)
    name = ModelState.load(model).checkpoint.name
    assert name in run("log", model)
    assert "┤" in run("plot", model)
    assert f"Wrote {tmp_path / 'r.html'}" in run("report", model, tmp_path / "r.html")
    run("share", model, tmp_path / "s.html", "--title", "A poet of numbers")
    assert "A poet of numbers" in (tmp_path / "s.html").read_text(encoding="utf-8")


def test_branches_notes_and_pins(run, model):
    first = ModelState.load(model).checkpoint.name
    run("train", model, "--train-len", 3, "--verbose", 0)
    assert run("branch", model) == "* main\n"
    told = run("branch", model, "slow", "--checkpoint", first)
    assert f"charrnn checkout {model} main" in told
    assert run("branch", model) == "  main\n* slow\n"
    assert first in run("checkout", model, "slow")
    run("checkout", model, "main")
    assert ModelState.load(model).checkpoint.name != first
    assert run("note", model, "the first", "--checkpoint", first) == f"Noted at {first}: the first\n"
    assert "the first" in run("log", model)
    assert run("pin", model, first) == f"Pinned {first}.\n"
    assert run("unpin", model, first) == f"Unpinned {first}.\n"


def test_corpora_are_listed_with_which_need_a_network(run):
    lines = {line.split()[0]: line for line in run("corpora").splitlines() if line.strip()}
    assert lines.keys() >= {"tale", "verse", "tinyshakespeare"}
    assert "needed" not in lines["tale"]
    with open(run("corpora", "tale").strip(), encoding="utf-8") as file:
        assert file.readline() == "THE KEEPER'S WORD\n"


def test_a_delimiter_is_literal_and_a_pattern_is_asked_for(run, tmp_path):
    (tmp_path / "t.txt").write_text("".join(f"a tale of {n}|x<|end|>" for n in range(20)))
    told = run("new", tmp_path / "t.txt", tmp_path / "a", *SMALL, "--delimiter", "<|end|>")
    assert "20 documents" in told
    told = run("new", tmp_path / "t.txt", tmp_path / "b", *SMALL, "--delimiter-regex", "<.end.>")
    assert "20 documents" in told
    with pytest.raises(InvalidValue, match="both"):
        run("new", tmp_path / "t.txt", tmp_path / "c", "--delimiter", "a", "--delimiter-regex", "b")
    with pytest.raises(InvalidValue, match=r"--delimiter-regex \(:"):
        run("new", tmp_path / "t.txt", tmp_path / "c", "--delimiter-regex", "(")


def test_what_a_table_is_can_be_said(run, tmp_path):
    (tmp_path / "t.dat").write_text("Ann;aba\nBob;bab\n" * 20)
    options = ["--kind", "csv", "--no-header", "--delimiter", ";", "--text", 1, "--label", 0, "--min-documents", 2]
    assert "40 documents" in run("new", tmp_path / "t.dat", tmp_path / "m", *SMALL, *options)
