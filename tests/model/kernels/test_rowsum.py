import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.math import Sum

from charrnn.model.kernels.rowsum import RowSum, with_row_sums
from tests.helpers import assert_close, plain_function, symbol

FORMS = {
    "sum": lambda x: x * x.sum(axis=1, keepdims=True),
    "mean": lambda x: x - x.mean(axis=-1, keepdims=True),
    "variance": lambda x: x / x.var(axis=1, keepdims=True),
    "softmax": lambda x: pt.exp(x) / pt.exp(x).sum(axis=-1, keepdims=True),
    "broadcast": lambda x: x * x[:, :1],
}


@pytest.mark.parametrize("form", FORMS)
def test_values_and_gradients_are_those_of_what_was_written(form):
    value = np.random.default_rng(0).normal(size=(3, 4))
    x = symbol("x", value, (1,))
    written = FORMS[form](x)
    rewritten = with_row_sums([written])
    nodes = io_toposort([], rewritten)
    assert not any(isinstance(node.op, Sum) for node in nodes)
    assert any(isinstance(node.op, RowSum) for node in nodes) == (form != "broadcast")
    outputs = [e for y in (written, *rewritten) for e in (y, pytensor.grad((y**3).sum(), x))]
    plain, plain_gradient, ours, our_gradient = plain_function([x], outputs)(value)
    assert_close([ours, our_gradient], [plain, plain_gradient], rtol=1e-12)


def test_other_sums_are_left_as_they_are():
    x = pt.tensor(dtype="float64", shape=(None, 4))
    for other in (x.sum(axis=0, keepdims=True), x.sum(), x.max(axis=1, keepdims=True)):
        assert with_row_sums([other])[0] is other


def test_only_known_lengths_become_numbers():
    x = pt.tensor(dtype="float64", shape=(None, 4))
    assert with_row_sums([x.shape[1]])[0].data == 4
    value = np.ones((3, 4))
    for written in (x.shape[1:], (x.shape * 2)[1], x.shape[0]):
        (rewritten,) = with_row_sums([written])
        np.testing.assert_array_equal(*plain_function([x], [written, rewritten])(value))
