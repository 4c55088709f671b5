import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph

from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.kernels.sums import Factor, find_sums, is_transpose


def matrix(width):
    return pt.tensor(dtype="float64", shape=(None, width))


def weight(n, m):
    return pt.tensor(dtype="float64", shape=(n, m))


def sums(inputs, outputs, weights):
    return find_sums(FunctionGraph(inputs, outputs, clone=False), weights)


def test_a_product_by_itself():
    h, w = matrix(3), weight(3, 4)
    out = pt.dot(h, w)
    (found,) = sums([h, w], [out], {1}).values()
    assert (found.value, found.products, found.rest) == (out, (Factor(h, 1, False),), ())


def test_products_and_other_terms_of_nested_sums():
    u, h, c, w, v = matrix(4), matrix(3), matrix(2), weight(3, 4), weight(2, 4)
    out = (u + pt.dot(h, w)) + (pt.tanh(u) + pt.dot(c, v))
    (found,) = sums([u, h, c, w, v], [out], {3, 4}).values()
    assert found.value is out
    assert found.products == (Factor(h, 3, False), Factor(c, 4, False))
    assert len(found.rest) == 2


def test_a_sum_that_is_used_elsewhere_stays_whole():
    u, h, w = matrix(4), matrix(3), weight(3, 4)
    inner = u + pt.dot(h, w)
    outer = inner + u
    found = sums([u, h, w], [outer, pt.tanh(inner)], {2})
    assert list(found) == [inner]


def test_a_product_that_is_used_elsewhere_is_a_sum_of_its_own():
    u, h, w = matrix(4), matrix(3), weight(3, 4)
    product = pt.dot(h, w)
    found = sums([u, h, w], [u + product, product * 2], {2})
    assert list(found) == [product]


def test_a_product_of_one_column_is_no_part_of_a_wide_sum():
    u, h, w, v = matrix(4), matrix(3), weight(3, 4), weight(3, 1)
    narrow = pt.dot(h, v)
    out = u + pt.dot(h, w) + narrow
    found = sums([u, h, w, v], [out], {2, 3})
    assert found[out].products == (Factor(h, 2, False),)
    assert found[out].rest == (u, narrow)
    assert found[narrow].products == (Factor(h, 3, False),)


def test_transposed_weights():
    d, w = matrix(4), weight(3, 4)
    assert is_transpose(w.T)
    assert not is_transpose(w)
    assert not is_transpose(d.dimshuffle(0, "x", 1))
    (found,) = sums([d, w], [pt.dot(d, w.T)], {1}).values()
    assert found.products == (Factor(d, 1, True),)


@pytest.mark.parametrize("right", [lambda h, w: h.T, lambda h, w: 2 * w, lambda h, w: w + 1])
def test_the_right_operand_must_be_a_weight(right):
    h, w = matrix(3), weight(3, 3)
    with pytest.raises(UnsupportedStep, match="no weight on its right"):
        sums([h, w], [pt.dot(h, right(h, w))], {1})
