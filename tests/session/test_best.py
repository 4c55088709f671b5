"""What "best" means: losses are compared where they were measured on the same thing, and with what was asked for."""

import json

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue, UnknownName
from charrnn.storage import lookup

POEMS = [{"author": "AB"[n % 2], "text": f"{n} and {n * n}\nmake {n + n * n}."} for n in range(40)]


WHOLE, OTHER_WHOLE = {"batchsize": 3, "valid_len": 0}, {"batchsize": 16, "valid_len": 0}
ONE, TWO = {"batchsize": 1, "valid_len": 1}, {"batchsize": 1, "valid_len": 2}


@pytest.mark.parametrize(
    ("measured", "best"),
    [
        ([(WHOLE, 2.06), (ONE, 1.823)], 2.06),
        ([(ONE, 1.823), (WHOLE, 2.06), (ONE, 1.7)], 2.06),
        ([(WHOLE, 2.06), (OTHER_WHOLE, 2.05)], 2.05),
        ([(ONE, 1.5), (TWO, 1.9), (TWO, 1.8)], 1.8),  # the newest says which part
        ([(TWO, 1.8), (ONE, 1.9)], 1.9),
        ([(None, 2.0), (ONE, 1.5)], 2.0),  # a loss that says nothing counts as one on the whole
        ([(ONE, float("nan")), (TWO, 1.9), (ONE, float("nan"))], 1.9),
    ],
)
def test_only_losses_on_the_same_are_compared(make, measured, best):
    ms = make(init_checkpoint=False)
    for on, loss in measured:
        ms.newcheckpoint(loss, **({} if on is None else {"measured": on}))
    assert lookup.best(ms.checkpoints).loss == best
    assert ms.restore("best").checkpoint.loss == ms.restore(cpfile="best").checkpoint.loss == best
    assert [row["valid_loss"] for row in ms.log() if "best" in row["marks"].split(", ")] == [best]


def test_a_loss_on_a_part_is_never_the_best_beside_one_on_the_whole(ms, capsys):
    ms.train(train_len=3, batchsize=3, verbose=0)
    whole = ms.checkpoint
    for streams in (1, 2):
        summary = ms.train(train_len=3, batchsize=streams, valid_len=1)
        assert summary.best_loss == whole.loss
        assert summary.best_measured == ""
    shown = capsys.readouterr().out
    assert "bits), " in shown
    assert " on 1 batch of 2 streams" in shown
    assert "on the whole data, which losses on 1 batch of 2 streams are not compared with." in repr(summary)
    assert [row["measured on"] for row in ms.log()][1:] == ["", "1 batch of 1 stream", "1 batch of 2 streams"]
    assert "on 1 batch of 2 streams; the best on the whole data is" in repr(ms)
    curves = ms.plot()
    assert curves.best == (whole.step, whole.loss)
    assert curves.valid_measured == ("", "1 batch of 1 stream", "1 batch of 2 streams")


def test_as_many_batches_as_there_are_is_the_whole(ms):
    ms.train(train_len=2, batchsize=3, valid_len=ms.valid_data.batchepoch(3), verbose=0)
    assert ms.checkpoint.record["measured"] == WHOLE
    ms.train(train_len=2, batchsize=3, valid_len=10**6, verbose=0)
    assert ms.checkpoint.record["measured"] == WHOLE
    assert {row.get("measured") for row in ms.history} == {None}


def test_the_policy_compares_within_one_part_only(make):
    ms = make(policy="plateau")
    ms.train(1, train_len=200, batchsize=3, valid_len=1, verbose=0)
    assert ms.policy.yardstick == "1 batch of 3 streams"
    rate = ms.learnrate
    ms.policy.reference = 0.001  # whatever comes is worse than that
    ms.train(1, train_len=200, batchsize=3, verbose=0)
    assert (ms.policy.yardstick, ms.learnrate) == ("", rate)
    ms.policy.reference = 0.001
    ms.train(1, train_len=200, batchsize=4, verbose=0)  # the whole is the same thing with other streams
    assert ms.learnrate == rate / 2


def test_what_is_monitored_says_which_is_the_best(tmp_path):
    file = tmp_path / "poems.jsonl"
    file.write_text("".join(json.dumps(poem) + "\n" for poem in POEMS), encoding="utf-8")
    ms = ModelState.initfromsrcfile(
        file, tmp_path / "m", text="text", labels="author", layers=1, state_size=5, seq_len=7, trainfrac=0.6
    )
    ms.train(3, train_len=4, batchsize=2, verbose=0, monitor="B")
    rows = [row["author=B"] for row in ms.history]
    kept = [c.record["monitored"] for c in ms.checkpoints[1:]]
    assert kept == [{"author=B": loss} for loss in rows]
    assert ms.restore("best").checkpoint.record["monitored"]["author=B"] == min(rows)
    summary = ms.train(2, train_len=4, batchsize=2, verbose=0, monitor="training")
    assert "Best training loss so far" in repr(summary)
    losses = [c.record.get("train_loss") for c in ms.checkpoints]
    assert ms.restore("best").checkpoint.record["train_loss"] == np.min([loss for loss in losses if loss])
    assert repr(ms.train(1, train_len=4, verbose=0)).count("Best validation loss so far")
    with pytest.raises(UnknownName, match=r'expected "validation", "training", or a label. Did you mean: author=B'):
        ms.train(monitor="author=C")


def test_patience_waits_for_what_is_monitored(ms):
    summary = ms.train(40, train_len=2, batchsize=3, verbose=0, monitor="training", patience=1)
    losses = [round_.train_loss for round_ in summary.rounds]
    assert losses[-1] >= min(losses)
    assert losses[:-1] == sorted(losses[:-1], reverse=True)
    assert "as the last 1 brought no lower training loss" in repr(summary)


@pytest.mark.parametrize("name", ["cosine", "constant", "exponential", "onecycle", "ancestor", "plateau"])
def test_a_policy_that_is_set_is_loaded_again(ms, name):
    rate = ms.learnrate
    ms.policy = name
    assert ms.learnrate == rate
    ms.train(train_len=3, batchsize=3, verbose=0)
    again = ModelState.load(ms.path)
    assert again.policy == ms.policy
    assert type(again.policy) is type(ms.policy)
    assert f"({name})" in repr(again)


@pytest.mark.parametrize("background", [False, True])
def test_a_callback_may_set_the_policy(ms, background):
    def halve(step):
        if step.step == 3:
            ms.policy = "constant"
            ms.policy.learnrate /= 2

    rate, job = ms.learnrate, ms.train(train_len=6, batchsize=3, verbose=0, callback=halve, background=background)
    if background:
        job.wait(60)
    np.testing.assert_allclose(ms.history.steps()["learnrate"], np.repeat([rate, rate / 2], 3), rtol=1e-6)


def test_a_policy_may_be_an_instance(ms):
    from charrnn.training.policies import Exponential

    ms.policy = Exponential(0.5, decay_rate=0.25)
    ms.newcheckpoint()
    assert ModelState.load(ms.path).policy == Exponential(0.5, decay_rate=0.25)


def test_what_a_checkpoint_could_not_record_is_refused(ms):
    from charrnn.training.policies import Constant, Cosine

    class Mine(Constant):
        pass

    before = ms.policy
    for wrong in (Mine(0.1), Cosine, 0.1, None, lambda step: 0.1):
        with pytest.raises(InvalidValue, match=r"ms\.policy = .*expected a name .*cosine"):
            ms.policy = wrong
    with pytest.raises(UnknownName, match="cosine"):
        ms.policy = "cosin"
    with pytest.raises(InvalidValue, match="learnrate"):
        ms.policy = Cosine(learnrate=-1.0)
    assert ms.policy is before
