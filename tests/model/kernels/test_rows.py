"""Look-up, sums by index and cross-entropy against numpy, on every width of vectors."""

import numpy as np
import pytest

from charrnn.model.kernels import rows, threads
from tests.model.kernels.widths import WIDTHS, vectors

COLUMNS = (1, 3, 16, 37, 65)


@pytest.fixture(params=[(width, n) for width in WIDTHS for n in (1, 3)], ids=str)
def machine(request):
    """A width of vectors and a number of threads."""
    width, n_threads = request.param
    with vectors(width), threads.using(n_threads):
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("machine")
def test_rows_are_looked_up(dtype):
    rng = np.random.default_rng(0)
    for m in COLUMNS:
        table, indices = rng.normal(size=(11, m)).astype(dtype), rng.integers(0, 11, 800).astype("int32")
        np.testing.assert_array_equal(rows.take(table, indices), table[indices])
        np.testing.assert_array_equal(rows.take(np.asfortranarray(table), indices[:1]), table[indices[:1]])
        assert rows.take(table, indices[:0]).shape == (0, m)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("machine")
def test_rows_are_summed_by_index(dtype):
    rng = np.random.default_rng(1)
    for m in (*COLUMNS, 200):
        d, indices = rng.normal(size=(50, m)).astype(dtype), rng.integers(0, 9, 50)  # of any type of integer
        wanted = np.zeros((11, m))
        np.add.at(wanted, indices, d.astype("float64"))
        few = 50 * np.finfo(dtype).eps
        np.testing.assert_allclose(rows.scatter(d, indices, 11), wanted, rtol=0, atol=few)
        np.testing.assert_allclose(rows.scatter(np.asfortranarray(d), indices, 11), wanted, rtol=0, atol=few)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("machine")
def test_cross_entropy_and_softmax(dtype):
    rng = np.random.default_rng(2)
    for V in COLUMNS:
        logits, y = (4 * rng.normal(size=(130, V))).astype(dtype), rng.integers(0, V, 130).astype("int32")
        exact = logits.astype("float64")
        exact -= exact.max(axis=1, keepdims=True)
        log_softmax = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
        errors, softmax = rows.cross_entropy(logits, y)
        few = 20 * np.finfo(dtype).eps
        np.testing.assert_allclose(softmax, np.exp(log_softmax), rtol=0, atol=few)
        np.testing.assert_allclose(errors, -log_softmax[np.arange(130), y], rtol=2 * few, atol=2 * few)


@pytest.mark.usefixtures("machine")
def test_cross_entropy_of_extreme_logits():
    logits = np.zeros((3, 37), "float32")
    logits[0, 5], logits[1, 36], logits[2, 0] = 3e38, -3e38, np.nan
    errors, softmax = rows.cross_entropy(logits, np.array([5, 36, 1], "int32"))
    assert errors[0] == 0
    assert softmax[0].tolist() == [float(i == 5) for i in range(37)]
    assert errors[1] > 1e38
    assert np.isnan(errors[2])
