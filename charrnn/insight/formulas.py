"""Formulas of a cell's step, read from its expressions and named as in its source."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Constant
from pytensor.tensor import TensorVariable
from pytensor.tensor.elemwise import DimShuffle, Elemwise

if TYPE_CHECKING:
    from charrnn.model.cells import Cell

INFIX = {"Add": ("+", 1), "Sub": ("-", 1), "Mul": ("*", 2), "TrueDiv": ("/", 2), "Matmul": ("@", 3), "Dot": ("@", 3)}
LENGTHS = ("Subtensor", "Cast", "TensorFromScalar", "ScalarFromTensor", "DimShuffle")
NEG, POWER, WHOLE = 4, 5, 6  # precedence of operations; a name or a call never needs brackets


def formulas(cell: Cell, n_in: int, n_units: int, dtype: str) -> list[tuple[str, str]]:
    """Return the names and formulas of a step, in an order in which they can be computed.

    A prime marks new states. Values have the names of the step's local variables; other values that are used more than
    once are called s1, s2 and so on.

    Examples
    --------
    >>> from charrnn.model.cells import LSTM
    >>> for name, formula in formulas(LSTM(), 5, 5, "float32"):
    ...     print(name, "=", formula)
    f = sigmoid(x @ Uf + h @ Wf + bf)
    i = sigmoid(x @ Ui + h @ Wi + bi)
    g = tanh(x @ Ug + h @ Wg + bg)
    c' = f * c + i * g
    o = sigmoid(x @ Uo + h @ Wo + bo)
    h' = o * tanh(c')
    """
    x = pt.tensor("x", dtype=dtype, shape=(None, n_in))
    states = [pt.tensor(name, dtype=dtype, shape=(None, n_units)) for name in cell.states]
    shapes = cell.shapes(n_in, n_units)
    p = SimpleNamespace(**{name: pt.tensor(name, dtype=dtype, shape=shape) for name, shape in shapes.items()})
    outputs, locals_ = _step(cell, x, states, p)
    given = {x, *states, *vars(p).values()}
    names = {_shown(v): name for name, v in locals_.items() if isinstance(v, TensorVariable) and v not in given}
    names |= {output: f"{name}'" for name, output in zip(cell.states, outputs, strict=True)}
    in_order: dict[TensorVariable, None] = {}
    for output in reversed(outputs):
        _compute(output, in_order)
    uses = Counter(argument for v in in_order for argument in _arguments(v))
    for v in in_order:
        if uses[v] > 1 and v.owner and v not in names:
            names[v] = f"s{sum(name.startswith('s') for name in names.values()) + 1}"
    return [
        (names[v], _formula(v, {known: name for known, name in names.items() if known is not v}))
        for v in in_order
        if v in names
    ]


def _step(cell: Cell, x: Any, states: list[Any], p: SimpleNamespace) -> tuple[list[Any], Mapping[str, Any]]:
    """Run a step; return its result and its final local variables."""
    code = getattr(cell.step, "__code__", None)
    found: dict[str, Any] = {}

    def at_return(frame: FrameType, event: str, argument: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)

    former = sys.getprofile()
    sys.setprofile(at_return)  # the way to see a function's variables without changing or reading its source
    try:
        outputs = cell.step(x, *states, p=p)
    finally:
        sys.setprofile(former)
    return list(outputs) if isinstance(outputs, tuple | list) else [outputs], found


def _compute(variable: TensorVariable, done: dict[TensorVariable, None]) -> None:
    """Append a variable to `done`, after the variables it is computed from."""
    if variable not in done:
        for argument in _arguments(variable):
            _compute(argument, done)
        done[variable] = None


def _arguments(variable: TensorVariable) -> list[TensorVariable]:
    """Return the inputs of a variable that its formula shows."""
    return [] if variable.owner is None else [_shown(v) for v in variable.owner.inputs if not _is_length(v)]


def _shown(variable: TensorVariable) -> TensorVariable:
    """Return a variable without axes that were only added for broadcasting."""
    while variable.owner and isinstance(op := variable.owner.op, DimShuffle) and _broadcasts(op):
        variable = variable.owner.inputs[0]
    return variable


def _broadcasts(op: DimShuffle) -> bool:
    return "x" in op.new_order and sorted(op.shuffle) == list(op.shuffle)


def _is_length(variable: TensorVariable) -> bool:
    """Return whether a variable is the length of an axis, by which a mean divides."""
    if variable.owner is None:
        return False
    name = _name(variable.owner.op)
    return name in ("Shape", "Shape_i") or (name in LENGTHS and _is_length(variable.owner.inputs[0]))


def _formula(variable: TensorVariable, names: Mapping[TensorVariable, str], least: int = 0) -> str:
    """Return an expression as text, in brackets if its precedence is below `least`."""
    variable = _shown(variable)
    if variable in names:
        return names[variable]
    if variable.owner is None:
        return _number(variable) if isinstance(variable, Constant) else variable.name or "?"
    name, arguments = _name(variable.owner.op), variable.owner.inputs
    total = _shown(arguments[0]).owner if name == "TrueDiv" and _is_length(arguments[1]) else None
    if total and _name(total.op) == "Sum":
        binds, text = WHOLE, f"mean({_formula(total.inputs[0], names)})"
    elif name in INFIX:
        sign, binds = INFIX[name]
        first, *others = arguments
        rest = [_formula(other, names, binds + 1) for other in others]
        text = f" {sign} ".join([_formula(first, names, binds), *rest])
    elif name == "Neg":
        binds, text = NEG, f"-{_formula(arguments[0], names, NEG)}"
    elif name in ("Pow", "Sqr"):
        exponent = "2" if name == "Sqr" else _formula(arguments[1], names, WHOLE)
        binds, text = POWER, f"{_formula(arguments[0], names, WHOLE)}**{exponent}"
    else:
        inner = ", ".join(_formula(argument, names) for argument in arguments)
        binds, text = WHOLE, f"{name.lower()}({inner})"
    return f"({text})" if binds < least else text


def _name(op: Any) -> str:
    if isinstance(op, Elemwise):
        return type(op.scalar_op).__name__
    return type(getattr(op, "core_op", op)).__name__


def _number(constant: Constant) -> str:
    value = np.asarray(constant.data)
    return f"{float(value):g}" if value.ndim == 0 or value.size == 1 else f"array{value.shape}"
