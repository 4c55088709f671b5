"""Run a program over time, as one compiled function.

Every value is a matrix of rows for each step: an address, a stride from step to step and a stride from row to row. A
value that is not kept has a time stride of zero and stays in the cache. Rows are independent: a caller gives each
thread some of them, and no thread waits for another inside the time loop.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from llvmlite import ir
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph

from charrnn.model.kernels import product, scalars
from charrnn.model.kernels.emit import INT, NULL, POINTER, Accumulator, Emitter, constant
from charrnn.model.kernels.jit import CompiledFunction, address
from charrnn.model.kernels.program import Map, MatMul, Place, Program, constant_of, width_of


class LoopKernel:
    """One step's graph, compiled into a loop over time.

    Parameters
    ----------
    graph : FunctionGraph
        The step: matrices of rows and weights to matrices of rows.
    weights : set of int
        Indices of the inputs that are weights.
    dtype : {"float32", "float64"}
    reverse : bool
        Whether to run from the last step to the first.
    carried : dict of int to int
        Inputs that take the value of an output in the previous iteration; in the first iteration, their own.
    lagged : set of int
        Inputs that are read one step late: at time t the rows of t - 1, and at time 0 those of an initial array.

    Raises
    ------
    UnsupportedStep
        If a node of the graph has no kernel.
    """

    def __init__(
        self,
        graph: FunctionGraph,
        weights: set[int],
        dtype: str,
        reverse: bool = False,
        carried: dict[int, int] | None = None,
        lagged: set[int] | None = None,
    ) -> None:
        self.program = Program(graph, weights)
        self.dtype, self.reverse, self.carried, self.lagged = dtype, reverse, carried or {}, lagged or set()
        self._slots: dict[tuple[str, int], int] = {}
        for i in range(len(graph.inputs)):
            if i not in weights:
                self._slots["input", i] = len(self._slots)
        for i in self.lagged:
            self._slots["initial", i] = len(self._slots)
        for k in range(len(graph.outputs)):
            self._slots["output", k] = len(self._slots)
        for k in range(len(self.program.scratch)):
            self._slots["scratch", k] = len(self._slots)
        self._function = self._compile()

    # -- calling ------------------------------------------------------------------------------------------------------

    def pack(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """Return the weights among the graph's inputs, packed, in the order of the products."""
        return [product.pack(values[i].T if transposed else values[i]) for i, transposed in self.program.panels]

    def arrays(
        self,
        inputs: list[np.ndarray],
        outputs: list[np.ndarray],
        batch: int,
        initial: dict[int, np.ndarray] | None = None,
        panels: list[np.ndarray] | None = None,
    ) -> Arguments:
        """Return the addresses for `__call__`.

        Parameters
        ----------
        inputs : list of ndarray
            For each input of the graph: (T, B, n) values of every step, (1, B, n) for all steps, a row vector (1, n),
            or a weight.
        outputs : list of ndarray
            For each output (T, B, n); or (2, B, n), whose slots take turns: after the loop, only the last step's slot
            has a defined value.
        initial : dict of int to ndarray
            For each lagged input its value at time 0, (1, B, n).
        panels : list of ndarray
            The weights as `pack` returns them, if they have been packed before.
        """
        arguments = Arguments(len(self._slots))
        for i, value in enumerate(inputs):
            if ("input", i) in self._slots:
                arguments.set(self._slots["input", i], value)
        for i, value in (initial or {}).items():
            arguments.set(self._slots["initial", i], value)
        for k, value in enumerate(outputs):
            arguments.set(self._slots["output", k], value)
        for k, width in enumerate(self.program.scratch):
            arguments.set(self._slots["scratch", k], np.empty((1, batch, width), self.dtype))
        arguments.keep_panels(self.pack(inputs) if panels is None else panels)
        return arguments

    def __call__(self, steps: int, first: int, last: int, arguments: Arguments) -> None:
        """Run the loop for the batch's rows from ``first`` up to, not including, ``last``."""
        tables = arguments.tables  # a local reference: each of two threads may have made its own
        self._function(steps, first, last, *map(address, tables))

    # -- emission -----------------------------------------------------------------------------------------------------

    def _compile(self) -> CompiledFunction:
        module = ir.Module()
        blocks = product.row_blocks() if self.program.panels else []
        self._products = {rows: product.define(module, self.dtype, rows) for rows in blocks}
        b = Emitter(module, "loop", [INT] * 3 + [POINTER] * 4, self.dtype)
        steps, self._first, self._last, addresses, strides, panels, self._extra = b.function.args
        n = len(self._slots)
        self._base = b.items(addresses, n, POINTER)
        self._time, self._row, self._mask = (
            [b.read(strides, 3 * k + part, INT) for k in range(n)] for part in range(3)
        )
        self._panels = b.items(panels, len(self.program.panels), POINTER)
        with b.counting(0, steps) as i:
            self._at_step(b, i, steps)
            self._emit_step(b, i)
        return b.compile()

    def _emit_step(self, b: Emitter, i: ir.Value) -> None:
        for instruction in self.program.instructions:
            if isinstance(instruction, Map):
                self._emit_map(b, instruction)
            else:
                self._emit_product(b, instruction)

    def _at_step(self, b: Emitter, i: ir.Value, steps: ir.Value) -> None:
        """Set the address of each array's rows of this step, and their stride."""
        t = b.sub(b.sub(steps, INT(1)), i) if self.reverse else i
        before = b.add(t, INT(1 if self.reverse else -1))  # the time of the iteration before
        first = b.icmp_signed("==", i, INT(0))

        def at(slot: int, time: ir.Value) -> ir.Value:
            index = b.and_(time, self._mask[slot])
            return b.at(self._base[slot], b.mul(index, self._time[slot]))

        self._now = {key: at(slot, t) for key, slot in self._slots.items()}
        self._stride = {key: self._row[slot] for key, slot in self._slots.items()}

        def instead(
            key: tuple[str, int], condition: ir.Value, address: ir.Value, other: tuple[str, int], stride: ir.Value
        ) -> None:
            self._now[key] = b.select(condition, self._now[other], address)
            self._stride[key] = b.select(condition, self._stride[other], stride)

        for n, k in self.carried.items():
            output = self._slots["output", k]
            instead(("input", n), first, at(output, before), ("input", n), self._row[output])
        for n in self.lagged:
            slot, zero = self._slots["input", n], b.icmp_signed("==", t, INT(0))
            instead(("input", n), zero, at(slot, b.sub(t, INT(1))), ("initial", n), self._row[slot])

    def _rows(self, b: Emitter, place: Place, row: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the address of a row in this step, and the stride to the next."""
        key = place.kind, place.index
        return b.at(self._now[key], b.mul(row, self._stride[key])), self._stride[key]

    def _emit_product(self, b: Emitter, instruction: MatMul) -> None:
        K, N = instruction.left.width, instruction.out.width
        panels = self._panels[self.program.panels.index((instruction.weight, instruction.transposed))]
        with b.counting(0, N, product.panel_width(self.dtype)) as column:
            for rows, row in product.in_blocks(b, self._first, self._last):
                a, a_stride = self._rows(b, instruction.left, row)
                out, out_stride = self._rows(b, instruction.out, row)
                initial, initial_stride = NULL, INT(0)
                if instruction.initial is not None:
                    initial, initial_stride = self._rows(b, instruction.initial, row)
                    initial = b.at(initial, column)
                panel, out, left = b.at(panels, b.mul(column, INT(K))), b.at(out, column), b.sub(INT(N), column)
                arguments = [INT(K), a, a_stride, panel, initial, initial_stride, out, out_stride, left]
                b.call(self._products[rows], arguments)

    def _emit_map(self, b: Emitter, instruction: Map) -> None:
        for width in dict.fromkeys(
            [*(place.width for _, place in instruction.targets), *(width_of(var) for var, _ in instruction.row_sums)]
        ):
            targets = tuple(t for t in instruction.targets if t[1].width == width)
            sums = tuple(s for s in instruction.row_sums if width_of(s[0]) == width)
            with b.counting(self._first, self._last) as row:
                self._emit_row(b, Map(targets, instruction.stored, sums), row, width)

    def _emit_row(self, b: Emitter, instruction: Map, row: ir.Value, width: int) -> None:
        """Compute the targets and the sums of a row, all of one width."""
        stored = instruction.stored
        wanted = [*(t for terms, _ in instruction.targets for t in terms), *(var for var, _ in instruction.row_sums)]
        # Values with a single number for the whole row are computed before its elements.
        numbers: dict[Variable, ir.Value] = {}
        if width > 1:
            for var in _one_number(wanted, stored):
                numbers[var] = self._value(b, var, stored, row, INT(0), b.scalar, numbers)
        sums = [Accumulator(b, 0.0) for _ in instruction.row_sums]
        for j, kind in b.columns(0, width):
            values = {var: b.splat(number, kind) for var, number in numbers.items()}
            results = [self._value(b, var, stored, row, j, kind, values) for var in wanted]
            for terms, place in instruction.targets:
                terms_, results = results[: len(terms)], results[len(terms) :]
                b.write(scalars.add(b, terms_), self._rows(b, place, row)[0], j)
            for total, result in zip(sums, results, strict=True):
                total.add(result)
        for total, (_, place) in zip(sums, instruction.row_sums, strict=True):
            b.write(total.total(), self._rows(b, place, row)[0])

    def _value(
        self,
        b: Emitter,
        var: Variable,
        stored: dict[Variable, Place],
        row: ir.Value,
        j: ir.Value,
        kind: ir.Type,
        values: dict[Variable, ir.Value],
    ) -> ir.Value:
        """Return a variable at columns j, j + 1, ... of a row; ``values`` holds the known ones and is added to."""
        if var not in values:
            number = constant_of(var)
            if number is not None:
                values[var] = constant(number, kind)
            elif var in stored:
                values[var] = b.read(self._rows(b, stored[var], row)[0], j, kind)
            else:
                inputs = [self._value(b, i, stored, row, j, kind, values) for i in var.owner.inputs]
                values[var] = scalars.apply(b, var.owner.op.scalar_op, inputs)
        return values[var]


def _one_number(wanted: list[Variable], stored: dict[Variable, Place]) -> list[Variable]:
    """Return the variables with a single number for each row that the wanted ones depend on."""
    found: dict[Variable, None] = {}
    seen: set[Variable] = set()

    def visit(var: Variable) -> None:
        if var in seen or constant_of(var) is not None:
            return
        seen.add(var)
        if width_of(var) == 1:
            found[var] = None
        elif var not in stored:
            for i in var.owner.inputs:
                visit(i)

    for var in wanted:
        visit(var)
    return list(found)


class Arguments:
    """The addresses and strides of one call, with references to the arrays that they point into."""

    def __init__(self, n: int) -> None:
        self._addresses = [0] * n
        self._strides = [(0, 0, 0)] * n  # from step to step, from row to row, and a mask for the time
        self._panels: list[int] = []
        self._extra: list[int] = []  # arrays that only a subclass of the kernel reads
        self._kept: list[np.ndarray] = []

    def set(self, slot: int, value: np.ndarray) -> None:
        """Point a slot at values (T, B, n), at those of one or two steps that take turns, or at a row vector (1, n)."""
        shape, strides, item = value.shape, value.strides, value.itemsize
        if value.size and shape[-1] > 1 and strides[-1] != item:
            raise ValueError(f"rows must be contiguous, got strides {strides} for shape {shape}")
        self._addresses[slot] = address(value)
        if len(shape) == 3:
            self._strides[slot] = strides[0] // item, strides[1] // item, shape[0] - 1 if shape[0] <= 2 else -1
        self._kept.append(value)

    def keep_panels(self, panels: list[np.ndarray]) -> None:
        """Point at the packed weights."""
        self._panels = [address(p) for p in panels]
        self._kept += panels

    def keep_extra(self, arrays: list[np.ndarray]) -> None:
        """Point at arrays that only a subclass of the kernel reads."""
        self._extra = [address(a) for a in arrays]
        self._kept += arrays

    @cached_property
    def tables(self) -> list[np.ndarray]:
        """The tables that a compiled loop reads: addresses, strides, panels, extra."""
        addresses = (np.array(a or [0], np.uint64) for a in (self._addresses, self._panels, self._extra))
        here, panels, extra = addresses
        return [here, np.array(self._strides, np.int64), panels, extra]
