"""The validation loss, against the same computed from the whole text at once."""

import numpy as np
import pytest

from charrnn.training.validate import validate, validation_loss
from tests.fakes import FakeData, FakeModel


@pytest.fixture
def model():
    model = FakeModel(6)
    model.table[:] = np.random.default_rng(5).normal(size=(6, 6))
    return model


TEXT = np.random.default_rng(6).integers(0, 6, 60)


@pytest.mark.parametrize("batchsize", [1, 3, 4])
def test_it_is_the_mean_over_all_characters(model, batchsize):
    expected = model.errors(TEXT, np.roll(TEXT, -1))[0].mean()
    assert validation_loss(model, FakeData(TEXT, 5), batchsize) == pytest.approx(expected)


def test_masked_positions_count_nowhere(model):
    data = FakeData(TEXT, 5)
    whole = data.batch

    def masked(pos, batchsize):
        x, y, mask, *others = whole(pos, batchsize)
        mask[2:] = 0
        return x, y, mask, *others

    data.batch = masked
    kept = np.concatenate([np.arange(start, start + 2) for start in range(0, 60, 5)])
    expected = model.errors(TEXT, np.roll(TEXT, -1))[0][kept].mean()
    assert validation_loss(model, data, 3) == pytest.approx(expected)


def test_a_part_of_the_set_and_never_more_than_all_of_it(model):
    data = FakeData(TEXT, 5)
    first = model.errors(TEXT[:10], TEXT[1:11])[0].mean()
    assert validation_loss(model, data, 1, valid_len=2) == pytest.approx(first)
    assert validation_loss(model, data, 1, valid_len=999) == validation_loss(model, data, 1)


def test_it_can_be_called_off_and_changes_nothing(model):
    before, answers = model.table.copy(), iter([True, True, False])
    assert validate(model, FakeData(TEXT, 5), 2, go_on=lambda: next(answers)) is None
    np.testing.assert_array_equal(model.table, before)
    assert model.steps == 0
