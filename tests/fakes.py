"""A model small enough to reason about, with the interface of `charrnn.model.model.Model`.

It predicts the next character from the present one alone (a table of logits, plain gradient descent), and its
hidden state is the last symbol of each stream, so that a test can see whether streams read on continuously.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charrnn.errors import InvalidValue


@dataclass
class FakeResult:
    loss: float
    grad_norm: float
    state: np.ndarray
    accuracy: float = 0.5


class FakeModel:
    """A bigram table: logits of the next symbol, (V, V)."""

    def __init__(self, vocab_size, learnrate=0.5):
        self.vocab_size, self.learnrate, self.steps = vocab_size, learnrate, 0
        self.table = np.zeros((vocab_size, vocab_size), np.float32)
        self.seen = np.zeros(1, np.float32)
        self.even_loss = float(np.log(vocab_size))
        self.fail_at = {}  # step number -> the loss to report there, once for each entry

    def arrays(self):
        return {"param/table": self.table, "slot/seen": self.seen}

    def load_arrays(self, arrays):
        self.table, self.seen = arrays["param/table"].copy(), arrays["slot/seen"].copy()

    def freshstate(self, batchsize=0):
        return np.full((1, batchsize, 1) if batchsize else (1, 1), -1, np.float32)

    def errors(self, x, y, state=None, keep=None, labels=None):
        logits = self.table[x]
        logits = logits - logits.max(axis=-1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        errors = -np.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
        return errors, x[-1].astype(np.float32).reshape(1, -1, 1)

    def loss(self, x, y, state, mask=None, keep=None, labels=None):
        errors, state = self.errors(x, y, state)
        return float((errors if mask is None else errors * mask).sum()), state

    def assess(self, x, y, state=None, keep=None, labels=None):
        errors, state = self.errors(x, y, state)
        return errors, (self.table[x].argmax(axis=-1) == y).astype(np.float32), state

    def step(self, x, y, state, mask=None, keep=None, labels=None):
        errors, end = self.errors(x, y, state)
        gradient = np.exp(self.table) / np.exp(self.table).sum(axis=1, keepdims=True)
        gradient = gradient * np.bincount(x.ravel(), minlength=self.vocab_size)[:, None]
        np.subtract.at(gradient, (x.ravel(), y.ravel()), 1)
        self.table -= np.float32(self.learnrate / x.size) * gradient.astype(np.float32)
        self.seen += x.size
        self.steps += 1
        failures = self.fail_at.get(self.steps)
        loss = failures.pop() if failures else float(errors.mean())
        return FakeResult(loss, float(np.linalg.norm(gradient)), end)

    def regularization(self):
        return 0.5

    def checked_state(self, state=None, name="state"):
        state = self.freshstate() if state is None else np.asarray(state, np.float32)
        if state.shape != (1, 1):
            raise InvalidValue(f"{name} has the shape {state.shape}: expected h (1, 1).")
        return state

    def generate(self, start, state, uniforms, choice, condition=None):
        symbols = np.empty((len(uniforms), len(start)), np.int32)
        for drawn, row in zip(uniforms, symbols, strict=True):
            odds = np.exp(self.table[start] / choice.temp)
            odds[:, : choice.skip] = 0
            below = odds.cumsum(axis=1) < drawn[:, None] * odds.sum(axis=1, keepdims=True)
            row[:] = odds.argmax(axis=1) if choice.argmax else below.sum(axis=1)
            start = row.copy()
        return symbols, start.astype(np.float32).reshape(1, -1, 1)

    def predict(self, x, state=None, condition=None):
        return self.table[x], x.astype(np.float32)[None, ..., None]

    def process(self, x, state=None, temp=1.0, condition=None):
        odds = np.exp(self.table[x] / temp)
        return odds / odds.sum(axis=1, keepdims=True), x.astype(np.float32).reshape(-1, 1, 1)


class FakeData:
    """A text in B streams, without the special cases of the real data set: lengths divide evenly."""

    def __init__(self, symbols, seq_len):
        self.symbols, self.seq_len = np.asarray(symbols), seq_len

    unit, noun, tables = "char", "character", ()

    def batchepoch(self, batchsize):
        return len(self.symbols) // self.seq_len // batchsize

    def whole(self, batchsize):
        return batchsize

    def batch(self, pos, batchsize, epoch=0):
        T = self.seq_len
        starts = (np.arange(batchsize) * self.batchepoch(batchsize) + pos) * T
        around = np.append(self.symbols, self.symbols[0])
        x = np.stack([around[s : s + T] for s in starts], axis=1)
        y = np.stack([around[s + 1 : s + T + 1] for s in starts], axis=1)
        return x, y, np.ones(x.shape, np.float32), None, None
