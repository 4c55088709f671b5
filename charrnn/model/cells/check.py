"""Check a cell before anything is built on it, so that an error in its formulas is reported in the cell's own names.

>>> from charrnn.model.cells import RNN
>>> class Forgetful(RNN):
...     def shapes(self, n_in, n_units):
...         return {"U": (n_in, n_units), "W": (n_units, n_units)}
>>> check(Forgetful(), n_in=3, n_units=5, dtype="float32")
Traceback (most recent call last):
    ...
charrnn.errors.InvalidCell: Forgetful.step uses p.b, which Forgetful.shapes does not name. It names: U, W.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Variable
from pytensor.graph.traversal import ancestors

from charrnn.errors import InvalidCell
from charrnn.model.cells.cell import Cell

ROWS = 3  # examples that the step is tried on
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


class TracedStep:
    """A cell's step as an expression, whose names, types and shapes are checked.

    Parameters
    ----------
    cell : Cell
    n_in, n_units : int
        Width of the input and of the states.
    dtype : {"float32", "float64"}

    Attributes
    ----------
    inputs : list of variables
        Input (B, n_in), states (B, n_units) and parameters.
    outputs : list of variables
        The new states (B, n_units).

    Raises
    ------
    InvalidCell
        If the states, the shapes or the step contradict each other; the message names the state or the parameter, the
        expected and the actual value.
    """

    def __init__(self, cell: Cell, n_in: int, n_units: int, dtype: str) -> None:
        self.cell, self.name, self.dtype = cell, type(cell).__name__, dtype
        states = self._states()
        shapes = self._shapes(n_in, n_units)
        with pytensor.config.change_flags(floatX=dtype):
            x = _variable("x", dtype, (None, n_in))
            before = [_variable(state, dtype, (None, n_units)) for state in states]
            self.parameters = {name: _variable(name, dtype, shape) for name, shape in shapes.items()}
            self.inputs = [x, *before, *self.parameters.values()]
            returned = self._call(x, before)
            self.outputs = self._new_states(returned, n_units)
        used = set(ancestors(self.outputs))
        unused = [name for name, parameter in self.parameters.items() if parameter not in used]
        if unused:
            raise InvalidCell(
                f"{self.name}.step never uses {_listed(f'p.{name}' for name in unused)}, which {self.name}.shapes "
                "names. Use it in the step, or leave it out of the shapes."
            )

    @property
    def key(self) -> str:
        """Hash of the expression: equal for steps with the same formulas, whatever the class's name."""
        text = pytensor.dprint(self.outputs, file="str", print_type=True, id_type="int")
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def run(self) -> Callable[..., list[np.ndarray]]:
        """The step on arrays."""
        with pytensor.config.change_flags(cxx=""):
            plain = Mode(linker="py", optimizer=None)
            return pytensor.function(self.inputs, self.outputs, mode=plain, on_unused_input="ignore")

    def _states(self) -> tuple[str, ...]:
        states = self.cell.states
        if isinstance(states, str) or not states or not all(isinstance(state, str) for state in states):
            raise InvalidCell(
                f"{self.name}.states must be a tuple of names such as ('h',) or ('h', 'c'), not {states!r}."
            )
        return tuple(states)

    def _shapes(self, n_in: int, n_units: int) -> dict[str, tuple[int, ...]]:
        shapes = self.cell.shapes(n_in, n_units)
        if not isinstance(shapes, dict):
            raise InvalidCell(
                f"{self.name}.shapes must return a dictionary of names and shapes, such as "
                f"{{'W': (n_units, n_units), 'b': (n_units,)}}, not {shapes!r}."
            )
        for name, shape in shapes.items():
            sizes = isinstance(shape, tuple) and all(isinstance(n, int) and n > 0 for n in shape)
            if not isinstance(name, str) or not sizes or len(shape) not in (1, 2):
                raise InvalidCell(
                    f"{self.name}.shapes: {name!r} has the shape {shape!r}; expected a tuple of two sizes for a weight "
                    "matrix, of one for a bias: (n_units,) with its comma."
                )
        return shapes

    def _call(self, x: Variable, before: list[Variable]) -> object:
        step, p = getattr(self.cell, "step", None), SimpleNamespace(**self.parameters)
        wanted = ", ".join(["x", *self.cell.states])
        if not callable(step):
            raise InvalidCell(f"{self.name} has no step: expected a method step(self, {wanted}, *, p).")
        try:
            inspect.signature(step).bind(x, *before, p=p)
        except TypeError as error:
            raise InvalidCell(
                f"{self.name}.step cannot be called as step({wanted}, p=...): {error}. Expected "
                f"def step(self, {wanted}, *, p), with an argument for each of the states {self.cell.states}."
            ) from error
        try:
            return step(x, *before, p=p)
        except AttributeError as error:
            if error.obj is p:
                raise InvalidCell(
                    f"{self.name}.step uses p.{error.name}, which {self.name}.shapes does not name. "
                    f"It names: {_listed(self.parameters)}."
                ) from None
            raise
        except (TypeError, ValueError) as error:
            raise InvalidCell(f"{self.name}.step fails on {self._given()}: {error}") from error

    def _new_states(self, returned: object, n_units: int) -> list[Variable]:
        new = list(returned) if isinstance(returned, tuple | list) else [returned]
        if len(new) != len(self.cell.states):
            raise InvalidCell(
                f"{self.name}.step returned {_counted(len(new))}, expected {len(self.cell.states)}: the new "
                f"{_listed(self.cell.states)}. If it has other states, name them: states = (...)."
            )
        for name, value in zip(self.cell.states, new, strict=True):
            if not isinstance(value, Variable):
                raise InvalidCell(
                    f"{self.name}.step: the new state {name} is {value!r}, expected an expression (B, H)."
                )
            shape = value.type.shape
            if value.type.dtype != self.dtype:
                raise InvalidCell(
                    f"{self.name}.step: the new state {name} is {value.type.dtype}, expected {self.dtype}. Something "
                    "in it has a type of its own, such as a NumPy array or a cast: use Python numbers."
                )
            if len(shape) != 2 or shape[1] not in (None, n_units) or shape[0] is not None:
                raise InvalidCell(
                    f"{self.name}.step: the new state {name} has the shape {_shown(shape)}, expected (B, {n_units}): a "
                    f"row of {n_units} units for each example. Given were {self._given()}."
                )
        return new

    def _given(self) -> str:
        return ", ".join(f"{variable.name} {_shown(variable.type.shape)}" for variable in self.inputs)


def check(cell: Cell, n_in: int, n_units: int, dtype: str) -> TracedStep:
    """Check a cell, and return its step as an expression.

    Parameters
    ----------
    cell : Cell
    n_in, n_units : int
        Width of the input and of the states.
    dtype : {"float32", "float64"}

    Raises
    ------
    InvalidCell
        If a state or a parameter is missing, unexpected, or of another shape or type; or if the new state of a row
        depends on the other rows, which is found by running the step.
    """
    traced = TracedStep(cell, n_in, n_units, dtype)
    rng = np.random.default_rng(0)
    sizes = [tuple(n or ROWS for n in variable.type.shape) for variable in traced.inputs]
    values = [(rng.uniform(-1, 1, shape) / np.sqrt(shape[-1])).astype(dtype) for shape in sizes]
    together = _evaluate(traced, values)
    n_rowwise = 1 + len(cell.states)
    for row in range(ROWS):
        alone = _evaluate(traced, [*(v[row : row + 1] for v in values[:n_rowwise]), *values[n_rowwise:]])
        for name, whole, part in zip(cell.states, together, alone, strict=True):
            if whole.shape != (ROWS, n_units):
                raise InvalidCell(
                    f"{traced.name}.step: the new state {name} has the shape {whole.shape} for {ROWS} examples, "
                    f"expected {(ROWS, n_units)}."
                )
            if not np.allclose(whole[row], part[0], rtol=0, atol=TOLERANCE[dtype], equal_nan=True):
                raise InvalidCell(
                    f"{traced.name}.step: the new state {name} of an example depends on the other examples of the "
                    "batch. Each row must be treated on its own: look for a sum, mean or softmax without axis=-1, or "
                    "a transposed state."
                )
    return traced


def _evaluate(traced: TracedStep, values: list[np.ndarray]) -> list[np.ndarray]:
    try:
        with np.errstate(all="ignore"):
            return traced.run(*values)
    except (TypeError, ValueError) as error:
        raise InvalidCell(f"{traced.name}.step fails on {traced._given()}: {str(error).splitlines()[0]}") from error


def _variable(name: str, dtype: str, shape: tuple[int | None, ...]) -> Variable:
    variable = pt.tensor(dtype=dtype, shape=shape)
    variable.name = name
    return variable


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _counted(n: int) -> str:
    return "one value" if n == 1 else f"{n} values"


def _shown(shape: tuple[int | None, ...]) -> str:
    """Return a shape with B for the axis of examples.

    >>> _shown((None, 5))
    '(B, 5)'
    """
    return "(" + ", ".join("B" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
