import math

import pytest

from charrnn.data.streams import geometry
from charrnn.errors import InvalidValue


@pytest.mark.parametrize("length", [2, 3, 7, 100])
@pytest.mark.parametrize("seq_len", [1, 2, 6, 50])
@pytest.mark.parametrize("batchsize", [1, 3, 16])
def test_whatever_fits_is_filled(length, seq_len, batchsize):
    fitted = geometry.fit(length, seq_len, batchsize)
    sequences = len(range(0, length - 1, fitted.seq_len))
    assert geometry.sequences(length, fitted.seq_len) == sequences
    assert 1 <= fitted.seq_len <= min(seq_len, length - 1)
    assert 1 <= fitted.batchsize <= min(batchsize, sequences)
    assert fitted.batchepoch == math.ceil(sequences / fitted.batchsize)
    shrunk = (fitted.seq_len, fitted.batchsize) != (seq_len, batchsize)
    assert bool(fitted.note) == shrunk


def test_the_note_shows_the_arithmetic():
    assert geometry.fit(2, 100, 16).note == (
        "2 characters make 1 prediction, so sequences have 1 step instead of 100; "
        "1 / 1 = 1 sequence, so batches have 1 row instead of 16."
    )


@pytest.mark.parametrize("value", [0, -1, 1.5, math.nan, True, None, "16"])
def test_nonsense_is_named(value):
    with pytest.raises(InvalidValue, match="batchsize="):
        geometry.fit(100, 10, value)
    with pytest.raises(InvalidValue, match="seq_len="):
        geometry.fit(100, value, 10)


def test_nothing_to_predict():
    with pytest.raises(InvalidValue, match="at least 2"):
        geometry.fit(1, 10, 10)
