"""The engines that run a model's expressions: ``"numba"`` on the CPU, ``"jax"`` on GPUs and elsewhere.

On the CPU PyTensor's own virtual machine calls few heavy Ops one after the other, with kernels that Numba's LLVM
compiles (see `charrnn.model.kernels`): a new architecture is ready in a second or two. JAX compiles a whole graph into
one program.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.link.vm import VMLinker
from pytensor.tensor.math import Dot, Sum

from charrnn.errors import EngineUnavailable, UnknownName, near_matches
from charrnn.model.kernels import threads
from charrnn.model.kernels.elementwise import flatten_elemwise
from charrnn.model.kernels.matmul import matmul
from charrnn.model.kernels.memory import keep_freed_memory
from charrnn.model.recurrence.op import Recurrence

ENGINES = ("numba", "jax")

#: Held while expressions are built or compiled: PyTensor's settings and rewrites are the whole process's.
building = threading.RLock()


class built(cached_property):  # noqa: N801  a decorator, named as such
    """A cached property that one thread at a time builds or compiles."""

    def __get__(self, instance, owner=None):
        if instance is None or self.attrname in vars(instance):
            return super().__get__(instance, owner)
        with building:
            return super().__get__(instance, owner)


def resolve(engine: str = "auto") -> str:
    """Return the engine to use.

    Parameters
    ----------
    engine : {"auto", "numba", "jax"}
        ``"auto"`` takes the environment variable ``CHARRNN_ENGINE`` if it is set, else JAX where it sees a GPU, else
        Numba.

    Raises
    ------
    UnknownName
        There is no such engine.
    EngineUnavailable
        It is not installed.

    Examples
    --------
    >>> resolve("numba")
    'numba'
    """
    if engine == "auto":
        engine = os.environ.get("CHARRNN_ENGINE") or "auto"
    if engine == "auto":
        return "jax" if _jax_sees_gpu() else "numba"
    if engine not in ENGINES:
        raise UnknownName(f"There is no engine {engine!r}. {near_matches(str(engine), (*ENGINES, 'auto'))}")
    if engine == "jax" and importlib.util.find_spec("jax") is None:
        raise EngineUnavailable('engine="jax" needs JAX, which is not installed: pip install "charrnn-workbench[jax]"')
    return engine


def _jax_sees_gpu() -> bool:
    # Asking JAX costs its import, so ask only where one of its GPU plugins is installed.
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm60_plugin", "jax_rocm7_plugin")
    if importlib.util.find_spec("jax") is None or not any(importlib.util.find_spec(p) for p in plugins):
        return False
    import jax

    return jax.default_backend() == "gpu"


class ThreadedDot(Op):
    """``a @ b`` split over threads."""

    __props__ = ()

    def make_node(self, a, b):
        return Apply(self, [a, b], [out.type() for out in Dot().make_node(a, b).outputs])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = matmul(*inputs)

    def infer_shape(self, *args):
        a, b = args[-1]
        return [(a[0], b[1])]


class SumRows(Op):
    """The sum (n,) of an array (..., n) over all axes but the last."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [pt.tensor(dtype=x.type.dtype, shape=x.type.shape[-1:])])

    def perform(self, node, inputs, outputs):
        rows = inputs[0].reshape(-1, inputs[0].shape[-1])
        outputs[0][0] = np.ones(len(rows), rows.dtype) @ rows

    def infer_shape(self, *args):
        return [args[-1][0][-1:]]


@node_rewriter([Dot])
def _split_products(fgraph, node):
    return [ThreadedDot()(*node.inputs)]


@node_rewriter([Recurrence])
def _save_nothing(fgraph, node):
    """A recurrence whose gradient is not asked for need not keep what the gradient would use."""
    n_states = len(node.op.step.states)
    if not node.op.saves or any(fgraph.clients[out] for out in node.outputs[n_states:]):
        return False
    lean = Recurrence(node.op.step, node.op.clip, saves=False)(*node.inputs, return_list=True)
    return dict(zip(node.outputs[:n_states], lean, strict=True))


@node_rewriter([Sum])
def _sum_by_blas(fgraph, node):
    """Sum rows as a product with ones: numpy's sum over the first axes is slow in PyTensor's float64 accumulators."""
    (x,), axis = node.inputs, node.op.axis
    if x.type.dtype != node.outputs[0].type.dtype or not x.type.dtype.startswith("float") or x.type.ndim < 2:
        return False
    if axis is None or set(axis) != set(range(x.type.ndim - 1)):
        return False
    return [SumRows()(x)]


REWRITES = (_save_nothing, _split_products, _sum_by_blas, flatten_elemwise)


def _numba_mode() -> Mode:
    query = RewriteDatabaseQuery(include=["fast_run"], exclude=["inplace", "BlasOpt", "cxx_only"])
    mode = Mode(linker=VMLinker(use_cloop=False), optimizer=query)
    # After fusion and everything else of PyTensor's.
    return mode.register(*((dfs_rewriter(rewrite), 100 + i) for i, rewrite in enumerate(REWRITES)))


def compile_function(
    engine: str,
    inputs: Sequence[Variable],
    outputs: Sequence[Variable],
    updates: Mapping[SharedVariable, Variable] | None = None,
    n_threads: int = 1,
) -> Callable[..., list[np.ndarray]]:
    """Compile expressions for an engine.

    Parameters
    ----------
    engine : {"numba", "jax"}
    inputs, outputs : sequence of variables
    updates : mapping of shared variable to expression, optional
    n_threads : int
        Threads on the CPU.

    Returns
    -------
    callable
        Takes arrays of the inputs' exact types and returns a list of numpy arrays.
    """
    pairs = list((updates or {}).items())
    with pytensor.config.change_flags(cxx="", on_opt_error="raise"):
        if engine == "jax":
            from charrnn.model import jax_ops

            run = pytensor.function(
                inputs, outputs, updates=pairs, mode=jax_ops.mode(), trust_input=True, on_unused_input="ignore"
            )
            return lambda *args: [np.asarray(value) for value in run(*args)]
        run = pytensor.function(
            inputs, outputs, updates=pairs, mode=_numba_mode(), trust_input=True, on_unused_input="ignore"
        )

    keep_freed_memory()

    def call(*args: np.ndarray) -> list[np.ndarray]:
        with threads.using(n_threads), np.errstate(all="ignore"):  # divergence is seen in the results
            return run(*args)

    return call


def to_numpy(variables: Sequence[SharedVariable]) -> None:
    """Make shared variables hold numpy arrays again: JAX leaves its own in those that it updates."""
    for variable in variables:
        variable.set_value(np.array(variable.get_value(borrow=True)), borrow=True)
