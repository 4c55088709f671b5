import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
import pytest
from pytensor.tensor.elemwise import Elemwise

from charrnn.model.cells import GRU, LSTM, RNN, Cell
from charrnn.model.cells.builtin.lstm import NormalisedLSTM
from charrnn.model.kernels.scalars import EXPENSIVE, UnsupportedStep
from charrnn.model.recurrence.derivative import Step
from tests.helpers import assert_close, plain_function
from tests.model.cells_of_users import Attentive, MinimalGatedUnit, Normalised, Peaked, Peephole, Unusual

D, H, B = 3, 5, 4
CELLS = [
    GRU(),
    GRU("hard_sigmoid", "after"),
    LSTM(),
    RNN(),
    MinimalGatedUnit(),
    Peephole(),
    Unusual(),
    Normalised(),
    Attentive(),
    NormalisedLSTM(),
]


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_derivative_of_one_step(cell, resets):
    """Against PyTensor's gradient of the undivided step."""
    rng = np.random.default_rng(0)
    step = Step(cell, D, H, "float64", resets)
    n = len(step.states)
    loop_inputs = step.inference.inputs
    values = [
        rng.normal(size=(B if i.type.shape[0] is None else i.type.shape[0], i.type.shape[1])) for i in loop_inputs
    ]
    if resets:
        values[len(step.hoisted)] = rng.integers(0, 2, size=(B, 1)).astype("float64")
    d_outputs, d_after = ([rng.normal(size=(B, H)) for _ in range(n)] for _ in range(2))

    new_and_saved = plain_function(step.forward.inputs, step.forward.outputs)(*values)
    saved = new_and_saved[n:]
    first_leaf = len(loop_inputs) - len(step.leaves)
    got = plain_function(step.backward.inputs, step.backward.outputs)(
        *saved, *values[:first_leaf], *d_outputs, *d_after, *values[first_leaf:]
    )

    d = [pt.dmatrix() for _ in range(n)]
    cost = sum((a * b).sum() for a, b in zip(d, step.inference.outputs, strict=True))
    wrt = [i for i in loop_inputs if i.name != "keep"]
    gradients = plain_function([*loop_inputs, *d], pytensor.grad(cost, wrt, disconnected_inputs="ignore"))(
        *values, *(a + b for a, b in zip(d_outputs, d_after, strict=True))
    )
    n_hoisted = len(step.hoisted)
    d_hoisted, d_states = gradients[:n_hoisted], gradients[n_hoisted : n_hoisted + n]
    d_leaves = gradients[n_hoisted + n :]
    d_states_got, taps = got[:n], got[n:]
    assert_close(d_states_got, d_states, atol=1e-12)
    assert_close(taps[:n_hoisted], d_hoisted, atol=1e-12)

    states = values[first_leaf - n : first_leaf]
    totals = [np.zeros_like(leaf) for leaf in values[first_leaf:]]
    for product, (source, i), tap in zip(step.products, step.left_sources, step.d_products, strict=True):
        left = saved[i] if source == "saved" else states[i]
        totals[product.leaf] += left.T @ taps[tap]
    for leaf, tap in zip(step.row_leaves, step.d_rows, strict=True):
        totals[leaf] += taps[tap].sum(axis=0)
    if resets and "state" in {source for source, _ in step.left_sources}:
        pytest.fail("a state before its reset was multiplied")
    assert_close(totals, d_leaves, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS[:4], ids=lambda cell: type(cell).__name__)
def test_nothing_costly_is_computed_again(cell):
    step = Step(cell, D, H, "float32")
    again = [
        node
        for node in step.backward.toposort()
        if isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, EXPENSIVE)
    ]
    assert not again
    forward = [
        node
        for node in step.forward.toposort()
        if isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, ps.Tanh | ps.Sigmoid)
    ]
    assert len(forward) == {"GRU": 3 if cell is CELLS[0] else 1, "LSTM": 5, "RNN": 1}[type(cell).__name__]


def test_key_tells_steps_apart():
    class Custom(Cell):
        def shapes(self, n_in, n_units):
            return {"U": (n_in, n_units), "W": (n_units, n_units)}

        def __init__(self, factor):
            self.factor = factor

        def step(self, x, h, *, p):
            return pt.tanh(x @ p.U + self.factor * (h @ p.W))

    keys = {
        Step(Custom(0.5), D, H, "float32").key,
        Step(Custom(0.25), D, H, "float32").key,
        Step(Custom(0.5), D, H + 1, "float32").key,
        Step(Custom(0.5), D, H, "float64").key,
        Step(Custom(0.5), D, H, "float32", resets=True).key,
    }
    assert len(keys) == 5
    assert Step(Custom(0.5), D, H, "float32").key in keys


def test_a_reduction_is_refused_when_the_step_is_built():
    with pytest.raises(UnsupportedStep, match="no kernel"):
        Step(Peaked(), D, H, "float64")


def test_a_parameter_that_is_neither_weight_nor_row_is_refused():
    class Column(Cell):
        def shapes(self, n_in, n_units):
            return {"U": (n_in, n_units), "k": (4, 1)}

        def step(self, x, h, *, p):
            return pt.tanh(x @ p.U + h * p.k)

    with pytest.raises(UnsupportedStep):
        Step(Column(), D, H, "float64")
