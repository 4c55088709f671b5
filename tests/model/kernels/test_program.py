import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph

from charrnn.model.cells import GRU, LSTM, RNN
from charrnn.model.kernels.program import Map, MatMul, Place, Program, check, constant_of
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.recurrence.derivative import Step


def matrix(width, name="m"):
    return pt.tensor(name, dtype="float64", shape=(None, width))


def weight(n, m):
    return pt.tensor("w", dtype="float64", shape=(n, m))


def program(inputs, outputs, weights=()):
    return Program(FunctionGraph(inputs, outputs, clone=False), set(weights))


def test_one_map_for_what_needs_no_product():
    x, y = matrix(3), matrix(3)
    p = program([x, y], [pt.tanh(x) * y + 1, x - y])
    assert [type(i) for i in p.instructions] == [Map]
    assert [place for _, place in p.instructions[0].targets] == [Place("output", 0, 3), Place("output", 1, 3)]
    assert p.scratch == []


def test_a_product_adds_to_what_is_there():
    u, h, w = matrix(5, "u"), matrix(5, "h"), weight(5, 5)
    p = program([u, h, w], [u + pt.dot(h, w)], {2})
    assert p.instructions == [
        MatMul(Place("input", 1, 5), 2, False, Place("input", 0, 5), Place("output", 0, 5))
    ]  # no pass over memory for the sum


def test_two_products_in_one_sum():
    g, h, v, w = matrix(4, "g"), matrix(5, "h"), weight(4, 3), weight(5, 3)
    p = program([g, h, v, w], [pt.dot(g, v) + pt.dot(h, w)], {2, 3})
    first, second = p.instructions
    assert first.initial is None
    assert second.initial == first.out == second.out == Place("output", 0, 3)


def test_transposed_weights_are_packed_apart():
    h, w = matrix(5), weight(5, 5)
    p = program([h, w], [pt.dot(h, w), pt.dot(h, w.T)], {1})
    assert p.panels == [(1, False), (1, True)]


@pytest.mark.parametrize(("cell", "products"), [(GRU(), 3), (GRU(reset="after"), 3), (LSTM(), 4), (RNN(), 1)])
def test_as_many_products_as_the_formula_has(cell, products):
    step = Step(cell, 3, 5, "float32")
    for graph, gradient in ((step.forward, False), (step.backward, True)):
        first = len(graph.inputs) - len(step.leaves)
        p = Program(graph, {first + i for i in step.weight_leaves})
        multiplications = [i for i in p.instructions if isinstance(i, MatMul)]
        assert len(multiplications) == products
        assert all(m.transposed == gradient for m in multiplications)


def test_costly_values_are_computed_once():
    """The tanh of a sum is stored where a product comes between its two uses."""
    u, w = matrix(4), weight(4, 4)
    t = pt.tanh(u)
    p = program([u, w], [t * pt.dot(t, w)], {1})
    kinds = [type(i) for i in p.instructions]
    assert kinds == [Map, MatMul, Map]
    assert t in p.instructions[2].stored


@pytest.mark.parametrize(
    "make",
    [
        lambda x, w: pt.sum(x, axis=1, keepdims=True) * x,
        lambda x, w: x[:, ::-1],
        lambda x, w: pt.erf(x),
        lambda x, w: pt.concatenate([x, x], axis=1),
    ],
)
def test_what_has_no_kernel_is_refused(make):
    x, w = matrix(3), weight(3, 3)
    with pytest.raises(UnsupportedStep, match="no kernel"):
        check(FunctionGraph([x, w], [make(x, w)], clone=False))


def test_products_need_a_weight():
    x, w = matrix(3), weight(3, 3)
    with pytest.raises(UnsupportedStep, match="weight on its right"):
        program([x, w], [pt.dot(x, pt.dot(x.T, x))], {1})


def test_widths_must_be_known():
    x = pt.tensor("x", dtype="float64", shape=(None, None))
    with pytest.raises(UnsupportedStep, match="width"):
        program([x], [x + 1])


def test_constants():
    x = matrix(3)
    (one,) = [i for i in (x + 1).owner.inputs if i is not x]
    assert constant_of(one) == 1.0
    assert constant_of(x) is None
    assert constant_of(pt.constant(np.ones((1, 2)))) is None
