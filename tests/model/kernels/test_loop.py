"""Steps run over time by one compiled function, against the same graph called step by step in Python."""

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph

from charrnn.model.cells import GRU, LSTM
from charrnn.model.kernels.loop import Arguments, LoopKernel
from charrnn.model.recurrence.derivative import Step
from tests.helpers import plain_function
from tests.model.cells_of_users import Peephole


def matrix(width, name):
    return pt.tensor(name, dtype="float64", shape=(None, width))


@pytest.mark.parametrize("cell", [GRU("hard_sigmoid", "after"), LSTM(), Peephole()])
def test_a_step_forward_and_back(cell):
    rng = np.random.default_rng(0)
    H, n_states = 21, len(cell.states)
    step = Step(cell, 3, H, "float64")
    for graph, reverse, first_state in (
        (step.forward, False, len(step.hoisted)),
        (step.backward, True, step.n_saved + len(step.hoisted) + 2 * n_states),
    ):
        n_leaves = len(step.leaves)
        first_leaf = len(graph.inputs) - n_leaves
        kernel = LoopKernel(
            graph,
            {first_leaf + i for i in step.weight_leaves},
            "float64",
            reverse=reverse,
            carried={first_state + k: k for k in range(n_states)},
        )
        plain = plain_function(graph.inputs, graph.outputs)
        for T, B in ((1, 1), (4, 5), (3, 18)):
            values = []
            for i, var in enumerate(graph.inputs):
                shape = var.type.shape
                if i < first_leaf:
                    rows = (1, B) if first_state <= i < first_state + n_states else (T, B)
                    shape = (*rows, shape[1])
                values.append(rng.normal(size=shape) * 0.4)
            outputs = [
                np.full((2 if k < n_states else T, B, o.type.shape[1]), np.nan) for k, o in enumerate(graph.outputs)
            ]
            arguments = kernel.arrays(values, outputs, B)
            for first, last in ((0, B // 3), (B // 3, B)):  # as two threads would
                kernel(T, first, last, arguments)
            carried = [values[first_state + k][0] for k in range(n_states)]
            for t in reversed(range(T)) if reverse else range(T):
                now = [v[t] if i < first_leaf and v.shape[0] == T else v for i, v in enumerate(values)]
                now[first_state : first_state + n_states] = carried
                wanted = plain(*now)
                carried = wanted[:n_states]
                for k in range(n_states, len(outputs)):
                    np.testing.assert_allclose(outputs[k][t], wanted[k], atol=1e-12)
            last = 0 if reverse else T - 1
            for k in range(n_states):
                np.testing.assert_allclose(outputs[k][last & 1], carried[k], atol=1e-12)


def test_a_lagged_input_is_one_step_behind():
    x = matrix(3, "x")
    kernel = LoopKernel(FunctionGraph([x], [2 * x], clone=False), set(), "float64", lagged={0})
    values, initial = np.arange(24.0).reshape(4, 2, 3), -np.ones((1, 2, 3))
    out = np.empty((4, 2, 3))
    kernel(4, 0, 2, kernel.arrays([values], [out], 2, initial={0: initial}))
    np.testing.assert_array_equal(out, 2 * np.concatenate([initial, values[:-1]]))


def test_rows_that_are_not_asked_for_stay():
    x = matrix(3, "x")
    kernel = LoopKernel(FunctionGraph([x], [x + 1], clone=False), set(), "float64")
    values, out = np.zeros((2, 5, 3)), np.full((2, 5, 3), 9.0)
    kernel(2, 1, 3, kernel.arrays([values], [out], 5))
    np.testing.assert_array_equal(out[0, :, 0], [9, 1, 1, 9, 9])
    kernel(0, 0, 5, kernel.arrays([values], [out], 5))
    np.testing.assert_array_equal(out[0, :, 0], [9, 1, 1, 9, 9])


def test_an_input_returned_and_an_output_twice():
    x, y = matrix(17, "x"), matrix(17, "y")
    total = pt.tanh(x + y)
    kernel = LoopKernel(FunctionGraph([x, y], [x, total, total], clone=False), set(), "float64")
    rng = np.random.default_rng(0)
    values, outs = [rng.normal(size=(2, 3, 17)) for _ in "xy"], [np.empty((2, 3, 17)) for _ in range(3)]
    kernel(2, 0, 3, kernel.arrays(values, outs, 3))
    np.testing.assert_array_equal(outs[0], values[0])
    np.testing.assert_allclose(outs[1], np.tanh(values[0] + values[1]), atol=1e-15)
    np.testing.assert_array_equal(outs[1], outs[2])


def test_arrays_with_gaps_inside_rows_are_refused():
    with pytest.raises(ValueError, match="contiguous"):
        Arguments(1).set(0, np.zeros((2, 3, 8))[:, :, ::2])
