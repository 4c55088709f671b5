"""JAX computes in the precision that a model asks for, whatever was asked for before."""

import numpy as np
import pytest

from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams

pytest.importorskip("jax")


@pytest.mark.parametrize("first", ["float32", "float64"])
def test_both_precisions_in_one_process(first):
    x = np.random.default_rng(0).integers(0, 9, (7, 3))
    for dtype in (first, *({"float32", "float64"} - {first})):
        hyper = HyperParams(layers=2, state_size=5, dtype=dtype)
        on_jax, on_cpu = (Model(hyper, "GRUEncode", 9, engine=engine) for engine in ("jax", "cpu"))
        expected = on_cpu.gradients(x, x)
        for name, gradient in on_jax.gradients(x, x).items():
            assert gradient.dtype == dtype
            tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype]
            np.testing.assert_allclose(gradient, expected[name], rtol=tolerance, atol=tolerance)
        on_jax.step(x, x, on_jax.freshstate(3))
        assert {array.dtype for array in on_jax.arrays().values()} == {np.dtype(dtype)}
