"""Networks and random numbers in a browser, compared with those in Python."""

import json

import numpy as np
import pytensor.tensor as pt
import pytest

from charrnn.model.cells import RNN, modeltypes
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.pages import page as pages
from charrnn.pages.javascript import translate
from tests.model import cells_of_users
from tests.model.models import OWN, model
from tests.pages.browser import value_of

SEEDS = [0, 7, 2**32 - 1, 2**32, 2**70 + 5, 3**120]


class Bounded(RNN):
    """A network with a function that the kernels do not know."""

    def step(self, x, h, *, p):
        return pt.arctan(x @ p.U + h @ p.W + p.b)


OWN |= {
    "UnusualEncode": modeltypes.ModelType("UnusualEncode", lambda hyper: cells_of_users.Unusual(), "encode"),
    "BoundedEncode": modeltypes.ModelType("BoundedEncode", lambda hyper: Bounded(), "encode"),
}
KINDS = {
    "GRUEncode": {},
    "GRUResize": {"gate": "hard_sigmoid", "layers": 1},
    "GRUEmbed": {"reset": "after", "tied": True},
    "LSTMEncode": {"layers": 3, "layer_norm": True},
    "LSTMResize": {"gate": "hard_sigmoid", "state_size": 1},
    "RNNEmbed": {"state_size": 7},
    "PeepholeEncode": {},
    "UnusualEncode": {},
    "NormalisedResize": {},
}
TEXT = [1, 5, 0, 2, 2, 3]


def as_script(ready):
    """Return an expression for the logits after each symbol of TEXT, and the states at the end."""
    parameters = {name: np.ravel(array).tolist() for name, array in ready.parameters.items()}
    return f"""(() => {{
        {translate(ready.network)}
        const p = {json.dumps(parameters)};
        for (const name in p) p[name] = Float32Array.from(p[name]);
        const net = network(p), condition = new Float32Array({ready.network.input_width}), all = [];
        let states = net.blank(), logits;
        for (const symbol of {TEXT}) {{
            [logits, states] = net.step(net.read(symbol, condition), states);
            all.push(Array.from(logits));
        }}
        return {{ logits: all, states: states.map((s) => Array.from(s)) }};
    }})()"""


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory):
    """The results of all JavaScript in this file, from one browser."""
    models = {kind: as_script(model(kind, dtype="float32", **hyper)) for kind, hyper in KINDS.items()}
    script = f"""{pages.part("writer.js")}
        const drawn = (seed) => {{
            const random = new Random(seed);
            const draws = [random.float32(), random.float64(), random.float32(), random.float32(), random.below(3)];
            for (let i = 0; i < 5; i++) draws.push(random.below(4000000001));
            return draws;
        }};
        return {{
            drawn: {json.dumps(list(map(str, SEEDS)))}.map(drawn),
            models: {{ {", ".join(f"{kind}: {script}" for kind, script in models.items())} }},
        }};"""
    return value_of(script, tmp_path_factory.mktemp("browser"))


def test_seeds_draw_what_numpy_draws(in_browser):
    for seed, drawn in zip(SEEDS, in_browser["drawn"], strict=True):
        rng = np.random.default_rng(seed)
        expected = [rng.random(dtype=np.float32), rng.random(), *rng.random(2, dtype=np.float32), rng.integers(3)]
        expected += [rng.integers(4000000001) for _ in range(5)]
        assert drawn == [float(number) for number in expected]


@pytest.mark.parametrize("kind", KINDS)
def test_networks_give_what_the_model_gives(in_browser, kind):
    ready = model(kind, dtype="float32", **KINDS[kind])
    odds, states = ready.process(np.array(TEXT))
    got = in_browser["models"][kind]
    logits = np.array(got["logits"])
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(weights / weights.sum(axis=1, keepdims=True), odds, rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(np.ravel(got["states"]), states[-1].ravel(), rtol=2e-5, atol=1e-6)


def test_what_has_no_translation_is_named():
    with pytest.raises(UnsupportedStep, match=r"(?i)arctan.* has no translation"):
        translate(model("BoundedEncode").network)
