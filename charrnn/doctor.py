"""Report the versions, engines, BLAS and training speed of this machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time

import numpy as np
from threadpoolctl import threadpool_info

import charrnn
from charrnn.errors import EngineUnavailable
from charrnn.model.engines import engine as engines
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams

PACKAGES = ("numpy", "scipy", "pytensor", "numba", "llvmlite", "jax", "safetensors", "ipython")
SHAPE = {"batchsize": 16, "seq_len": 100, "vocab_size": 100}  # sizes of the speed test


def report(seconds: float = 5.0) -> str:
    """Return a report on the installation; a speed test trains a small model for `seconds`.

    >>> print(report(seconds=0.1))  # doctest: +ELLIPSIS
    charrnn     ...
    python      ...
    """
    lines = [
        ("charrnn", charrnn.__version__),
        ("python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"),
        *((package, _version(package)) for package in PACKAGES),
        *(("blas", blas) for blas in _blas()),
        *((f"engine {name}", _availability(name)) for name in ("cpu", "jax")),
        ("auto", f"is {engines.resolve('auto')} here"),
        ("speed", _speed(seconds)),
    ]
    return "\n".join(f"{name:11} {value}" for name, value in lines)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> list[str]:
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return [f"{b['internal_api']} {b['version']}, {b['num_threads']} threads" for b in libraries] or ["none found"]


def _availability(name: str) -> str:
    try:
        engines.resolve(name)
    except EngineUnavailable as error:
        return str(error)
    if name == "jax":
        import jax

        return f"available, on {', '.join(map(str, jax.devices()))}"
    return "available"


def _speed(seconds: float) -> str:
    hyper = HyperParams()
    model = Model(hyper, "GRUEncode", SHAPE["vocab_size"])
    x = np.random.default_rng(0).integers(0, SHAPE["vocab_size"], (SHAPE["seq_len"], SHAPE["batchsize"]), np.int32)
    start = time.perf_counter()
    state = model.step(x, x, model.freshstate(SHAPE["batchsize"])).state
    compiling, start, steps = time.perf_counter() - start, time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds or not steps:
        state = model.step(x, x, state).state
        steps += 1
    return (
        f"{steps * x.size / elapsed:,.0f} characters/s, {1000 * elapsed / steps:.1f} ms a batch: GRUEncode "
        f"{hyper.layers}×{hyper.state_size}, batches of {SHAPE['batchsize']} × {SHAPE['seq_len']}, on {model.engine} "
        f"({compiling:.1f} s to the first step)"
    )
