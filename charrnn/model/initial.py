"""The parameters of a new model.

>>> from charrnn.settings.hyper import HyperParams
>>> from charrnn.model.cells import RNN
>>> from charrnn.model.heads.softmax import Softmax
>>> network = Network(RNN(), "resize", Softmax(vocab_size=5), layers=1, state_size=400, dtype="float32")
>>> parameters = initial_parameters(network, HyperParams(init="small"))
>>> round(float(parameters["1.W"].std()), 3), float(parameters["1.b"].std())
(0.01, 0.0)
"""

from __future__ import annotations

import numpy as np

from charrnn.model.network import Network
from charrnn.settings.hyper import HyperParams

SMALL = 0.01


def initial_parameters(network: Network, hyper: HyperParams) -> dict[str, np.ndarray]:
    """Return parameters by name: random weights, biases 0 unless the cell sets `initial_bias`.

    Weights W of units with n inputs follow ``hyper.init``:

    - ``"uniform"``: ±sqrt(1/n) at most, as in the Theano ancestor, where n is V for the encoding layer and else H;
    - ``"normal"``: N(0, 1)/sqrt(n), as in PoetRNN, where n counts a layer's input and state together;
    - ``"small"``: 0.01 N(0, 1), as in min-char-rnn.
    """
    rng = np.random.default_rng(hyper.random_seed)
    arrays = {}
    for name, shape in network.shapes().items():
        if len(shape) < 2:
            array = rng.uniform(0, 0, shape)  # draws, so that the parameters of a seed never change
        elif hyper.init == "uniform":
            bound = np.sqrt(1 / network.fan(name))
            array = rng.uniform(-bound, bound, shape)
        else:
            array = rng.standard_normal(shape)
            array *= SMALL if hyper.init == "small" else 1 / np.sqrt(_inputs(network, name, shape))
        arrays[name] = array.astype(hyper.dtype) + np.asarray(network.offset(name), hyper.dtype)
    return arrays


def _inputs(network: Network, name: str, shape: tuple[int, ...]) -> int:
    """Return the number of inputs of a unit of a weight matrix; in a cell, those of its input and its state."""
    layer, dot, _ = name.partition(".")
    if not dot:
        return shape[0]
    return network.state_size + (network.input_width if layer == "1" else network.state_size)
