"""Writing: symbols drawn one after the other from a network's own predictions, a block of them in a compiled call."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytensor.tensor as pt

from charrnn.model import engine as engines
from charrnn.model.cells import Cell
from charrnn.model.kernels import threads
from charrnn.model.kernels.writing import WritingKernel
from charrnn.model.network import Network
from charrnn.model.parameters import ParameterVector
from charrnn.model.recurrence.op import affine_parts
from charrnn.model.recurrence.step import StepGraph, rebuild


class Stack(Cell):
    """All layers and the output layer of a network as one cell, whose step returns the logits after the states."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.states = tuple(f"{layer}.{s}" for layer in range(network.layers) for s in network.cell.states)  # type: ignore[misc]

    def shapes(self, n_in, n_units):
        shapes = self.network.shapes()
        labels = (f"Y{k}" for k in range(len(self.network.label_sizes)))
        for name in ("a", *labels) if self.network.tied else ("E", "a", *labels):  # the input stage's are in the table
            shapes.pop(name, None)
        return shapes

    def step(self, x, *state, p):
        cell, n = self.network.cell, len(self.network.cell.states)
        new: list = []
        for layer in range(self.network.layers):
            own = {name: getattr(p, f"{layer + 1}.{name}") for name in cell.shapes(1, 1)}
            outputs = cell.step(x, *state[layer * n : (layer + 1) * n], p=SimpleNamespace(**own))
            new += outputs if isinstance(outputs, tuple | list) else [outputs]
            x = new[-n]
        return (*new, x @ self.network.output_weights(vars(p)) + p.c)


class Generator:
    """The compiled form of a network that writes.

    Parameters
    ----------
    network : Network
    vector : ParameterVector
        Where the parameters are; what follows from them alone is computed again only when they have changed.
    engine : {"numba", "jax"}
    n_threads : int

    Raises
    ------
    UnsupportedStep
        The cell's step cannot be taken apart.
    """

    def __init__(self, network: Network, vector: ParameterVector, engine: str, n_threads: int) -> None:
        self._network, self._vector, self._threads = network, vector, n_threads
        self._step = step = StepGraph(Stack(network), network.input_width, network.state_size, network.dtype)
        p = vector.symbols()
        replacements = {var: p[name] for name, var in step.parameters.items()}
        affine = affine_parts(step)
        rows = network.rows(p)
        condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
        self._given = [condition] if network.label_sizes else []
        if self._given:
            rows = (pt.eye(rows, dtype=network.dtype) if isinstance(rows, int) else rows) + condition
        if isinstance(rows, int) and affine is not None:
            W, b = rebuild(affine, replacements)  # the identity times W is W
            table = W + b
        else:
            rows = pt.eye(rows, dtype=network.dtype) if isinstance(rows, int) else rows
            table = pt.concatenate(rebuild(step.hoisted, replacements | {step.x: rows}), axis=1)
        self._prepare = engines.compile_function(
            engine, self._given, [table, *rebuild(step.leaves, replacements)], n_threads=n_threads
        )
        self._prepared_for: tuple = (None, b"")
        self._write: Callable = self._jax_write() if engine == "jax" else self._numba_write()

    def __call__(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        temp: float,
        argmax: bool,
        skip: int,
        condition: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write; see `charrnn.model.model.Model.generate`."""
        parameters, conditioned = self._vector.shared.get_value(borrow=True), condition.tobytes()
        if parameters is not self._prepared_for[0] or conditioned != self._prepared_for[1]:
            table, *leaves = self._prepare(*(condition for _ in self._given))
            self._table, self._leaves = np.ascontiguousarray(table), [np.ascontiguousarray(leaf) for leaf in leaves]
            self._panels = self._pack()
            self._prepared_for = parameters, conditioned  # every update makes a new array of parameters
        H = self._network.state_size
        states = [layer[:, k * H : (k + 1) * H] for layer in state for k in range(len(self._network.cell.states))]
        symbols, new = self._write(start, states, uniforms, temp, argmax, skip)
        return symbols, np.stack(new).reshape(len(state), -1, *new[0].shape).transpose(0, 2, 1, 3).reshape(state.shape)

    def _pack(self) -> list[np.ndarray]:
        return []

    def _numba_write(self) -> Callable:
        step = self._step
        first = len(step.hoisted) + len(step.states)
        kernel = WritingKernel(step.inference, {first + i for i in step.weight_leaves}, step.dtype, len(step.hoisted))
        self._pack = lambda: kernel.pack([*[np.empty(0)] * first, *self._leaves])  # type: ignore[method-assign]

        def write(start, states, uniforms, temp, argmax, skip):
            with threads.using(self._threads):
                return kernel.write(
                    self._table, self._leaves, self._panels, start, states, uniforms, temp, argmax, skip, threads.split
                )

        return write

    def _jax_write(self) -> Callable:
        from charrnn.model import jax_ops

        run = jax_ops.writer(self._step)

        def write(start, states, uniforms, temp, argmax, skip):
            symbols, new = run(
                self._table, tuple(self._leaves), start, tuple(states), uniforms, 0.0 if argmax else 1 / temp, skip
            )
            return np.asarray(symbols), [np.asarray(s) for s in new]

        return write


class StepwiseGenerator:
    """What `Generator` does, one call for each symbol: for cells whose step cannot be taken apart."""

    def __init__(self, network: Network, vector: ParameterVector, engine: str, n_threads: int) -> None:
        x = pt.tensor("x", dtype="int32", shape=(1, None))
        state = pt.tensor("state", dtype=network.dtype, shape=(network.layers, None, network.state_width))
        condition = pt.tensor("condition", dtype=network.dtype, shape=(network.input_width,))
        self._given = [condition] if network.label_sizes else []
        given = condition[None, None] if self._given else None
        logits, last, _ = network.forward(vector.symbols(), x, state, condition=given)
        self._step = engines.compile_function(engine, [x, state, *self._given], [logits[0], last], n_threads=n_threads)

    def __call__(
        self,
        start: np.ndarray,
        state: np.ndarray,
        uniforms: np.ndarray,
        temp: float,
        argmax: bool,
        skip: int,
        condition: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write; see `charrnn.model.model.Model.generate`."""
        symbols = np.empty(uniforms.shape, "int32")
        for i, u in enumerate(uniforms):
            logits, state = self._step(start[None], state, *(condition for _ in self._given))
            start = symbols[i] = draw(np.asarray(logits), u, temp, argmax, skip)
        return symbols, state


def draw(logits: np.ndarray, u: np.ndarray, temp: float, argmax: bool = False, skip: int = 0) -> np.ndarray:
    """Return a symbol (R,) for each row of logits (R, V), by inverse cumulative distribution of uniforms u (R,).

    >>> draw(np.log([[0.5, 0.25, 0.25]] * 3), np.array([0.4, 0.6, 0.9]), temp=1.0).tolist()
    [0, 1, 2]
    """
    logits = logits[:, skip:]
    likeliest = logits.argmax(axis=1)
    if argmax:
        return (likeliest + skip).astype("int32")
    running = np.exp((logits - logits.max(axis=1, keepdims=True)) / temp).cumsum(axis=1)
    over = running > (u * running[:, -1])[:, None]
    return (np.where(over.any(axis=1), over.argmax(axis=1), likeliest) + skip).astype("int32")
