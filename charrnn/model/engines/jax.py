"""The JAX engine: a whole graph compiled into one program, on GPUs and elsewhere. Importing this module imports JAX.

The recurrence is a `lax.scan` over the same graphs as the CPU kernels (see `charrnn.model.recurrence.step`). Shapes are
concrete inside JAX, so one function serves any T and B; JAX compiles it again for each new pair, and caches the results
on disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import platformdirs
import pytensor
from pytensor.compile.mode import Mode, get_mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.tensor.math import Sum

from charrnn.model.dropout import DropoutMask
from charrnn.model.engines.engine import Function, Writer
from charrnn.model.heads.crossentropy import CrossEntropy, CrossEntropyGradient
from charrnn.model.heads.nade import NadeGradient, NadeLogits
from charrnn.model.kernels.rowsum import RowSum
from charrnn.model.parameters import JoinFlat, SplitFlat
from charrnn.model.products import AddBias, Affine, ClippedWeightGradient, JoinTime, Scatter, SplitTime, Take
from charrnn.model.recurrence.op import Recurrence, RecurrenceGradient
from charrnn.model.recurrence.step import StepGraph
from charrnn.model.sampling import Choice


def mode() -> Mode:
    """Return PyTensor's mode for JAX, with JAX's compilations kept between sessions."""
    # Importing PyTensor's dispatch allowed or forbade float64, depending on floatX at that time.
    jax.config.update("jax_enable_x64", True)
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", platformdirs.user_cache_dir("charrnn") + "/jax")
    return get_mode("JAX").register((dfs_rewriter(_sum_in_own_precision), 100))


def compile_function(
    inputs: Sequence[Variable],
    outputs: Sequence[Variable],
    updates: Sequence[tuple[SharedVariable, Variable]],
    n_threads: int,
) -> Function:
    """Compile expressions; see `charrnn.model.engines.engine.compile_function`. JAX chooses its own threads."""
    run = pytensor.function(inputs, outputs, updates=updates, mode=mode(), trust_input=True, on_unused_input="ignore")
    return lambda *args: [np.asarray(value) for value in run(*args)]


@node_rewriter([Sum])
def _sum_in_own_precision(fgraph, node):
    """PyTensor accumulates float32 in float64, and its dispatch for JAX then returns that."""
    (x,), op = node.inputs, node.op
    if op.acc_dtype == node.outputs[0].type.dtype:
        return False
    return [Sum(axis=op.axis, dtype=op.dtype, acc_dtype=node.outputs[0].type.dtype)(x)]


def _blocks(u, widths):
    bounds = [0]
    for width in widths:
        bounds.append(bounds[-1] + width)
    return [u[..., a:b] for a, b in itertools.pairwise(bounds)]


@jax_funcify.register(Recurrence)
def _recurrence(op, **kwargs):
    step = op.step
    one_step = jax_funcify(step.forward if op.saves else step.inference, **kwargs)
    widths = [v.type.shape[1] for v in step.hoisted]
    n_keep, n_states = len(step.keep), len(step.states)

    def recurrence(u, *rest):
        keep, initial, leaves = rest[:n_keep], rest[n_keep : n_keep + n_states], rest[n_keep + n_states :]

        def body(states, now):
            outputs = one_step(*_blocks(now[0], widths), *now[1:], *states, *leaves)
            return tuple(outputs[:n_states]), tuple(outputs)

        _, every = jax.lax.scan(body, tuple(initial), (u, *keep))
        return every

    return recurrence


@jax_funcify.register(RecurrenceGradient)
def _recurrence_gradient(op, **kwargs):
    step = op.step
    one_step = jax_funcify(step.backward, **kwargs)
    widths = [v.type.shape[1] for v in step.hoisted]
    n_keep, n_states, n_saved, n_hoisted = len(step.keep), len(step.states), step.n_saved, len(step.hoisted)

    def gradient(*inputs):
        saved, u, rest = inputs[:n_saved], inputs[n_saved], inputs[n_saved + 1 :]
        keep, rest = rest[:n_keep], rest[n_keep:]
        initial, states = rest[:n_states], rest[n_states : 2 * n_states]
        d_states, leaves = rest[2 * n_states : 3 * n_states], rest[3 * n_states :]
        before = [jnp.concatenate([i[None], s[:-1]]) for i, s in zip(initial, states, strict=True)]
        d_outputs = [jnp.broadcast_to(d, s.shape) for d, s in zip(d_states, states, strict=True)]

        def body(carry, now):
            saved_t, u_t, keep_t, before_t, d_t = now
            outputs = one_step(*saved_t, *_blocks(u_t, widths), *keep_t, *before_t, *d_t, *carry, *leaves)
            d_u = jnp.concatenate(outputs[n_states : n_states + n_hoisted], axis=1)
            return tuple(outputs[:n_states]), (d_u, *outputs[n_states + n_hoisted :])

        blank = tuple(jnp.zeros_like(i) for i in initial)
        d_initial, (d_u, *others) = jax.lax.scan(body, blank, (saved, u, keep, before, d_outputs), reverse=True)
        return (d_u, *d_initial, *others)

    return gradient


@jax_funcify.register(Take)
def _take(op, **kwargs):
    return lambda table, indices: jnp.take(table, indices, axis=0)


@jax_funcify.register(Scatter)
def _scatter(op, **kwargs):
    def scatter(d, indices, table):
        shape = table.shape
        if op.clip is None:
            return jnp.zeros(shape, d.dtype).at[indices.reshape(-1)].add(d.reshape(-1, d.shape[-1]))

        def add(total, now):
            d_t, indices_t = now
            return total + jnp.clip(jnp.zeros(shape, d.dtype).at[indices_t].add(d_t), -op.clip, op.clip), None

        return jax.lax.scan(add, jnp.zeros(shape, d.dtype), (d, indices))[0]

    return scatter


@jax_funcify.register(ClippedWeightGradient)
def _clipped_weight_gradient(op, **kwargs):
    def gradient(left, d):
        def add(total, now):
            return total + jnp.clip(now[0].T @ now[1], -op.clip, op.clip), None

        return jax.lax.scan(add, jnp.zeros((left.shape[2], d.shape[2]), d.dtype), (left, d))[0]

    return gradient


@jax_funcify.register(JoinTime)
def _join_time(op, **kwargs):
    return lambda x: x.reshape(-1, x.shape[2])


@jax_funcify.register(SplitTime)
def _split_time(op, **kwargs):
    return lambda rows, like: rows.reshape(*like.shape[:2], rows.shape[1])


@jax_funcify.register(Affine)
def _affine(op, **kwargs):
    return lambda x, W, b: x @ W + b


@jax_funcify.register(AddBias)
def _add_bias(op, **kwargs):
    return lambda x, b: x + b


@jax_funcify.register(RowSum)
def _row_sum(op, **kwargs):
    return lambda x: x.sum(axis=1, keepdims=True)


@jax_funcify.register(DropoutMask)
def _dropout_mask(op, **kwargs):
    def mask(like, count):
        index = jnp.arange(like.size, dtype=jnp.uint32)
        return op.values(index, jnp.asarray(count), like.dtype, jnp).reshape(like.shape)

    return mask


@jax_funcify.register(JoinFlat)
def _join_flat(op, **kwargs):
    return lambda *arrays: jnp.concatenate([a.reshape(-1) for a in arrays])


@jax_funcify.register(SplitFlat)
def _split_flat(op, **kwargs):
    def split(vector):
        parts = op.parts(vector)
        return parts if len(parts) > 1 else parts[0]

    return split


@jax_funcify.register(CrossEntropy)
def _cross_entropy(op, **kwargs):
    def cross_entropy(logits, y):
        log_softmax = jax.nn.log_softmax(logits)
        came = jnp.take_along_axis(log_softmax, y[..., None], axis=-1)[..., 0]
        return -came, jnp.exp(log_softmax), (came >= log_softmax.max(axis=-1)).astype(logits.dtype)

    return cross_entropy


@jax_funcify.register(CrossEntropyGradient)
def _cross_entropy_gradient(op, **kwargs):
    return lambda softmax, y, d: (softmax - jax.nn.one_hot(y, softmax.shape[-1], dtype=softmax.dtype)) * d[..., None]


def _nade(c, a, W, U, y):
    def body(a, now):
        c_i, W_i, U_i, y_i = now
        return a + y_i[..., None] * W_i, c_i + jnp.tanh(a) @ U_i

    _, logits = jax.lax.scan(body, a, (jnp.moveaxis(c, 2, 0), W, U, jnp.moveaxis(y, 2, 0)), reverse=True)
    return jnp.moveaxis(logits, 0, 2)


@jax_funcify.register(NadeLogits)
def _nade_logits(op, **kwargs):
    return _nade


@jax_funcify.register(NadeGradient)
def _nade_gradient(op, **kwargs):
    return lambda d, a, W, U, y: jax.vjp(lambda a, W, U: _nade(jnp.zeros_like(d), a, W, U, y), a, W, U)[1](d)


def writer(step: StepGraph, n_threads: int) -> Writer:
    """Compile the generation loop; see `charrnn.model.engines.engine.writer`."""
    run = _writing_loop(step)

    def prepare(table: np.ndarray, leaves: list[np.ndarray]) -> Callable[..., tuple[np.ndarray, list[np.ndarray]]]:
        def write(start, states, uniforms, choice: Choice):
            symbols, new = run(table, tuple(leaves), start, tuple(states), uniforms, choice.inverse, choice.skip)
            return np.asarray(symbols), [np.asarray(s) for s in new]

        return write

    return prepare


def _writing_loop(step: StepGraph) -> Callable:
    one_step = jax_funcify(step.inference)
    widths, n_states = [v.type.shape[1] for v in step.hoisted], len(step.states)

    @jax.jit
    def write(table, leaves, start, states, uniforms, inverse, skip):
        def body(carry, u):
            symbol, states = carry
            outputs = one_step(*_blocks(table[symbol], widths), *states, *leaves)
            logits = outputs[n_states]
            logits = jnp.where(jnp.arange(logits.shape[1]) < skip, -jnp.inf, logits)
            weights = jnp.exp((logits - logits.max(axis=1, keepdims=True)) * inverse)
            running = jnp.cumsum(weights, axis=1)
            likeliest = jnp.argmax(logits, axis=1)
            over = running > (u * running[:, -1])[:, None]
            drawn = jnp.where(over.any(axis=1), jnp.argmax(over, axis=1), likeliest)
            symbol = jnp.where(inverse > 0, drawn, likeliest).astype(jnp.int32)
            # PyTensor has JAX sum some float32 values in float64.
            new = tuple(o.astype(s.dtype) for o, s in zip(outputs, states, strict=False))
            return (symbol, new), symbol

        (_, states), symbols = jax.lax.scan(body, (start, states), uniforms)
        return symbols, states

    return write
