"""The vocabulary that every kernel is written in: addresses, loads and stores, counted loops, vectors of columns, sums.

An `Emitter` is llvmlite's builder with these idioms added. Whole numbers may be given as Python numbers. The body of a
loop is Python code that runs once, while the kernel is written; only what it emits runs many times:

>>> import numpy as np
>>> b = Emitter(ir.Module(), "double", [POINTER, INT], "float32")
>>> numbers, n = b.function.args
>>> for j, kind in b.columns(0, n):
...     b.write(b.fmul(b.read(numbers, j, kind), constant(2.0, kind)), numbers, j)
>>> double, x = b.compile(), np.arange(5, dtype="float32")
>>> double(x.ctypes.data, 5)
>>> x.tolist()
[0.0, 2.0, 4.0, 6.0, 8.0]
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator

from llvmlite import ir

from charrnn.model.kernels.jit import CompiledFunction, host, scalar_type

BIT, INT32, INT, POINTER = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.PointerType()
NULL = ir.Constant(POINTER, None)

# Contraction into fused multiply-add and reassociation are allowed. NaN and infinity keep their meaning, because
# divergence must be visible.
FLAGS = ("contract", "reassoc", "arcp", "nsz")


def constant(value: float, like: ir.Type) -> ir.Constant:
    """Return a number as a constant of a scalar or vector type."""
    return ir.Constant(like, [value] * like.count if isinstance(like, ir.VectorType) else value)


def element(kind: ir.Type) -> ir.Type:
    """Return the scalar type of a vector type, or the scalar type itself."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def number(value: ir.Value | int) -> ir.Value:
    """Return a Python number as a constant of `INT`; a value as it is."""
    return INT(value) if isinstance(value, int) else value


def _suffix(kind: ir.Type) -> str:
    """Return a type's part of an intrinsic's name: ``f32``, ``v16f32``."""
    lanes = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    return f"{lanes}f{64 if isinstance(element(kind), ir.DoubleType) else 32}"


def _alignment(kind: ir.Type) -> int:
    """Return the alignment of a type's numbers in bytes; a vector may begin at any number."""
    scalar = element(kind)
    return 4 if isinstance(scalar, ir.FloatType) or scalar == INT32 else 8


class Emitter(ir.IRBuilder):
    """A function being written.

    Parameters
    ----------
    module : ir.Module
        The module that the function is added to.
    name : str
    arguments : list of ir.Type
        Types of its arguments; it returns nothing.
    dtype : {"float32", "float64"}
        The type of its numbers.

    Attributes
    ----------
    scalar, vector, mask : ir.Type
        One number, a register of numbers, and a register of booleans.
    lanes : int
        The count of numbers in a register.
    """

    def __init__(self, module: ir.Module, name: str, arguments: list[ir.Type], dtype: str) -> None:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        super().__init__(function.append_basic_block("entry"))
        self.dtype, self.scalar = dtype, scalar_type(dtype)
        self.lanes = host().lanes(self.scalar)
        self.vector, self.mask = ir.VectorType(self.scalar, self.lanes), ir.VectorType(BIT, self.lanes)

    def compile(self) -> CompiledFunction:
        """Return from the function, and compile its module."""
        self.ret_void()
        return CompiledFunction(self.module, self.function.name)

    # -- memory -------------------------------------------------------------------------------------------------------

    def at(self, base: ir.Value, *offsets: ir.Value | int, of: ir.Type | None = None) -> ir.Value:
        """Return the address a sum of offsets after ``base``, counted in numbers or in items ``of`` another type."""
        total = functools.reduce(self.add, map(number, offsets))
        return self.gep(base, [total], source_etype=self.scalar if of is None else of)

    def read(self, base: ir.Value, j: ir.Value | int = 0, kind: ir.Type | None = None) -> ir.Value:
        """Return the number, the vector or the value of another type that is stored from index j on."""
        kind = self.scalar if kind is None else kind
        return self.load(self.at(base, j, of=element(kind)), typ=kind, align=_alignment(kind))

    def write(self, value: ir.Value, base: ir.Value, j: ir.Value | int = 0) -> None:
        """Store a value from index j on."""
        self.store(value, self.at(base, j, of=element(value.type)), align=_alignment(value.type))

    def items(self, base: ir.Value, n: int, kind: ir.Type) -> list[ir.Value]:
        """Return the first n values of a table."""
        return [self.read(base, k, kind) for k in range(n)]

    def read_masked(self, base: ir.Value, mask: ir.Value) -> ir.Value:
        """Return a vector; where the mask is false, memory is not touched and the number is 0."""
        signature = ir.FunctionType(self.vector, [POINTER, INT32, self.mask, self.vector])
        load = self.declare(f"llvm.masked.load.{_suffix(self.vector)}.p0", signature)
        return self.call(load, [base, INT32(4), mask, constant(0.0, self.vector)])

    def write_masked(self, value: ir.Value, base: ir.Value, mask: ir.Value) -> None:
        """Store those numbers of a vector where the mask is true."""
        signature = ir.FunctionType(ir.VoidType(), [self.vector, POINTER, INT32, self.mask])
        store = self.declare(f"llvm.masked.store.{_suffix(self.vector)}.p0", signature)
        self.call(store, [value, base, INT32(4), mask])

    def prefetch(self, base: ir.Value, write: bool) -> None:
        """Prefetch the memory at an address, which need not exist."""
        signature = ir.FunctionType(ir.VoidType(), [POINTER, INT32, INT32, INT32])
        self.call(self.declare("llvm.prefetch.p0", signature), [base, INT32(int(write)), INT32(3), INT32(1)])

    def is_null(self, base: ir.Value) -> ir.Value:
        """Return whether an address is null."""
        return self.icmp_unsigned("==", self.ptrtoint(base, INT), INT(0))

    def variable(self, value: ir.Value) -> ir.Value:
        """Return the address of a variable of the function, which becomes a register, set to a value here."""
        with self.goto_entry_block():
            place = self.alloca(value.type)
        self.store(value, place)
        return place

    # -- loops --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def counting(self, start: ir.Value | int, stop: ir.Value | int, step: int = 1) -> Iterator[ir.Value]:
        """Emit ``for i in range(start, stop, step)`` around the instructions of the with block."""
        before = self.block
        head, body, after = (self.append_basic_block(name) for name in ("head", "body", "after"))
        self.branch(head)
        self.position_at_end(head)
        i = self.phi(INT)
        i.add_incoming(number(start), before)
        self.cbranch(self.icmp_signed("<", i, number(stop)), body, after)
        self.position_at_end(body)
        yield i
        i.add_incoming(self.add(i, INT(step)), self.block)
        self.branch(head)
        self.position_at_end(after)

    def columns(self, start: ir.Value | int, stop: ir.Value | int) -> Iterator[tuple[ir.Value, ir.Type]]:
        """Emit a loop over vectors of columns, then one over single columns that are left.

        Yields, for the body of either, the first column's index and its type: `vector` or `scalar`. If both bounds are
        Python numbers, an empty loop is left out.
        """
        for kind, first, last, step in self._parts(start, stop):
            with self.counting(first, last, step) as j:
                yield j, kind

    def _parts(self, start: ir.Value | int, stop: ir.Value | int) -> list[tuple]:
        if isinstance(start, int) and isinstance(stop, int):
            whole: ir.Value | int = stop - (stop - start) % self.lanes
            parts = [(self.vector, start, whole, self.lanes), (self.scalar, whole, stop, 1)]
            return [part for part in parts if part[1] != part[2]]
        start, stop = number(start), number(stop)
        whole = self.sub(stop, self.srem(self.sub(stop, start), INT(self.lanes)))
        return [(self.vector, start, whole, self.lanes), (self.scalar, whole, stop, 1)]

    # -- numbers ------------------------------------------------------------------------------------------------------

    def declare(self, name: str, signature: ir.FunctionType) -> ir.Function:
        """Return a function outside the module, declaring it on first use."""
        known = self.module.globals
        return known[name] if name in known else ir.Function(self.module, signature, name)

    def intrinsic(self, name: str, *args: ir.Value) -> ir.Value:
        """Call ``llvm.<name>`` on values of one type."""
        kind = args[0].type
        signature = ir.FunctionType(kind, [kind] * len(args))
        return self.call(self.declare(f"llvm.{name}.{_suffix(kind)}", signature), args)

    def splat(self, value: ir.Value, kind: ir.Type) -> ir.Value:
        """Return a scalar in every lane of a vector type; for a scalar type, the scalar."""
        if not isinstance(kind, ir.VectorType):
            return value
        undefined = ir.Constant(ir.VectorType(value.type, kind.count), ir.Undefined)
        first = self.insert_element(undefined, value, INT32(0))
        return self.shuffle_vector(first, undefined, constant(0, ir.VectorType(INT32, kind.count)))


class Accumulator:
    """The accumulator of a loop over columns: a number for each lane, and one for single columns.

    Parameters
    ----------
    b : Emitter
        The function, which here sets the accumulator to `start`.
    start : float
    """

    def __init__(self, b: Emitter, start: float) -> None:
        self._b = b
        self._places = {kind: b.variable(constant(start, kind)) for kind in (b.vector, b.scalar)}
        self._has_lanes = False

    def get(self, kind: ir.Type) -> ir.Value:
        """Return the accumulated lanes (`Emitter.vector`) or the number of single columns (`Emitter.scalar`)."""
        return self._b.load(self._places[kind], typ=kind)

    def set(self, value: ir.Value) -> None:
        """Replace the accumulated value."""
        self._has_lanes |= value.type == self._b.vector
        self._b.store(value, self._places[value.type])

    def add(self, value: ir.Value) -> None:
        """Add numbers to the accumulated value."""
        self.set(self._b.fadd(self.get(value.type), value, flags=FLAGS))

    def across(self, start: ir.Value) -> ir.Value:
        """Return a number plus those of all lanes, which are added in pairs."""
        b = self._b
        signature = ir.FunctionType(b.scalar, [b.scalar, b.vector])
        reduce = b.declare(f"llvm.vector.reduce.fadd.{_suffix(b.vector)}", signature)
        return b.call(reduce, [start, self.get(b.vector)], fastmath=("reassoc",))

    def total(self) -> ir.Value:
        """Return the sum of the lanes and the single columns."""
        b, zero = self._b, constant(0.0, self._b.scalar)
        return b.fadd(self.across(zero) if self._has_lanes else zero, self.get(b.scalar), flags=FLAGS)

    def fold(self, combine: Callable[[ir.Value, ir.Value], ir.Value]) -> ir.Value:
        """Return the single columns combined with one lane after the other: ``combine(so far, lane)``."""
        result, lanes = self.get(self._b.scalar), self.get(self._b.vector)
        for lane in range(self._b.lanes):
            result = combine(result, self._b.extract_element(lanes, INT32(lane)))
        return result
