"""Writing: symbols drawn one after the other from the network's own predictions."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt

from charrnn.model import engine as engines


class Generator:
    def __init__(self, network, vector, engine):
        V = network.vocab_size
        x = pt.tensor("x", dtype="int32", shape=(None, None))
        state = pt.tensor("state", dtype=network.dtype, shape=(network.layers, None, network.state_width))
        logits, last, _ = network.forward(vector.symbols(), x, state)
        self._f = engines.compile_function(engine, [x, state], [logits[0], last])

    def __call__(self, start, state, uniforms, temp, argmax):
        out = np.empty(uniforms.shape, "int32")
        for i, u in enumerate(uniforms):
            logits, state = self._f(start[None], state)
            if argmax:
                start = logits.argmax(1).astype("int32")
            else:
                p = np.exp((logits - logits.max(1, keepdims=True)) / temp)
                c = p.cumsum(1)
                start = np.minimum((c < (u * c[:, -1])[:, None]).sum(1), p.shape[1] - 1).astype("int32")
            out[i] = start
        return out, state
