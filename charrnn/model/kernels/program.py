"""Schedule a step's graph: element-wise maps over stored rows, sums along rows, and products that add to stored values.

Only these values are stored in memory: the graph's outputs, left operands of products, values that products are added
to, row sums, and costly values that are used again after one of these. All others live in registers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot
from pytensor.tensor.shape import Reshape

from charrnn.model.kernels.rowsum import RowSum, is_row_sum
from charrnn.model.kernels.scalars import EXPENSIVE, UnsupportedStep, supported
from charrnn.model.kernels.sums import SumOfProducts, find_sums, is_transpose


@dataclass(frozen=True)
class Place:
    """Where a value is stored: one of the graph's inputs, outputs, or scratch rows."""

    kind: str  # "input", "output" or "scratch"
    index: int
    width: int


@dataclass(frozen=True)
class Map:
    """Store sums of element-wise expressions, and sums along the rows of others.

    Each target is (terms to add, place), each row sum is (operand, place). ``stored`` holds the values in memory.
    """

    targets: tuple[tuple[tuple[Variable, ...], Place], ...]
    stored: dict[Variable, Place]
    row_sums: tuple[tuple[Variable, Place], ...] = ()


@dataclass(frozen=True)
class MatMul:
    """``out = initial + left @ weight`` (or ``weight.T``); no initial value means zero."""

    left: Place
    weight: int  # index of one of the graph's inputs
    transposed: bool
    initial: Place | None
    out: Place


def constant_of(var: Variable) -> float | None:
    """Return the number of a constant with a single, possibly broadcast, value; None for any other variable."""
    while var.owner is not None and isinstance(var.owner.op, DimShuffle | Reshape):
        var = var.owner.inputs[0]
    if isinstance(var, Constant) and var.data.size == 1:
        return float(var.data.item())
    return None


def width_of(var: Variable) -> int:
    width = var.type.shape[-1]
    if width is None:
        raise UnsupportedStep(f"the width of {var} is not known when the step is built")
    return width


def check(graph: FunctionGraph) -> None:
    """Check that a graph has only element-wise Ops, products and row sums.

    Raises
    ------
    UnsupportedStep
        If one of its nodes has no kernel.
    """
    for node in graph.toposort():
        known = (
            isinstance(node.op, Dot)
            or (isinstance(node.op, Elemwise) and supported(node.op.scalar_op))
            or constant_of(node.outputs[0]) is not None
            or is_transpose(node.outputs[0])
            or is_row_sum(node.outputs[0])
        )
        if not known:
            raise UnsupportedStep(f"no kernel for {node.op} inside a step")


@dataclass
class Program:
    """The instructions of one step.

    Parameters
    ----------
    graph : FunctionGraph
        Inputs and outputs are matrices of rows; those in ``weights`` are matrices to multiply with.
    weights : set of int
        Indices of the inputs that are weights.

    Raises
    ------
    UnsupportedStep
        If the graph has nodes other than element-wise Ops, row sums, and products with a weight.
    """

    graph: FunctionGraph
    weights: set[int]
    instructions: list[Map | MatMul] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)
    stored: dict[Variable, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for i, var in enumerate(self.graph.inputs):
            if i not in self.weights:
                self.stored[var] = Place("input", i, width_of(var))
        check(self.graph)
        self._sums = find_sums(self.graph, self.weights)
        self._schedule()

    @cached_property
    def panels(self) -> list[tuple[int, bool]]:
        """The weights that the products use, each with a flag for transposed ones."""
        return list(dict.fromkeys((m.weight, m.transposed) for m in self.instructions if isinstance(m, MatMul)))

    # -- scheduling: rounds of a map and the products that it makes possible ------------------------------------------

    def _schedule(self) -> None:
        self._waiting = list(self._sums.values())
        self._unsummed = [node.outputs[0] for node in self.graph.toposort() if isinstance(node.op, RowSum)]
        self._missing = list(range(len(self.graph.outputs)))
        self._begun: dict[
            Variable, Place
        ] = {}  # sums whose other terms are stored in the place that the products are added to
        while left := len(self._waiting) + len(self._unsummed) + len(self._missing):
            self._map()
            self._multiply()
            if len(self._waiting) + len(self._unsummed) + len(self._missing) == left:
                raise UnsupportedStep("the products of the step depend on each other in a circle")

    def _map(self) -> None:
        """Store the values that can be computed now and are needed in memory."""
        computable = self._computable()
        targets: list[tuple[tuple[Variable, ...], Place]] = []
        placed: dict[Variable, Place] = {}

        def store(var: Variable) -> None:
            if var not in self.stored and var not in placed:
                placed[var] = self._new_place(var)
                targets.append(((var,), placed[var]))

        for total in self._waiting:
            for product in total.products:
                if computable(product.left):
                    store(product.left)
        for total in self._waiting:
            if self._can_begin(total, computable) and total.rest and not self._in_memory(total.rest):
                self._begun[total.value] = self._new_place(total.value)
                targets.append((total.rest, self._begun[total.value]))
        row_sums = [(var.owner.inputs[0], var) for var in self._unsummed if computable(var.owner.inputs[0])]
        for _, var in row_sums:
            placed[var] = self._new_place(var)
            self._unsummed.remove(var)
        for k in [k for k in self._missing if computable(self.graph.outputs[k])]:
            var = self.graph.outputs[k]
            place = Place("output", k, width_of(var))
            if placed.get(var) != place and self.stored.get(var) != place:
                targets.append(((var,), place))
                placed.setdefault(var, place)
            self._missing.remove(k)
        for var in self._costly_and_needed_later(computable):
            store(var)
        if targets or row_sums:
            sums = tuple((operand, placed[var]) for operand, var in row_sums)
            self.instructions.append(Map(tuple(targets), dict(self.stored), sums))
        self.stored |= placed

    def _multiply(self) -> None:
        """Add the products whose operands are in memory."""
        ready = [
            total
            for total in self._waiting
            if all(product.left in self.stored for product in total.products)
            and (not total.rest or total.value in self._begun or self._in_memory(total.rest))
        ]
        for total in ready:
            out = initial = self._begun.get(total.value)
            if out is None:
                out = self._new_place(total.value)
                initial = self.stored[total.rest[0]] if total.rest else None
            for product in total.products:
                left = self.stored[product.left]
                self.instructions.append(MatMul(left, product.weight, product.transposed, initial, out))
                initial = out
            self.stored[total.value] = out
            self._waiting.remove(total)

    def _new_place(self, var: Variable) -> Place:
        """Return the place of a value: the output if it is one, else new scratch rows."""
        if var in self.graph.outputs:
            return Place("output", self.graph.outputs.index(var), width_of(var))
        self.scratch.append(width_of(var))
        return Place("scratch", len(self.scratch) - 1, width_of(var))

    def _can_begin(self, total: SumOfProducts, computable: Callable[[Variable], bool]) -> bool:
        operands = [*total.rest, *(product.left for product in total.products)]
        return total.value not in self._begun and all(computable(v) for v in operands)

    def _in_memory(self, rest: tuple[Variable, ...]) -> bool:
        """Return whether a product can start from the stored rest: one value of full width, with all rows."""
        (first, *others) = rest
        return not others and first in self.stored and self.stored[first].width > 1 and first.type.shape[0] != 1

    def _computable(self) -> Callable[[Variable], bool]:
        """Return a function that says whether a variable follows element by element from stored values."""
        known: dict[Variable, bool] = {}

        def computable(var: Variable) -> bool:
            if var not in known:
                if var in self.stored or constant_of(var) is not None:
                    known[var] = True
                elif var in self._sums or var.owner is None or is_row_sum(var):
                    known[var] = False
                else:
                    known[var] = all(computable(i) for i in var.owner.inputs)
            return known[var]

        return computable

    def _costly_and_needed_later(self, computable: Callable[[Variable], bool]) -> list[Variable]:
        """Return costly values that can be computed now and are used by values that cannot be computed yet."""
        found: dict[Variable, None] = {}
        seen: set[Variable] = set()

        def costly(var: Variable) -> None:
            if var in self.stored or var.owner is None or constant_of(var) is not None:
                return
            if isinstance(var.owner.op.scalar_op, EXPENSIVE):
                found[var] = None
            else:
                for i in var.owner.inputs:
                    costly(i)

        def visit(var: Variable) -> None:
            if var in seen or var.owner is None:
                return
            seen.add(var)
            if computable(var):
                costly(var)
            elif not (is_row_sum(var) and computable(var.owner.inputs[0])):  # which is summed now
                for i in self._sums[var].rest if var in self._sums else var.owner.inputs:
                    visit(i)

        for total in self._waiting:
            if total.value not in self._begun:
                for operand in (*total.rest, *(product.left for product in total.products)):
                    visit(operand)
        for var in (*self._unsummed, *(self.graph.outputs[k] for k in self._missing)):
            visit(var)
        return list(found)
