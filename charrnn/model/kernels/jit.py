"""Compile LLVM modules for the host processor.

llvmlite is the compiler behind Numba. Kernels reach it as LLVM instructions, not as Python source, because a step's
graph is already typed. A kernel then compiles in about a tenth of a second instead of several, so no disk cache is
needed. The vector loops are explicit; they do not depend on an auto-vectoriser and its knowledge of aliasing.
"""

from __future__ import annotations

import ctypes
import functools
import os
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from charrnn.errors import InvalidValue

VECTOR_BYTES = "CHARRNN_VECTOR_BYTES"  # the environment variable that narrows vectors, for tests of narrower processors
NEEDS_32_BYTES = ("avx", "fma", "f16c", "vaes", "vpclmulqdq", "xop")  # prefixes of x86 features


@dataclass(frozen=True)
class Host:
    """The processor, as described to the code generator."""

    cpu: str
    features: str
    vector_bytes: int
    registers: int

    def lanes(self, scalar: ir.Type) -> int:
        """Return the count of numbers of a type in one vector register."""
        return self.vector_bytes // (8 if isinstance(scalar, ir.DoubleType) else 4)


@functools.cache
def host() -> Host:
    """Return the processor that this process runs on.

    The environment variable CHARRNN_VECTOR_BYTES (64, 32 or 16) limits the width of its vectors. It is read once.

    Raises
    ------
    InvalidValue
        If CHARRNN_VECTOR_BYTES has another value.
    """
    features = llvm.get_host_cpu_features()
    widest = os.environ.get(VECTOR_BYTES, "64")
    if widest not in ("64", "32", "16"):
        raise InvalidValue(f"{VECTOR_BYTES}={widest!r}: expected 64, 32 or 16. Set it to one of them or unset it.")
    for feature in features:
        narrow = ("avx512", "avx10", "evex512") if widest == "32" else NEEDS_32_BYTES if widest == "16" else ()
        if narrow and feature.startswith(narrow):
            features[feature] = False
    arm = any(name in llvm.get_default_triple() for name in ("arm", "aarch64"))
    if features.get("avx512f"):
        width, registers = 64, 32
    elif features.get("avx2"):
        width, registers = 32, 16
    else:
        width, registers = 16, 32 if arm else 16
    return Host(llvm.get_host_cpu_name(), features.flatten(), width, registers)


@functools.cache
def _target() -> llvm.Target:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def address(array: np.ndarray) -> int:
    """Return the address of an array's first number."""
    return array.__array_interface__["data"][0]


def scalar_type(dtype: str) -> ir.Type:
    """Return the LLVM type of ``"float32"`` or ``"float64"``."""
    return {"float32": ir.FloatType(), "float64": ir.DoubleType()}[dtype]


class CompiledFunction:
    """A function of a compiled module, called without holding the interpreter's lock.

    Parameters
    ----------
    module : ir.Module
        The LLVM module; it is verified and optimised.
    name : str
        Function to call.
        Its arguments are addresses and whole numbers of 64 bits; it returns nothing.
    """

    def __init__(self, module: ir.Module, name: str) -> None:
        # Each function needs a machine of its own: the execution engine owns and disposes of it.
        machine = _target().create_target_machine(cpu=host().cpu, features=host().features, opt=3, jit=True)
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = False  # loops are vectorised already
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(parsed, builder)
        self._engine = llvm.create_mcjit_compiler(parsed, machine)
        self._engine.finalize_object()
        types = module.globals[name].function_type.args
        argtypes = (ctypes.c_void_p if isinstance(t, ir.PointerType) else ctypes.c_int64 for t in types)
        self._call = ctypes.CFUNCTYPE(None, *argtypes)(self._engine.get_function_address(name))

    def __call__(self, *args) -> None:
        self._call(*args)
