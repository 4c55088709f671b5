"""Generation of several rows, with labels and guidance, against draws by hand."""

import numpy as np
import pytest

from charrnn.generation.writer import Writer
from charrnn.model.model import Model
from charrnn.model.sampling import Choice, softmax
from charrnn.settings.hyper import HyperParams

V, K = 7, 3


@pytest.fixture(scope="module", params=["GRUEncode", "LSTMResize"])
def model(request):
    return Model(
        HyperParams(layers=2, state_size=5, dtype="float64"),
        request.param,
        V,
        "cpu",
        1,
        documents=True,
        label_sizes=[K],
    )


def by_hand(model, start, uniforms, temp, *conditions, gamma=1.0):
    """Write one text symbol by symbol with `process`, its logits from one condition or between two."""
    states, symbols, symbol = [None] * len(conditions), [], start
    for u in uniforms:
        logits = []
        for i, condition in enumerate(conditions):
            probabilities, every = model.process(np.array([symbol]), states[i], condition=condition)
            states[i] = every[-1]
            logits.append(np.log(probabilities))
        mixed = logits[0] if len(logits) == 1 else logits[1] + gamma * (logits[0] - logits[1])
        below = softmax(mixed / temp).cumsum() <= u
        symbol = int(below.sum())
        symbols.append(symbol)
    return symbols


def test_a_label_leads_every_symbol(model):
    condition = model.condition([{1: 0.25, 2: 0.75}])
    parameters = model.parameters["Y0"]
    np.testing.assert_allclose(condition, 0.25 * parameters[1] + 0.75 * parameters[2])
    writer = Writer(model, np.random.default_rng(4), rows=3, choice=Choice(0.7), condition=condition)
    writer.read(np.array([2]))
    written = np.concatenate([writer.write(5), writer.write(6)])
    draws = np.random.default_rng(4)
    uniforms = np.concatenate([draws.random((5, 3), dtype=np.float32), draws.random((6, 3), dtype=np.float32)])
    for row in range(3):
        assert written[:, row].tolist() == by_hand(model, 2, uniforms[:, row], 0.7, condition)


def test_without_a_label_it_is_that_of_no_label(model):
    x = np.array([[1], [4]])
    free, labelled = model.predict(x)[0], model.predict(x, condition=model.parameters["Y0"][0])[0]
    np.testing.assert_array_equal(free, labelled)
    assert not np.allclose(free, model.predict(x, condition=model.parameters["Y0"][1])[0])


@pytest.mark.parametrize("gamma", [0.0, 2.5])
def test_guidance_goes_beyond_the_label(model, gamma):
    condition = model.condition([{2: 1.0}])
    writer = Writer(model, np.random.default_rng(5), rows=2, choice=Choice(0.9), condition=condition, guidance=gamma)
    writer.read(np.array([3, 1]))
    written = writer.write(9)
    uniforms = np.random.default_rng(5).random((9, 2), dtype=np.float32)
    # `by_hand` begins with one symbol: let its states be those after the first.
    for row in range(2):
        states = [model.process(np.array([3]), condition=c)[1][-1] for c in (condition, model.condition())]
        symbol, symbols = 1, []
        for u in uniforms[:, row]:
            logits = []
            for i, c in enumerate((condition, model.condition())):
                probabilities, every = model.process(np.array([symbol]), states[i], condition=c)
                states[i] = every[-1]
                logits.append(np.log(probabilities))
            mixed = logits[1] + gamma * (logits[0] - logits[1])
            symbol = int((softmax(mixed / 0.9).cumsum(axis=-1) <= u).sum())
            symbols.append(symbol)
        assert written[:, row].tolist() == symbols


def test_reading_a_long_prompt_is_reading_it_symbol_by_symbol(model):
    symbols = np.random.default_rng(0).integers(V, size=300)
    writer = Writer(model, np.random.default_rng(), rows=2, condition=model.condition([{1: 1.0}]))
    writer.read(symbols)
    _, every = model.process(symbols[:-1], condition=model.condition([{1: 1.0}]))
    np.testing.assert_allclose(writer.state[:, 1], every[-1], rtol=1e-9, atol=1e-12)
