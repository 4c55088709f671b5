"""Training in a thread of its own: the same results, a consistent view of it, and an orderly end however it ends."""

import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue, TrainingInBackground
from charrnn.session import record
from tests.helpers import need
from tests.sessions import SMALL, everything

PATIENCE = 60  # seconds until a test that waits gives up


class Gate:
    """A callback that holds training after given steps until it is let go."""

    def __init__(self, *steps):
        self.reached = {step: threading.Event() for step in steps}
        self.let_go = {step: threading.Event() for step in steps}

    def __call__(self, step):
        if step.step in self.reached:
            self.reached[step.step].set()
            assert self.let_go[step.step].wait(PATIENCE)

    def wait_for(self, step):
        assert self.reached[step].wait(PATIENCE)

    def open(self, *steps):
        for step in steps or self.let_go:
            self.let_go[step].set()


@pytest.fixture
def gated(ms):
    """Return a function that begins to train, held after some steps."""
    gates = []

    def begin(*steps, **options):
        gate = Gate(*steps)
        gates.append(gate)
        job = ms.train(background=True, verbose=0, callback=gate, **options)
        gate.wait_for(steps[0])
        return job, gate

    yield begin
    for gate in gates:
        gate.open()
    if ms.job:
        ms.job._thread.join(PATIENCE)


def rows(ms):
    return [{k: v for k, v in row.items() if k not in ("seconds", "chars_per_s")} for row in ms.history]


def test_the_result_is_that_of_the_foreground_bit_for_bit(make, capsys):
    plan = {"num_rounds": 3, "train_len": 9, "batchsize": 3}
    one, other = make("one"), make("other")
    capsys.readouterr()
    there = other.train(**plan, verbose=0)
    job = one.train(**plan, background=True, verbose=0)
    here = job.wait(PATIENCE)
    assert job.done
    assert job.summary is here
    assert everything(one) == everything(other)
    assert rows(one) == rows(other)
    assert [c.name for c in one.checkpoints] == [c.name for c in other.checkpoints]
    assert (here.batches, here.valid_loss, here.checkpoint) == (there.batches, there.valid_loss, there.checkpoint)
    np.testing.assert_array_equal(one.history.steps()["loss"], other.history.steps()["loss"])
    assert capsys.readouterr().out == ""
    one.train(**plan, verbose=0)  # the object trains on in the foreground
    other.train(**plan, verbose=0)
    assert everything(one) == everything(other)


@pytest.mark.parametrize("engine", ["cpu", pytest.param("jax", marks=pytest.mark.slow)])
def test_what_is_asked_meanwhile_is_answered_as_of_the_last_batch(make, engine):
    need(engine)
    ms, stopped = make("one", engine=engine), make("other", engine=engine)
    stopped.train(train_len=5, batchsize=3, verbose=0)
    gate = Gate(5)
    job = ms.train(train_len=30, batchsize=3, callback=gate, background=True, verbose=0)
    gate.wait_for(5)
    try:
        for _ in range(2):
            assert ms.generate(50, rng=1) == stopped.generate(50, rng=1)
            assert ms.score("12 times 12").nats == stopped.score("12 times 12").nats
            np.testing.assert_array_equal(ms.trackneurons("3 and"), stopped.trackneurons("3 and"))
        assert everything(ms)[0] == everything(stopped)[0]
        assert (ms.steps, ms.place.pos, ms.model.steps) == (5, 5, 5)
        assert ms.calc_loss() == stopped.calc_loss()
        assert "step 5" in repr(ms)
        before = {name: np.array(vector) for name, vector in job.still.vectors.items()}
        still = job.still
    finally:
        gate.open()
    assert job.wait(PATIENCE).batches == 30
    for name, vector in still.vectors.items():  # nothing was written into what was shown
        np.testing.assert_array_equal(vector, before[name])
    assert ms.steps == 30
    assert not np.array_equal(ms.model.vectors()["param"], before["param"])


@pytest.mark.slow
def test_the_engine_may_have_been_changed_before(ms, gated):
    need("jax")
    job, gate = gated(1, train_len=2, batchsize=3)
    ms.generate(5)
    gate.open()
    job.wait(PATIENCE)
    ms.model.use_engine("jax")
    job, gate = gated(4, train_len=2, batchsize=3)
    written = ms.generate(20, rng=1), ms.model.engine
    gate.open()
    job.wait(PATIENCE)
    assert written == (ms.generate(20, rng=1), "jax")
    ms.model.use_engine("cpu")  # other tests share the functions


def test_looking_at_another_checkpoint_leaves_training_alone(ms, gated):
    job, gate = gated(4, train_len=9, batchsize=3)
    begun = ms.generate(30, rng=2)
    side = ms.diff(0, numchars=30, rng=2)
    assert side.a.checkpoint.name == ms.checkpoints[0].name
    assert ms.generate(30, rng=2) == begun
    gate.open()
    assert job.wait(PATIENCE).batches == 9


def test_a_diff_outlives_the_end_of_training(ms, gated):
    job, gate = gated(2, train_len=3, batchsize=3)
    first = ms.checkpoints[0]
    with record.as_of(ms, first):
        held = ms.model
        gate.open()
        job.wait(PATIENCE)
        assert ms.model is held
    assert ms.model is not held
    assert ms.steps == 3


def test_pause_and_resume(ms, gated):
    job, gate = gated(3, train_len=8, batchsize=3)
    job.pause()
    gate.open()
    job.between_batches(lambda: None)
    assert job.state == "paused"
    assert "paused" in repr(job)
    assert "resume()" in repr(job)
    assert not job.done
    assert ms.steps == 3
    assert isinstance(ms.generate(5), str)
    assert job.between_batches(threading.current_thread) is job._thread
    job.resume()
    assert job.wait(PATIENCE).batches == 8


def test_stop_finishes_the_batch_and_saves(ms, gated):
    job, gate = gated(3, num_rounds=50, train_len=8, batchsize=3)
    threading.Timer(0, gate.open).start()
    summary = job.stop()
    assert summary.interrupted
    assert summary.checkpoint == ms.checkpoint.name
    assert ms.checkpoint.step == ms.steps == summary.batches
    again = ModelState.load(ms.path)
    again.live.trained = ms.model
    assert again.restore().steps == ms.steps
    assert job.stop() is summary
    assert repr(job) == repr(summary)


def test_a_paused_job_stops(ms, gated):
    job, gate = gated(3, train_len=8, batchsize=3)
    job.pause()
    gate.open()
    job.between_batches(lambda: None)
    assert job.stop().batches == 3


def test_a_callback_may_stop_it(ms):
    def stop(step):
        if step.step == 4:
            ready.wait(PATIENCE)
            assert ms.job.stop() is None

    ready = threading.Event()
    job = ms.train(train_len=9, batchsize=3, callback=stop, background=True, verbose=0)
    ready.set()
    assert job.wait(PATIENCE).batches == 4


def test_waiting_may_be_limited(ms, gated):
    job, gate = gated(3, train_len=8, batchsize=3)
    assert job.wait(0.01) is None
    assert not job.done
    gate.open()
    assert job.wait(PATIENCE).batches == 8


def test_the_learning_rate_changes_with_the_next_batch(ms, gated):
    job, gate = gated(3, 6, train_len=8, batchsize=3)
    job.learnrate /= 2
    assert ms.learnrate == job.learnrate == SMALL["learnrate"] / 2
    gate.open(3)
    gate.wait_for(6)
    ms.learnrate = 0.001
    gate.open()
    job.wait(PATIENCE)
    rates = ms.history.steps()["learnrate"]
    np.testing.assert_allclose(rates, np.repeat([0.01, 0.005, 0.001], [3, 3, 2]), rtol=1e-6)
    with pytest.raises(InvalidValue, match="learnrate"):
        job.learnrate = -1


def test_what_would_change_the_model_is_refused_meanwhile(ms, gated):
    gated(3, train_len=8, batchsize=3)
    before = everything(ms)
    for change in (ms.train, ms.restore, ms.checkout, ms.traintime, ms.compile, lambda: ms.branch("other")):
        with pytest.raises(TrainingInBackground, match=r"ms\.job\.stop\(\)"):
            change()
    assert everything(ms) == before


def test_what_writes_is_done_between_two_batches(ms, gated):
    job, gate = gated(3, train_len=8, batchsize=3)
    threading.Timer(0, gate.open).start()
    saved = ms.newcheckpoint()
    ms.note("while it trained", saved)
    ms.pin(0)
    job.wait(PATIENCE)
    assert 3 <= saved.step <= 8
    assert saved.record["pos"] == saved.step
    refs = ms.workdir.refs
    assert refs.notes == {saved.name: "while it trained"}
    assert refs.pinned == [ms.checkpoints[0].name]


def test_what_cannot_be_written_fails_where_it_was_asked(ms, gated):
    job, gate = gated(3, train_len=8, batchsize=3)
    gate.open()
    with pytest.raises(InvalidValue):
        ms.newcheckpoint(wrong=object())
    assert job.wait(PATIENCE).batches == 8


def test_an_error_surfaces_once_wherever_one_looks_first(ms, capsys):
    def fail(step):
        if step.step == 4:
            ready.wait(PATIENCE)
            raise ZeroDivisionError("oh")

    for look in (ms.generate, lambda: ms.score("1"), lambda: ms.train(train_len=1)):
        ready = threading.Event()
        ms.restore(0)
        job = ms.train(train_len=9, batchsize=3, callback=fail, background=True, verbose=0)
        ready.set()
        job._thread.join(PATIENCE)
        assert job.state == "failed"
        assert "ZeroDivisionError: oh" in capsys.readouterr().err
        assert "ZeroDivisionError" in repr(job)
        assert "step 4" in repr(ms)
        with pytest.raises(ZeroDivisionError, match="oh") as raised:
            look()
        assert ms.checkpoint.name in raised.value.__notes__[0]
        assert ms.checkpoint.step == 4
        ms.generate(3)
        for hear in (job.wait, job.stop):
            with pytest.raises(ZeroDivisionError):
                hear()


def test_what_prevents_training_is_raised_at_once(ms):
    other = ModelState.load(ms.path)
    with other.workdir.lock(), pytest.raises(RuntimeError, match="being written by"):
        ms.train(background=True)
    assert ms.job.done
    with pytest.raises(InvalidValue, match=r"ms\.plot\(\)"):
        ms.train(background=True, plot=True)
    assert ms.train(train_len=2, batchsize=3, background=True, verbose=0).wait(PATIENCE).batches == 2


def test_a_job_tells_how_far_it_is(ms, gated, capsys):
    job, gate = gated(3, 15, num_rounds=3, train_len=6, batchsize=3)
    assert repr(job).startswith("Training in the background, ")
    assert "in the background" in repr(ms)
    gate.open(3)
    gate.wait_for(15)
    assert "round 2/3: train" in repr(job)
    assert "job.stop()" in repr(job)
    gate.open()
    job.wait(PATIENCE)
    assert "Completed 3 rounds" in repr(job)
    assert capsys.readouterr().out == ""


def test_ctrl_c_ends_the_waiting_not_the_training(ms, gated, monkeypatch):
    job, gate = gated(3, train_len=8, batchsize=3)

    def interrupt(timeout):
        raise KeyboardInterrupt

    monkeypatch.setattr(job._ended, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt) as raised:
        job.wait()
    assert "goes on" in raised.value.__notes__[0]
    monkeypatch.undo()
    gate.open()
    assert job.wait(PATIENCE).batches == 8


ENDINGS = {"the end of the script": "", "an error": "1 / 0", "SIGTERM": "signal.raise_signal(signal.SIGTERM)"}
STATUS = {"an error": 1, "SIGTERM": -signal.SIGTERM}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_of_python_saves_first(ms, ending):
    code = f"""
        import signal, threading
        from charrnn import ModelState

        ms = ModelState.load({str(ms.path)!r}, threads={ms.model.threads})  # other numbers of threads add otherwise
        far_enough = threading.Event()
        ms.train(10**6, batchsize=3, train_len=50, valid_len=1, background=True, verbose=0,
                 callback=lambda step: step.step == 120 and far_enough.set())
        far_enough.wait()
        {ENDINGS[ending]}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == STATUS.get(ending, 0), done.stderr
    assert "Stopping the training in the background, and saving." in done.stderr
    assert "RuntimeError" not in done.stderr
    again = ms.restore()
    assert f"saved in checkpoint {again.checkpoint.name}" in done.stderr
    assert again.steps >= 120
    np.testing.assert_array_equal(again.history.steps()["step"], np.arange(1, again.steps + 1))
    steps = again.steps
    expected = everything(again)
    again.restore(0)
    _train_like_that(again, steps)
    assert everything(again)[0] == expected[0]


def _train_like_that(ms, steps):
    """Train in the foreground, to the same step by the same rounds."""
    whole, rest = divmod(steps, 50)
    if whole:
        ms.train(whole, batchsize=3, train_len=50, valid_len=1, verbose=0)
    if rest:
        ms.train(1, batchsize=3, train_len=rest, valid_len=1, verbose=0)
