import numpy as np
import pytensor
import pytest

from charrnn.model.heads.crossentropy import cross_entropy
from tests.helpers import ENGINES, evaluate, symbol
from tests.model import numpy_reference as reference


@pytest.mark.parametrize("engine", ENGINES)
def test_value_and_gradient(engine):
    rng = np.random.default_rng(0)
    T, B, V = 3, 5, 7
    logits, y, d = 3 * rng.normal(size=(T, B, V)), rng.integers(0, V, (T, B)).astype("int32"), rng.normal(size=(T, B))
    logits_, y_, d_ = symbol("logits", logits, (2,)), symbol("y", y), symbol("d", d)
    errors = cross_entropy(logits_, y_)
    outputs = [errors, pytensor.grad((errors * d_).sum(), logits_)]
    got, gradient = evaluate(engine, [logits_, y_, d_], outputs, [logits, y, d], n_threads=2)
    np.testing.assert_allclose(got, reference.errors(logits, y), atol=1e-13)
    wanted = reference.gradient(lambda a: (reference.errors(a["logits"], y) * d).sum(), {"logits": logits})
    np.testing.assert_allclose(gradient, wanted["logits"], atol=1e-13)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_prediction_that_is_far_out_costs_what_it_should(engine):
    """The ancestor's log(softmax) would be infinite."""
    logits, y = np.array([[[0, 1e4]], [[1e4, 0]], [[-1e38, 1e38]]], "float32"), np.array([[0], [0], [1]], "int32")
    logits_, y_ = symbol("logits", logits, (2,)), symbol("y", y)
    (errors,) = evaluate(engine, [logits_, y_], [cross_entropy(logits_, y_)], [logits, y])
    np.testing.assert_array_equal(errors.ravel(), [1e4, 0, 0])
    assert errors.dtype == "float32"


def test_not_a_number_is_seen_where_it_is():
    logits, y = np.zeros((1, 2, 3), "float32"), np.zeros((1, 2), "int32")
    logits[0, 1, 2] = np.nan
    logits_, y_ = symbol("logits", logits, (2,)), symbol("y", y)
    (errors,) = evaluate("cpu", [logits_, y_], [cross_entropy(logits_, y_)], [logits, y])
    np.testing.assert_array_equal(np.isnan(errors), [[False, True]])
