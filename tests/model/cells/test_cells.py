from types import SimpleNamespace

import numpy as np
import pytest

from charrnn.errors import UnknownName
from charrnn.model.cells import GRU, LSTM, RNN, Cell
from charrnn.model.cells.builtin.gru import NormalisedGRU
from charrnn.model.cells.builtin.lstm import NormalisedLSTM
from charrnn.model.cells.builtin.rnn import NormalisedRNN
from charrnn.model.cells.gates import hard_sigmoid
from tests.helpers import assert_close, plain_function, symbol
from tests.model import numpy_reference as reference

CELLS = [
    (GRU(), lambda *a: reference.gru(*a)),
    (GRU("hard_sigmoid"), lambda *a: reference.gru(*a, gate="hard_sigmoid")),
    (GRU(reset="after"), lambda *a: reference.gru(*a, reset="after")),
    (GRU("hard_sigmoid", "after"), lambda *a: reference.gru(*a, gate="hard_sigmoid", reset="after")),
    (LSTM(), lambda *a: reference.lstm(*a)),
    (LSTM("hard_sigmoid"), lambda *a: reference.lstm(*a, gate="hard_sigmoid")),
    (RNN(), lambda *a: reference.rnn(*a)),
    (NormalisedGRU(), lambda *a: reference.normalised_gru(*a)),
    (NormalisedGRU(reset="after"), lambda *a: reference.normalised_gru(*a, reset="after")),
    (NormalisedLSTM(), lambda *a: reference.normalised_lstm(*a)),
    (NormalisedRNN(), lambda *a: reference.normalised_rnn(*a)),
]


def step(cell, x, states, parameters):
    """One step of a cell by PyTensor."""
    x_, states_ = symbol("x", x), [symbol("s", s) for s in states]
    p = {name: symbol(name, value) for name, value in parameters.items()}
    outputs = cell.step(x_, *states_, p=SimpleNamespace(**p))
    return plain_function([x_, *states_, *p.values()], list(outputs))(x, *states, *parameters.values())


@pytest.mark.parametrize(("cell", "formula"), CELLS)
def test_a_step_is_the_formula(cell, formula):
    rng = np.random.default_rng(0)
    B, D, H = 3, 2, 5
    x, states = rng.normal(size=(B, D)), [rng.normal(size=(B, H)) for _ in cell.states]
    parameters = {name: rng.normal(size=shape) for name, shape in cell.shapes(D, H).items()}
    assert_close(step(cell, x, states, parameters), formula(x, states, parameters), atol=1e-14)


# The literals are torch's:
#   for kind in (torch.nn.GRUCell, torch.nn.LSTMCell, torch.nn.RNNCell):
#       cell, k = kind(2, 2, dtype=torch.float64), 0
#       with torch.no_grad():
#           for p in cell.parameters():
#               p.copy_((torch.arange(k, k + p.numel(), dtype=torch.float64) * 0.7).cos().reshape(p.shape))
#               k += p.numel()
#       x, s = torch.tensor([[0.3, -0.7]], dtype=torch.float64), torch.tensor([[0.5, -0.2]], dtype=torch.float64)
#       print(cell(x, (s, 2 * s) if kind is torch.nn.LSTMCell else s))
TORCH = [
    (GRU(reset="after"), "rzc", [[0.426655413703079, 0.004720622558066]]),
    (LSTM(), "ifgo", [[0.490632288154840, 0.035393715573398]]),
    (RNN(), "", [[0.765869026057582, 0.855195937400871]]),
]


@pytest.mark.parametrize(("cell", "order", "expected"), TORCH)
def test_a_step_is_what_torch_computes(cell, order, expected):
    rows = 2 * max(len(order), 1)  # torch stacks the gates' weights as rows and multiplies from the right
    sizes = np.cumsum([0, 2 * rows, 2 * rows, rows, rows])
    values = np.cos(np.arange(sizes[-1]) * 0.7)
    U, W, b, d = np.split(values, sizes[1:-1])
    U, W = U.reshape(rows, 2).T, W.reshape(rows, 2).T
    parameters = {}
    for k, gate in enumerate(order or [""]):
        part = slice(2 * k, 2 * k + 2)
        own = isinstance(cell, GRU) and gate == "c"  # the one bias that stays apart
        parameters |= {f"U{gate}": U[:, part], f"W{gate}": W[:, part], f"b{gate}": b[part] + (0 if own else d[part])}
        if own:
            parameters["dc"] = d[part]
    s = np.array([[0.5, -0.2]])
    got = step(cell, np.array([[0.3, -0.7]]), [s, 2 * s][: len(cell.states)], parameters)
    np.testing.assert_allclose(got[0], expected, atol=1e-14)


def test_hard_sigmoid_is_flat_outside_2_5():
    x = np.array([-np.inf, -3, -2.5, -1, 0, 1, 2.5, 3, np.inf])
    x_ = symbol("x", x)
    np.testing.assert_allclose(plain_function([x_], hard_sigmoid(x_))(x), [0, 0, 0, 0.3, 0.5, 0.7, 1, 1, 1])


@pytest.mark.parametrize("cell", [GRU(), GRU(reset="after"), LSTM(), RNN()])
def test_step_keeps_the_precision(cell):
    parameters = {name: np.ones(shape, "float32") for name, shape in cell.shapes(3, 2).items()}
    got = step(cell, np.ones((1, 3), "float32"), [np.ones((1, 2), "float32") for _ in cell.states], parameters)
    assert {value.dtype.name for value in got} == {"float32"}


@pytest.mark.parametrize(("make", "hint"), [
    (lambda: GRU(gate="sigmod"), "Did you mean: sigmoid"),
    (lambda: LSTM(gate="relu"), "Known: hard_sigmoid, sigmoid"),
    (lambda: GRU(reset="between"), "'before' or 'after'"),
])  # fmt: skip
def test_unknown_names_are_told(make, hint):
    with pytest.raises(UnknownName, match=hint):
        make()


def test_a_cell_must_say_its_shapes():
    with pytest.raises(TypeError, match="shapes"):
        Cell()
