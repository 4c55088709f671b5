"""A program run over time, as one compiled function.

Every value is a matrix of rows for each step: an address, a stride from step to step and a stride from row to row. A
value that need not be kept has a time stride of zero and stays in the cache. Rows are independent, so that a caller
gives each thread some of them, and no thread waits for another inside the time loop.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from llvmlite import ir
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph

from charrnn.model.kernels import functions as f
from charrnn.model.kernels import product, scalars
from charrnn.model.kernels.jit import INT, POINTER, CompiledFunction, address, host, scalar_type
from charrnn.model.kernels.program import Map, MatMul, Place, Program, constant_of, width_of


@contextlib.contextmanager
def counting(builder: ir.IRBuilder, start: ir.Value, stop: ir.Value, step: int = 1) -> Iterator[ir.Value]:
    """Emit ``for i in range(start, stop, step)`` around the instructions of the with block."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    i = builder.phi(INT)
    i.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", i, stop), body, after)
    builder.position_at_end(body)
    yield i
    i.add_incoming(builder.add(i, INT(step)), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


class LoopKernel:
    """One step's graph, compiled into a loop over time.

    Parameters
    ----------
    graph : FunctionGraph
        The step: matrices of rows and weights to matrices of rows.
    weights : set of int
        Which inputs are weights.
    dtype : {"float32", "float64"}
    reverse : bool
        Run from the last step to the first.
    carried : dict of int to int
        Inputs that take the value of an output in the iteration before; in the first iteration, their own.
    lagged : set of int
        Inputs that are read one step behind: at time t the rows of t - 1, and at time 0 those of an initial array.

    Raises
    ------
    UnsupportedStep
        The graph holds something that the kernels do not know.
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
        self.scalar = scalar_type(dtype)
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
        module = ir.Module()
        self._define(module)
        self._function = CompiledFunction(module, "loop", [ctypes.c_int64] * 3 + [ctypes.c_void_p] * 4)

    # -- calling ------------------------------------------------------------------------------------------------------

    def pack(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """Return the weights among the graph's inputs in the order and form that the products read them."""
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
            For each output (T, B, n); or (2, B, n), used in turn, of which only the last step's slot matters
            afterwards.
        initial : dict of int to ndarray
            For each lagged input what it is at time 0, (1, B, n).
        panels : list of ndarray
            The weights as `pack` returns them, when they have been packed before.
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
        """Run the loop for rows ``first`` to ``last`` of the batch."""
        tables = arguments.tables  # held on to: two threads may each have made their own
        self._function(steps, first, last, *map(address, tables))

    # -- emission -----------------------------------------------------------------------------------------------------

    def _define(self, module: ir.Module) -> None:
        self._products = (
            {rows: product.define(module, self.scalar, rows) for rows in product.row_blocks()}
            if self.program.panels
            else {}
        )
        signature = ir.FunctionType(ir.VoidType(), [INT] * 3 + [POINTER] * 4)
        function = ir.Function(module, signature, "loop")
        steps, self._first, self._last, addresses, strides, panels, self._extra = function.args
        b = ir.IRBuilder(function.append_basic_block("entry"))
        n = len(self._slots)
        self._base = [b.load(b.gep(addresses, [INT(k)], source_etype=POINTER), typ=POINTER) for k in range(n)]
        self._time, self._row, self._mask = (
            [b.load(b.gep(strides, [INT(3 * k + part)], source_etype=INT), typ=INT) for k in range(n)]
            for part in range(3)
        )
        self._panels = [
            b.load(b.gep(panels, [INT(k)], source_etype=POINTER), typ=POINTER) for k in range(len(self.program.panels))
        ]
        with counting(b, INT(0), steps) as i:
            self._at_step(b, i, steps)
            self._emit_step(b, i)
        b.ret_void()

    def _emit_step(self, b: ir.IRBuilder, i: ir.Value) -> None:
        for instruction in self.program.instructions:
            if isinstance(instruction, Map):
                self._emit_map(b, instruction)
            else:
                self._emit_product(b, instruction)

    def _at_step(self, b: ir.IRBuilder, i: ir.Value, steps: ir.Value) -> None:
        """Set where each array's rows of this step begin."""
        t = b.sub(b.sub(steps, INT(1)), i) if self.reverse else i
        before = b.add(t, INT(1 if self.reverse else -1))  # the time of the iteration before
        first = b.icmp_signed("==", i, INT(0))

        def at(slot: int, time: ir.Value) -> ir.Value:
            index = b.and_(time, self._mask[slot])
            return b.gep(self._base[slot], [b.mul(index, self._time[slot])], source_etype=self.scalar)

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

    def _rows(self, b: ir.IRBuilder, place: Place, row: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the address of a row in this step, and the stride to the next."""
        key = place.kind, place.index
        return b.gep(self._now[key], [b.mul(row, self._stride[key])], source_etype=self.scalar), self._stride[key]

    def _emit_product(self, b: ir.IRBuilder, instruction: MatMul) -> None:
        K, N = instruction.left.width, instruction.out.width
        width = product.panel_width(self.dtype)
        panels = self._panels[self.program.panels.index((instruction.weight, instruction.transposed))]
        null = ir.Constant(POINTER, None)

        def block(builder: ir.IRBuilder, rows: int, row: ir.Value, column: ir.Value) -> None:
            a, a_stride = self._rows(builder, instruction.left, row)
            out, out_stride = self._rows(builder, instruction.out, row)
            initial, initial_stride = null, INT(0)
            if instruction.initial is not None:
                initial, initial_stride = self._rows(builder, instruction.initial, row)
                initial = builder.gep(initial, [column], source_etype=self.scalar)
            panel = builder.gep(panels, [builder.mul(column, INT(K))], source_etype=self.scalar)
            out = builder.gep(out, [column], source_etype=self.scalar)
            left = builder.sub(INT(N), column)
            builder.call(
                self._products[rows], [INT(K), a, a_stride, panel, initial, initial_stride, out, out_stride, left]
            )

        with counting(b, INT(0), INT(N), width) as column:
            row: ir.Value = self._first
            for rows in product.row_blocks():
                stop = b.add(row, b.mul(b.sdiv(b.sub(self._last, row), INT(rows)), INT(rows)))
                with counting(b, row, stop, rows) as r:
                    block(b, rows, r, column)
                row = stop

    def _emit_map(self, b: ir.IRBuilder, instruction: Map) -> None:
        for width in dict.fromkeys(
            [*(place.width for _, place in instruction.targets), *(width_of(var) for var, _ in instruction.row_sums)]
        ):
            targets = tuple(t for t in instruction.targets if t[1].width == width)
            sums = tuple(s for s in instruction.row_sums if width_of(s[0]) == width)
            with counting(b, self._first, self._last) as row:
                self._emit_row(b, Map(targets, instruction.stored, sums), row, width)

    def _emit_row(self, b: ir.IRBuilder, instruction: Map, row: ir.Value, width: int) -> None:
        """Compute the targets and the sums of a row, all of one width: whole vectors, and what is left of it."""
        lanes, align = host().lanes(self.scalar), np.dtype(self.dtype).itemsize
        whole = width - width % lanes
        wanted = [*(t for terms, _ in instruction.targets for t in terms), *(var for var, _ in instruction.row_sums)]
        # What is one number for the whole row is computed before its elements are.
        numbers: dict[Variable, ir.Value] = {}
        if width > 1:
            for var in _one_number(wanted, instruction.stored):
                numbers[var] = self._value(b, var, instruction.stored, row, INT(0), self.scalar, numbers)
        parts = [(ir.VectorType(self.scalar, lanes), 0, whole, lanes), (self.scalar, whole, width, 1)]
        totals: list[ir.Value] = [f.constant(0.0, self.scalar)] * len(instruction.row_sums)
        for kind, start, stop, step in parts:
            if start == stop:
                continue
            sums = [self._variable(b, f.constant(0.0, kind)) for _ in instruction.row_sums]
            with counting(b, INT(start), INT(stop), step) as j:
                values = {var: f.splat(b, number, kind) for var, number in numbers.items()}
                results = [self._value(b, var, instruction.stored, row, j, kind, values) for var in wanted]
                for terms, place in instruction.targets:
                    terms_, results = results[: len(terms)], results[len(terms) :]
                    address, _ = self._rows(b, place, row)
                    address = b.gep(address, [j], source_etype=self.scalar)
                    b.store(scalars.add(b, terms_), address, align=align)
                for total, result in zip(sums, results, strict=True):
                    b.store(b.fadd(b.load(total, typ=kind), result, flags=f.FLAGS), total)
            totals = [f.total(b, t, b.load(place, typ=kind)) for t, place in zip(totals, sums, strict=True)]
        for total, (_, place) in zip(totals, instruction.row_sums, strict=True):
            b.store(total, self._rows(b, place, row)[0], align=align)

    def _value(
        self,
        b: ir.IRBuilder,
        var: Variable,
        stored: dict[Variable, Place],
        row: ir.Value,
        j: ir.Value,
        kind: ir.Type,
        values: dict[Variable, ir.Value],
    ) -> ir.Value:
        """Return a variable at columns j, j + 1, ... of a row; ``values`` are those that are known there, and grows."""
        if var not in values:
            number = constant_of(var)
            if number is not None:
                values[var] = f.constant(number, kind)
            elif var in stored:
                start, _ = self._rows(b, stored[var], row)
                address = b.gep(start, [j], source_etype=self.scalar)
                values[var] = b.load(address, typ=kind, align=np.dtype(self.dtype).itemsize)
            else:
                inputs = [self._value(b, i, stored, row, j, kind, values) for i in var.owner.inputs]
                values[var] = scalars.emit(b, var.owner.op.scalar_op, inputs)
        return values[var]

    @staticmethod
    def _variable(b: ir.IRBuilder, value: ir.Value) -> ir.Value:
        """Return a place of the function's own, which becomes a register."""
        with b.goto_entry_block():
            place = b.alloca(value.type)
        b.store(value, place)
        return place


def _one_number(wanted: list[Variable], stored: dict[Variable, Place]) -> list[Variable]:
    """Return what variables are computed from that has one number for each row."""
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
    """The addresses and strides of one call; they hold on to the arrays that they point into."""

    def __init__(self, n: int) -> None:
        self._addresses = [0] * n
        self._strides = [(0, 0, 0)] * n  # from step to step, from row to row, and a mask for the time
        self._panels: list[int] = []
        self._extra: list[int] = []  # for kernels that do more than the step
        self._kept: list[np.ndarray] = []

    def set(self, slot: int, value: np.ndarray) -> None:
        """Point a slot at (T, B, n) values, at one or two steps' that serve in turn, or at a row vector (1, n)."""
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
        """Point at arrays of a kernel's own."""
        self._extra = [address(a) for a in arrays]
        self._kept += arrays

    @cached_property
    def tables(self) -> list[np.ndarray]:
        """The tables that a compiled loop reads: addresses, strides, panels, extra."""
        addresses = (np.array(a or [0], np.uint64) for a in (self._addresses, self._panels, self._extra))
        here, panels, extra = addresses
        return [here, np.array(self._strides, np.int64), panels, extra]
