import threading
import time

import numpy as np
import pytest
from llvmlite import ir

from charrnn.errors import InvalidValue
from charrnn.model.kernels.emit import INT, POINTER, Emitter
from charrnn.model.kernels.jit import VECTOR_BYTES, CompiledFunction, address, host, scalar_type
from tests.model.kernels.widths import WIDTHS, vectors


@pytest.mark.parametrize("width", WIDTHS)
def test_narrower_hosts(width):
    with vectors(width):
        assert host().lanes(scalar_type("float32")) == width // 4
        assert host().lanes(scalar_type("float64")) == width // 8
        wide = {"+avx512f", "+avx2"} & set(host().features.split(","))
        assert wide <= ({"+avx512f", "+avx2"} if width == 64 else {"+avx2"} if width == 32 else set())
    assert host().vector_bytes == WIDTHS[0]


@pytest.mark.parametrize("width", ["8", "48", "", "wide"])
def test_other_widths_are_refused(width, monkeypatch):
    monkeypatch.setenv(VECTOR_BYTES, width)
    with pytest.raises(InvalidValue, match="64, 32 or 16"):
        host.__wrapped__()


def test_addresses():
    x = np.arange(6.0).reshape(2, 3)
    assert address(x) == x.ctypes.data
    assert address(x[1:, 1:]) == x.ctypes.data + 4 * x.itemsize
    assert isinstance(address(np.empty(0)), int)


def test_arguments_are_addresses_and_whole_numbers():
    b = Emitter(ir.Module(), "f", [INT, POINTER], "float64")
    n, out = b.function.args
    b.write(n, out)
    b.ret_void()
    run, got = CompiledFunction(b.module, "f"), np.zeros(1, np.int64)
    run(-(1 << 40), address(got))
    assert got[0] == -(1 << 40)


def test_a_module_that_makes_no_sense_is_refused():
    module = ir.Module()
    b = ir.IRBuilder(ir.Function(module, ir.FunctionType(ir.VoidType(), [INT]), "f").append_basic_block())
    b.ret(INT(1))  # of a function that returns nothing
    with pytest.raises(RuntimeError):
        CompiledFunction(module, "f")


def test_other_threads_run_during_a_call():
    """The function waits for a number that only another thread can set."""
    b = Emitter(ir.Module(), "wait", [POINTER], "float64")
    (place,) = b.function.args
    head, after = b.append_basic_block("head"), b.append_basic_block("after")
    b.branch(head)
    b.position_at_end(head)
    number = b.load_atomic(place, "acquire", 8, typ=INT)
    b.cbranch(b.icmp_signed("==", number, INT(0)), head, after)
    b.position_at_end(after)
    wait, flag = b.compile(), np.zeros(1, np.int64)
    thread = threading.Thread(target=wait, args=(address(flag),), daemon=True)
    thread.start()
    time.sleep(0.01)
    flag[0] = 1
    thread.join(60)
    assert not thread.is_alive()
