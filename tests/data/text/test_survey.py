import itertools
import random
from collections import Counter

import pytest

from charrnn.data.text.survey import Survey, code_points


@pytest.mark.parametrize("width", [1, 2, 3, 10_000])
def test_counts_equal_those_of_the_standard_library(width):
    draw = random.Random(0)
    text = "".join(draw.choices("ab\n\r é國🙂\ufffd\U0010ffff", k=2001))
    survey = Survey(text[i : i + width] for i in range(0, len(text), width))
    assert survey.length == len(text)
    assert survey.counts_by_character == Counter(text)
    assert survey.linestarts_by_character == Counter(after for ch, after in itertools.pairwise(text) if ch == "\n")


def test_nothing_is_surveyed_too():
    survey = Survey(["", ""])
    assert (survey.length, survey.counts_by_character, survey.linestarts_by_character) == (0, {}, {})


def test_lone_surrogates_pass():
    assert code_points("a\ud800").tolist() == [97, 0xD800]


def test_documents_each_begin_a_line():
    texts = ["one\ntwo", "three\n\n", "", "\nfour", "été"]
    survey = Survey()
    survey.add_documents(texts[:2])
    survey.add_documents(texts[2:])
    assert survey.length == sum(map(len, texts))
    assert survey.counts_by_character == Counter("".join(texts))
    assert {ch: n for ch, n in survey.linestarts_by_character.items() if ch != "\n"} == {"o": 1, "t": 2, "f": 1, "é": 1}
    survey.add_documents([])
    assert survey.length == sum(map(len, texts))
