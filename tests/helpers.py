"""Small tools for tests of symbolic expressions."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from charrnn.model.engines.engine import compile_function

#: Parametrise with these what must hold on every engine.
ENGINES = ["cpu", "jax"]


def need(engine):
    """Skip a test whose engine is not installed."""
    if engine == "jax":
        pytest.importorskip("jax")


def plain_function(inputs, outputs):
    """Compile by PyTensor's own Ops, nothing fused or rewritten: slow, and independent of charrnn's kernels."""
    with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE", on_opt_error="raise"):
        return pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")


def evaluate(engine, inputs, outputs, values, n_threads=1):
    """Compile expressions for an engine and return their values."""
    need(engine)
    return compile_function(engine, inputs, outputs, n_threads=n_threads)(*values)


def symbol(name, value, known=()):
    """Return an input for an array; of its axes only those in ``known`` have a known length."""
    shape = tuple(n if axis in known else None for axis, n in enumerate(value.shape))
    variable = pt.tensor(dtype=value.dtype, shape=shape)
    variable.name = name
    return variable


def assert_close(got, want, rtol=0.0, atol=0.0):
    """Compare sequences of arrays, their shapes included."""
    assert len(got) == len(want)
    for number, (g, w) in enumerate(zip(got, want, strict=True)):
        assert np.shape(g) == np.shape(w), number
        np.testing.assert_allclose(g, w, rtol=rtol, atol=atol, err_msg=f"array {number}")
