"""The recurrence as one PyTensor Op, with its gradient Op.

Only values that depend on the step before are computed inside the time loop; see `step` for how the graph is taken
apart. ``perform`` calls the CPU kernels; `charrnn.model.engines.jax` has the form that JAX runs.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.graph.traversal import io_toposort
from pytensor.tensor import TensorVariable
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.math import Dot

from charrnn.model.cells.cell import Cell
from charrnn.model.kernels import threads
from charrnn.model.kernels.loop import LoopKernel
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.model.products import AddBias, Affine, Take, bias_gradient, join_time, split_time, weight_gradient
from charrnn.model.recurrence.derivative import Step
from charrnn.model.recurrence.step import StepGraph, add_terms, depends, rebuild


def recurrence(
    cell: Cell,
    x: TensorVariable,
    initial: Sequence[TensorVariable],
    parameters: Mapping[str, Variable],
    rows: TensorVariable | int | None = None,
    keep: TensorVariable | None = None,
    clip: float | None = None,
) -> list[TensorVariable]:
    """Run a cell over time.

    Parameters
    ----------
    cell : Cell
        Its `step` is applied at each time.
    x : tensor
        Inputs (T, B, D); or, with ``rows``, int indices (T, B) of the rows that are the inputs. Then values that leave
        the loop are computed once for each row (symbol) instead of once for each position.
    initial : sequence of matrix
        The states (B, H) before the first step.
    parameters : mapping of str to variable
        The cell's parameters, shaped as ``cell.shapes(D, H)`` says.
    rows : matrix or int, optional
        Distinct inputs (N, D), or the width V of one-hot inputs.
    keep : tensor3, optional
        (T, B, 1): 0 where a stream starts afresh and the state before counts as blank, else 1.
    clip : float, optional
        Limit ±clip of each time step's contribution to a parameter's gradient; not with a matrix of ``rows``.

    Returns
    -------
    list of tensor3
        Each state after every step, (T, B, H). Differentiable with respect to everything but ``keep`` and indices.

    Raises
    ------
    UnsupportedStep
        If the cell's step cannot be taken apart (see `Step`); `scan_recurrence` runs any step.
    """
    n_in = rows if isinstance(rows, int) else (x if rows is None else rows).type.shape[-1]
    step = _step(_Identity(cell), n_in, initial[0].type.shape[-1], initial[0].type.dtype, keep is not None)
    replacements = {var: parameters[name] for name, var in step.parameters.items()}
    leaves = rebuild(step.leaves, replacements)
    affine = affine_parts(step)
    if clip is not None and (affine is None or not _each_used_once(step)):
        raise UnsupportedStep("a parameter meets a time step in more than one way, which cannot be clipped here")
    if affine is not None:
        W, b = rebuild(affine, replacements)
        if isinstance(rows, int):
            u = AddBias(clip)(Take(clip)(W, x), b) if clip is not None else Take()(W + b, x)
        else:
            u = Affine(clip)(x, W, b) if rows is None else Take()(Affine()(rows[None], W, b)[0], x)
    else:
        if isinstance(rows, int):
            rows = pt.eye(rows, dtype=step.dtype)
        flat = join_time(x) if rows is None else rows
        table = pt.concatenate(rebuild(step.hoisted, replacements | {step.x: flat}), axis=1)
        u = split_time(table, x) if rows is None else Take()(table, x)
    outputs = Recurrence(step, clip)(u, *([] if keep is None else [keep]), *initial, *leaves, return_list=True)
    return outputs[: len(initial)]


class _Identity:
    """A cell as a key: equal to itself alone, however its class defines equality."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.cell is other.cell

    def __hash__(self) -> int:
        return id(self.cell)


@functools.lru_cache(maxsize=64)
def _step(key: _Identity, n_in: int, n_units: int, dtype: str, resets: bool) -> Step:
    """Layers and functions of a cell at the same sizes share its step; steps that compute the same share a kernel."""
    return Step(key.cell, n_in, n_units, dtype, resets)


@functools.lru_cache(maxsize=64)
def _kernel(op: Recurrence | RecurrenceGradient) -> LoopKernel:
    return op.make_kernel()


def _each_used_once(step: StepGraph) -> bool:
    """Return whether every parameter is used unchanged: as the factor of one product, or as one row."""
    uses = dict.fromkeys(step.parameters.values(), 0)
    for node in io_toposort([], [*step.hoisted, *step.leaves]):
        for parameter in uses.keys() & set(node.inputs):
            direct = isinstance(node.op, Dot | DimShuffle) and (
                not isinstance(node.op, Dot) or node.inputs[1] is parameter
            )
            uses[parameter] += node.inputs.count(parameter) if direct else 2
    for leaf in step.leaves:
        if leaf in uses:
            uses[leaf] += sum(product.leaf == step.leaves.index(leaf) for product in step.products)
    return all(n <= 1 for n in uses.values())


def affine_parts(step: StepGraph) -> tuple[Variable, Variable] | None:
    """Return W (D, M) and b (M,) if the hoisted values side by side are ``x @ W + b``, else None."""
    weights, biases = [], []
    for value in step.hoisted:
        terms = add_terms(value)
        dots = [t for t in terms if t.owner is not None and isinstance(t.owner.op, Dot) and t.owner.inputs[0] is step.x]
        rest = [t for t in terms if t not in dots]
        if len(dots) != 1 or any(depends(t, [step.x]) for t in (*rest, dots[0].owner.inputs[1])):
            return None
        width = value.type.shape[1]
        if dots[0].type.shape[1] != width:  # one column, broadcast along a row
            return None
        weights.append(dots[0].owner.inputs[1])
        if any(t.type.shape[1] == width for t in rest):
            biases.append(pt.add(*rest) if len(rest) > 1 else rest[0])
        else:
            biases.append(pt.add(pt.zeros((1, width), dtype=step.dtype), *rest))
    return pt.concatenate(weights, axis=1), pt.concatenate(biases, axis=1)[0]


class _StepOp(Op):
    """The base class of the two Ops: one step's graphs, and the limit that clips its gradients."""

    __props__: tuple[str, ...] = ("key", "clip")

    def __init__(self, step: Step, clip: float | None) -> None:
        self.step, self.clip = step, clip
        self.key = step.key

    def _last(self, graph, indices: Sequence[int]) -> set[int]:
        """The positions of some leaves among a graph's inputs; leaves come last."""
        first = len(graph.inputs) - len(self.step.leaves)
        return {first + i for i in indices}

    def _columns(self, u: np.ndarray) -> list[np.ndarray]:
        """Return the hoisted values as separate variables; they lie side by side in one."""
        bounds = np.cumsum([0, *(v.type.shape[1] for v in self.step.hoisted)])
        return [u[:, :, a:b] for a, b in itertools.pairwise(bounds)]


class Recurrence(_StepOp):
    """The states of every step: inputs u (T, B, M), [keep (T, B, 1)], initial states (B, H), leaves.

    Outputs each state (T, B, H), and the values (T, B, n) that the gradient needs again unless ``saves`` is False.
    """

    __props__ = ("key", "clip", "saves")

    def __init__(self, step: Step, clip: float | None = None, saves: bool = True) -> None:
        super().__init__(step, clip)
        self.saves = saves

    def make_node(self, *inputs):
        variables = [pt.as_tensor_variable(i) for i in inputs]
        step, (T, B) = self.step, variables[0].type.shape[:2]
        widths = [step.n_units] * len(step.states) + (step.saved_widths if self.saves else [])
        return Apply(self, variables, [pt.tensor(dtype=step.dtype, shape=(T, B, w)) for w in widths])

    def infer_shape(self, *args):
        node, shapes = args[-2:]
        return [(shapes[0][0], shapes[0][1], out.type.shape[2]) for out in node.outputs]

    def make_kernel(self) -> LoopKernel:
        """Compile the loop for the CPU."""
        graph, step = self.step.forward if self.saves else self.step.inference, self.step
        first = len(step.hoisted) + len(step.keep)
        carried = {first + i: i for i in range(len(step.states))}
        return LoopKernel(graph, self._last(graph, step.weight_leaves), step.dtype, carried=carried)

    def perform(self, node, inputs, outputs):
        step = self.step
        n = 1 + len(step.keep)
        u, initial, leaves = (
            np.ascontiguousarray(inputs[0]),
            inputs[n : n + len(step.states)],
            inputs[n + len(step.states) :],
        )
        T, B = u.shape[:2]
        results = [np.empty((T, B, out.type.shape[2]), step.dtype) for out in node.outputs]
        states = [np.ascontiguousarray(s)[None] for s in initial]
        kernel = _kernel(self)
        arguments = kernel.arrays([*self._columns(u), *inputs[1:n], *states, *leaves], results, B)
        threads.split(B, lambda first, last: kernel(T, first, last, arguments))
        for storage, value in zip(outputs, results, strict=True):
            storage[0] = value

    def connection_pattern(self, node):
        keeps = range(1, 1 + len(self.step.keep))
        return [[i not in keeps] * len(node.outputs) for i in range(len(node.inputs))]

    def pullback(self, inputs, outputs, cotangents):
        step = self.step
        n_states, n_keep = len(step.states), len(step.keep)
        u, keep = inputs[0], inputs[1 : 1 + n_keep]
        initial, leaves = inputs[1 + n_keep : 1 + n_keep + n_states], inputs[1 + n_keep + n_states :]
        states, saved = outputs[:n_states], outputs[n_states:]
        zeros = pt.zeros((1, u.shape[1], step.n_units), dtype=step.dtype)  # one step's, for all
        d_states = [zeros if isinstance(c.type, DisconnectedType) else c for c in cotangents[:n_states]]
        gradient = RecurrenceGradient(step, self.clip)
        d_u, *rest = gradient(*saved, u, *keep, *initial, *states, *d_states, *leaves, return_list=True)
        d_initial, d_others = rest[:n_states], rest[n_states:]
        bounds = np.cumsum([0, *(v.type.shape[1] for v in step.hoisted)])

        def tap(k: int) -> TensorVariable:
            return d_u[:, :, bounds[k] : bounds[k + 1]] if k < len(step.hoisted) else d_others[k - len(step.hoisted)]

        d_leaves: dict[int, TensorVariable] = {}
        for (source, i), group in step.products_by_left():
            # The state before a step is that of the time before.
            left = saved[i] if source == "saved" else pt.concatenate([initial[i][None], states[i][:-1]], axis=0)
            taps = [k for _, k in group]
            if taps == list(range(taps[0], taps[-1] + 1)) and taps[-1] < len(step.hoisted):  # side by side
                whole = weight_gradient(left, d_u[:, :, bounds[taps[0]] : bounds[taps[-1] + 1]], self.clip)
                start = bounds[taps[0]]
                parts = [whole[:, bounds[k] - start : bounds[k + 1] - start] for k in taps]
            else:
                parts = [weight_gradient(left, tap(k), self.clip) for k in taps]
            for (leaf, _), d_weight in zip(group, parts, strict=True):
                d_leaves[leaf] = d_leaves[leaf] + d_weight if leaf in d_leaves else d_weight
        for i, k in zip(step.row_leaves, step.d_rows, strict=True):
            d_leaves[i] = bias_gradient(tap(k), self.clip)[None]
        return [d_u, *(disconnected_type() for _ in keep), *d_initial, *(d_leaves[i] for i in range(len(leaves)))]


class RecurrenceGradient(_StepOp):
    """Back through time: inputs saved values, u, [keep], initial states, states, their cotangents (T or 1, B, H),
    leaves.

    Outputs the gradients of u (T, B, M) and of the initial states (B, H), and those (T, B, n) of the other values that
    left the loop.
    """

    def make_node(self, *inputs):
        variables = [pt.as_tensor_variable(i) for i in inputs]
        step = self.step
        T, B, M = variables[len(step.saved_widths)].type.shape
        shapes = [
            (T, B, M),
            *[(B, step.n_units)] * len(step.states),
            *((T, B, w) for w in step.tap_widths[len(step.hoisted) :]),
        ]
        return Apply(self, variables, [pt.tensor(dtype=step.dtype, shape=shape) for shape in shapes])

    def infer_shape(self, *args):
        node, shapes = args[-2:]
        T, B, M = shapes[len(self.step.saved_widths)]
        return [
            (T, B, M) if i == 0 else (T, B, out.type.shape[2]) if out.ndim == 3 else (B, out.type.shape[1])
            for i, out in enumerate(node.outputs)
        ]

    def make_kernel(self) -> LoopKernel:
        """Compile the loop for the CPU."""
        step, graph = self.step, self.step.backward
        n_states = len(step.states)
        first_state = step.n_saved + len(step.hoisted) + len(step.keep)
        first_carry = first_state + 2 * n_states
        return LoopKernel(
            graph,
            self._last(graph, step.weight_leaves),
            step.dtype,
            reverse=True,
            carried={first_carry + i: i for i in range(n_states)},
            lagged=set(range(first_state, first_state + n_states)),
        )

    def perform(self, node, inputs, outputs):
        step = self.step
        n_states, n_saved, n_hoisted = len(step.states), step.n_saved, len(step.hoisted)
        saved, u, rest = inputs[:n_saved], np.ascontiguousarray(inputs[n_saved]), inputs[n_saved + 1 :]
        keep, rest = rest[: len(step.keep)], rest[len(step.keep) :]
        initial, states, d_states, leaves = (
            rest[:n_states], rest[n_states : 2 * n_states], rest[2 * n_states : 3 * n_states], rest[3 * n_states :]
        )  # fmt: skip
        T, B = u.shape[:2]
        d_u = np.empty(u.shape, step.dtype)
        others = [np.empty((T, B, w), step.dtype) for w in step.tap_widths[n_hoisted:]]
        blank = np.zeros((1, B, step.n_units), step.dtype)
        carry = [np.empty((2, B, step.n_units), step.dtype) for _ in range(n_states)]
        first_state = n_saved + n_hoisted + len(keep)
        kernel = _kernel(self)
        arguments = kernel.arrays(
            [
                *saved,
                *self._columns(u),
                *keep,
                *states,
                *(np.ascontiguousarray(d) for d in d_states),
                *[blank] * n_states,
                *leaves,
            ],
            [*carry, *self._columns(d_u), *others],
            B,
            initial={first_state + i: np.ascontiguousarray(s)[None] for i, s in enumerate(initial)},
        )
        threads.split(B, lambda first, last: kernel(T, first, last, arguments))
        for storage, value in zip(outputs, [d_u, *(c[0] for c in carry), *others], strict=True):
            storage[0] = value
