"""The check of gradients: right ones pass with every setting, wrong ones are named."""

import numpy as np
import pytest

from charrnn.errors import InvalidValue
from charrnn.insight import gradientcheck
from charrnn.insight.gradientcheck import check_gradients
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams


@pytest.mark.parametrize(
    ("modeltype", "hyper", "options"),
    [
        ("GRUEncode", {"clip": "step", "clip_at": 1e-3, "dropout": 0.5, "bptt_truncate": 2, "cost": "mean"}, {}),
        ("LSTMEmbed", {"tied": True, "regcost": 0.0}, {"documents": True, "label_sizes": (3, 2)}),
        ("RNNResize", {"layers": 2, "average": 0.9}, {"documents": True}),
    ],
)
def test_right_gradients_pass(modeltype, hyper, options):
    model = Model(HyperParams(**{"layers": 1, "state_size": 4, **hyper}), modeltype, 5, engine="cpu", **options)
    before = model.arrays()
    check = check_gradients(model, n=2)
    assert check.ok
    assert check.max_error < 1e-6
    assert sorted(row["name"] for row in check.table) == sorted(model.parameters)
    assert all(row["gradient"] != 0 for row in check.table)
    assert "All gradients are right." in repr(check)
    np.testing.assert_equal(model.arrays(), before)


def test_a_wrong_gradient_is_named(monkeypatch):
    gradients = Model.gradients

    def wrong(self, *args, **options):
        right = gradients(self, *args, **options)
        return {**right, "1.W": right["1.W"] * (1 + 1e-4)}

    monkeypatch.setattr(Model, "gradients", wrong)
    check = check_gradients(Model(HyperParams(layers=1, state_size=4), "RNNEncode", 5, engine="cpu"))
    assert not check.ok
    assert check.max_error == pytest.approx(1e-4, rel=1e-2)
    assert "Wrong: 1.W." in repr(check)


def test_a_gradient_that_is_no_number_is_wrong():
    row = {"name": "c", "checked": 1, "gradient": float("nan"), "difference": 1.0, "error": float("nan")}
    check = gradientcheck.GradientCheck(gradientcheck.Table([row]))
    assert not check.ok
    assert "Wrong: c." in repr(check)


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_nonsense_is_refused(n):
    with pytest.raises(InvalidValue):
        check_gradients(Model(HyperParams(layers=1, state_size=2), "RNNEncode", 3, engine="cpu"), n)


def test_a_model_checks_itself(ms):
    assert ms.check_gradients(n=1).ok
