"""A step that goes wrong is undone, at half the learning rate; a model that cannot be saved says so."""

import math

import numpy as np
import pytest

from charrnn.errors import TrainingDiverged
from charrnn.training.learner import Guard, Learner
from charrnn.training.place import Place
from charrnn.training.policies import Constant
from tests.fakes import FakeData, FakeModel

TEXT = np.tile([1, 2, 3, 1, 3], 400)


@pytest.fixture
def learner():
    return Learner(FakeModel(5), FakeData(TEXT, seq_len=5), Place(), Constant(0.5), batchsize=2)


def everything(learner):
    return [learner.model.table.copy(), learner.model.steps, learner.place.pos, learner.place.state]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("loss", "words"), [(math.nan, "nan"), (math.inf, "inf"), (3.01 * math.log(5), "exploded")])
def test_a_bad_loss_goes_back_to_the_last_good_state_and_halves_the_rate(learner, loss, words):
    guard = Guard(learner)
    for _ in range(Guard.KEEP_EVERY):
        guard.step(1.0)
    kept = everything(learner)
    for _ in range(3):
        guard.step(1.0)
    learner.model.fail_at[104] = [loss]
    _, trouble = guard.step(1.0)
    assert words in trouble
    assert "step 104" in trouble
    assert "back to step 100" in trouble
    assert same(everything(learner), kept)
    assert learner.policy.learnrate == 0.25
    assert guard.step(1.0)[1] == ""


def test_an_exploding_loss_is_told_in_the_unit_of_the_data(learner):
    learner.data.noun = "frame"
    learner.model.fail_at[1] = [99.0]
    assert "exploded to 99 nats per frame" in Guard(learner).step(1.0)[1]


def test_a_gradient_that_is_not_finite_counts_too(learner):
    learner.model.table[:] = 0
    step = learner.model.step

    def overflowing(*batch):
        result = step(*batch)
        result.grad_norm = math.inf
        return result

    learner.model.step = overflowing
    _, trouble = Guard(learner).step(1.0)
    assert "gradient became inf" in trouble
    assert learner.model.steps == 0


def test_a_loss_just_under_the_limit_is_let_through(learner):
    learner.model.fail_at[1] = [2.99 * math.log(5)]
    assert Guard(learner).step(1.0)[1] == ""


def test_the_second_failure_goes_back_to_the_start_of_the_round(learner):
    learner.step(1.0)
    start = everything(learner)
    guard = Guard(learner)
    learner.model.fail_at[150] = [math.nan, math.nan]
    while learner.policy.learnrate > 0.125:
        guard.step(1.0)
    assert same(everything(learner), start)


def test_after_the_last_retry_training_has_diverged_and_the_model_is_sound(learner):
    start = everything(learner)
    guard = Guard(learner)
    learner.model.fail_at[7] = [math.nan] * 99

    def keep_trying():
        for _ in range(100):
            guard.step(1.0)

    with pytest.raises(TrainingDiverged, match="after 5 retries") as caught:
        keep_trying()
    assert "smaller ms.learnrate" in str(caught.value)
    assert same(everything(learner), start)
    assert learner.policy.learnrate == 0.5 / 2**Guard.RETRIES


def test_a_step_stopped_half_way_is_undone(learner):
    guard = Guard(learner)
    guard.step(1.0)
    step = learner.model.step

    def stopped(*batch):
        step(*batch)
        raise KeyboardInterrupt

    learner.model.step = stopped
    with pytest.raises(KeyboardInterrupt):
        guard.step(1.0)
    assert learner.model.steps == learner.place.pos == 0
    assert not learner.model.table.any()


def test_the_log_has_the_steps_that_led_here(learner):
    guard = Guard(learner)
    losses = [guard.step(1.0)[0].loss for _ in range(Guard.KEEP_EVERY + 3)]
    learner.model.fail_at[Guard.KEEP_EVERY + 4] = [math.nan]
    guard.step(1.0)
    assert learner.log.columns()["step"].tolist() == list(range(1, Guard.KEEP_EVERY + 1))
    losses = [*losses[: Guard.KEEP_EVERY], guard.step(1.0)[0].loss]
    assert learner.log.columns()["loss"].tolist() == losses
    assert learner.log.columns()["step"][-1] == Guard.KEEP_EVERY + 1
    learner.log.forget()
    assert learner.log.columns() == {}
