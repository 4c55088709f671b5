import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor.elemwise import Elemwise

from charrnn.model.engines.engine import compile_function
from charrnn.model.kernels.elementwise import LEAST, FlatElemwise
from tests.helpers import plain_function, symbol


def flat_ops(inputs, outputs):
    """Compile, and return the function with the element-wise Ops of each kind in its graph."""
    import pytensor

    from charrnn.model.engines import cpu

    with pytensor.config.change_flags(cxx=""):
        function = pytensor.function(inputs, outputs, mode=cpu.mode())
    return [type(node.op) for node in function.maker.fgraph.toposort() if isinstance(node.op, FlatElemwise | Elemwise)]


def evaluate(outputs, inputs, values, n_threads=1):
    got = compile_function("cpu", inputs, outputs, n_threads=n_threads)(*values)
    want = plain_function(inputs, outputs)(*values)
    for g, w in zip(got, want, strict=True):
        assert g.dtype == w.dtype
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=2e-6, atol=1e-6)
    return got


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 3 * LEAST + 5])
def test_one_pass_over_several_operations(n, n_threads):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, n)).astype("float32")
    a, b = symbol("x", x), symbol("y", y)
    evaluate([0.5 * pt.tanh(a) + b**2, pt.clip(a * b, -1, 1)], [a, b], [x, y], n_threads)


def test_fused_into_one_node():
    x = symbol("x", np.zeros(3, "float32"))
    assert flat_ops([x], [2 * pt.tanh(x) + pt.sqrt(abs(x) + 1)]) == [FlatElemwise]


def test_what_the_kernel_does_not_know_is_left_alone():
    x, n = symbol("x", np.zeros(3, "float32")), symbol("n", np.zeros(3, "int32"))
    assert flat_ops([x], [pt.erf(x)]) == [Elemwise]
    assert FlatElemwise not in flat_ops([n], [n + 1])
    assert FlatElemwise not in flat_ops([x, n], [x * n])
    assert FlatElemwise not in flat_ops([x], [x > 0])


def test_numbers_rows_and_columns_are_broadcast():
    rng = np.random.default_rng(0)
    shapes = [(3, 4, 5), (), (1, 1, 5), (1, 4, 1), (1, 1, 1)]
    values = [np.asarray(rng.normal(size=s), "float64") for s in shapes]
    symbols = [symbol(f"x{i}", v, [k for k, n in enumerate(v.shape) if n == 1]) for i, v in enumerate(values)]
    total = symbols[0] * pt.tanh(symbols[1]) + symbols[2] * symbols[3] - symbols[4]
    evaluate([total], symbols, values)


def test_order_in_memory_does_not_matter():
    x = np.random.default_rng(0).normal(size=(6, 8)).astype("float32")
    a, b = symbol("x", x), symbol("y", x)
    evaluate([a * b + 1], [a, b], [np.asfortranarray(x), np.ascontiguousarray(x[::-1])[::-1]])


def test_nothing_at_all():
    x = np.empty((0, 3), "float32")
    a = symbol("x", x)
    assert evaluate([pt.tanh(a) * 2], [a], [x])[0].shape == (0, 3)


def test_inputs_stay():
    x = np.linspace(-1, 1, 100)
    kept, a = x.copy(), symbol("x", x)
    evaluate([pt.exp(a) + a], [a], [x])
    np.testing.assert_array_equal(x, kept)


def test_shapes_that_do_not_fit_are_told():
    a, b = symbol("a", np.zeros(3)), symbol("b", np.zeros(3))
    function = compile_function("cpu", [a, b], [a * b + 1])
    with pytest.raises(ValueError, match="shape"):
        function(np.zeros(3), np.zeros(4))
