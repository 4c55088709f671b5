"""Statistics of parameters and activations."""

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.insight.recording import Recording
from charrnn.insight.statistics import activation, along, histogram, parameter, statistics
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.model.models import model

CHARSET = CharSet.from_text("abcde")
TEXT = "abcdeedcba" * 7


def test_every_parameter_has_a_row():
    m = model("GRUEncode")
    found = statistics(m, CHARSET, TEXT)
    assert [row["name"] for row in found.parameters] == [*m.parameters]
    (row,) = (row for row in found.parameters if row["name"] == "2.Wz")
    W = m.parameters["2.Wz"]
    assert row["shape"] == "5×5"
    assert row["norm"] == pytest.approx(np.sqrt((W**2).sum()))
    assert row["std"] == pytest.approx(np.std(W))


def test_a_parameters_row():
    row = parameter("b", np.array([0.0, 0.0009, -0.001, -3.0]))
    assert (row["mean"], row["max"], row["near_zero"]) == (pytest.approx(-3.0001 / 4), 3.0, 0.5)


def test_every_state_and_gate_of_a_layer_has_a_row():
    m = model("LSTMEmbed")
    found = statistics(m, CHARSET, TEXT)
    assert [(row["layer"], row["of"]) for row in found.activations] == [(k, name) for k in (0, 1) for name in "hcifo"]
    c = Recording.of_text(m, CHARSET, TEXT).of("c")[:, 1]
    assert found.activations[6]["min"] == pytest.approx(c.min())
    assert found.activations[6]["mean"] == pytest.approx(c.mean())
    assert found.characters == 70
    assert "70 characters" in repr(found)
    assert "2.Wo" in repr(found)
    assert found._repr_html_().count("<table>") == 2


def test_a_narrow_terminal_has_what_matters_most(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    shown = repr(statistics(model("GRUEncode"), CHARSET, TEXT)).split("\n\n")
    assert all(len(line) <= 40 for table in shown for line in table.split("\n") if ":" not in line)
    assert "near_zero" in shown[0]
    assert "saturated" in shown[1]


def test_saturated_and_dead_units_are_counted():
    values = np.array([[0.95, 0.0, -0.91, 0.05], [0.2, 0.0, -0.1, 0.05]])
    assert (activation(0, "h", values, gate=False)["saturated"], activation(0, "h", values, gate=False)["dead"]) == (
        2 / 8,
        2,
    )
    assert activation(0, "z", values[:, :2] + 0.05, gate=True)["saturated"] == 3 / 4


def test_a_histogram_of_one_value_and_of_none():
    assert histogram(np.zeros(3), bins=3) == " █ "
    assert histogram(np.array([np.nan, 1.0, 2.0]), bins=2) == "██"
    assert histogram(np.array([np.nan])) == ""


def test_an_empty_text_is_refused():
    with pytest.raises(InvalidValue, match="at least one character"):
        statistics(model("GRUEncode"), CHARSET, "")


@pytest.mark.parametrize("stage", ["Encode", "Embed", "Resize"])
def test_frames_have_states_and_gates_too(stage):
    """A GRU along a piece longer than a block, its gates by hand."""
    m = Model(HyperParams(layers=1, state_size=6, head="nade", note_units=3), f"GRU{stage}", 5, "numba")
    frames = np.random.default_rng(3).integers(2, size=(300, 5)).astype(bool)
    recording = Recording(m, frames, m.freshstate(1))
    _, states = m.process(frames)
    np.testing.assert_allclose(recording.states, states, rtol=1e-5, atol=1e-6)
    p = m.parameters
    x = frames if stage == "Resize" else frames @ p["E"]
    x = np.tanh(x + p["a"]) if stage == "Encode" else x
    before = np.concatenate([np.zeros((1, 6)), states[:-1, 0]])
    z = 1 / (1 + np.exp(-(x @ p["1.Uz"] + before @ p["1.Wz"] + p["1.bz"])))
    np.testing.assert_allclose(recording.of("z")[:, 0], z, rtol=1e-4, atol=1e-5)
    found = along(m, recording, "frame")
    assert "Along 300 frames" in repr(found)
    assert [row["of"] for row in found.activations] == ["h", "z", "r"]
