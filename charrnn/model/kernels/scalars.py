"""Translate one PyTensor scalar Op into vector instructions.

Every kernel that evaluates element-wise mathematics calls `apply`. It raises `UnsupportedStep` for an Op that is not in
the table; the caller then runs the graph with PyTensor's own Ops.
"""

from __future__ import annotations

from collections.abc import Callable

import pytensor.scalar as ps
from llvmlite import ir

from charrnn.model.kernels import functions as f
from charrnn.model.kernels.emit import FLAGS, Emitter, constant

Instructions = Callable[..., ir.Value]


class UnsupportedStep(NotImplementedError):
    """The kernels have no instructions for an Op in this graph."""


def _fold(method: str) -> Instructions:
    def fold(b: Emitter, *args: ir.Value) -> ir.Value:
        result = args[0]
        for arg in args[1:]:
            result = getattr(b, method)(result, arg, flags=FLAGS)
        return result

    return fold


def _compare(sign: str) -> Instructions:
    """Return 1 or 0 in the operands' type: booleans are numbers in these kernels."""

    def compare(b: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
        return b.select(b.fcmp_ordered(sign, x, y), constant(1.0, x.type), constant(0.0, x.type))

    return compare


def _switch(b: Emitter, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_unordered("!=", condition, constant(0.0, condition.type)), x, y)


def _maximum(b: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_ordered(">", x, y), x, b.select(b.fcmp_unordered("uno", x, x), x, y))


def _minimum(b: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_ordered("<", x, y), x, b.select(b.fcmp_unordered("uno", x, x), x, y))


def _intrinsic(name: str) -> Instructions:
    return lambda b, x: b.intrinsic(name, x)


def _divide(b: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.fdiv(x, y, flags=FLAGS)


def _log1p(b: Emitter, x: ir.Value) -> ir.Value:
    # x log(u) / (u - 1) corrects the rounding of u = 1 + x for small x (Kahan).
    one = constant(1.0, x.type)
    u = b.fadd(x, one)
    log = b.intrinsic("log", u)
    small = b.select(b.fcmp_ordered("==", u, one), x, b.fmul(log, b.fdiv(x, b.fsub(u, one))))
    return b.select(b.fcmp_ordered("<", x, one), small, log)


def _softplus(b: Emitter, x: ir.Value) -> ir.Value:
    # max(x, 0) + log(1 + exp(-|x|)) neither overflows nor loses the tail.
    tail = _log1p(b, f.exp(b, b.fneg(b.intrinsic("fabs", x))))
    return b.fadd(_maximum(b, x, constant(0.0, x.type)), tail)


_INSTRUCTIONS: dict[type, Instructions] = {
    ps.Add: _fold("fadd"),
    ps.Mul: _fold("fmul"),
    ps.Sub: lambda b, x, y: b.fsub(x, y, flags=FLAGS),
    ps.TrueDiv: _divide,
    ps.Neg: lambda b, x: b.fneg(x),
    ps.Reciprocal: lambda b, x: _divide(b, constant(1.0, x.type), x),
    ps.Sqr: lambda b, x: b.fmul(x, x, flags=FLAGS),
    ps.Sqrt: _intrinsic("sqrt"),
    ps.Abs: _intrinsic("fabs"),
    ps.Exp: f.exp,
    ps.Log: _intrinsic("log"),
    ps.Log1p: _log1p,
    ps.Sin: _intrinsic("sin"),
    ps.Cos: _intrinsic("cos"),
    ps.Tanh: f.tanh,
    ps.Sigmoid: f.sigmoid,
    ps.Softplus: _softplus,
    ps.Pow: lambda b, x, y: b.intrinsic("pow", x, y),
    ps.Maximum: _maximum,
    ps.Minimum: _minimum,
    ps.Clip: lambda b, x, low, high: _minimum(b, _maximum(b, x, low), high),
    ps.Switch: _switch,
    ps.LT: _compare("<"),
    ps.LE: _compare("<="),
    ps.GT: _compare(">"),
    ps.GE: _compare(">="),
    ps.EQ: _compare("=="),
    ps.NEQ: _compare("!="),
    ps.AND: lambda b, x, y: b.fmul(x, y),
    ps.OR: _maximum,
    ps.Invert: lambda b, x: b.fsub(constant(1.0, x.type), x),
    ps.Second: lambda b, x, y: y,
    ps.Identity: lambda b, x: x,
    ps.Cast: lambda b, x: x,
    ps.Sign: lambda b, x: b.fsub(
        _compare(">")(b, x, constant(0.0, x.type)), _compare("<")(b, x, constant(0.0, x.type))
    ),
}

#: Ops whose value is stored rather than recomputed. The other Ops cost less than reading their value from memory.
EXPENSIVE = (
    ps.TrueDiv,
    ps.Reciprocal,
    ps.Sqrt,
    ps.Exp,
    ps.Log,
    ps.Log1p,
    ps.Sin,
    ps.Cos,
    ps.Tanh,
    ps.Sigmoid,
    ps.Softplus,
    ps.Pow,
)


def apply(b: Emitter, op: ps.ScalarOp, args: list[ir.Value]) -> ir.Value:
    """Return the value of a scalar Op on numbers or vectors.

    Raises
    ------
    UnsupportedStep
        If there are no instructions for this Op.
    """
    instructions = _INSTRUCTIONS.get(type(op))
    if instructions is None:
        raise UnsupportedStep(f"no kernel instructions for the scalar Op {op}")
    return instructions(b, *args)


def add(b: Emitter, terms: list[ir.Value]) -> ir.Value:
    """Return the sum of numbers or vectors."""
    return _fold("fadd")(b, *terms)


def supported(op: ps.ScalarOp) -> bool:
    """Return whether `apply` has instructions for an Op."""
    return type(op) in _INSTRUCTIONS
