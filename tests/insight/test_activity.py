"""Units along a text, against the cells' formulas written out in numpy."""

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue, UnknownName
from charrnn.insight.activity import Activities, neurons
from charrnn.insight.recording import BLOCK, Recording
from charrnn.model.cells import RNN
from charrnn.model.cells.modeltypes import ModelType
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import ENGINES
from tests.model.models import V, model
from tests.model.numpy_reference import GATES

CHARSET = CharSet.from_text("abcde")
TEXT = "abcdeedcbabcaddcceeab"


def first_input(m, symbols):
    """Return what the first layer sees of each symbol, (T, W)."""
    p, onehot = m.parameters, np.eye(V)[symbols]
    if "E" not in p:
        return onehot
    return np.tanh(onehot @ p["E"] + p["a"]) if "a" in p else onehot @ p["E"]


def gate(m, name, symbols, states, layer):
    """Return a gate of a layer at each symbol, (T, H), from the states (T, L, S)."""
    p, H = m.parameters, m.hyper.state_size
    x = states[:, layer - 1, :H] if layer else first_input(m, symbols)
    before = np.concatenate([np.zeros((1, H)), states[:-1, layer, :H]])
    p = {n.partition(".")[2]: value for n, value in p.items() if n.startswith(f"{layer + 1}.")}
    return GATES[m.hyper.gate](x @ p[f"U{name}"] + before @ p[f"W{name}"] + p[f"b{name}"])


KINDS = [
    ("GRUEncode", "zr", {}),
    ("GRUResize", "zr", {"gate": "hard_sigmoid", "reset": "after"}),
    ("LSTMEmbed", "ifo", {}),
    ("LSTMResize", "ifo", {"layers": 1}),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kind", "names", "hyper"), KINDS)
def test_gates_are_those_of_the_formula(engine, kind, names, hyper):
    m = model(kind, engine, **hyper)
    recording = Recording.of_text(m, CHARSET, TEXT)
    _, states = m.process(recording.encoded)
    np.testing.assert_allclose(recording.states, states, atol=1e-12)
    assert recording.names == (*m.network.cell.states, *names)
    for name in names:
        for layer in range(m.hyper.layers):
            expected = gate(m, name, recording.encoded, states, layer)
            np.testing.assert_allclose(recording.of(name)[:, layer], expected, atol=1e-12)


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_the_end_of_a_block_is_not_seen(length):
    m, text = model("LSTMResize"), (TEXT * 50)[:length]
    recording = Recording.of_text(m, CHARSET, text)
    _, states = m.process(recording.encoded)
    np.testing.assert_allclose(recording.states, states, atol=1e-12)
    assert recording.of("c").shape == recording.of("f").shape == (length, 2, 5)
    np.testing.assert_allclose(recording.of("f")[:, 1], gate(m, "f", recording.encoded, states, 1), atol=1e-12)


def test_labels_count_as_no_label():
    hyper = HyperParams(layers=1, state_size=4, dtype="float64")
    m = Model(hyper, "GRUEmbed", V, engine="cpu", label_sizes=(3, 2))
    recording = Recording.of_text(m, CHARSET, TEXT)
    p = m.parameters
    x = p["E"][recording.encoded] + p["Y0"][0] + p["Y1"][0]
    before = np.concatenate([np.zeros((1, 4)), recording.states[:-1, 0]])
    expected = GATES["sigmoid"](x @ p["1.Uz"] + before @ p["1.Wz"] + p["1.bz"])
    np.testing.assert_allclose(recording.of("z")[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["GRUEncode", "LSTMResize"])
def test_a_text_begins_as_documents_begin(kind):
    m, documents = model(kind), CharSet.from_text("abc", specials=("begin", "end"))
    recording = Recording.of_text(m, documents, "abcab")
    _, states = m.process(np.array([documents.idxofspecial("begin"), *documents.encode("abcab")], np.int32))
    np.testing.assert_allclose(recording.states, states[1:], atol=1e-12)
    name = recording.gate_names[1]
    wanted = gate(m, name, np.array([1, *recording.encoded]), states, 1)[1:]
    np.testing.assert_allclose(recording.of(name)[:, 1], wanted, atol=1e-12)


def test_a_unit_is_picked_by_layer_and_number():
    m = model("LSTMEmbed")
    states = Recording.of_text(m, CHARSET, TEXT).states
    last = neurons(m, CHARSET, TEXT, 3)
    np.testing.assert_array_equal(last.values, states[:, 1, 3])
    assert (last.layer, last.unit, last.of, last.text, last.middle) == (1, 3, "h", TEXT, 0.0)
    np.testing.assert_array_equal(neurons(m, CHARSET, TEXT, 2, layer=0, of="c").values, states[:, 0, 5 + 2])
    np.testing.assert_array_equal(neurons(m, CHARSET, TEXT, -1, layer=-2).values, states[:, 0, 4])
    gate = neurons(m, CHARSET, TEXT, 0, of="i")
    assert gate.levels.min() == pytest.approx(-1)
    assert gate.levels.max() == pytest.approx(1)
    assert "layer 0, unit 2, c" in repr(neurons(m, CHARSET, TEXT, 2, layer=0, of="c"))


def test_without_a_unit_those_that_vary_most_are_shown():
    m = model("GRUEncode")
    spread = Recording.of_text(m, CHARSET, TEXT).states.std(axis=0)
    shown = neurons(m, CHARSET, TEXT, n=4)
    assert isinstance(shown, Activities)
    np.testing.assert_allclose([a.values.std() for a in shown], np.sort(spread.ravel())[::-1][:4])
    assert {a.layer for a in neurons(m, CHARSET, TEXT, layer=0)} == {0}
    assert len(neurons(m, CHARSET, TEXT, n=99)) == 10
    assert repr(shown).count("unit") == shown._repr_html_().count("<bdi>") == 4


class Watched(RNN):
    """A plain network with a named gate: its units' input."""

    def gates(self, x, h, *, p):
        return {"input": x @ p.U}


def test_a_cell_of_ones_own_may_name_what_it_likes():
    m = Model(HyperParams(layers=1, state_size=4), ModelType("Watched", lambda _: Watched(), "embed"), V, engine="cpu")
    p, symbols = m.parameters, CHARSET.encode(TEXT)
    values = neurons(m, CHARSET, TEXT, 1, of="input").values
    np.testing.assert_allclose(values, (p["E"][symbols] @ p["1.U"])[:, 1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["RNNEncode", "PeepholeEncode", "NormalisedResize"])
def test_a_cell_that_names_no_gates_has_none(kind):
    m = model(kind)
    assert Recording.of_text(m, CHARSET, TEXT).names == m.network.cell.states
    assert len(neurons(m, CHARSET, TEXT, 0)) == len(TEXT)
    with pytest.raises(UnknownName, match="no state or gate 'z'"):
        neurons(m, CHARSET, TEXT, 0, of="z")


def test_the_gates_are_those_that_the_step_uses():
    m = model("GRUEncode")
    z, h = Recording.of_text(m, CHARSET, TEXT).of("z")[:, 1], Recording.of_text(m, CHARSET, TEXT).of("h")[:, 1]
    before = np.concatenate([np.zeros((1, 5)), h[:-1]])
    candidate = (h - z * before) / (1 - z)  # h' = (1 - z) c + z h, and c is a tanh
    assert np.abs(candidate).max() <= 1 + 1e-9


@pytest.mark.parametrize(("nonsense", "error", "words"), [
    ({"text": ""}, InvalidValue, "at least one character"),
    ({"unit": 5}, InvalidValue, "unit=5: expected a whole number from 0 to 4"),
    ({"unit": "3"}, InvalidValue, "unit='3'"),
    ({"unit": 0, "layer": 2}, InvalidValue, "layer=2: expected a whole number from 0 to 1"),
    ({"layer": -3}, InvalidValue, "layer=-3"),
    ({"of": "zz"}, UnknownName, "Did you mean: z"),
    ({"of": 7}, UnknownName, "Known: h, r, z"),
    ({"n": 0}, InvalidValue, "n=0"),
    ({"text": 7}, InvalidValue, "is not a text"),
])  # fmt: skip
def test_wrong_arguments_are_refused(nonsense, error, words):
    with pytest.raises(error, match=words):
        neurons(model("GRUEncode"), CHARSET, **{"text": TEXT, **nonsense})
