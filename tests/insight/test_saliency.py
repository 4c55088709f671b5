"""Saliency, against a numpy network with a separate input table for each step."""

import numpy as np
import pytest

from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue, UnknownCharacters, UnknownName
from charrnn.insight.saliency import saliency
from tests.helpers import ENGINES
from tests.model import models
from tests.model import numpy_reference as reference
from tests.model.models import V, model

CHARSET = CharSet.from_text("abcde")
TEXT = "badcebb"


def table(m):
    """Return what the first layer sees of each symbol, (V, W)."""
    p = m.parameters
    if "E" not in p:
        return np.eye(V)
    return np.tanh(p["E"] + p["a"]) if "a" in p else p["E"]


def expected(m, symbols, symbol):
    """Return the derivative of log p by the input at each step, (T, W), without a chain rule, and log p itself."""
    T = len(symbols)
    p = reference.each_step({name: value for name, value in m.parameters.items() if name != "a"}, T)
    rows = np.broadcast_to(table(m), (T, *table(m).shape))
    if "V" not in p:
        p["V"] = p["E"].swapaxes(1, 2)

    def log_p(parameters):
        logits, _ = reference.network(
            models.cell(m), len(m.network.cell.states), parameters, symbols[:, None], m.freshstate(1)
        )
        return reference.log_softmax(logits)[-1, 0, symbol]

    gradient = reference.gradient(lambda given: log_p({**p, **given}), {"E": rows})["E"]
    return gradient[np.arange(T), symbols], log_p({**p, "E": rows})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kind", "hyper"), [
    ("GRUEncode", {}),
    ("LSTMResize", {}),
    ("RNNEmbed", {"layers": 1, "tied": True}),
])  # fmt: skip
def test_it_is_the_derivative_by_the_first_layers_input(engine, kind, hyper):
    m, symbols = model(kind, engine, **hyper), CHARSET.encode(TEXT)
    gradient, log_p = expected(m, symbols, CHARSET.idxofchar("d"))
    norms = saliency(m, CHARSET, TEXT, "d")
    np.testing.assert_allclose(norms.values, np.linalg.norm(gradient, axis=1), rtol=1e-9)
    assert norms.probability == pytest.approx(np.exp(log_p))
    products = saliency(m, CHARSET, TEXT, "d", measure="product")
    np.testing.assert_allclose(products.values, (gradient * table(m)[symbols]).sum(axis=1), rtol=1e-9)


def test_a_cell_that_cannot_be_taken_apart_has_one_too():
    m = model("NormalisedResize")
    values, step = saliency(m, CHARSET, "abca", "d", measure="product").values, 1e-6
    arrays = m.arrays()
    U, before = arrays["param/1.U"].copy(), m.process(CHARSET.encode("abca"))[0][-1, CHARSET.idxofchar("d")]
    arrays["param/1.U"][CHARSET.idxofchar("b")] *= 1 + step  # the one place where b comes in
    m.load_arrays(arrays)
    after = m.process(CHARSET.encode("abca"))[0][-1, CHARSET.idxofchar("d")]
    arrays["param/1.U"] = U
    m.load_arrays(arrays)
    assert values[1] == pytest.approx((np.log(after) - np.log(before)) / step, rel=1e-3)


def test_the_likeliest_character_is_the_target_by_default():
    m = model("GRUEncode")
    (*_, p), _ = m.process(CHARSET.encode(TEXT))
    likeliest = saliency(m, CHARSET, TEXT)
    assert likeliest.target == CHARSET.chars[p.argmax()]
    assert likeliest.probability == pytest.approx(p.max())
    assert saliency(m, CHARSET, TEXT, skip=3).probability == pytest.approx(p[3:].max())


def test_it_shows_the_text():
    shown = saliency(model("GRUEncode"), CHARSET, TEXT, "d")
    assert shown.text == TEXT
    assert "'d'" in repr(shown)
    assert repr(shown).split("\n")[1] == TEXT
    np.testing.assert_array_equal(shown[2:].values, shown.values[2:])


@pytest.mark.parametrize(("nonsense", "error", "words"), [
    ({"text": ""}, InvalidValue, "at least one character"),
    ({"target": "ab"}, InvalidValue, "one character"),
    ({"target": ""}, InvalidValue, "one character"),
    ({"target": 3}, InvalidValue, "one character"),
    ({"target": "Ω"}, UnknownCharacters, "does not know 'Ω'"),
    ({"measure": "nrm"}, UnknownName, "Did you mean: norm"),
])  # fmt: skip
def test_nonsense_is_told(nonsense, error, words):
    with pytest.raises(error, match=words):
        saliency(model("GRUEncode"), CHARSET, **{"text": TEXT, **nonsense})
