"""Generate symbols one after the other: the machinery under samples of texts and of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from charrnn.model.sampling import Choice

if TYPE_CHECKING:
    from charrnn.model.model import Model

BLOCK = 256  # symbols drawn by one call of the compiled function


class Writer:
    """A model that writes R texts side by side.

    Parameters
    ----------
    model : Model
    rng : numpy.random.Generator
        The generator of the random draws.
    rows : int
        R.
    state : numpy.ndarray, optional
        Initial hidden state, (L, S): the cell's states (L, H) side by side; blank by default.
    choice : Choice, optional
        How each symbol is chosen.
    condition : numpy.ndarray, optional
        The term that labels add to the first layer's input, (W,).
    guidance : float
        γ of classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598; their w is γ - 1). The logits are those
        without labels plus γ times the difference that the labels make. 1 leaves the labels' effect as it is, and
        larger values exaggerate it.

    Attributes
    ----------
    state : numpy.ndarray
        Hidden states after all symbols but the last, (L, R, S).
    """

    def __init__(
        self,
        model: Model,
        rng: np.random.Generator,
        rows: int = 1,
        state: np.ndarray | None = None,
        choice: Choice | None = None,
        condition: np.ndarray | None = None,
        guidance: float = 1.0,
    ) -> None:
        self._model, self._rng, self._rows = model, rng, rows
        self._choice, self._condition, self._guidance = choice or Choice(), condition, guidance
        state = model.freshstate() if state is None else state
        self.state = np.repeat(state[:, np.newaxis], rows, axis=1)
        self._free = self.state  # the states after the same texts without labels, for guidance
        self._last = np.zeros(rows, np.int32)

    def read(self, symbols: np.ndarray) -> None:
        """Read symbols (n,), n >= 1; the model continues after the last of them."""
        self._last = np.full(self._rows, symbols[-1], np.int32)
        self.state = self._after(symbols[:-1], self.state, self._condition)
        if self._guidance != 1:
            self._free = self._after(symbols[:-1], self._free, None)

    def _after(self, symbols: np.ndarray, state: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        """Return the states after symbols that are the same in every row.

        The symbols are read in pieces whose lengths are powers of two, so that JAX compiles for few lengths.
        """
        one = state[:, :1]
        while len(symbols):
            piece = symbols[: min(BLOCK, 1 << (len(symbols).bit_length() - 1)), np.newaxis]
            one = np.asarray(self._model.predict(piece, one, condition)[1])[:, -1]
            symbols = symbols[len(piece) :]
        return np.repeat(one, state.shape[1], axis=1)

    def write(self, number: int) -> np.ndarray:
        """Return the next symbols, int32 (number, R)."""
        uniforms = self._rng.random((number, self._rows), dtype=np.float32)
        if self._guidance != 1:
            return self._guided(uniforms)
        written, self.state = self._model.generate(self._last, self.state, uniforms, self._choice, self._condition)
        self._last = written[-1]
        return written

    def _guided(self, uniforms: np.ndarray) -> np.ndarray:
        model, written = self._model, np.empty(uniforms.shape, np.int32)
        conditions = np.repeat([self._condition, model.condition()], self._rows, axis=0)
        for i, u in enumerate(uniforms):
            both = np.concatenate([self.state, self._free], axis=1)
            logits, states = model.predict(np.tile(self._last, 2)[np.newaxis], both, conditions)
            labelled, free = np.split(np.asarray(logits)[0], 2)
            self.state, self._free = np.split(np.asarray(states)[:, 0], 2, axis=1)
            self._last = written[i] = self._choice.draw(free + self._guidance * (labelled - free), u)
        return written
