"""One PyTensor scalar Op as vector instructions.

`emit` serves every kernel that evaluates element-wise mathematics. An Op that is not in the table raises
`UnsupportedStep`, and the caller falls back on PyTensor's own way of running it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytensor.scalar as ps
from llvmlite import ir

from charrnn.model.kernels import functions as f

Emitter = Callable[..., ir.Value]


class UnsupportedStep(NotImplementedError):
    """The kernels have no instructions for something in this graph."""


def _fold(method: str) -> Emitter:
    def emit_fold(b: ir.IRBuilder, *args: ir.Value) -> ir.Value:
        result = args[0]
        for arg in args[1:]:
            result = getattr(b, method)(result, arg, flags=f.FLAGS)
        return result

    return emit_fold


def _compare(sign: str) -> Emitter:
    """Comparisons give 1 or 0 in the operands' type: truth is arithmetic in these graphs."""

    def emit_compare(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
        return b.select(b.fcmp_ordered(sign, x, y), f.constant(1.0, x.type), f.constant(0.0, x.type))

    return emit_compare


def _switch(b: ir.IRBuilder, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_unordered("!=", condition, f.constant(0.0, condition.type)), x, y)


def _maximum(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_ordered(">", x, y), x, b.select(b.fcmp_unordered("uno", x, x), x, y))


def _minimum(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_ordered("<", x, y), x, b.select(b.fcmp_unordered("uno", x, x), x, y))


def _intrinsic(name: str) -> Emitter:
    return lambda b, x: f.intrinsic(b, name, x)


def _divide(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.fdiv(x, y, flags=f.FLAGS)


def _log1p(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    # x log(u) / (u - 1) makes up for what rounding u = 1 + x loses of a small x (Kahan).
    one = f.constant(1.0, x.type)
    u = b.fadd(x, one)
    log = f.intrinsic(b, "log", u)
    small = b.select(b.fcmp_ordered("==", u, one), x, b.fmul(log, b.fdiv(x, b.fsub(u, one))))
    return b.select(b.fcmp_ordered("<", x, one), small, log)


def _softplus(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    # max(x, 0) + log(1 + exp(-|x|)) neither overflows nor loses the tail.
    tail = _log1p(b, f.exp(b, b.fneg(f.intrinsic(b, "fabs", x))))
    return b.fadd(_maximum(b, x, f.constant(0.0, x.type)), tail)


_EMITTERS: dict[type, Emitter] = {
    ps.Add: _fold("fadd"),
    ps.Mul: _fold("fmul"),
    ps.Sub: lambda b, x, y: b.fsub(x, y, flags=f.FLAGS),
    ps.TrueDiv: _divide,
    ps.Neg: lambda b, x: b.fneg(x),
    ps.Reciprocal: lambda b, x: _divide(b, f.constant(1.0, x.type), x),
    ps.Sqr: lambda b, x: b.fmul(x, x, flags=f.FLAGS),
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
    ps.Pow: lambda b, x, y: f.intrinsic(b, "pow", x, y),
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
    ps.Invert: lambda b, x: b.fsub(f.constant(1.0, x.type), x),
    ps.Second: lambda b, x, y: y,
    ps.Identity: lambda b, x: x,
    ps.Cast: lambda b, x: x,
    ps.Sign: lambda b, x: b.fsub(
        _compare(">")(b, x, f.constant(0.0, x.type)), _compare("<")(b, x, f.constant(0.0, x.type))
    ),
}

#: Ops whose value is kept rather than computed again: the others cost less than the memory they would need.
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


def emit(builder: ir.IRBuilder, op: ps.ScalarOp, args: list[ir.Value]) -> ir.Value:
    """Return the value of ``op`` on vectors.

    Raises
    ------
    UnsupportedStep
        There are no instructions for this Op.
    """
    emitter = _EMITTERS.get(type(op))
    if emitter is None:
        raise UnsupportedStep(f"no kernel instructions for the scalar Op {op}")
    return emitter(builder, *args)


def add(builder: ir.IRBuilder, terms: list[ir.Value]) -> ir.Value:
    """Return a sum of vectors."""
    return _fold("fadd")(builder, *terms)


def supported(op: ps.ScalarOp) -> bool:
    """Say whether `emit` knows an Op."""
    return type(op) in _EMITTERS
