"""Engines by name: which one to use, and how to compile for it. Nothing here imports PyTensor or JAX before it is used.

>>> resolve("cpu")
'cpu'
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import EngineUnavailable, UnknownName, installation, near_matches

if TYPE_CHECKING:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.basic import Variable

    from charrnn.model.recurrence.step import StepGraph

ENGINES = ("cpu", "jax")
#: Earlier names of engines, in scripts and in models' records.
ALIASES = {"numba": "cpu"}

Function = Callable[..., list[np.ndarray]]
#: Takes a table of the hoisted values of every symbol (V, M) and the step's leaves; returns a generation loop. The
#: loop takes start (R,), states (R, H), uniforms (n, R) and a `Choice`, and returns symbols (n, R) and states.
Writer = Callable[[np.ndarray, list[np.ndarray]], Callable[..., tuple[np.ndarray, list[np.ndarray]]]]

#: Held while expressions are built or compiled: PyTensor's settings and rewrites are global to the process.
building = threading.RLock()


def canonical(engine: str) -> str:
    """Return the present name of an engine, or "auto"; nothing is imported.

    Raises
    ------
    UnknownName
        If `engine` is not the name of an engine; the message lists near matches.

    Examples
    --------
    >>> canonical("numba")
    'cpu'
    """
    engine = ALIASES.get(engine, engine)
    if engine not in (*ENGINES, "auto"):
        raise UnknownName(f"engine={engine!r} is not an engine. {near_matches(str(engine), (*ENGINES, 'auto'))}")
    return engine


def resolve(engine: str = "auto") -> str:
    """Return the engine to use.

    Parameters
    ----------
    engine : {"auto", "cpu", "jax"}
        "auto" takes the environment variable ``CHARRNN_ENGINE`` if it is set, otherwise JAX if it finds a GPU,
        otherwise the CPU. "numba" is an earlier name of "cpu".

    Raises
    ------
    UnknownName
        If `engine` is not the name of an engine; the message lists near matches.
    EngineUnavailable
        If the engine is not installed.
    """
    engine = canonical(engine)
    if engine == "auto":
        engine = canonical(os.environ.get("CHARRNN_ENGINE") or "auto")
    if engine == "auto":
        return "jax" if _jax_sees_gpu() else "cpu"
    if engine == "jax" and importlib.util.find_spec("jax") is None:
        raise EngineUnavailable(f"engine='jax' needs JAX, which is not installed: {installation('jax', 'jax')}")
    return engine


def _jax_sees_gpu() -> bool:
    # Asking JAX costs its import, so ask only where one of its GPU plugins is installed.
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm60_plugin", "jax_rocm7_plugin")
    if importlib.util.find_spec("jax") is None or not any(importlib.util.find_spec(p) for p in plugins):
        return False
    import jax

    return jax.default_backend() == "gpu"


def _module(engine: str) -> ModuleType:
    return importlib.import_module(f"charrnn.model.engines.{resolve(engine)}")


def compile_function(
    engine: str,
    inputs: Sequence[Variable],
    outputs: Sequence[Variable],
    updates: Mapping[SharedVariable, Variable] | None = None,
    n_threads: int = 1,
) -> Function:
    """Compile expressions for an engine.

    Parameters
    ----------
    engine : {"cpu", "jax"}
    inputs, outputs : sequence of variables
    updates : mapping of shared variable to expression, optional
    n_threads : int
        Threads on the CPU.

    Returns
    -------
    callable
        Takes arrays of the inputs' exact types and returns a list of numpy arrays.
    """
    import pytensor

    with pytensor.config.change_flags(cxx="", on_opt_error="raise"):
        return _module(engine).compile_function(inputs, outputs, list((updates or {}).items()), n_threads)


def writer(engine: str, step: StepGraph, n_threads: int = 1) -> Writer:
    """Compile the generation loop of a network's step; see `charrnn.model.generator`."""
    return _module(engine).writer(step, n_threads)


def to_numpy(variables: Sequence[SharedVariable]) -> None:
    """Make shared variables hold numpy arrays again: JAX leaves its own arrays in those that it updates."""
    for variable in variables:
        variable.set_value(np.array(variable.get_value(borrow=True)), borrow=True)
