"""Find the matrix products of a step, each with the sum that it is a term of.

Adding a product to a value costs nothing, because the product's kernel starts from the value already stored at the
result's address. So ``u + h @ W + c @ V`` is one sum: the products are added one after the other to the rest of the
terms. A product of one column that is broadcast along the sum remains an ordinary term.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytensor.scalar as ps
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot

from charrnn.model.kernels.scalars import UnsupportedStep


@dataclass(frozen=True)
class Factor:
    """A product: its left operand, the index of the weight among the graph's inputs, and whether it is transposed."""

    left: Variable
    weight: int
    transposed: bool


@dataclass(frozen=True)
class SumOfProducts:
    """``value`` is the sum of some products and of the terms ``rest``, which may be empty."""

    value: Variable
    products: tuple[Factor, ...]
    rest: tuple[Variable, ...]


def is_transpose(var: Variable) -> bool:
    """Return whether a variable is the transpose of a matrix."""
    return var.owner is not None and isinstance(var.owner.op, DimShuffle) and tuple(var.owner.op.new_order) == (1, 0)


def find_sums(graph: FunctionGraph, weights: set[int]) -> dict[Variable, SumOfProducts]:
    """Return every product of a graph with the sum that it is a term of, by the sum's variable.

    Raises
    ------
    UnsupportedStep
        If a product's right operand is not a weight.
    """
    inputs = {var: i for i, var in enumerate(graph.inputs)}

    def only_here(var: Variable) -> bool:
        return len(graph.clients[var]) == 1

    def factor(var: Variable) -> Factor:
        left, right = var.owner.inputs
        transposed = is_transpose(right)
        weight = right.owner.inputs[0] if transposed else right
        if inputs.get(weight) not in weights:
            raise UnsupportedStep(f"the product {var} has no weight on its right")
        return Factor(left, inputs[weight], transposed)

    def terms(var: Variable) -> tuple[list[Variable], set[Variable]]:
        """Return a sum's terms, and the partial sums that were taken apart because nothing else uses them."""
        result, inner = [], set()
        for part in var.owner.inputs:
            if _is_add(part) and only_here(part):
                more, deeper = terms(part)
                result += more
                inner |= {part} | deeper
            else:
                result.append(part)
        return result, inner

    sums: dict[Variable, SumOfProducts] = {}
    absorbed: set[Variable] = set()
    for node in reversed(graph.toposort()):
        var = node.outputs[0]
        if var in absorbed:
            continue
        if isinstance(node.op, Dot):
            sums[var] = SumOfProducts(var, (factor(var),), ())
        elif _is_add(var):
            parts, inner = terms(var)
            dots = [t for t in parts if _is_dot(t) and only_here(t) and t.type.shape[-1] == var.type.shape[-1]]
            if dots:
                sums[var] = SumOfProducts(var, tuple(map(factor, dots)), tuple(t for t in parts if t not in dots))
                absorbed |= {*dots, *inner}
    return sums


def _is_dot(var: Variable) -> bool:
    return var.owner is not None and isinstance(var.owner.op, Dot)


def _is_add(var: Variable) -> bool:
    return var.owner is not None and isinstance(var.owner.op, Elemwise) and isinstance(var.owner.op.scalar_op, ps.Add)
