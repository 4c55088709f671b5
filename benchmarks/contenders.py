"""The same work by charrnn, torch, Keras and numpy. Each contender imports its library itself.

Every maker returns a callable without arguments that does one piece of work: a training step (embedding, recurrent
layers, softmax cross-entropy, gradient clipped at ±5, RMSProp), or the generation of some characters.
"""

from __future__ import annotations

import importlib.util
import os
from typing import NamedTuple

import numpy as np

from benchmarks.contest import Work

VOCAB_SIZE = 65


class Shape(NamedTuple):
    """Sizes of a training step: batch, state size, time steps, layers."""

    B: int
    H: int
    T: int
    L: int

    def __str__(self) -> str:
        return f"{self.B}, {self.H}, {self.T}, {self.L}"

    @property
    def flops(self) -> int:
        """Floating-point operations in the matrix products of a GRU's step.

        For each position a layer multiplies by six H×H matrices and the output by one H×V; the backward pass costs
        twice that. (charrnn multiplies the first layer's three input matrices once for each symbol instead of each
        position, and may therefore be faster than the bound that follows from this count.)
        """
        return 3 * self.T * self.B * (self.L * 6 * 2 * self.H**2 + 2 * self.H * VOCAB_SIZE)


def installed(package: str) -> bool:
    """Return whether a contender's library is installed."""
    return importlib.util.find_spec(package) is not None


def _symbols(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, VOCAB_SIZE, shape).astype(np.int32)


# Training steps


def charrnn_step(shape: Shape, modeltype: str = "GRUEncode", engine: str = "cpu") -> Work:
    """Return charrnn's training step."""
    from charrnn.model.model import Model
    from charrnn.settings.hyper import HyperParams

    model = Model(HyperParams(layers=shape.L, state_size=shape.H), modeltype, VOCAB_SIZE, engine=engine)
    x = _symbols(shape.T, shape.B)
    state = model.freshstate(shape.B)
    return lambda: model.step(x, x, state).loss


def torch_network(cell: str, H: int, L: int):
    """Return torch's network of the same architecture."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(VOCAB_SIZE, H)
            self.recurrent = getattr(torch.nn, cell)(H, H, L)
            self.output = torch.nn.Linear(H, VOCAB_SIZE)

        def forward(self, x, state):
            states, state = self.recurrent(torch.tanh(self.embedding(x)), state)
            return self.output(states), state

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    return Network()


def torch_step(shape: Shape, cell: str = "GRU", device: str = "cpu") -> Work:
    """Return a training step of torch.nn.GRU or torch.nn.LSTM."""
    import torch

    network = torch_network(cell, shape.H, shape.L).to(device)
    optimizer = torch.optim.RMSprop(network.parameters(), lr=1e-3, alpha=0.95)
    x = torch.as_tensor(_symbols(shape.T, shape.B), dtype=torch.long, device=device)
    blank = torch.zeros(shape.L, shape.B, shape.H, device=device)
    state = (blank, blank) if cell == "LSTM" else blank

    def step():
        optimizer.zero_grad()
        logits, _ = network(x, state)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), x.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_value_(network.parameters(), 5.0)
        optimizer.step()
        return loss.item()

    return step


def keras_step(shape: Shape) -> Work:
    """Return a training step of Keras on JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    inputs = keras.Input(batch_shape=(shape.B, shape.T), dtype="int32")
    states = keras.layers.Embedding(VOCAB_SIZE, shape.H)(inputs)
    for _ in range(shape.L):
        states = keras.layers.GRU(shape.H, return_sequences=True, stateful=True)(states)
    network = keras.Model(inputs, keras.layers.Dense(VOCAB_SIZE)(states))
    network.compile(
        optimizer=keras.optimizers.RMSprop(1e-3, rho=0.95, clipvalue=5.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x = _symbols(shape.B, shape.T)
    return lambda: network.train_on_batch(x, x)


def large_product(size: int) -> Work:
    """Return one product of square float32 matrices by numpy's BLAS: 2·size³ operations."""
    a, b, out = np.random.default_rng(0).random((3, size, size), dtype=np.float32)
    return lambda: np.matmul(a, b, out=out)


# Writing


def charrnn_writer(H: int, L: int, samples: int, characters: int, engine: str = "cpu") -> Work:
    """Return charrnn's generation: one call writes `characters` characters in each of several samples."""
    from charrnn.model.model import Model
    from charrnn.model.sampling import Choice
    from charrnn.settings.hyper import HyperParams

    model = Model(HyperParams(layers=L, state_size=H), "GRUEncode", VOCAB_SIZE, engine=engine)
    start, state = np.zeros(samples, np.int32), model.freshstate(samples)
    uniforms = np.random.default_rng(0).random((characters, samples), dtype=np.float32)
    return lambda: model.generate(start, state, uniforms, Choice(0.5))


def torch_writer(H: int, L: int, samples: int, characters: int) -> Work:
    """Return the generation loop that users of torch write."""
    import torch

    network = torch_network("GRU", H, L).eval()

    @torch.inference_mode()
    def write():
        x, state = torch.zeros(1, samples, dtype=torch.long), torch.zeros(L, samples, H)
        for _ in range(characters):
            logits, state = network(x, state)
            x = torch.multinomial(torch.softmax(logits[0] / 0.5, dim=1), 1).T

    return write
