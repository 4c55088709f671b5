"""The learning-rate policies, against rules worked out by hand."""

import json
import math

import pytest

from charrnn.errors import UnknownName
from charrnn.settings import hyper
from charrnn.training import policies


def rates_after(policy, losses):
    rates = []
    for loss in losses:
        policy.after_round(loss)
        rates.append(policy.learnrate)
    return rates


def test_hyperparameters_and_policies_agree_on_the_names():
    assert set(policies.POLICIES) == set(hyper.POLICIES)


def test_constant_stays():
    assert rates_after(policies.Constant(0.3), [2.0, 3.0, 1.0]) == [0.3, 0.3, 0.3]


def test_plateau_compares_with_the_best_also_below_one():
    # 0.95 → 0.90 is a fine improvement; the ancestor's logarithms would have halved the rate
    assert rates_after(policies.Plateau(1.0), [1.1, 0.95, 0.90, 0.91, 0.902, 0.85]) == [1, 1, 1, 0.5, 0.25, 0.25]


def test_plateau_does_not_let_tiny_steps_creep_by_as_progress():
    assert rates_after(policies.Plateau(1.0), [2.0, 1.999, 1.998]) == [1, 0.5, 0.25]


def test_plateau_ends_at_a_millionth():
    assert rates_after(policies.Plateau(5e-6), [2.0] * 5) == [5e-6, 2.5e-6, 1.25e-6, 1.25e-6, 1.25e-6]
    assert rates_after(policies.Plateau(1e-7), [2.0, 3.0]) == [1e-7, 1e-7]  # as one may ask for


@pytest.mark.parametrize(
    ("previous", "loss", "factor"),
    [
        (2.0, 2.0**1.031, 0.5),
        (2.0, 2.0**1.029, 0.8),
        (2.0, 2.0**0.981, 0.8),
        (2.0, 2.0**0.979, 1.0),
        (1.0, 1.0, 0.8),
        (1.0, 0.9, 1.0),
        (0.95, 0.90, 1.0),
        (0.90, 0.95, 0.5),
        (1.2, 0.9, 1.0),
        (0.9, 1.2, 0.5),
    ],
)
def test_the_ancestors_rule_is_its_formula_above_one_and_safe_below(previous, loss, factor):
    assert rates_after(policies.Ancestor(1.0), [previous, loss]) == [1.0, factor]


def test_cosine_warms_up_and_falls():
    policy = policies.Cosine(2.0)
    assert policy.rate(0.025) == pytest.approx(1.0)
    assert policy.rate(0.05) == pytest.approx(2.0)
    assert policy.rate(0.525) == pytest.approx(2.0 * (0.01 + 0.99 / 2))
    assert policy.rate(1.0) == pytest.approx(0.02)


def test_exponential_follows_from_the_epoch_alone():
    policy = policies.Exponential(2.0, decay_rate=0.9, decay_after=2)
    rates = [policy.rate(0.5, epochs) for epochs in (0.0, 1.99, 2.99, 3.0, 3.5, 5.0)]
    assert rates == pytest.approx([2.0, 2.0, 2.0, 1.8, 1.8, 2 * 0.9**3])


def test_one_cycle_rises_falls_and_dies_away():
    policy = policies.OneCycle(2.0)
    rates = [policy.rate(progress) for progress in (1e-9, 0.225, 0.45, 0.675, 0.9, 0.95, 1.0)]
    assert rates == pytest.approx([0.2, 1.1, 2.0, 1.1, 0.2, 0.101, 0.002])


def test_a_new_policy_has_the_hyperparameters_of_its_names():
    chosen = hyper.HyperParams(policy="exponential", learnrate=0.5, decay_rate=0.8, decay_after=3)
    assert policies.new(chosen) == policies.Exponential(0.5, decay_rate=0.8, decay_after=3)
    assert policies.new(hyper.HyperParams(learnrate=0.5)) == policies.Plateau(0.5)


@pytest.mark.parametrize("name", policies.POLICIES)
def test_another_yardstick_starts_the_comparison_afresh(name):
    policy = policies.make(name, {"learnrate": 1.0})
    policy.after_round(1.0, "all of it")
    assert policy.after_round(3.0, "a little of it") == ""
    assert policy.learnrate == 1.0
    assert policy.reference == 3.0


@pytest.mark.parametrize("name", policies.POLICIES)
def test_state_survives_json(name):
    policy = policies.make(name, {"learnrate": 0.1})
    policy.after_round(1.234567890123456789, "here")
    policy.slow_down()
    again = policies.make(name, json.loads(json.dumps(policy.to_json())))
    assert again == policy
    assert math.isclose(again.learnrate, 0.05)


def test_an_unknown_policy_names_its_neighbour():
    with pytest.raises(UnknownName, match="plateau"):
        policies.make("plato", {"learnrate": 1})
