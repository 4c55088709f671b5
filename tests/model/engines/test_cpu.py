"""The rewrites of the CPU engine."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from charrnn.model.cells import RNN
from charrnn.model.engines import cpu
from charrnn.model.engines.cpu import SumRows, ThreadedDot
from charrnn.model.engines.engine import compile_function
from charrnn.model.recurrence import recurrence
from charrnn.model.recurrence.op import Recurrence
from tests.helpers import symbol


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_heavy_operations_are_split_or_left_to_blas(dtype):
    rng = np.random.default_rng(0)
    a, b, rows = (rng.normal(size=s).astype(dtype) for s in ((130, 90), (90, 110), (4, 30, 7)))
    a_, b_, rows_ = symbol("a", a), symbol("b", b), symbol("rows", rows)
    outputs = [pt.dot(a_, b_), rows_.sum(axis=(0, 1), dtype=dtype), rows_.sum(axis=1), rows_.sum(axis=2), rows_.sum()]
    got = compile_function("cpu", [a_, b_, rows_], outputs, n_threads=2)(a, b, rows)
    wanted = [a @ b, rows.sum(axis=(0, 1)), rows.sum(axis=1), rows.sum(axis=2), rows.sum()]
    for value, want in zip(got, wanted, strict=True):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, want, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-4)
    with pytensor.config.change_flags(cxx=""):
        function = pytensor.function([a_, b_, rows_], outputs[:2], mode=cpu.mode())
    ops = {type(node.op) for node in function.maker.fgraph.toposort()}
    assert {ThreadedDot, SumRows} <= ops


def test_a_recurrence_without_gradient_keeps_nothing_for_it():
    cell = RNN()
    x, h = pt.tensor("x", dtype="float32", shape=(None, None, 2)), pt.tensor("h", dtype="float32", shape=(None, 3))
    p = {name: pt.tensor(name, dtype="float32", shape=shape) for name, shape in cell.shapes(2, 3).items()}
    (states,) = recurrence(cell, x, [h], p)

    def saves(outputs):
        with pytensor.config.change_flags(cxx=""):
            function = pytensor.function([x, h, *p.values()], outputs, mode=cpu.mode())
        return [node.op.saves for node in function.maker.fgraph.toposort() if isinstance(node.op, Recurrence)]

    assert saves([states]) == [False]
    assert saves([states, pytensor.grad(states.sum(), p["W"])]) == [True]
