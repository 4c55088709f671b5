"""Random steps as recurrences, value and gradient, against the same steps unrolled in PyTensor's Python mode.

The steps are graphs of element-wise Ops, products with weights, row vectors and sums along rows, of any widths. Each
runs on every width of vectors that the processor has.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from charrnn.model.cells import Cell
from charrnn.model.engines.engine import compile_function
from charrnn.model.recurrence import recurrence
from tests.helpers import symbol
from tests.model.kernels.widths import WIDTHS, vectors

T = 3
#: Functions with values and slopes of moderate size. At a kink rounding decides the slope: float64 only.
SMOOTH = {
    "tanh": pt.tanh,
    "sigmoid": pt.sigmoid,
    "softplus": pt.softplus,
    "sin": pt.sin,
    "cos": pt.cos,
    "negative": lambda x: -x,
    "half": lambda x: 0.5 * x,
    "root": lambda x: pt.sqrt(1 + x**2),
    "bell": lambda x: pt.exp(-(x**2)),
    "bounded": lambda x: x / (1 + x**2),
    "logarithm": lambda x: pt.log1p(x**2),
}
KINKED = {
    "abs": abs,
    "clip": lambda x: pt.clip(x, -0.5, 0.5),
    "branch": lambda x: pt.switch(x > 0.1, x, 0.1),
}
SMOOTH_OF_TWO = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / (1 + y**2),
}
KINKED_OF_TWO = {"maximum": pt.maximum, "minimum": pt.minimum}
FUNCTIONS = SMOOTH | KINKED | SMOOTH_OF_TWO | KINKED_OF_TWO


@dataclass(kw_only=True, eq=False)
class Drawn(Cell):
    """A step of instructions ``(name, operand, ...)``, whose operands are indices of values: x, the states, then the
    instructions' results. Products and row vectors have a width in place of a second operand. Each new state is made of
    the value in ``ends``; the first adds a product with x.
    """

    n_in: int
    n_units: int
    states: tuple[str, ...]
    instructions: list[tuple]
    ends: list[int]
    dtype: str
    resets: bool
    batch: int

    def widths(self):
        """Return the width of each value."""
        widths = [self.n_in] + [self.n_units] * len(self.states)
        for name, *rest in self.instructions:
            if name in ("sum", "mean"):
                widths.append(1)
            elif name in ("product", "scale", "shift"):
                widths.append(rest[1] if name == "product" else max(widths[rest[0]], rest[1]))
            else:
                widths.append(max(widths[i] for i in rest))
        return widths

    def shapes(self, n_in, n_units):
        widths, shapes = self.widths(), {"U": (n_in, n_units)}
        for k, (name, i, *rest) in enumerate(self.instructions):
            if name == "product":
                shapes[f"W{k}"] = (widths[i], rest[0])
            elif name in ("scale", "shift"):
                shapes[f"v{k}"] = (rest[0],)
        return shapes | {
            f"E{k}": (widths[i], n_units) for k, i in enumerate(self.ends) if widths[i] not in (1, n_units)
        }

    def step(self, x, *states, p):
        values = [x, *states]
        for k, (name, i, *rest) in enumerate(self.instructions):
            value = values[i]
            if name == "product":
                value = value @ getattr(p, f"W{k}")
            elif name == "scale":
                value = value * getattr(p, f"v{k}")
            elif name == "shift":
                value = value + getattr(p, f"v{k}")
            elif name == "sum":
                value = value.sum(axis=1, keepdims=True)
            elif name == "mean":
                value = value.mean(axis=1, keepdims=True)
            else:
                value = FUNCTIONS[name](value, *(values[j] for j in rest))
            values.append(value)
        first, *others = (self._state(k, values, states, p) for k in range(len(states)))
        return (pt.tanh(first + x @ p.U), *others)

    def _state(self, k, values, states, p):
        end, widths = self.ends[k], self.widths()
        if 0 < end <= len(states):  # this state or another, as it is
            return values[end]
        if widths[end] == self.n_units:
            return pt.tanh(values[end])
        return pt.tanh(values[end] + states[k] if widths[end] == 1 else values[end] @ getattr(p, f"E{k}"))


@st.composite
def cells(draw):
    width = st.integers(1, 70)
    n_in, n_units, other = draw(width), draw(width), draw(width)
    dtype = draw(st.sampled_from(["float64", "float32"]))
    one, two = (SMOOTH, SMOOTH_OF_TWO) if dtype == "float32" else (SMOOTH | KINKED, SMOOTH_OF_TWO | KINKED_OF_TWO)
    states = ("h", "c", "m")[: draw(st.integers(1, 3))]
    cell = Drawn(
        n_in=n_in, n_units=n_units, states=states, instructions=[], ends=[], dtype=dtype,
        resets=draw(st.booleans()), batch=draw(st.integers(1, 13)),
    )  # fmt: skip
    for _ in range(draw(st.integers(1, 9))):
        widths = cell.widths()
        i = draw(st.integers(0, len(widths) - 1))
        kind = draw(st.sampled_from(["one", "two", "product", "product", "row", "along"]))
        if kind == "one":
            instruction = (draw(st.sampled_from([*one])), i)
        elif kind == "two":
            fitting = [j for j, n in enumerate(widths) if n == widths[i] or 1 in (n, widths[i])]
            instruction = (draw(st.sampled_from([*two])), i, draw(st.sampled_from(fitting)))
        elif kind == "product":
            instruction = ("product", i, draw(st.sampled_from([n_units, other, 1])))
        elif kind == "row":
            along = [widths[i], widths[i], 1] if widths[i] > 1 else [1, n_units, other]
            instruction = (draw(st.sampled_from(["scale", "shift"])), i, draw(st.sampled_from(along)))
        else:
            instruction = (draw(st.sampled_from(["sum", "mean"])), i)
        cell.instructions.append(instruction)
    n = len(cell.widths())
    cell.ends.extend(draw(st.integers(0, n - 1)) for _ in states)
    return cell


def arrays(cell):
    """Return x, the initial states, the parameters, keep and each state's weights in the cost."""
    rng, B, H = np.random.default_rng(0), cell.batch, cell.n_units
    values = {"x": rng.normal(size=(T, B, cell.n_in))}
    values |= {s: rng.normal(size=(B, H)) for s in cell.states}
    for name, shape in cell.shapes(cell.n_in, H).items():
        values[name] = rng.normal(size=shape) / np.sqrt(shape[0] if len(shape) == 2 else 1)
    values["keep"] = rng.integers(0, 2, size=(T, B, 1))
    return values | {f"weight {s}": rng.normal(size=(T, B, H)) for s in cell.states}


def step_by_step(cell, x, initial, parameters, keep=None):
    """Do what `recurrence` does, as one graph without a loop."""
    states, every = list(initial), []
    for t in range(T):
        before = states if keep is None else [s * keep[t] for s in states]
        states = cell.step(x[t], *before, p=SimpleNamespace(**parameters))
        every.append(states)
    return [pt.stack(over_time) for over_time in zip(*every, strict=True)]


def expressions(cell, run, values, dtype):
    """Return inputs, and the states with the gradients of a cost."""
    names = cell.shapes(cell.n_in, cell.n_units)
    v = {
        key: symbol(key, a.astype(dtype), range(a.ndim) if key in names else (a.ndim - 1,)) for key, a in values.items()
    }
    initial, keep = [v[s] for s in cell.states], v["keep"] if cell.resets else None
    with pytensor.config.change_flags(floatX=dtype):
        states = run(cell, v["x"], initial, {name: v[name] for name in names}, keep=keep)
        cost = sum((v[f"weight {s}"] * every).sum() for s, every in zip(cell.states, states, strict=True))
        wrt = [v["x"], *initial, *(v[name] for name in names)]
        gradients = pytensor.grad(cost, wrt, disconnected_inputs="ignore")
    return list(v.values()), [*states, *gradients]


def check(cell):
    values = arrays(cell)
    with pytensor.config.change_flags(cxx=""):
        python = pytensor.compile.mode.Mode(linker="py", optimizer=None)
        plain = pytensor.function(
            *expressions(cell, step_by_step, values, "float64"), mode=python, on_unused_input="ignore"
        )
    wanted = plain(*(value.astype("float64") for value in values.values()))
    fast = compile_function("numba", *expressions(cell, recurrence, values, cell.dtype))
    tolerance = 1e-9 if cell.dtype == "float64" else 1e-3
    for width in WIDTHS:
        with vectors(width):
            got = fast(*(value.astype(cell.dtype) for value in values.values()))
        for number, (g, w) in enumerate(zip(got, wanted, strict=True)):
            assert g.dtype == cell.dtype
            scale = max(1, abs(w).max())
            np.testing.assert_allclose(g, w, rtol=0, atol=tolerance * scale, err_msg=f"array {number}, {width} bytes")


def example_of(instructions, ends):
    """Return a step of one state of 40 units and an input of 5."""
    sizes = {"n_in": 5, "n_units": 40, "batch": 3}
    return example(Drawn(**sizes, states=("h",), instructions=instructions, ends=ends, dtype="float64", resets=True))


@example_of([("product", 1, 1)], [2])  # a product of one column as a term of a wide sum
@example_of([("product", 0, 1), ("shift", 2, 40)], [3])  # the same, of the input
@example_of([("product", 0, 40), ("shift", 2, 1)], [3])  # units that share a bias
@settings(max_examples=22, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
@given(cells())
def test_values_and_gradients(cell):
    check(cell)
