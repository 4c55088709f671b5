import numpy as np
import pytensor.tensor as pt
import pytest

from charrnn.errors import InvalidCell
from charrnn.model.cells import GRU, LSTM, RNN, Cell
from charrnn.model.cells.check import check
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.model import cells_of_users

D, H = 3, 5
GOOD = [GRU(), GRU("hard_sigmoid", "after"), LSTM(), RNN()]
GOOD += [getattr(cells_of_users, name)() for name in ("MinimalGatedUnit", "Peephole", "Normalised", "WithUnderscores")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", GOOD, ids=lambda cell: type(cell).__name__)
def test_cells_in_order(cell, dtype):
    check(cell, D, H, dtype)


def plain(self, x, h, *, p):
    return pt.tanh(x @ p.U + h @ p.W + p.b)


def cell_with(step=plain, states=("h",), **shapes):
    own = shapes

    class Mine(Cell):
        def shapes(self, n_in, n_units):
            return {"U": (n_in, n_units), "W": (n_units, n_units), "b": (n_units,)} | own

    Mine.step, Mine.states = step, states
    return Mine()


WRONG = {
    "a forgotten parameter": (
        cell_with(lambda self, x, h, *, p: pt.tanh(x @ p.U + h @ p.W + p.c)),
        r"Mine.step uses p.c, which Mine.shapes does not name. It names: U, W, b\.",
    ),
    "an unused one": (cell_with(V=(3, 3), c=(5,)), r"Mine.step never uses p.V, p.c, which"),
    "too few states": (cell_with(lambda self, x, h, c, *, p: h + c, ("h", "c")), "returned one value, expected 2"),
    "too many": (
        cell_with(lambda self, x, h, *, p: (plain(self, x, h, p=p), h)),
        "returned 2 values, expected 1: the new h",
    ),
    "an argument missing": (
        cell_with(lambda self, x, h, *, p: h, ("h", "c")),
        r"cannot be called as step\(x, h, c, p=...\): too many positional arguments. Expected def step\(self, x, h, c,",
    ),
    "states without a comma": (cell_with(states=("h")), r"states must be a tuple .* not 'h'"),
    "a width": (
        cell_with(lambda self, x, h, *, p: x @ p.U @ p.N + p.b[0] + h[:, :1] * p.W[0, 0], N=(5, 7)),
        r"new state h has the shape \(B, 7\), expected \(B, 5\).* Given were x \(B, 3\), h \(B, 5\), U \(3, 5\)",
    ),
    "no rows": (
        cell_with(lambda self, x, h, *, p: plain(self, x, h, p=p).mean(axis=1)),
        r"new state h has the shape \(B,\), expected \(B, 5\)",
    ),
    "a type": (
        cell_with(lambda self, x, h, *, p: plain(self, x, h, p=p) * np.ones(5)),
        "new state h is float64, expected float32",
    ),
    "a product that does not fit": (
        cell_with(lambda self, x, h, *, p: pt.dot(x, p.W) + h @ p.W + p.b),
        r"step fails on x \(B, 3\), h \(B, 5\), U \(3, 5\)",
    ),
    "a sum that does not fit": (
        cell_with(lambda self, x, h, *, p: x + h @ p.W + p.b + p.U[0]),
        r"step fails on x \(B, 3\), h \(B, 5\)",
    ),
    "no expression": (cell_with(lambda self, x, h, *, p: None), "new state h is None"),
    "a mean over the batch": (
        cell_with(lambda self, x, h, *, p: plain(self, x, h - h.mean(axis=0), p=p)),
        "new state h of an example depends on the other examples",
    ),
    "rows turned round": (cell_with(lambda self, x, h, *, p: plain(self, x, h[::-1], p=p)), "on the other examples"),
    "one row for all": (
        cell_with(lambda self, x, h, *, p: pt.dot(h[:1], p.W) + p.b + p.U[:1]),
        "new state h has the shape",
    ),
    "a bias without a comma": (cell_with(b=(5)), r"'b' has the shape 5; expected a tuple"),
    "three axes": (cell_with(b=(5, 5, 5)), r"'b' has the shape \(5, 5, 5\)"),
    "shapes as a list": (type("Mine", (RNN,), {"shapes": lambda self, n_in, n_units: ["U"]})(), "must return a dict"),
    "no step": (type("Mine", (Cell,), {"shapes": lambda self, n_in, n_units: {}})(), "Mine has no step"),
}


@pytest.mark.parametrize("slip", WRONG)
def test_slips_are_told_in_their_own_words(slip):
    cell, message = WRONG[slip]
    with pytest.raises(InvalidCell, match=message):
        check(cell, D, H, "float32")


def test_models_are_not_built_on_such_cells():
    class Incomplete(Cell):
        step = plain

    with pytest.raises(InvalidCell, match=r"Incomplete.*cannot be made: .*abstract.*shapes"):
        Model(HyperParams(layers=1, state_size=H), Incomplete, 4)
    with pytest.raises(InvalidCell, match="is not a cell"):
        Model(HyperParams(layers=1, state_size=H), 5, 4)

    class Demanding(RNN):
        def __init__(self, factor):
            self.factor = factor

    with pytest.raises(InvalidCell, match=r"cannot be made: .*factor.*give an instance, or functools.partial"):
        Model(HyperParams(layers=1, state_size=H), Demanding, 4)
