"""Hyperparameters are validated on construction, and survive JSON."""

import json
import math

import numpy as np
import pytest

from charrnn import recipes
from charrnn.errors import InvalidValue, UnknownName
from charrnn.settings.hyper import HyperParams


def test_the_defaults_are_the_ancestors():
    hyper = HyperParams()
    assert (hyper.layers, hyper.state_size, hyper.learnrate, hyper.decay, hyper.regcost) == (2, 128, 1e-3, 0.95, 0.1)
    assert (hyper.optimizer, hyper.clip, hyper.clip_at, hyper.cost, hyper.reset) == (
        "rmsprop",
        "value",
        5,
        "sum",
        "before",
    )
    assert (hyper.policy, hyper.bptt_truncate, hyper.random_seed, hyper.dtype) == ("plateau", -1, 0, "float32")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("layers", bad) for bad in (0, -1, 1.5, "2", True, None, math.nan)],
        *[("state_size", bad) for bad in (0, 2.0)],
        *[("learnrate", bad) for bad in (0, -1e-3, math.nan, math.inf, "0.1", None, True)],
        *[("decay", bad) for bad in (-0.1, 1, 1.5, math.nan)],
        *[("regcost", bad) for bad in (-0.1, math.inf)],
        *[("clip_at", bad) for bad in (0, -5)],
        *[("bptt_truncate", bad) for bad in (0, -2)],
        *[("decay_rate", bad) for bad in (0, 1.1, math.nan)],
        *[("average", bad) for bad in (-0.1, 1, math.nan)],
        *[("epsilon", bad) for bad in (0, -1e-8, "1")],
        *[("decay_after", bad) for bad in (-1, 0.5)],
        ("random_seed", -1),
    ],
)
def test_nonsense_is_refused_by_name_and_value(name, value):
    with pytest.raises(InvalidValue, match=name) as caught:
        HyperParams(**{name: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("name", ["optimizer", "clip", "cost", "gate", "reset", "init", "policy", "dtype"])
def test_an_unknown_choice_names_the_choices(name):
    with pytest.raises(UnknownName, match=f"{name}="):
        HyperParams(**{name: "nonsense"})


def test_an_unknown_hyperparameter_names_its_neighbour():
    with pytest.raises(UnknownName, match="Did you mean: layers"):
        HyperParams().replace(layer=3)


def test_numpy_numbers_become_plain_ones():
    hyper = HyperParams(layers=np.int64(3), learnrate=np.float32(0.5), regcost=0)
    assert HyperParams.from_json(json.loads(json.dumps(hyper.to_json()))) == hyper
    assert type(hyper.regcost) is float


def test_the_ancestors_recipe():
    hyper = HyperParams.preset("rngru")
    assert hyper == HyperParams(
        gate="hard_sigmoid", clip="step", policy="ancestor", reset="before", cost="sum", layers=2
    )


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(UnknownName, match="rngru"):
        HyperParams.preset("rngu")
    for name in recipes.names():
        assert HyperParams.preset(name) == recipes.get(name).hyper


def test_repr_is_short_lines_that_make_the_same_again():
    hyper = HyperParams(layers=3, clip=None)
    assert max(map(len, repr(hyper).splitlines())) <= 88
    assert eval(repr(hyper)) == hyper
