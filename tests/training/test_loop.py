"""The training loop: rounds, interruption, time limits, saving, and what it reports."""

import math
import signal

import numpy as np
import pytest

from charrnn.errors import InvalidValue, TrainingDiverged
from charrnn.training.learner import Learner
from charrnn.training.loop import Training
from charrnn.training.place import Place
from charrnn.training.plan import Plan
from charrnn.training.policies import Ancestor, Constant, Plateau
from charrnn.training.validate import Validation, validation_loss
from tests.fakes import FakeData, FakeModel

TEXT = np.tile([1, 2, 3, 1, 3, 4], 40)


class Notebook:
    """A journal that only remembers."""

    def __init__(self, learner):
        self.learner, self.saved = learner, []

    def save(self, round_):
        self.saved.append((self.learner.model.steps, self.learner.place.copy(), round_))
        return f"checkpoint-{len(self.saved)}"

    last_loss = None

    def sample(self, temp):
        return f"some\ntext at {temp}"

    def best(self):
        return min((r.valid_loss for _, _, r in self.saved if r and r.valid_loss is not None), default=None), ""


def training(callback=None, policy=None, learner=None, **plan):
    learner = learner or Learner(FakeModel(5), FakeData(TEXT, 4), Place(), policy or Constant(0.5), batchsize=3)
    journal = Notebook(learner)
    return Training(learner, FakeData(TEXT, 4), Plan(**plan), journal, callback), learner, journal


def test_rounds_are_whole_epochs_by_default(capsys):
    run, learner, journal = training(num_rounds=2)
    summary = run.run()
    assert learner.model.steps == summary.batches == 40
    assert (learner.place.epoch, learner.place.pos) == (2, 0)
    assert summary.characters == 40 * 4 * 3
    assert [round_.epoch for round_ in summary.rounds] == [1.0, 2.0]
    assert len(journal.saved) == 2
    assert summary.checkpoint == "checkpoint-2"
    assert summary.valid_loss == validation_loss(learner.model, FakeData(TEXT, 4), 3)
    assert summary.best_loss == summary.valid_loss < summary.rounds[0].valid_loss
    shown = capsys.readouterr().out
    assert f"round 2/2: train {summary.train_loss:.3f}, validation {summary.valid_loss:.3f} nats/char" in shown
    assert "epoch 2.00, step 40, " in shown
    assert "saved checkpoint-2" in shown
    assert "Completed 2 rounds" in repr(summary)


def test_a_rounds_training_loss_is_the_mean_of_its_steps():
    seen = []
    run, *_ = training(callback=seen.append, train_len=7)
    summary = run.run()
    assert summary.train_loss == pytest.approx(np.mean([step.loss for step in seen]))
    assert [step.step for step in seen] == list(range(1, 8))
    assert seen[-1].pos == 7


def test_partial_rounds_go_on_where_the_last_ended():
    run, learner, _ = training(num_rounds=3, train_len=7)
    run.run()
    assert (learner.place.epoch, learner.place.pos) == (1, 1)


def test_two_and_three_rounds_are_five():
    run, whole, _ = training(num_rounds=5, train_len=7, policy=Plateau(0.5))
    run.run()
    run, parts, _ = training(num_rounds=2, train_len=7, policy=Plateau(0.5))
    run.run()
    run, _, _ = training(num_rounds=3, train_len=7, learner=parts)
    run.run()
    np.testing.assert_array_equal(parts.model.table, whole.model.table)
    np.testing.assert_array_equal(parts.place.state, whole.place.state)
    assert parts.policy == whole.policy
    assert (parts.place.epoch, parts.place.pos) == (whole.place.epoch, whole.place.pos)


def test_samples_are_shown_as_often_as_asked_however_short_the_rounds(capsys):
    training(num_rounds=7, train_len=1, print_every=3)[0].run()
    assert capsys.readouterr().out.count("    some\n    text at 0.5\n") == 2
    training(train_len=7, print_every=0)[0].run()
    assert "some" not in capsys.readouterr().out


def test_there_is_a_sample_for_each_temperature(capsys):
    training(train_len=3, print_every=3, sample_temps=(0.2, 1.5))[0].run()
    out = capsys.readouterr().out
    assert "temperature 0.2:\n    some\n    text at 0.2\n" in out
    assert "temperature 1.5:\n    some\n    text at 1.5\n" in out


def test_how_much_is_said_is_chosen(capsys):
    training(num_rounds=3, train_len=3, print_every=1, verbose=0)[0].run()
    assert capsys.readouterr().out == ""
    training(num_rounds=3, train_len=3, print_every=1, verbose=1)[0].run()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines] == [f"round {n}/3: "[:11] for n in (1, 2, 3)]


def test_trouble_is_told_with_the_rounds_but_not_in_silence(capsys):
    for verbose, told in ((0, False), (1, True)):
        run, learner, _ = training(train_len=12, verbose=verbose)
        learner.model.fail_at[6] = [math.nan]
        run.run()
        assert ("back to step 0" in capsys.readouterr().out) == told


def test_a_request_to_stop_finishes_the_batch_and_saves():
    def press(step):
        if step.step == 5:
            signal.raise_signal(signal.SIGINT)

    run, learner, journal = training(callback=press, num_rounds=9)
    summary = run.run()
    assert learner.model.steps == 5
    assert summary.interrupted
    assert summary.valid_loss is None
    steps, place, round_ = journal.saved[-1]
    assert (steps, place.pos, round_.batches) == (5, 5, 5)
    assert "Stopped on request" in repr(summary)
    assert "checkpoint-1" in repr(summary)


def test_a_second_request_stops_at_once_in_a_consistent_state():
    run, learner, journal = training(num_rounds=9)
    step = learner.model.step

    def slow(*batch):
        result = step(*batch)
        if learner.model.steps == 5:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return result

    learner.model.step = slow
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert learner.model.steps == learner.place.pos == 0
    assert not journal.saved


def test_an_error_in_a_callback_is_raised_after_saving():
    def fail(step):
        if step.step == 4:
            raise ZeroDivisionError("callback")

    run, _, journal = training(callback=fail)
    with pytest.raises(ZeroDivisionError, match="callback"):
        run.run()
    steps, place, round_ = journal.saved[-1]
    assert (steps, place.pos, round_) == (4, 4, None)


def test_minutes_go_on_until_the_time_is_up_and_then_validate():
    summary = training(minutes=0.15 / 60, train_len=3)[0].run()
    assert len(summary.rounds) > 1
    assert not summary.interrupted
    assert summary.valid_loss is not None
    assert summary.seconds < 5


def test_a_last_round_that_the_clock_cuts_short_does_not_change_the_learning_rate(monkeypatch):
    policy = Constant(0.5)
    judged = []
    monkeypatch.setattr(Constant, "after_round", lambda self, loss, yardstick: judged.append(loss) or "")
    run, learner, _ = training(policy=policy, minutes=1, train_len=3)
    monkeypatch.setattr(run, "_time_is_up", lambda: learner.model.steps >= 7)
    summary = run.run()
    assert [round_.batches for round_ in summary.rounds] == [3, 3, 1]
    assert judged == [round_.valid_loss for round_ in summary.rounds[:2]]


def test_time_makes_checkpoints_amid_a_round():
    _, _, journal = run = training(train_len=4, save_every=1e-9)
    run[0].run()
    assert [steps for steps, _, round_ in journal.saved if round_ is None] == [1, 2, 3, 4]


def test_trouble_is_told_and_the_round_still_has_its_length(capsys):
    run, learner, _ = training(train_len=12)
    learner.model.fail_at[6] = [math.nan]
    summary = run.run()
    assert learner.model.steps == summary.batches == 12
    assert math.isfinite(summary.train_loss)
    assert "back to step 0" in capsys.readouterr().out
    assert learner.policy.learnrate == 0.25


def test_a_round_that_ends_in_a_model_of_no_use_is_trained_again(capsys):
    run, learner, journal = training(train_len=3)
    assess = learner.model.assess
    answers = [math.nan]
    learner.model.assess = lambda *args: (answers.pop(), *assess(*args)[1:]) if answers else assess(*args)
    summary = run.run()
    assert "validation loss became nan: back to step 0" in capsys.readouterr().out
    assert (summary.batches, learner.model.steps, learner.policy.learnrate) == (3, 3, 0.25)
    assert math.isfinite(summary.valid_loss)
    assert len(journal.saved) == 1


def test_divergence_ends_training():
    run, learner, _ = training(train_len=12)
    learner.model.fail_at[6] = [math.nan] * 9
    with pytest.raises(TrainingDiverged):
        run.run()


def test_the_ancestors_policy_sees_the_loss_with_its_penalty():
    run, learner, _ = training(policy=Ancestor(0.5), train_len=2)
    summary = run.run()
    assert learner.policy.reference == pytest.approx(summary.valid_loss + 0.5 / 12)


def test_the_cosine_spans_the_whole_call():
    rates = []

    class Spy(Constant):
        def rate(self, progress, epochs):
            rates.append(progress)
            return self.learnrate

    training(policy=Spy(0.1), num_rounds=2, train_len=4)[0].run()
    np.testing.assert_allclose(rates, np.arange(1, 9) / 8)


@pytest.mark.parametrize(
    "plan",
    [
        *[{"num_rounds": bad} for bad in (0, -1, 1.5, True, "1")],
        {"train_len": -1},
        {"valid_len": 0.5},
        {"print_every": -1},
        *[{"minutes": bad} for bad in (0, -1, math.nan, "1")],
        *[{"save_every": bad} for bad in (0, None)],
        *[{"patience": bad} for bad in (0, -1, 1.5, True)],
        *[{"verbose": bad} for bad in (-1, 3, "loud", None)],
    ],
)
def test_nonsense_is_refused(plan):
    with pytest.raises(InvalidValue, match=next(iter(plan))):
        Plan(**plan)


def test_rounds_too_short_to_judge_by_leave_the_rate_alone():
    run, learner, _ = training(num_rounds=6, train_len=3, policy=Plateau(1e-5))
    assert 3 < learner.epoch_length < Plateau.least_round
    run.run()
    assert learner.policy.learnrate == 1e-5
    run, learner, _ = training(num_rounds=3, policy=Plateau(1e-5))  # whole epochs, in which nothing is learned
    run.run()
    assert learner.policy.learnrate < 1e-5


@pytest.mark.parametrize(
    ("losses", "patience", "rounds"),
    [
        ([2.0, 1.5, 1.6, 1.5, 1.4, 1.4, 1.7, 1.3], 2, 4),
        ([2.0, 1.5, 1.6, 1.5, 1.4, 1.4, 1.7, 1.3], 3, 8),
        ([2.0, 2.1, 1.0], 1, 2),
        ([1.0, 1.0, 1.0], 3, 3),
    ],
)
def test_training_stops_when_patience_is_over(monkeypatch, losses, patience, rounds):
    run, _, journal = training(num_rounds=len(losses), train_len=1, patience=patience)
    answers = iter(losses)
    monkeypatch.setattr("charrnn.training.loop.validate", lambda *_: Validation(next(answers), 0.5))
    summary = run.run()
    assert [round_.valid_loss for round_ in summary.rounds] == losses[:rounds]
    assert len(journal.saved) == rounds
    assert summary.best_loss == min(losses[:rounds])
    stopped = rounds < len(losses)
    assert summary.patience == (patience if stopped else None)
    assert ("brought no lower validation loss" in repr(summary)) == stopped
    assert ("ms.restore('best')" in repr(summary)) == (min(losses[:rounds]) < losses[rounds - 1])


def test_an_error_tells_what_is_saved(capsys):
    def fail(step):
        if step.step == 4:
            raise ZeroDivisionError("callback")

    run, *_ = training(callback=fail)
    with pytest.raises(ZeroDivisionError) as raised:
        run.run()
    assert raised.value.__notes__ == [
        "All up to checkpoint checkpoint-1 is saved.",
        "The model in memory is at step 4, from where training again goes on.",
    ]


def test_stopping_at_once_tells_what_is_saved():
    run, learner, _ = training(train_len=7, num_rounds=2)
    step = learner.model.step

    def press_twice(*args):
        if learner.model.steps == 9:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    learner.model.step = press_twice
    with pytest.raises(KeyboardInterrupt) as raised:
        run.run()
    assert "up to checkpoint checkpoint-1 is saved" in raised.value.__notes__[0]
    assert "at step 7" in raised.value.__notes__[1]
