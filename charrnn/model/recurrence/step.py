"""A cell's step, taken apart symbolically.

``new_states = step(x, states, parameters)`` is split into

- the *hoisted* values: products with the input, and terms added to them (``x @ U + b``). They leave the time loop and
  run once for all T·B rows;
- the *leaves*: values that depend on parameters alone (weights of the recurrent products, row vectors), computed once
  per sequence;
- the rest, one step of the loop as a separate graph.

They are found on the expression itself. This works for any cell whose products have a weight on their right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.traversal import ancestors, io_toposort
from pytensor.tensor import TensorVariable
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Dot

from charrnn.model.cells.cell import Cell
from charrnn.model.kernels.rowsum import is_row_sum, with_row_sums
from charrnn.model.kernels.scalars import UnsupportedStep


class Product(SimpleNamespace):
    """A cut product ``left @ weight``.

    ``out`` stands for its value, ``leaf`` is the weight's index among the leaves.
    """


def _is_add(var: Variable) -> bool:
    return var.owner is not None and isinstance(var.owner.op, Elemwise) and isinstance(var.owner.op.scalar_op, ps.Add)


def add_terms(var: Variable) -> list[Variable]:
    """Return the terms of nested sums; any other expression is a single term."""
    return [t for part in var.owner.inputs for t in add_terms(part)] if _is_add(var) else [var]


def depends(var: Variable, roots: Iterable[Variable]) -> bool:
    return not set(roots).isdisjoint(ancestors([var]))


def _add(terms: Sequence[Variable]) -> Variable:
    return terms[0] if len(terms) == 1 else pt.add(*terms)


def rebuild(outputs: Sequence[Variable], replacements: dict[Variable, Variable]) -> list[Variable]:
    """Return expressions with variables replaced.

    Every node above one is rebuilt, so that types follow the replacement.
    """
    replaced = dict(replacements)
    for node in io_toposort([*replacements], [o for o in outputs if o not in replacements]):
        if any(i in replaced for i in node.inputs):
            clone = node.clone_with_new_inputs([replaced.get(i, i) for i in node.inputs], strict=False)
            replaced |= dict(zip(node.outputs, clone.outputs, strict=True))
    return [replaced.get(o, o) for o in outputs]


def tensor(name: str, dtype: str, shape: tuple[int | None, ...]) -> TensorVariable:
    """Return an input variable; `pt.tensor` itself takes some names for types."""
    variable = pt.tensor(dtype=dtype, shape=shape)
    variable.name = name
    return variable


class StepGraph:
    """The graphs of one cell at fixed sizes.

    Parameters
    ----------
    cell : Cell
        The cell to take apart.
    n_in, n_units : int
        Width of the input and of the states.
    dtype : {"float32", "float64"}
        The type of all values.
    resets : bool
        Whether the loop also takes ``keep`` (T, B, 1): 0 where a stream starts afresh, with a blank state.

    Raises
    ------
    UnsupportedStep
        If the step has a product of two values that both change over time, does not use its input, or returns
        something other than the states.

    Attributes
    ----------
    hoisted, leaves : list of variables
        Expressions of `x` and `parameters`.
    inference : FunctionGraph
        From hoisted values, keep, states and leaves to the new states and any further results of `step`.
    """

    def __init__(self, cell: Cell, n_in: int, n_units: int, dtype: str, resets: bool = False) -> None:
        self.cell, self.n_units, self.dtype, self.resets = cell, n_units, dtype, resets
        with pytensor.config.change_flags(floatX=dtype):  # so that a cell's Python numbers do not widen the result
            self._trace(n_in)
            self._split()

    def _matrix(self, width: int, name: str) -> Variable:
        return tensor(name, self.dtype, (None, width))

    def _trace(self, n_in: int) -> None:
        self.x = self._matrix(n_in, "x")
        self.states = [self._matrix(self.n_units, name) for name in self.cell.states]
        shapes = self.cell.shapes(n_in, self.n_units)
        self.parameters = {name: tensor(name, self.dtype, shape) for name, shape in shapes.items()}
        self.keep = [tensor("keep", self.dtype, (None, 1))] if self.resets else []
        before = [s * self.keep[0] for s in self.states] if self.resets else self.states
        new: Any = self.cell.step(self.x, *before, p=SimpleNamespace(**self.parameters))
        new = [*new] if isinstance(new, tuple | list) else [new]
        if len(new) < len(self.states):
            raise UnsupportedStep(
                f"{type(self.cell).__name__}.step returned {len(new)} states, "
                f"expected {len(self.states)}: {self.cell.states}"
            )
        for s, name in zip(new, self.cell.states, strict=False):
            if s.type.dtype != self.dtype or s.type.ndim != 2:
                raise UnsupportedStep(
                    f"{type(self.cell).__name__}.step: new state {name} is {s.type}, expected a matrix of {self.dtype}"
                )
        self.outputs = self._regroup(with_row_sums(new))

    def _regroup(self, outputs: list[Variable]) -> list[Variable]:
        """Write batched products as plain ones, and sums as (terms without state) + the others, so that the first can
        be hoisted.
        """
        roots = [self.x, *self.states, *self.parameters.values(), *self.keep]
        loop_values = {*self.states, *self.keep}
        replaced: dict[Variable, Variable] = {}

        def new(var: Variable) -> Variable:
            return replaced.get(var, var)

        for node in io_toposort(roots, outputs):
            inputs = [new(i) for i in node.inputs]
            if isinstance(node.op, Blockwise) and isinstance(node.op.core_op, Dot):
                replaced[node.outputs[0]] = pt.dot(*inputs)
            elif _is_add(node.outputs[0]):
                parts = [t for i in inputs for t in add_terms(i)]
                fixed = [t for t in parts if not depends(t, loop_values)]
                moving = [t for t in parts if t not in fixed]
                replaced[node.outputs[0]] = _add([_add(fixed), *moving] if fixed and moving else parts)
            else:
                clone = node.clone_with_new_inputs(inputs)
                replaced |= dict(zip(node.outputs, clone.outputs, strict=True))
        return [new(o) for o in outputs]

    def _split(self) -> None:
        """Find the hoisted values and the leaves, and cut the graph there and at the products."""
        self.hoisted: list[Variable] = []  # expressions of x and parameters
        self.leaves: list[Variable] = []  # expressions of parameters
        weights: set[Variable] = set()
        loop_values = {*self.states, *self.keep}
        parameters = set(self.parameters.values())
        cut: dict[Variable, Variable] = {}
        seen: set[Variable] = set()

        def visit(var: Variable) -> None:
            if var in seen or var in loop_values or isinstance(var, Constant):
                return
            seen.add(var)
            if depends(var, loop_values):
                node = var.owner
                if isinstance(node.op, Dot):
                    right = node.inputs[1]
                    if depends(right, loop_values) or depends(right, [self.x]):
                        raise UnsupportedStep("a product inside the step has no weight matrix on its right")
                    weights.add(right)
                for i in node.inputs:
                    visit(i)
            elif depends(var, [self.x]) and self._leaves_the_loop(var):
                cut[var] = self._matrix(var.type.shape[1], f"u{len(self.hoisted)}")
                self.hoisted.append(var)
            elif depends(var, [self.x]):
                for i in var.owner.inputs:
                    visit(i)
            elif depends(var, parameters):
                cut[var] = var.type(name=f"p{len(self.leaves)}")
                self.leaves.append(var)
            # else: an expression of constants, which stays in the loop

        for s in self.outputs:
            visit(s)
        if not self.hoisted:
            raise UnsupportedStep(f"{type(self.cell).__name__}.step does not use its input x")
        self.weight_leaves = [i for i, leaf in enumerate(self.leaves) if leaf in weights]
        self.hoisted_inputs = [cut[v] for v in self.hoisted]
        self.leaf_inputs = [cut[v] for v in self.leaves]
        step = rebuild(self.outputs, cut)

        # Products in the order in which they are computed; each value is then an input of the graph after the cut.
        self.products: list[Product] = []
        while True:
            roots = [*self.hoisted_inputs, *self.states, *self.keep, *self.leaf_inputs, *(p.out for p in self.products)]
            lefts = [p.left for p in self.products]
            dots = [n for n in io_toposort(roots, [*step, *lefts]) if isinstance(n.op, Dot)]
            if not dots:
                break
            left, right = dots[0].inputs
            out = self._matrix(right.type.shape[1], f"product{len(self.products)}")
            self.products.append(Product(left=left, leaf=self.leaf_inputs.index(right), out=out))
            step = rebuild(step, {dots[0].outputs[0]: out})
        self.cut_outputs = step
        self._order_hoisted()
        loop_inputs = self.loop_inputs()
        self.inference = clone_fgraph(loop_inputs, self.with_products(self.cut_outputs))

    def _leaves_the_loop(self, var: Variable) -> bool:
        """Return whether an expression of the input is computed before the loop: products, and sums of them.

        Element-wise functions of these cost less inside the loop, where they are in the cache.
        """
        if _is_add(var):
            return all(not depends(t, [self.x]) or self._leaves_the_loop(t) for t in add_terms(var))
        return var.owner is None or not (isinstance(var.owner.op, Elemwise) or is_row_sum(var))

    def _order_hoisted(self) -> None:
        """Sort the hoisted values by the order of the products that they are added to.

        The factors of one left operand then lie side by side, and their gradient is also one product.
        """
        order: list[int] = []
        for product in self.products:
            for node in io_toposort([], [*self.cut_outputs, *(p.left for p in self.products)]):
                if product.out in node.inputs and _is_add(node.outputs[0]):
                    order += [i for i, u in enumerate(self.hoisted_inputs) if u in node.inputs and i not in order]
        order += [i for i in range(len(self.hoisted)) if i not in order]
        self.hoisted = [self.hoisted[i] for i in order]
        self.hoisted_inputs = [self.hoisted_inputs[i] for i in order]

    def loop_inputs(self) -> list[Variable]:
        """Return the inputs of one step of the loop."""
        return [*self.hoisted_inputs, *self.keep, *self.states, *self.leaf_inputs]

    def with_products(self, expressions: Sequence[Variable]) -> list[Variable]:
        """Return expressions of the cut graph with the products written out again."""
        for product in reversed(self.products):
            value = pt.dot(product.left, self.leaf_inputs[product.leaf])
            expressions = rebuild(expressions, {product.out: value})
        return list(expressions)


def clone_fgraph(inputs: Sequence[Variable], outputs: Sequence[Variable]) -> FunctionGraph:
    """Return a separate graph; an output may be an input, or appear twice."""
    fresh = [i.type(name=i.name) for i in inputs]
    return FunctionGraph(fresh, rebuild(outputs, dict(zip(inputs, fresh, strict=True))), clone=False)
