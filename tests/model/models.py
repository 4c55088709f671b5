"""Small models for tests, compiled once, and their numpy forms."""

import functools

import numpy as np

from charrnn.model.cells import modeltypes
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import need
from tests.model import numpy_reference as reference
from tests.model.cells_of_users import Normalised, Peephole

V = 6

#: Model types of users, by name.
OWN = {
    "PeepholeEncode": modeltypes.ModelType("PeepholeEncode", lambda hyper: Peephole(), "encode"),
    "NormalisedResize": modeltypes.ModelType("NormalisedResize", lambda hyper: Normalised(), "resize"),
}


@functools.cache
def compiled(modeltype, engine, n_threads, hyper):
    need(engine)
    return Model(HyperParams(**dict(hyper)), OWN.get(modeltype, modeltype), V, engine=engine, threads=n_threads)


def model(modeltype="GRUEncode", engine="cpu", n_threads=1, **hyper):
    """Return a model with random parameters, biases too, as at its first step."""
    hyper = {"layers": 2, "state_size": 5, "dtype": "float64"} | hyper
    ready = compiled(modeltype, engine, n_threads, tuple(sorted(hyper.items())))
    ready.use_engine(engine) if ready.engine != engine else None
    rng = np.random.default_rng(3)
    arrays = {}
    for name, array in ready.arrays().items():
        random = rng.normal(size=array.shape) * 0.5 if name.startswith("param/") else np.zeros(array.shape)
        arrays[name] = random.astype(array.dtype)
    ready.load_arrays(arrays)
    ready.steps, ready.learnrate = 0, ready.hyper.learnrate
    return ready


def batch(model, T=4, B=3, seed=0):
    """Return random x, y (T, B) and state (L, B, S)."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, V, size=(2, T, B)).astype("int32")
    return x, y, (rng.normal(size=model.freshstate(B).shape) * 0.5).astype(model.hyper.dtype)


def cell(model):
    """Return numpy's form of a model's cell."""
    kind, hyper = model.modeltype, model.hyper
    if kind.startswith("GRU"):
        return functools.partial(reference.gru, gate=hyper.gate, reset=hyper.reset)
    return functools.partial(reference.lstm, gate=hyper.gate) if kind.startswith("LSTM") else reference.rnn


def forward(model, parameters, x, state):
    """Return logits and states by numpy, for parameters (T, *shape)."""
    return reference.network(cell(model), len(model.network.cell.states), parameters, x, state)


def contributions(model, x, y, state, mask=None):
    """Return each time step's part of the gradient of the summed errors, (T, *shape) by parameter."""

    def cost(parameters):
        errors = reference.errors(forward(model, parameters, x, state)[0], y)
        return (errors if mask is None else errors * mask).sum()

    return reference.gradient(cost, reference.each_step(model.parameters, len(x)))
