"""Predicates: functions of a text with a number for each character."""

import numpy as np
import pytest

from charrnn.errors import InvalidValue, UnknownName
from charrnn.insight.predicates import PREDICATES, evaluate


def marked(name, text):
    """Return the text where the predicate is true, and dots elsewhere."""
    return "".join(ch if value else "." for ch, value in zip(text, evaluate(name, text), strict=True))


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("quotes", 'a "b" c', '.."b...'),
    ("quotes", "a “b” «c» d", "..“b..«c..."),
    ("quotes", 'a "b\n\nc"d', '.."b\n.."d'),
    ("quotes", 'a "b\nc" d', '.."b\nc...'),
    ("quotes", "don't", "....."),
    ("vowel", "Äpfel, Yes", "Ä..e....e."),
    ("upper", "aBc Д", ".B..Д"),
    ("digit", "a1 2", ".1.2"),
    ("letter", "a1-b", "a..b"),
    ("space", "a-b\n", "...\n"),
    ("newline", "a b\n", "...\n"),
])  # fmt: skip
def test_truths(name, text, expected):
    assert marked(name, text) == expected


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("brackets", "a(b[c]){", [0, 1, 1, 2, 2, 1, 0, 1]),
    ("brackets", ")(a", [0, 1, 1]),
    ("line_position", "ab\n\nc", [1, 2, 0, 0, 1]),
    ("word_position", "ab, c3", [1, 2, 0, 0, 1, 2]),
])  # fmt: skip
def test_numbers(name, text, expected):
    np.testing.assert_array_equal(evaluate(name, text), expected)


@pytest.mark.parametrize("name", PREDICATES)
def test_every_name_gives_a_number_for_each_character(name):
    for text in ("x", 'To "be", (or) 2\n\nnot — été? 日本'):
        assert evaluate(name, text).shape == (len(text),)


@pytest.mark.parametrize("predicate", [
    lambda ch: ch == "b",
    lambda text: [ch == "b" for ch in text],
    lambda text: np.array([ch == "b" for ch in text]),
    lambda text: (ch == "b" for ch in text),
    lambda ch: np.bool_(ch == "b"),
    "b".__eq__,
])  # fmt: skip
@pytest.mark.parametrize("text", ["abcb", "b"])
def test_a_function_takes_the_text_or_a_character(predicate, text):
    np.testing.assert_array_equal(evaluate(predicate, text), [float(ch == "b") for ch in text])


def test_a_function_of_a_character_never_sees_more():
    seen = []
    evaluate(lambda ch: seen.append(ch) or 1, "abc")
    assert set(map(len, seen)) == {1}


@pytest.mark.parametrize(("predicate", "error", "words"), [
    ("vowels", UnknownName, "Did you mean: vowel"),
    (7, InvalidValue, "a name or a function"),
    (lambda text: [1, 2], InvalidValue, r"shape \(2,\): expected a number for each of the 3"),
    (lambda text: np.ones((len(text), 2)), InvalidValue, r"shape \(3, 2\)"),
    (lambda text: [[1], [2, 3], [4]], InvalidValue, "expected a number"),
    (lambda ch: ch.upper(), InvalidValue, "gave 'A'"),
    (lambda ch: None, InvalidValue, "nan"),
    (lambda ch: float("inf") if ch == "b" else 0, InvalidValue, "gave inf for 'b' at 1"),
])  # fmt: skip
def test_nonsense_is_told(predicate, error, words):
    with pytest.raises(error, match=words):
        evaluate(predicate, "abc")
