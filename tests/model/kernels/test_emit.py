"""The vocabulary of the kernels, each idiom as a small compiled function."""

import functools

import numpy as np
import pytest
from llvmlite import ir

from charrnn.model.kernels.emit import FLAGS, INT, INT32, POINTER, Accumulator, Emitter, constant
from charrnn.model.kernels.jit import address
from tests.model.kernels.widths import WIDTHS, vectors

LENGTHS = (0, 1, 2, 3, 7, 8, 15, 16, 17, 35)


def larger(b, x, y):
    return b.select(b.fcmp_ordered(">", x, y), x, y)


def emitter(dtype, *arguments):
    return Emitter(ir.Module(), "f", list(arguments), dtype)


@pytest.mark.parametrize("step", [1, 3])
def test_a_counted_loop_is_pythons_range(step):
    b = emitter("float64", POINTER, INT, INT)
    out, start, stop = b.function.args
    n = b.variable(INT(0))
    with b.counting(start, stop, step) as i:
        b.write(i, out, b.load(n, typ=INT))
        b.store(b.add(b.load(n, typ=INT), INT(1)), n)
    run = b.compile()
    for first, last in ((0, 7), (2, 9), (5, 5), (6, 2), (-3, 1)):
        got = np.full(12, -99, np.int64)
        run(address(got), first, last)
        wanted = list(range(first, last, step))
        assert got.tolist() == wanted + [-99] * (12 - len(wanted))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("known", [True, False])
def test_columns_are_each_visited_once(dtype, width, known):
    """Whether the bounds are known when the kernel is written or not."""
    with vectors(width):
        for start, stop in ((0, n) for n in LENGTHS) if known else ((a, a + n) for a in (0, 3) for n in LENGTHS):
            b = emitter(dtype, POINTER, INT, INT)
            numbers, first, last = b.function.args
            for j, kind in b.columns(start, stop) if known else b.columns(first, last):
                b.write(b.fadd(b.read(numbers, j, kind), constant(1.0, kind)), numbers, j)
            x = np.zeros(stop + 5, dtype)
            b.compile()(address(x), start, stop)
            np.testing.assert_array_equal(x, [start <= i < stop for i in range(len(x))])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accumulators(dtype, width):
    with vectors(width):
        for n in LENGTHS[1:]:
            b = emitter(dtype, POINTER, POINTER, INT)
            row, out, length = b.function.args
            known, unknown, highest = Accumulator(b, 0.0), Accumulator(b, 0.0), Accumulator(b, -np.inf)
            for j, kind in b.columns(0, n):
                known.add(b.read(row, j, kind))
            for j, kind in b.columns(0, length):
                value = b.read(row, j, kind)
                unknown.add(value)
                highest.set(larger(b, value, highest.get(kind)))
            b.write(known.total(), out, 0)
            b.write(unknown.total(), out, 1)
            b.write(unknown.across(constant(0.5, b.scalar)), out, 2)
            b.write(highest.fold(functools.partial(larger, b)), out, 3)
            x, got = np.random.default_rng(n).integers(-50, 50, n).astype(dtype), np.empty(4, dtype)
            b.compile()(address(x), address(got), n)
            lanes = width // x.itemsize
            np.testing.assert_array_equal(got, [x.sum(), x.sum(), 0.5 + x[: n - n % lanes].sum(), x.max()])


def test_an_accumulator_begins_again_where_it_is_made():
    b = emitter("float64", POINTER, INT)
    out, rows = b.function.args
    with b.counting(0, rows) as i:
        total = Accumulator(b, 0.0)
        for _, kind in b.columns(0, 11):
            total.add(constant(1.0, kind))
        b.write(total.total(), out, i)
    got = np.zeros(3)
    b.compile()(address(got), 3)
    assert got.tolist() == [11.0] * 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masked_loads_and_stores_touch_only_what_is_asked_for(dtype):
    b = emitter(dtype, POINTER, POINTER, INT)
    source, target, n = b.function.args
    numbers = ir.Constant(ir.VectorType(INT, b.lanes), list(range(b.lanes)))
    mask = b.icmp_signed("<", numbers, b.splat(n, numbers.type))
    b.write_masked(b.fmul(b.read_masked(source, mask), constant(2.0, b.vector), flags=FLAGS), target, mask)
    run, lanes = b.compile(), b.lanes
    for n in range(lanes + 1):
        x, out = np.arange(1, lanes + 1, dtype=dtype), np.full(lanes, -1, dtype)
        run(address(x), address(out), n)
        np.testing.assert_array_equal(out, np.where(np.arange(lanes) < n, 2 * x, -1))


def test_tables_of_every_type_at_any_offset():
    b = emitter("float32", POINTER, POINTER)
    table, out = b.function.args
    small, large, number = b.items(table, 3, POINTER)
    b.write(b.add(b.sext(b.read(small, 1, INT32), INT), b.read(large, 2, INT)), out, 0)
    b.write(b.read(b.at(number, 1, INT(2))), b.at(out, 1, of=INT))
    b.write(b.zext(b.is_null(b.items(table, 4, POINTER)[3]), INT), out, 2)
    arrays = np.array([5, -7], np.int32), np.array([1, 2, 1 << 40]), np.arange(4, dtype="float32")
    addresses, got = np.array([*map(address, arrays), 0], np.uint64), np.zeros(3, np.int64)
    b.compile()(address(addresses), address(got))
    assert got[0] == (1 << 40) - 7
    assert got.view("float32")[2] == 3.0
    assert got[2] == 1


def test_prefetching_what_does_not_exist_is_harmless():
    b = emitter("float64", POINTER)
    b.prefetch(b.function.args[0], write=False)
    b.prefetch(b.function.args[0], write=True)
    b.compile()(None)
