"""The estimator of sets of notes beside its formula in numpy, pitch after pitch."""

import itertools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from charrnn.model.heads.nade import nade_logits
from tests.helpers import ENGINES, assert_close, evaluate, plain_function, symbol


def expected(c, a, W, U, y):
    """Return the logits by the formula."""
    logits, hidden = np.empty_like(c), a.copy()
    for i in reversed(range(len(W))):
        logits[:, :, i] = c[:, :, i] + np.tanh(hidden) @ U[i]
        hidden += y[:, :, i, None] * W[i]
    return logits


def inputs(T, B, V, K, share=0.4):
    rng = np.random.default_rng(T + V)
    shapes = {"c": (T, B, V), "a": (T, B, K), "W": (V, K), "U": (V, K)}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return values | {"y": (rng.random((T, B, V)) < share).astype("float64")}


def symbols(values):
    return [symbol(name, value, known=(2,) if value.ndim == 3 else (0, 1)) for name, value in values.items()]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("sizes", "share"), [((3, 5, 7, 9), 0.4), ((1, 1, 1, 1), 0.5), ((2, 1, 20, 40), 0.1), ((2, 2, 5, 3), 1.0)]
)
def test_value_and_gradient(engine, sizes, share):
    values = inputs(*sizes, share)
    d = np.random.default_rng(9).normal(size=values["c"].shape)
    given, d_ = symbols(values), symbol("d", d, (2,))
    logits = nade_logits(*given)
    outputs = [logits, *pytensor.grad((logits * d_).sum(), given[:4])]
    got = evaluate(engine, [*given, d_], outputs, [*values.values(), d])
    np.testing.assert_allclose(got[0], expected(**values), atol=1e-12)

    c, a, W, U, y = given  # the same in PyTensor's own Ops
    plain: list = []
    for i in reversed(range(sizes[2])):
        plain.insert(0, c[:, :, i] + (pt.tanh(a) * U[i]).sum(axis=2))
        a = a + y[:, :, i, None] * W[i]
    cost = (pt.stack(plain, axis=2) * d_).sum()
    wanted = pytensor.grad(cost, given[:4], disconnected_inputs="ignore")
    assert_close(got[1:], plain_function([*given, d_], wanted)(*values.values(), d), atol=1e-12)


def test_gradient_by_finite_differences():
    values = inputs(2, 2, 4, 3)
    given = symbols(values)
    cost = pt.sqr(nade_logits(*given)).sum()
    gradients = evaluate("cpu", given, pytensor.grad(cost, given[:4]), values.values())
    for name, gradient in zip("caWU", gradients, strict=True):
        for place in np.ndindex(gradient.shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = values[name].copy()
                moved[place] += step
                sides.append((expected(**values | {name: moved}) ** 2).sum())
            np.testing.assert_allclose(gradient[place], (sides[0] - sides[1]) / 2e-6, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [4, 5, 6])
def test_probabilities_of_all_sets_of_notes_sum_to_one(n):
    sets = np.array(list(itertools.product([0.0, 1.0], repeat=n)))[:, None]
    one = inputs(1, 1, n, 3)
    values = one | {"y": sets} | {name: np.repeat(one[name], len(sets), axis=0) for name in "ca"}
    given = symbols(values)
    (logits,) = evaluate("cpu", given, [nade_logits(*given)], values.values())
    of_each = np.where(sets == 1, 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits)))
    np.testing.assert_allclose(of_each.prod(axis=2).sum(), 1, atol=1e-12)
    assert of_each.prod(axis=2).std() > 0.01  # they differ


@pytest.mark.parametrize("engine", ENGINES)
def test_float32(engine):
    values = {name: value.astype("float32") for name, value in inputs(70, 2, 88, 33, 0.05).items()}
    given = symbols(values)
    logits = nade_logits(*given)
    got = evaluate(engine, given, [logits, *pytensor.grad(pt.sqr(logits).sum(), given[:4])], values.values(), 2)
    assert {array.dtype for array in got} == {np.dtype("float32")}
    np.testing.assert_allclose(got[0], expected(**values), atol=3e-5)


def test_weights_in_any_order_of_memory():
    values = inputs(2, 3, 5, 4)
    given = symbols(values)
    turned = {name: np.asfortranarray(value) for name, value in values.items()}
    outputs = [nade_logits(*given), *pytensor.grad(nade_logits(*given).sum(), given[:4])]
    assert_close(
        evaluate("cpu", given, outputs, turned.values()),
        evaluate("cpu", given, outputs, values.values()),
        atol=1e-13,
    )
