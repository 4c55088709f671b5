"""What a model shows of its inside, asked for at the prompt."""

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue, SourceNotFound
from tests.conftest import TEXT


def test_neurons_are_those_that_trackneurons_tells_of(ms):
    tracked = ms.trackneurons("7 times 7")
    np.testing.assert_allclose(ms.neurons("7 times 7", 3).values, tracked[1, 3])
    np.testing.assert_allclose(ms.neurons("7 times 7", 3, layer=0).values, tracked[0, 3])
    assert len(ms.neurons("7 times 7")) == 5


def test_the_text_to_search_is_the_beginning_of_the_validation_text(ms):
    found = ms.find_neurons("digit", n=2)
    searched = found[0].activity.text
    assert len(searched) > 100
    assert TEXT.endswith(searched)
    assert ms.find_neurons("digit", searched, n=1)[0].correlation == found[0].correlation


def test_saliency_takes_no_character_that_is_never_written(ms):
    arrays = ms.model.arrays()
    arrays["param/c"][0] = 100
    ms.model.load_arrays(arrays)
    assert ms.saliency("7 times").target != "\ufffd"
    assert ms.saliency("7 times", target="7").target == "7"


def test_statistics_of_any_text(ms):
    assert ms.statistics().characters == len(ms.valid_data)
    assert ms.statistics("7 times").characters == 7


def test_nothing_changes_by_looking(ms):
    before = ms.model.arrays()
    ms.neurons("7"), ms.find_neurons("digit"), ms.saliency("7"), ms.statistics()
    for name, array in ms.model.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_model_without_its_text_looks_at_another(ms, tmp_path):
    ms.export(tmp_path / "model.zip")
    alone = ModelState.import_(tmp_path / "model.zip", tmp_path / "alone")
    with pytest.raises(SourceNotFound, match="pass a text"):
        alone.find_neurons("digit")
    assert len(alone.find_neurons("digit", "7 times 7", n=3)) == 3


def test_an_empty_text_is_refused(ms):
    for look in (ms.neurons, ms.saliency, ms.statistics, lambda text: ms.find_neurons("digit", text)):
        with pytest.raises(InvalidValue, match=r"1 or more characters|at least one character"):
            look("")


def test_held_units_write_something_else_and_none_held_the_same(ms):
    for options in ({"n": None}, {"n": 2}):
        free = ms.generate(80, rng=5, **options)
        assert ms.generate(80, rng=5, clamp={}, **options) == free
        assert ms.generate(80, rng=5, clamp={(0, 1): 8.0, (1, 2): -8.0}, **options) != free
    held = ms.generate(80, rng=5, clamp={(0, 1): 8.0, (1, 2): -8.0})
    assert (held.state[0, 1], held.state[1, 2]) == (8.0, -8.0)
    assert "".join(ms.stream(80, rng=5, clamp={(0, 1): 8.0, (1, 2): -8.0})) == held
    with pytest.raises(InvalidValue, match="unit=99: expected"):
        ms.generate(5, clamp={(0, 99): 1})
