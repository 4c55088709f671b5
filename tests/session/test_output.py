"""What a session says: it never ends what says it, keeps quiet when told to, and ends lines between words."""

import io
import signal
import sys
import traceback

import pytest

from charrnn import ModelState, Sample
from charrnn.errors import InvalidValue
from charrnn.generation.documents import Samples
from charrnn.insight.live import LivePlot
from charrnn.tasks.text import TextTask
from charrnn.training.screen import Plain, screen
from charrnn.wording import say, wrapped


class Broken(io.StringIO):
    """A stream of a front end that is gone."""

    encoding = "ascii"

    def write(self, text):
        raise LookupError("no front end")


def narrow(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)


def test_nothing_is_printed_with_verbose_0(ms, capfd):
    fresh = ModelState.load(ms.path)  # compiles
    capfd.readouterr()
    fresh.train(num_rounds=2, batchsize=10**6, train_len=2, verbose=0)
    assert capfd.readouterr() == ("", "")
    fresh = ModelState.load(ms.path)
    fresh.train(num_rounds=2, batchsize=10**6, train_len=2, verbose=0, background=True).wait(60)
    assert capfd.readouterr() == ("", "")
    fresh.train(batchsize=10**6, train_len=2, verbose=1)
    assert "330 rows instead of 1,000,000" in capfd.readouterr().out  # it is told otherwise


@pytest.mark.parametrize("stream", [Broken(), narrow("cp1252"), narrow("ascii"), None])
def test_training_goes_on_whatever_becomes_of_its_output(ms, monkeypatch, stream):
    monkeypatch.setattr(TextTask, "sample", lambda *_, **__: "宝玉 ─ \udc80\x1b[31m")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    summary = ms.train(2, train_len=3, batchsize=3, print_every=1, plot=True)
    assert summary.batches == 6
    assert ms.checkpoint.record["sample"] == "宝玉 ─ \udc80\x1b[31m"
    ms.checkpoint.printstats()
    ms.generatestring(5)


def test_no_output_at_all_is_like_a_file(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert isinstance(screen(), Plain)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    assert isinstance(screen(), Plain)
    say("nobody hears")


def test_a_checkpoint_does_not_fail_with_its_sample(ms, monkeypatch, capsys):
    def fail(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(TextTask, "sample", fail)
    assert ms.train(2, train_len=3, batchsize=3, print_every=0).batches == 6
    assert "The checkpoint has no sample, which failed: MemoryError: no room" in capsys.readouterr().err
    assert "sample" not in ms.checkpoint.record
    assert len(ms.log()) == 3


def test_a_plot_is_drawn_in_what_letters_there_are(monkeypatch):
    stream = narrow("ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    LivePlot(lambda: "▁▂ a chart").draw()
    assert stream.buffer.getvalue() == b"?? a chart\n"


def test_control_characters_are_shown():
    samples = Samples([Sample("a\x1b[31m"), Sample("b\r")])
    assert repr(samples[0]) == r"a\x1b[31m"
    assert repr(samples).splitlines() == [r"a\x1b[31m", "─" * 20, r"b\r"]
    assert str(samples[0]) == "a\x1b[31m"


def test_lines_end_between_words(ms, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.chdir(ms.path)
    ms.train(2, train_len=3, batchsize=3, valid_len=1, print_every=3)
    lines = [*capsys.readouterr().out.splitlines(), *repr(ms).splitlines(), *repr(ms.train(verbose=0)).splitlines()]
    assert [line for line in lines if len(line) > 60] == []
    text = "Training is in   the background\n  now"
    assert wrapped(text, "  ", 16).splitlines() == ["Training is in", "  the background", "  now"]
    assert wrapped(text, "  ", 40) == text


def test_what_comes_too_late_for_a_job_is_told(ms):
    job = ms.train(train_len=2, batchsize=3, background=True, verbose=0)
    job.wait(60)
    for late in (job.pause, job.resume, lambda: setattr(job, "learnrate", 0.1)):
        with pytest.raises(InvalidValue, match=r"this training has ended.*ms\.train\(background=True\)"):
            late()
    assert job.learnrate == ms.learnrate


def frames(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_ctrl_c_twice_shows_the_lines_of_the_caller(ms):
    def press_twice(step):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    def sample(temp):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        ms.train(train_len=3, batchsize=3, verbose=0, callback=press_twice)
    assert frames(raised.value)[-1] == "press_twice"  # a person's own line stays
    assert "step 1" in "".join(raised.value.__notes__)

    ms._parts.train.batch = lambda *_: press_twice(None)
    before = ms.model.step
    ms.model.step = lambda *_: sample(None)
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            ms.train(train_len=3, batchsize=3, verbose=0)
    finally:
        ms.model.step = before
        del ms._parts.train.batch
    assert frames(raised.value)[:2] == ["test_ctrl_c_twice_shows_the_lines_of_the_caller", "run"]


def test_errors_keep_their_frames(ms):
    with pytest.raises(InvalidValue) as raised:
        ms.generate(-1)
    assert len(frames(raised.value)) > 3
