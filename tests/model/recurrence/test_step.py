from types import SimpleNamespace

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import ancestors

from charrnn.model.cells import GRU, LSTM, RNN, Cell
from charrnn.model.cells.builtin.gru import NormalisedGRU
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.recurrence.step import StepGraph, clone_fgraph, depends, rebuild
from tests.helpers import assert_close, plain_function
from tests.model.cells_of_users import Attentive, Bilinear, MinimalGatedUnit, Peephole, Unusual

D, H, B = 3, 5, 2
CELLS = [GRU(), GRU("hard_sigmoid", "after"), LSTM(), RNN(), MinimalGatedUnit(), Peephole(), Unusual(), Attentive()]


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_the_parts_make_the_step(cell, resets):
    rng = np.random.default_rng(0)
    step = StepGraph(cell, D, H, "float64", resets)
    x, states = rng.normal(size=(B, D)), [rng.normal(size=(B, H)) for _ in cell.states]
    parameters = [rng.normal(size=p.type.shape) for p in step.parameters.values()]
    keep = [np.array([[0.0], [1.0]])] * resets

    outside = plain_function([step.x, *step.parameters.values()], [*step.hoisted, *step.leaves])(x, *parameters)
    hoisted, leaves = outside[: len(step.hoisted)], outside[len(step.hoisted) :]
    got = plain_function(step.inference.inputs, step.inference.outputs)(*hoisted, *keep, *states, *leaves)

    before = [s * step.keep[0] for s in step.states] if resets else step.states
    new = cell.step(step.x, *before, p=SimpleNamespace(**step.parameters))
    whole = plain_function(
        [step.x, *step.keep, *step.states, *step.parameters.values()], list(new) if isinstance(new, tuple) else [new]
    )
    assert_close(got, whole(x, *keep, *states, *parameters), atol=1e-13)


@pytest.mark.parametrize(
    ("cell", "hoisted", "products"),
    [(GRU(), 3, 3), (GRU(reset="after"), 3, 3), (LSTM(), 4, 4), (RNN(), 1, 1), (NormalisedGRU(), 3, 3)],
)
def test_what_does_not_depend_on_the_state_leaves_the_loop(cell, hoisted, products):
    step = StepGraph(cell, D, H, "float32")
    assert len(step.hoisted) == hoisted
    assert len(step.products) == products
    loop_values = {*step.states, *step.keep}
    for outside in (*step.hoisted, *step.leaves):
        assert loop_values.isdisjoint(ancestors([outside]))
    assert {v.type.dtype for v in (*step.inference.inputs, *step.inference.outputs)} == {"float32"}


def test_outputs_beyond_the_states_are_kept():
    class WithLogits(RNN):
        def step(self, x, h, *, p):
            (h,) = super().step(x, h, p=p)
            return h, h @ p.W

    assert len(StepGraph(WithLogits(), D, H, "float64").inference.outputs) == 2


def cell_of(step):
    class Odd(Cell):
        def shapes(self, n_in, n_units):
            return {"U": (n_in, n_units), "W": (n_units, n_units)}

    Odd.step = step
    return Odd()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Bilinear(), "no weight matrix on its right"),
        (cell_of(lambda self, x, h, p: ()), "returned 0 states, expected 1"),
        (cell_of(lambda self, x, h, p: (x @ p.U).sum()), "new state h is .*, expected a matrix of float64"),
        (cell_of(lambda self, x, h, p: pt.cast(h @ p.W, "float32")), "expected a matrix of float64"),
        (cell_of(lambda self, x, h, p: h @ (h.T @ x @ p.U)), "no weight matrix"),
        (cell_of(lambda self, x, h, p: pt.tanh(h @ p.W)), "does not use its input"),
    ],
)
def test_steps_that_cannot_be_taken_apart(cell, message):
    with pytest.raises(UnsupportedStep, match=message):
        StepGraph(cell, D, H, "float64")


def test_python_numbers_do_not_widen_a_step():
    cell = cell_of(lambda self, x, h, p: pt.tanh(0.1 * (x @ p.U) + h @ p.W / 3 + np.pi))
    assert StepGraph(cell, D, H, "float32").inference.outputs[0].type.dtype == "float32"


def test_rebuild():
    x, y = pt.dvector("x"), pt.dvector("y")
    (got,) = rebuild([pt.exp(2 * x)], {x: y})
    assert depends(got, [y])
    assert not depends(got, [x])
    assert rebuild([x, y], {x: y}) == [y, y]


def test_a_graph_of_its_own():
    x = pt.dmatrix("x")
    graph = clone_fgraph([x], [x, 2 * x, 2 * x])
    assert graph.inputs[0] is not x
    assert len(graph.outputs) == 3
