"""The batch is split over threads so that every row is worked on exactly once."""

import numpy as np
import pytest

from charrnn.model.kernels import threads


@pytest.mark.parametrize(("n", "count"), [(1, 1), (1, 2), (5, 2), (7, 3), (16, 4), (3, 8)])
def test_every_row_is_worked_on_once(n, count):
    done = []  # appending is atomic
    with threads.using(count):
        threads.split(n, lambda first, last: done.extend(range(first, last)))
    assert sorted(done) == list(range(n))


@pytest.mark.parametrize(("m", "k", "n"), [(3, 2, 1), (300, 70, 90), (90, 70, 300)])
def test_a_split_product_is_the_product(m, k, n):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    with threads.using(3):
        np.testing.assert_allclose(threads.dot(a, b), a @ b, rtol=1e-10)
