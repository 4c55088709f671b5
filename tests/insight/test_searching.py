"""The search for units that correlate with a predicate."""

import numpy as np
import pytest
from scipy import stats

from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.insight.recording import Recording
from charrnn.insight.searching import correlations, find_neurons
from tests.model.models import model

CHARSET = CharSet.from_text("abcde")
TEXT = "".join(np.random.default_rng(0).choice([*"abcde"], 700))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_correlations_are_pearsons(dtype):
    rng = np.random.default_rng(1)
    values, wanted = rng.normal(size=(50, 2, 3)).astype(dtype) + 100, rng.random(50) > 0.4
    found = correlations(values, wanted.astype(float))
    for layer, unit in np.ndindex(2, 3):
        assert found[layer, unit] == pytest.approx(stats.pointbiserialr(wanted, values[:, layer, unit])[0], abs=1e-5)


def test_a_unit_that_never_moves_goes_along_with_nothing():
    values = np.full((4, 1, 2), 0.1)
    values[:, 0, 1] = [0, 0, 1, 1]
    np.testing.assert_allclose(correlations(values, np.array([1.0, 1, 0, 0])), [[0, -1]])


def test_the_closest_come_first_whatever_their_sign():
    m = model("LSTMEmbed")
    found = find_neurons(m, CHARSET, "vowel", TEXT, n=4, of="c")
    states = Recording.of_text(m, CHARSET, TEXT).of("c")
    vowels = [ch in "ae" for ch in TEXT]
    every = {(k, i): np.corrcoef(states[:, k, i], vowels)[0, 1] for k in range(2) for i in range(5)}
    best = sorted(every, key=lambda place: -abs(every[place]))[:4]
    assert [(f.layer, f.unit) for f in found] == best
    np.testing.assert_allclose([f.correlation for f in found], [every[place] for place in best])
    assert {f.activity.of for f in found} == {"c"}
    assert len(find_neurons(m, CHARSET, "vowel", TEXT, n=99)) == 10


def test_a_planted_unit_is_found():
    m = model("RNNEmbed", layers=1)
    arrays = m.arrays()
    arrays["param/E"][:, 2] = 0
    arrays["param/E"][CHARSET.encode("d"), 2] = 10
    arrays["param/1.U"][:, 3] = [0, 0, 1, 0, 0]
    arrays["param/1.W"][:, 3], arrays["param/1.b"][3] = 0, -5
    m.load_arrays(arrays)
    best = find_neurons(m, CHARSET, lambda ch: ch == "d", TEXT)[0]
    assert (best.layer, best.unit) == (0, 3)
    assert best.correlation == pytest.approx(1, abs=1e-3)


def test_a_found_unit_shows_itself_where_the_function_varies():
    text = "a" * 300 + "ab" * 10 + "a" * 300
    found = find_neurons(model("GRUEncode"), CHARSET, lambda ch: ch == "b", text)
    part = found[0].show(numchars=20)
    assert part.text in ("ab" * 10, "ba" * 9 + "ba")
    assert found[0].show(start=5, numchars=3).text == "aaa"
    np.testing.assert_array_equal(found[0].show(start=300, numchars=20).values, found[0].activity.values[300:320])
    assert found[0].show(numchars=10_000).text == text


def test_it_prints_as_a_table():
    found = find_neurons(model("GRUEncode"), CHARSET, "vowel", TEXT, n=2)
    header, first, second, hint = repr(found).split("\n")
    assert header.split() == ["#", "layer", "unit", "of", "correlation"]
    assert first.split() == ["0", str(found[0].layer), str(found[0].unit), "h", f"{found[0].correlation:.4f}"]
    assert second.split()[0] == "1"
    assert f"<td>{found[0].unit}<" in found._repr_html_().replace(' style="text-align: right"', "")
    assert "show()" in hint
    assert f"unit {found[0].unit}" in repr(found[0])


@pytest.mark.parametrize(("nonsense", "words"), [
    ({"text": ""}, "at least one character"),
    ({"text": "a"}, "The predicate is 1 at every character"),
    ({"predicate": lambda ch: 3}, "The predicate is 3 at every character"),
    ({"predicate": lambda text: [1]}, "expected a number for each"),
    ({"n": 0}, "n=0"),
])  # fmt: skip
def test_nonsense_is_told(nonsense, words):
    with pytest.raises(InvalidValue, match=words):
        find_neurons(model("GRUEncode"), CHARSET, **{"predicate": "vowel", "text": TEXT, **nonsense})
