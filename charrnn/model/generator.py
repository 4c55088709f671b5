"""Generate symbols, each drawn from the network's predictions after the one before, a block in each compiled call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytensor.tensor as pt

from charrnn.model.cells.cell import Cell
from charrnn.model.engines import engine as engines
from charrnn.model.network import Network
from charrnn.model.parameters import ParameterVector
from charrnn.model.recurrence.op import affine_parts
from charrnn.model.recurrence.step import StepGraph, rebuild
from charrnn.model.sampling import Choice


class Stack(Cell):
    """All layers and the output layer of a network as one cell, whose step returns the logits after the states."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.states = tuple(f"{layer}.{s}" for layer in range(network.layers) for s in network.cell.states)  # type: ignore[misc]

    def shapes(self, n_in, n_units):
        shapes = self.network.shapes()
        labels = (f"Y{k}" for k in range(len(self.network.label_sizes)))
        for name in (
            ("a", *labels) if self.network.tied else ("E", "a", *labels)
        ):  # the input stage's parameters are in the table
            shapes.pop(name, None)
        return shapes

    def step(self, x, *state, p):
        n = len(self.network.cell.states)
        outputs, new = self.network.step(vars(p), x, [state[i : i + n] for i in range(0, len(state), n)])
        return (*(s for layer in new for s in layer), outputs)


class Generator:
    """The compiled form of a network that writes.

    Parameters
    ----------
    network : Network
    vector : ParameterVector
        The parameters. Values that depend on the parameters alone are recomputed only when these have changed.
    engine : {"cpu", "jax"}
    n_threads : int

    Raises
    ------
    UnsupportedStep
        If the cell's step cannot be taken apart.
    """

    def __init__(self, network: Network, vector: ParameterVector, engine: str, n_threads: int) -> None:
        self._network, self._vector = network, vector
        self._step = step = StepGraph(Stack(network), network.input_width, network.state_size, network.dtype)
        p = vector.symbols()
        replacements = {var: p[name] for name, var in step.parameters.items()}
        affine = affine_parts(step)
        rows = network.input.rows(p)
        condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
        self._given = [condition] if network.label_sizes else []
        if self._given:
            rows = network.input.table(p) + condition
        if isinstance(rows, int) and affine is not None:
            W, b = rebuild(affine, replacements)  # the identity times W is W
            table = W + b
        else:
            rows = network.input.table(p) if isinstance(rows, int) else rows
            table = pt.concatenate(rebuild(step.hoisted, replacements | {step.x: rows}), axis=1)
        self._prepare = engines.compile_function(
            engine, self._given, [table, *rebuild(step.leaves, replacements)], n_threads=n_threads
        )
        self._prepared_for: tuple = (None, b"")
        self._writer = engines.writer(engine, step, n_threads)
        self._write: Callable = lambda *_: None

    def __call__(
        self, start: np.ndarray, state: np.ndarray, uniforms: np.ndarray, choice: Choice, condition: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write; see `charrnn.model.model.Model.generate`."""
        parameters, conditioned = self._vector.shared.get_value(borrow=True), condition.tobytes()
        if parameters is not self._prepared_for[0] or conditioned != self._prepared_for[1]:
            table, *leaves = map(np.ascontiguousarray, self._prepare(*(condition for _ in self._given)))
            self._write = self._writer(table, leaves)
            self._prepared_for = parameters, conditioned  # every update makes a new array of parameters
        H = self._network.state_size
        states = [layer[:, k * H : (k + 1) * H] for layer in state for k in range(len(self._network.cell.states))]
        symbols, new = self._write(start, states, uniforms, choice)
        return symbols, np.stack(new).reshape(len(state), -1, *new[0].shape).transpose(0, 2, 1, 3).reshape(state.shape)


class StepwiseGenerator:
    """A `Generator` that makes one call for each symbol, for cells whose step cannot be taken apart."""

    def __init__(self, network: Network, vector: ParameterVector, engine: str, n_threads: int) -> None:
        x = pt.tensor("x", dtype="int32", shape=(1, None))
        state = pt.tensor("state", dtype=network.dtype, shape=(network.layers, None, network.state_width))
        condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
        self._given = [condition] if network.label_sizes else []
        given = condition[None, None] if self._given else None
        logits, last, _ = network.forward(vector.symbols(), x, state, condition=given)
        self._step = engines.compile_function(engine, [x, state, *self._given], [logits[0], last], n_threads=n_threads)

    def __call__(
        self, start: np.ndarray, state: np.ndarray, uniforms: np.ndarray, choice: Choice, condition: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write; see `charrnn.model.model.Model.generate`."""
        symbols = np.empty(uniforms.shape, "int32")
        for i, u in enumerate(uniforms):
            logits, state = self._step(start[None], state, *(condition for _ in self._given))
            start = symbols[i] = choice.draw(np.asarray(logits), u)
        return symbols, state
