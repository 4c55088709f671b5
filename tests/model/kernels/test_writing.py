"""The generation loop against numpy, step after step, on every width of vectors."""

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph

from charrnn.model.kernels.writing import WritingKernel
from charrnn.model.sampling import Choice
from tests.model.kernels.widths import WIDTHS, vectors


def kernel(V, H, dtype):
    """A plain network: hoisted u (B, H), state h, weights W (H, H) and E (H, V) to the new state and logits."""
    u, h = (pt.tensor(dtype=dtype, shape=(None, H)) for _ in "uh")
    W, E = pt.tensor(dtype=dtype, shape=(H, H)), pt.tensor(dtype=dtype, shape=(H, V))
    new = pt.tanh(u + pt.dot(h, W))
    return WritingKernel(FunctionGraph([u, h, W, E], [new, pt.dot(new, E)], clone=False), {2, 3}, dtype, 1)


def by_numpy(table, W, E, start, h, uniforms, temp, argmax, skip):
    symbols = []
    for u in uniforms:
        h = np.tanh(table[start] + h @ W)
        start = Choice(temp, argmax, skip).draw(h @ E, u)
        symbols.append(start)
    return np.array(symbols), h


def arrays(V, H, R, n, dtype):
    rng = np.random.default_rng(V + H)
    shapes = {"table": (V, H), "W": (H, H), "E": (H, V), "h": (R, H)}
    values = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    return values | {"start": rng.integers(0, V, R).astype("int32"), "uniforms": rng.random((n, R)).astype(dtype)}


def whole(n, work):
    work(0, n)


def in_parts(n, work):
    for first, last in ((0, n // 2), (n // 2, n)):
        work(first, last)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("V", "H", "R"), [(2, 1, 1), (17, 5, 3), (70, 33, 13)])
def test_symbols_and_states(V, H, R, width):
    v = arrays(V, H, R, 25, "float64")
    with vectors(width):
        ready = kernel(V, H, "float64")
        leaves = [v["W"], v["E"]]
        panels = ready.pack([np.empty(0), np.empty(0), *leaves])
        for temp, argmax, skip in ((1.0, False, 0), (0.3, False, 1), (1.0, True, 0), (1.0, True, 1)):
            for split in (whole, in_parts):
                symbols, (h,) = ready.write(
                    v["table"], leaves, panels, v["start"], [v["h"]], v["uniforms"], Choice(temp, argmax, skip), split
                )
                wanted, last = by_numpy(
                    v["table"], v["W"], v["E"], v["start"], v["h"], v["uniforms"], temp, argmax, skip
                )
                assert symbols.dtype == np.int32
                np.testing.assert_array_equal(symbols, wanted)
                np.testing.assert_allclose(h, last, atol=1e-12)
                assert symbols.min() >= skip


@pytest.mark.parametrize("width", WIDTHS)
def test_symbols_come_as_often_as_their_probability_says(width):
    """In float32, where the exponential is the kernels' own: a table of logits that no state changes."""
    p = np.array([0.5, 0.3, 0.15, 0.05])
    with vectors(width):
        ready = kernel(4, 1, "float32")
        table, leaves = np.full((4, 1), 20, "float32"), [np.zeros((1, 1), "float32"), np.log(p)[None].astype("float32")]
        uniforms = ((np.arange(4000) + 0.5) / 4000)[None].astype("float32")
        start, h = np.zeros(4000, "int32"), np.zeros((4000, 1), "float32")
        panels = ready.pack([np.empty(0, "float32")] * 2 + leaves)
        symbols, _ = ready.write(table, leaves, panels, start, [h], uniforms, Choice(), whole)
        np.testing.assert_allclose(np.bincount(symbols[0], minlength=4) / 4000, p, atol=1e-3)


def test_a_state_that_is_not_a_number_writes_something():
    ready, v = kernel(5, 3, "float64"), arrays(5, 3, 2, 4, "float64")
    v["h"][0] = np.nan
    leaves = [v["W"], v["E"]]
    panels = ready.pack([np.empty(0), np.empty(0), *leaves])
    symbols, (h,) = ready.write(v["table"], leaves, panels, v["start"], [v["h"]], v["uniforms"], Choice(skip=1), whole)
    assert np.isnan(h[0]).all()
    assert ((symbols >= 1) & (symbols < 5)).all()
