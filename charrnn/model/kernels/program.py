"""Put a step's graph in order for a processor: element-wise maps over stored rows, and matrix products that add to a
stored value.

A value goes to memory only where something needs it there: the graph's outputs, left operands of products, the values
that products are added to, and costly values that are used again after a product. Everything else lives in registers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import pytensor.scalar as ps
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot
from pytensor.tensor.shape import Reshape

from charrnn.model.kernels.scalars import EXPENSIVE, UnsupportedStep, supported


@dataclass(frozen=True)
class Place:
    """Where a value is stored: one of the graph's inputs, outputs, or scratch rows."""

    kind: str  # "input", "output" or "scratch"
    index: int
    width: int


@dataclass(frozen=True)
class Map:
    """Store sums of element-wise expressions.

    Each target is (terms to add, where to); ``stored`` are the values already in memory.
    """

    targets: tuple[tuple[tuple[Variable, ...], Place], ...]
    stored: dict[Variable, Place]


@dataclass(frozen=True)
class MatMul:
    """``out = initial + left @ weight`` (or ``weight.T``); no initial value means zero."""

    left: Place
    weight: int  # which of the graph's inputs
    transposed: bool
    initial: Place | None
    out: Place


@dataclass
class _Job:
    """A sum that contains products."""

    value: Variable
    dots: list[tuple[Variable, int, bool]]  # left, weight, transposed
    rest: tuple[Variable, ...]
    rest_stored: bool = False


def is_transpose(var: Variable) -> bool:
    return var.owner is not None and isinstance(var.owner.op, DimShuffle) and tuple(var.owner.op.new_order) == (1, 0)


def constant_of(var: Variable) -> float | None:
    """Return the number that a constant, however broadcast, stands for; None if it is not one number."""
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
    """Refuse a graph that holds something other than element-wise mathematics and products.

    Raises
    ------
    UnsupportedStep
        There is no kernel for one of its nodes.
    """
    for node in graph.toposort():
        known = (
            isinstance(node.op, Dot)
            or (isinstance(node.op, Elemwise) and supported(node.op.scalar_op))
            or constant_of(node.outputs[0]) is not None
            or is_transpose(node.outputs[0])
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
        Which inputs are weights.

    Raises
    ------
    UnsupportedStep
        The graph holds something other than element-wise mathematics and products with a weight.
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
        self._find_jobs()
        self._schedule()

    @cached_property
    def panels(self) -> list[tuple[int, bool]]:
        """The weights that the products use, each with whether it is transposed."""
        return list(dict.fromkeys((m.weight, m.transposed) for m in self.instructions if isinstance(m, MatMul)))

    def _clients(self, var: Variable) -> int:
        return len(self.graph.clients[var])

    def _terms(self, var: Variable) -> list[Variable]:
        """Return the terms of a sum; a partial sum that nothing else uses is taken apart too."""
        result = []
        for part in var.owner.inputs:
            result += self._terms(part) if _is(part, ps.Add) and self._clients(part) == 1 else [part]
        return result

    def _dot(self, var: Variable) -> tuple[Variable, int, bool]:
        left, right = var.owner.inputs
        transposed = is_transpose(right)
        weight = right.owner.inputs[0] if transposed else right
        if weight not in self.graph.inputs or self.graph.inputs.index(weight) not in self.weights:
            raise UnsupportedStep(f"the product {var} has no weight on its right")
        return left, self.graph.inputs.index(weight), transposed

    def _find_jobs(self) -> None:
        self.jobs: dict[Variable, _Job] = {}
        absorbed: set[Variable] = set()
        for node in reversed(self.graph.toposort()):
            var = node.outputs[0]
            if var in absorbed:
                continue
            if _is(var, ps.Add):
                terms = self._terms(var)
                dots = [t for t in terms if _is_dot(t) and self._clients(t) == 1]
                if dots:
                    rest = tuple(t for t in terms if t not in dots)
                    self.jobs[var] = _Job(var, [self._dot(d) for d in dots], rest)
                    absorbed |= set(dots) | self._inner_sums(var)
            elif _is_dot(var):
                self.jobs[var] = _Job(var, [self._dot(var)], ())

    def _inner_sums(self, var: Variable) -> set[Variable]:
        inner = {i for i in var.owner.inputs if _is(i, ps.Add) and self._clients(i) == 1}
        return inner.union(*(self._inner_sums(i) for i in inner)) if inner else inner

    def _new_place(self, var: Variable) -> Place:
        """A value that is an output is stored there; any other in scratch rows."""
        if var in self.graph.outputs:
            return Place("output", self.graph.outputs.index(var), width_of(var))
        self.scratch.append(width_of(var))
        return Place("scratch", len(self.scratch) - 1, width_of(var))

    def _schedule(self) -> None:
        waiting = list(self.jobs.values())
        missing = list(range(len(self.graph.outputs)))
        while missing or waiting:
            before = len(missing) + len(waiting)
            computable = self._computable()
            targets: list[tuple[tuple[Variable, ...], Place]] = []

            planned: dict[Variable, Place] = {}

            def store(var: Variable, planned=planned, targets=targets) -> None:
                if var not in self.stored:
                    planned[var] = self._new_place(var)
                    targets.append(((var,), planned[var]))

            for job in waiting:
                for left, *_ in job.dots:
                    if computable(left) and left not in planned:
                        store(left)
            for job in waiting:
                ready = all(computable(left) for left, *_ in job.dots) and all(computable(t) for t in job.rest)
                if ready and job.rest and not job.rest_stored and not self._in_memory(job.rest):
                    planned[job.value] = self._new_place(job.value)
                    targets.append((job.rest, planned[job.value]))
                    job.rest_stored = True
            for k in list(missing):
                var = self.graph.outputs[k]
                if var in self.jobs or not computable(var):
                    continue
                place = Place("output", k, width_of(var))
                if planned.get(var) != place:
                    targets.append(((var,), place))
                    planned.setdefault(var, place)
                missing.remove(k)
            for var in self._needed_later(waiting, missing, computable):
                if var not in planned:
                    store(var)
            if targets:
                self.instructions.append(Map(tuple(targets), dict(self.stored)))
            unfinished = {job.value for job in waiting}
            self.stored |= {var: place for var, place in planned.items() if var not in unfinished}
            for job in list(waiting):
                if all(left in self.stored for left, *_ in job.dots) and (
                    not job.rest or job.rest_stored or self._in_memory(job.rest)
                ):
                    self._multiply(job, planned)
                    waiting.remove(job)
                    for k in list(missing):
                        if self.graph.outputs[k] is job.value and self.stored[job.value] == Place(
                            "output", k, width_of(job.value)
                        ):
                            missing.remove(k)
            for k in list(missing):  # a product that is returned twice is copied
                var = self.graph.outputs[k]
                if var in self.jobs and var in self.stored:
                    self.instructions.append(Map((((var,), Place("output", k, width_of(var))),), dict(self.stored)))
                    missing.remove(k)
            if len(missing) + len(waiting) == before:
                raise UnsupportedStep("the products of the step depend on each other in a circle")

    def _in_memory(self, rest: tuple[Variable, ...]) -> bool:
        return (
            len(rest) == 1 and rest[0] in self.stored and self.stored[rest[0]].width > 1 and rest[0].type.shape[0] != 1
        )

    def _multiply(self, job: _Job, planned: dict[Variable, Place]) -> None:
        out = planned.get(job.value) or self._new_place(job.value)
        initial = out if job.rest_stored else self.stored[job.rest[0]] if job.rest else None
        for left, weight, transposed in job.dots:
            self.instructions.append(MatMul(self.stored[left], weight, transposed, initial, out))
            initial = out
        self.stored[job.value] = out

    def _computable(self):
        known: dict[Variable, bool] = {}

        def computable(var: Variable) -> bool:
            if var not in known:
                if var in self.stored or constant_of(var) is not None:
                    known[var] = True
                elif var in self.jobs or var.owner is None:
                    known[var] = False
                else:
                    known[var] = all(computable(i) for i in var.owner.inputs)
            return known[var]

        return computable

    def _needed_later(self, waiting: list[_Job], missing: list[int], computable) -> list[Variable]:
        """Return costly values that can be computed now and that something which cannot be computed yet will use."""
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
            elif var in self.jobs:
                for t in self.jobs[var].rest:
                    visit(t)
            else:
                for i in var.owner.inputs:
                    visit(i)

        for job in waiting:
            if not job.rest_stored:
                for v in job.rest:
                    if not all(computable(t) for t in job.rest):
                        visit(v)
            for left, *_ in job.dots:
                if not computable(left):
                    visit(left)
        for k in missing:
            visit(self.graph.outputs[k])
        return list(found)


def _is(var: Variable, scalar_op: type) -> bool:
    return (
        var.owner is not None and isinstance(var.owner.op, Elemwise) and isinstance(var.owner.op.scalar_op, scalar_op)
    )


def _is_dot(var: Variable) -> bool:
    return var.owner is not None and isinstance(var.owner.op, Dot)
