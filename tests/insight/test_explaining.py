"""Explanations agree with the model's computation."""

import sys
from types import SimpleNamespace

import numpy as np
import pytensor.tensor as pt
import pytest

from charrnn.insight.explaining import explain
from charrnn.insight.formulas import formulas
from charrnn.model.cells import GRU, LSTM, RNN, Cell
from charrnn.model.cells.builtin.gru import NormalisedGRU
from charrnn.model.cells.builtin.lstm import NormalisedLSTM
from charrnn.model.cells.builtin.rnn import NormalisedRNN
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import plain_function

NUMPY = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
    "clip": np.clip,
    "exp": np.exp,
    "switch": np.where,
    "gt": np.greater,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "mean": lambda a: a.mean(axis=-1, keepdims=True),
}


class Own(Cell):
    """A cell with every kind of formula, and a state that does not change."""

    states = ("h", "m", "n")

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "b": (n_units,)}

    def step(self, x, h, m, n, *, p):
        a = pt.exp(-((h - m) ** 2)) / (2.0 - pt.sqr(h) / (1 + h**2))
        b = pt.switch(a > 0.5, a - (h - m), -a * abs(m))
        never_used = h * 99  # noqa: F841
        return b - x @ p.U * (a - 0.25) @ pt.eye(4, dtype="float64"), a, n


class Doubled(RNN):
    """A cell that calls another step, whose variables have other meanings."""

    def step(self, x, h, *, p):
        z = super().step(x, h, p=p)[0]
        return z * z + z


class Shared(RNN):
    """A cell that doubles a value forty times: 2**40 terms, if each were written out."""

    def step(self, x, h, *, p):
        values = [x @ p.U + h @ p.W]
        for _ in range(40):
            values.append(values[-1] / 2 + values[-1] * 0.4 + p.b)
        return values[-1]


@pytest.mark.parametrize(
    "cell",
    [
        *(GRU(), GRU("hard_sigmoid", "after"), LSTM(), RNN()),
        *(NormalisedGRU(), NormalisedLSTM(), NormalisedRNN(), Doubled(), Own(), Shared()),
    ],
    ids=lambda cell: type(cell).__name__,
)
def test_formulas_compute_what_the_step_computes(cell):
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=(3, 5)), **{name: rng.normal(size=(3, 4)) for name in cell.states}}
    values |= {name: rng.normal(size=shape) for name, shape in cell.shapes(5, 4).items()}
    symbols = {name: pt.tensor(name, dtype="float64", shape=(None,) * v.ndim) for name, v in values.items()}
    p = SimpleNamespace(**{name: symbols[name] for name in cell.shapes(5, 4)})
    outputs = cell.step(symbols["x"], *(symbols[name] for name in cell.states), p=p)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    want = plain_function(list(symbols.values()), outputs)(*values.values())
    known = {**values, **NUMPY, "eye": lambda n, m, k: np.eye(int(n), int(m))}
    for name, formula in formulas(cell, 5, 4, "float64"):
        known[name.replace("'", "_new")] = eval(formula.replace("'", "_new"), {}, known)
    for name, value in zip(cell.states, want, strict=True):
        got = known[f"{name}_new"]
        np.testing.assert_allclose(got, value, rtol=1e-12)


def test_formulas_are_named_as_in_the_source_and_nothing_unused_is_among_them():
    assert [name for name, _ in formulas(GRU(), 5, 4, "float32")] == ["z", "r", "c", "h'"]
    assert [name for name, _ in formulas(Own(), 5, 4, "float64")] == ["n'", "m'", "b", "h'"]
    assert formulas(Doubled(), 5, 4, "float32") == [("z", "tanh(x @ U + h @ W + b)"), ("h'", "z * z + z")]


def test_looking_at_variables_leaves_a_profiler_in_place():
    def profiler(*args):
        return None

    sys.setprofile(profiler)
    try:
        formulas(RNN(), 2, 2, "float32")
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize(
    ("modeltype", "options", "stations"),
    [
        ("GRUEncode", {}, ["symbols", "input", "layer 1", "output"]),
        ("LSTMResize", {"label_sizes": (3,)}, ["symbols", "input", "labels", "layer 1", "output"]),
    ],
)
def test_an_explanation_names_every_parameter_and_station(modeltype, options, stations):
    model = Model(HyperParams(layers=1, state_size=6), modeltype, 5, engine="cpu", **options)
    explained = explain(model, 50)
    assert [name for name, _ in explained.path][: len(stations)] == stations
    assert {row["name"]: row["numbers"] for row in explained.parameters} == {
        name: array.size for name, array in model.parameters.items()
    }
    assert explained.total == sum(array.size for array in model.parameters.values())
    shown = repr(explained)
    assert max(map(len, shown.splitlines())) <= 80
    assert "h' = " in shown
    assert "Compiled so far: nothing" in shown
    model.errors(np.zeros((2, 1), int), np.zeros((2, 1), int))
    assert "Compiled so far: losses in " in repr(explain(model, 50))
    page = explain(model, 50)._repr_html_()
    assert "<b>h&#x27;</b>" in page
    assert page.count("<table") == page.count("</table>") == 4


def test_a_model_explains_itself(ms):
    assert f"T = {ms.train_data.seq_len}, " in repr(ms.explain())
