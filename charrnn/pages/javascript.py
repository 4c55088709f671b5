"""Translate a network into JavaScript, from the step of its cell; any cell that the kernels run can be translated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytensor.scalar as ps
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.traversal import io_toposort
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot

from charrnn.model.generator import Stack
from charrnn.model.kernels.program import constant_of
from charrnn.model.kernels.rowsum import RowSum
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.network import Network
from charrnn.model.recurrence.step import StepGraph, rebuild, tensor

#: Scalar Ops as JavaScript expressions; booleans are numbers, as in the kernels.
_FORMS: dict[type, str] = {
    ps.Sub: "({} - {})",
    ps.TrueDiv: "({} / {})",
    ps.Neg: "(-{})",
    ps.Reciprocal: "(1 / {})",
    ps.Sqr: "({} ** 2)",
    ps.Sqrt: "Math.sqrt({})",
    ps.Abs: "Math.abs({})",
    ps.Exp: "Math.exp({})",
    ps.Log: "Math.log({})",
    ps.Log1p: "Math.log1p({})",
    ps.Sin: "Math.sin({})",
    ps.Cos: "Math.cos({})",
    ps.Tanh: "Math.tanh({})",
    ps.Sigmoid: "(1 / (1 + Math.exp(-{})))",
    ps.Softplus: "softplus({})",
    ps.Pow: "({} ** {})",
    ps.Maximum: "Math.max({}, {})",
    ps.Minimum: "Math.min({}, {})",
    ps.Clip: "clip({}, {}, {})",
    ps.Switch: "({} ? {} : {})",
    ps.LT: "Number({} < {})",
    ps.LE: "Number({} <= {})",
    ps.GT: "Number({} > {})",
    ps.GE: "Number({} >= {})",
    ps.EQ: "Number({} === {})",
    ps.NEQ: "Number({} !== {})",
    ps.AND: "({} * {})",
    ps.OR: "Math.max({}, {})",
    ps.Invert: "(1 - {})",
    ps.Identity: "{}",
    ps.Cast: "{}",
    ps.Sign: "Math.sign({})",
}


def translate(network: Network) -> str:
    """Return the JavaScript function ``network(p)``, which makes a network from its parameters, Float32Arrays by name.

    The network has three methods. ``blank()`` returns the initial states. ``read(symbol, condition)`` returns the input
    products of the first layer for a symbol and its labels. ``step(read, states)`` returns the logits of the next
    symbol and the new states.

    Raises
    ------
    UnsupportedStep
        If the cell's step has an Op without a translation.
    """
    onehot, width = network.stage == "resize", network.input_width
    step = StepGraph(Stack(network), width, network.state_size, network.dtype)
    parameters = {name: tensor(name, network.dtype, shape) for name, shape in network.shapes().items()}
    own = {variable: parameters[name] for name, variable in step.parameters.items()}
    row, condition = (tensor(name, network.dtype, (1, width)) for name in ("row", "condition"))
    x = (row if onehot else network.input.rows({**parameters, "E": row})) + condition

    known = {variable: f"w{i}" for i, variable in enumerate(parameters.values())}
    weights = [f"const w{i} = p[{json.dumps(name)}];" for i, name in enumerate(parameters)]
    leaves = _Translation("leaf", known, rebuild(step.leaves, own))
    given = {**known, row: "row", condition: "condition"}
    read = _Translation("read", given, rebuild(step.hoisted, {**own, step.x: x}))
    hoisted = [f"u{i}" for i in range(len(step.hoisted))]
    states = [f"s{i}" for i in range(len(step.states))]
    inputs = dict(zip(step.inference.inputs, [*hoisted, *states, *leaves.results], strict=True))
    once = _Translation("now", inputs, step.inference.outputs)
    *after, logits = once.results

    return f"""function network(p) {{
  {_lines([*weights, *leaves.buffers, *leaves.lines, *read.buffers, *once.buffers], 2)}
  return {{
    blank: () => Array.from({{ length: {len(states)} }}, () => new Float32Array({network.state_size})),
    read(symbol, condition) {{
      const row = {f"oneHot({width}, symbol)" if onehot else f"rowOf(w0, {width}, symbol)"};
      {_lines(read.lines, 6)}
      return [{_copies(read.results)}];
    }},
    step([{", ".join(hoisted)}], [{", ".join(states)}]) {{
      {_lines(once.lines, 6)}
      return [{logits}, [{_copies(after)}]];
    }},
  }};
}}"""


def _lines(lines: Sequence[str], indent: int) -> str:
    return ("\n" + " " * indent).join(lines)


def _copies(names: Sequence[str]) -> str:
    return ", ".join(f"{name}.slice()" for name in names)


def _shape(var: Variable) -> tuple[int, int]:
    """Return the rows and columns of a value; the batch has one row."""
    shape = (1, 1, *var.type.shape)[-2:]
    if var.type.ndim > 2 or shape[1] is None:
        raise UnsupportedStep(f"{var} is not a matrix of a known width")
    return shape[0] or 1, shape[1]


class _Translation:
    """Statements that compute some variables from others.

    Products, results and values that are used twice are stored in arrays. Other element-wise Ops are inlined into the
    expression that uses them.

    Attributes
    ----------
    buffers, lines : list of str
        Declarations of the arrays, and the statements.
    results : list of str
        The names of the arrays that hold the outputs.
    """

    def __init__(self, prefix: str, known: dict[Variable, str], outputs: Sequence[Variable]) -> None:
        self.buffers: list[str] = []
        self.lines: list[str] = []
        self._prefix, self._names = prefix, dict(known)
        nodes = io_toposort(list(known), outputs)
        uses = Counter(i for node in nodes for i in node.inputs)
        users = {i: node for node in nodes for i in node.inputs}
        for node in nodes:
            (out,) = node.outputs
            inlined = out not in outputs and uses[out] == 1 and self._fits(users[out], out)
            if constant_of(out) is None and not (isinstance(node.op, Elemwise) and inlined):
                self._translate(node, out)
        self.results = [self._array(var) for var in outputs]

    def _translate(self, node: Apply, out: Variable) -> None:
        if isinstance(node.op, Dot):
            left, right = node.inputs
            operands = f"{self._array(left)}, {self._array(right)}, {_shape(left)[1]}"
            self.lines.append(f"multiply({self._new(out)}, {operands});")
        elif isinstance(node.op, Elemwise):
            value, size = self._expression(node, _shape(out)), _shape(out)[0] * _shape(out)[1]
            self.lines.append(f"for (let i = 0; i < {size}; i++) {self._new(out)}[i] = {value};")
        elif isinstance(node.op, RowSum):
            self.lines.append(f"sumRows({self._new(out)}, {self._array(node.inputs[0])});")
        elif isinstance(node.op, DimShuffle) and tuple(node.op.new_order) == (1, 0):
            source, (rows, columns) = self._array(node.inputs[0]), _shape(node.inputs[0])
            self.lines.append(f"transpose({self._new(out)}, {source}, {rows}, {columns});")
        elif isinstance(node.op, DimShuffle):
            self._names[out] = self._array(node.inputs[0])
        else:
            raise UnsupportedStep(f"{node.op} has no translation")

    def _new(self, var: Variable) -> str:
        """Declare an array for a value and return its name."""
        rows, columns = _shape(var)
        self._names[var] = name = f"{self._prefix}{len(self.buffers)}"
        self.buffers.append(f"const {name} = new Float32Array({rows * columns});")
        return name

    def _array(self, var: Variable) -> str:
        """Return the name of the array that holds a value."""
        if var not in self._names and isinstance(var, Constant):
            numbers = ", ".join(_number(value) for value in var.data.ravel().tolist())
            name = self._new(var)
            self.lines.append(f"{name}.set([{numbers}]);")
        return self._names[var]

    @staticmethod
    def _fits(user: Apply, var: Variable) -> bool:
        """Return whether an expression can be inlined into the one that uses it."""
        return isinstance(user.op, Elemwise) and _shape(user.outputs[0]) == _shape(var)

    def _expression(self, node: Apply, shape: tuple[int, int]) -> str:
        """Return the expression of an element-wise Op at index i of a matrix."""
        op = type(node.op.scalar_op)
        values = [self._element(var, shape) for var in node.inputs]
        if op in (ps.Add, ps.Mul):
            return f"({(' + ' if op is ps.Add else ' * ').join(values)})"
        if op not in _FORMS:
            raise UnsupportedStep(f"{node.op} has no translation")
        return _FORMS[op].format(*values)

    def _element(self, var: Variable, shape: tuple[int, int]) -> str:
        number = constant_of(var)
        if number is not None:
            return _number(number)
        if var not in self._names and not isinstance(var, Constant):
            return self._expression(var.owner, shape)
        rows, columns = _shape(var)
        if (rows, columns) == shape:
            return f"{self._array(var)}[i]"
        if columns == 1:
            return f"{self._array(var)}[{'0' if rows == 1 else f'Math.floor(i / {shape[1]})'}]"
        return f"{self._array(var)}[i % {columns}]"


def _number(value: float) -> str:
    """Return a number as a JavaScript literal.

    >>> _number(-0.5), _number(float("inf"))
    ('(-0.5)', 'Infinity')
    """
    text = json.dumps(float(value))
    return f"({text})" if text.startswith("-") else text
