import numpy as np
import pytensor.scalar as ps
import pytest

from charrnn.model.kernels.scalars import UnsupportedStep, apply, supported
from tests.model.kernels.test_functions import evaluate

ONE = [ps.neg, ps.reciprocal, ps.sqr, ps.sqrt, ps.abs, ps.exp, ps.log, ps.log1p, ps.sin, ps.cos, ps.tanh, ps.sigmoid,
       ps.softplus, ps.sign, ps.identity]  # fmt: skip
TWO = [ps.add, ps.mul, ps.sub, ps.true_div, ps.pow, ps.maximum, ps.minimum, ps.second]
COMPARISONS = [ps.lt, ps.le, ps.gt, ps.ge, ps.eq, ps.neq]


def by_numpy(op, *arrays):
    """PyTensor's own evaluation of a scalar Op, number by number."""
    return np.array([op.impl(*numbers) for numbers in zip(*arrays, strict=True)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ONE, ids=str)
def test_functions_of_one_number(op, dtype):
    x = np.linspace(0.01, 5, 37).astype(dtype)
    if op not in (ps.sqrt, ps.log, ps.log1p):
        x[::2] *= -1
    rtol = 1e-13 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(evaluate(op, x), by_numpy(op, x.astype("float64")), rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("op", TWO, ids=str)
def test_functions_of_two_numbers(op):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 3, 37), rng.uniform(-2, 2, 37)
    np.testing.assert_allclose(evaluate(op, x, y), by_numpy(op, x, y), rtol=1e-13)


@pytest.mark.parametrize("op", COMPARISONS, ids=str)
def test_comparisons_are_1_or_0_and_false_of_nan(op):
    x, y = np.array([1.0, 2, 3, np.nan, 1, np.nan, -np.inf]), np.array([1.0, 3, 2, 1, np.nan, np.nan, np.inf])
    want = by_numpy(op, x, y).astype(float)
    got = evaluate(op, x, y)
    np.testing.assert_array_equal(got[:3], want[:3])
    np.testing.assert_array_equal(got[-1], want[-1])
    if op is not ps.neq:
        assert (got[3:6] == 0).all()


def test_functions_of_three_numbers():
    x = np.array([-3.0, -1, 0, 1, 3, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(evaluate(ps.clip, x, np.full(8, -2.0), np.full(8, 2.0)), np.clip(x, -2, 2))
    condition, a, b = np.array([0.0, 1, 0.5, -1]), np.arange(4.0), -np.arange(4.0)
    np.testing.assert_array_equal(evaluate(ps.switch, condition, a, b), np.where(condition, a, b))
    np.testing.assert_allclose(evaluate(ps.add, a, b, condition), condition)


@pytest.mark.parametrize("op", [ps.maximum, ps.minimum, ps.add, ps.mul], ids=str)
def test_nan_is_never_lost(op):
    x, y = np.array([np.nan, 1.0, np.nan]), np.array([1.0, np.nan, np.nan])
    assert np.isnan(evaluate(op, x, y)).all()


def test_softplus_neither_overflows_nor_loses_its_tail():
    x = np.array([-700.0, -40, -20, 0, 40, 700])
    np.testing.assert_allclose(evaluate(ps.softplus, x), np.logaddexp(0, x), rtol=1e-13)


def test_log1p_of_small_numbers():
    x = np.array([1e-3, 1e-8, 1e-15, -1e-10, 0, -0.5, 2, 1e20, np.inf])
    np.testing.assert_allclose(evaluate(ps.log1p, x), np.log1p(x), rtol=1e-12)


def test_an_unknown_op_is_refused():
    assert not supported(ps.erf)
    with pytest.raises(UnsupportedStep, match="erf"):
        apply(None, ps.erf, [])
