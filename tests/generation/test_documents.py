"""Whole documents: where they begin and end, their first characters, and that one seed gives them again."""

import numpy as np
import pytest

from charrnn.data.documents.dataset import SPECIALS
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue
from charrnn.generation.documents import write_documents, write_texts
from tests.fakes import FakeModel

BEGIN, END = 1, 2


@pytest.fixture
def charset():
    return CharSet.from_text("abc", specials=SPECIALS)


@pytest.fixture
def model(charset):
    """A model that writes a, b and c after the begin symbol; after c it ends, or with some probability repeats."""
    model = FakeModel(charset.vocab_size)
    a, b, c = charset.encode("abc")
    model.table[:] = -50
    for before, after in [(BEGIN, a), (a, b), (b, c), (c, END), (END, a)]:
        model.table[before, after] = 5
    model.table[c, a] = 5
    return model


def test_each_document_is_whole_and_ends_where_the_model_ends_it(model, charset):
    found = write_documents(model, charset, 9, rng=1, temp=1.0)
    assert len(found) == 9
    assert all(str(text) == "abc" * (len(text) // 3) and text for text in found)
    assert len({len(text) for text in found}) > 1
    assert found == write_documents(model, charset, 9, rng=found[0].rng_seed, temp=1.0)
    assert {text.state for text in found} == {None}


def test_a_document_without_end_is_broken_off(model, charset):
    model.table[:, END] = -50
    assert [len(text) for text in write_documents(model, charset, 2, 700, rng=1)] == [700, 700]
    assert write_documents(model, charset, 1, 0, rng=1) == [""]


def test_every_document_begins_with_the_prompt(model, charset):
    found = write_documents(model, charset, 3, rng=2, prompt="cb")
    assert all(text.startswith("cbc") and text.prompt == "cb" for text in found)


def test_first_characters_are_drawn_and_the_order_is_that_of_the_draws(model, charset):
    found = write_documents(model, charset, 40, rng=3, first=lambda rng: "ab"[int(rng.random() < 0.25)])
    starts = [text[0] for text in found]
    rng = np.random.default_rng(3)
    assert starts == ["ab"[int(rng.random() < 0.25)] for _ in range(40)]


def test_several_continuous_texts(model, charset):
    found = write_texts(model, charset, 3, 12, prompt="a", rng=5, temp=1.0, skip=3)
    assert [len(text) for text in found] == [13] * 3
    assert found == write_texts(model, charset, 3, 12, prompt="a", rng=5, temp=1.0, skip=3)
    assert "────" in repr(found)


def test_bad_arguments(model, charset):
    with pytest.raises(InvalidValue, match="temp"):
        write_documents(model, charset, 1, temp=0)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_first_character_that_was_drawn_counts(model, charset, most):
    found = write_documents(model, charset, 2, most, first=lambda draws: "a", argmax=True, rng=0)
    assert [str(text) for text in found] == ["abc"[:most]] * 2
    assert write_documents(model, charset, 1, most, prompt="a", argmax=True, rng=0)[0] == "abc"[: 1 + most]
