"""Elementary functions on LLVM vectors.

In float32 exp and tanh are polynomials of about one unit in the last place, a few instructions for a whole vector;
float64 is for checking, and calls the C library.
"""

from __future__ import annotations

import math

from llvmlite import ir

# Contraction into fused multiply-add and reassociation, but NaN and infinity keep their meaning: divergence must be
# seen.
FLAGS = ("contract", "reassoc", "arcp", "nsz")


def constant(value: float, like: ir.Type) -> ir.Constant:
    """Return a number as a constant of a scalar or vector type."""
    if isinstance(like, ir.VectorType):
        return ir.Constant(like, [value] * like.count)
    return ir.Constant(like, value)


def element(kind: ir.Type) -> ir.Type:
    """Return the scalar type of a vector type, or the scalar type itself."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def splat(builder: ir.IRBuilder, number: ir.Value, kind: ir.Type) -> ir.Value:
    """Return a scalar in every lane of a vector type; for a scalar type, the scalar."""
    if not isinstance(kind, ir.VectorType):
        return number
    undefined = ir.Constant(ir.VectorType(number.type, kind.count), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    )


def suffix(kind: ir.Type) -> str:
    """Return a type's part of an intrinsic's name: ``f32``, ``v16f32``."""
    lanes = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    return f"{lanes}f{64 if isinstance(element(kind), ir.DoubleType) else 32}"


def declare(module: ir.Module, name: str, signature: ir.FunctionType) -> ir.Function:
    """Return a function outside the module, declaring it on first use."""
    return module.globals[name] if name in module.globals else ir.Function(module, signature, name)


def prefetch(builder: ir.IRBuilder, address: ir.Value, write: int) -> None:
    """Ask for the memory at an address, which need not exist."""
    i32 = ir.IntType(32)
    signature = ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32])
    builder.call(declare(builder.module, "llvm.prefetch.p0", signature), [address, i32(write), i32(3), i32(1)])


def intrinsic(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    """Call ``llvm.<name>`` on values of one type."""
    kind = args[0].type
    signature = ir.FunctionType(kind, [kind] * len(args))
    return builder.call(declare(builder.module, f"llvm.{name}.{suffix(kind)}", signature), args)


def total(builder: ir.IRBuilder, start: ir.Value, lanes: ir.Value) -> ir.Value:
    """Return a scalar plus all lanes of a vector, or plus another scalar."""
    if not isinstance(lanes.type, ir.VectorType):
        return builder.fadd(start, lanes, flags=FLAGS)
    signature = ir.FunctionType(start.type, [start.type, lanes.type])
    function = declare(builder.module, f"llvm.vector.reduce.fadd.{suffix(lanes.type)}", signature)
    return builder.call(function, [start, lanes], fastmath=("reassoc",))


def polynomial(builder: ir.IRBuilder, x: ir.Value, coefficients: list[float]) -> ir.Value:
    """Evaluate a polynomial, highest power first, by Horner's rule."""
    result: ir.Value = constant(coefficients[0], x.type)
    for c in coefficients[1:]:
        result = intrinsic(builder, "fmuladd", result, x, constant(c, x.type))
    return result


def clamp(builder: ir.IRBuilder, x: ir.Value, low: float, high: float) -> ir.Value:
    """Return x held between two numbers; NaN stays NaN."""
    low_, high_ = constant(low, x.type), constant(high, x.type)
    x = builder.select(builder.fcmp_ordered("<", x, low_), low_, x)
    return builder.select(builder.fcmp_ordered(">", x, high_), high_, x)


def exp(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Return e**x: x = n ln 2 + r, a polynomial in r, and n added to the exponent bits."""
    if isinstance(element(x.type), ir.DoubleType):
        return intrinsic(builder, "exp", x)
    held = clamp(builder, x, -87.3, 88.7)
    n = intrinsic(builder, "rint", builder.fmul(held, constant(1 / math.log(2), x.type)))
    # ln 2 in two parts, so that n times the first is exact.
    r = intrinsic(builder, "fmuladd", n, constant(-0.693359375, x.type), held)
    r = intrinsic(builder, "fmuladd", n, constant(2.12194440e-4, x.type), r)
    p = polynomial(builder, r, [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0])
    int_type: ir.Type = ir.IntType(32)
    if isinstance(x.type, ir.VectorType):
        int_type = ir.VectorType(int_type, x.type.count)
    bits = builder.shl(builder.fptosi(n, int_type), constant(23, int_type))
    result = builder.bitcast(builder.add(builder.bitcast(p, int_type), bits), x.type)
    for sign, bound, beyond in (("<", -87.4, 0.0), (">", 88.72284, math.inf)):
        outside = builder.fcmp_ordered(sign, x, constant(bound, x.type))
        result = builder.select(outside, constant(beyond, x.type), result)
    return result


def tanh(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Return tanh x; in float32 as the quotient of two polynomials, odd over even, as Eigen computes it."""
    if isinstance(element(x.type), ir.DoubleType):
        # tanh x = (1 - e) / (1 + e) with e = exp(-2|x|) would lose digits near 0; the C library does not.
        return intrinsic(builder, "tanh", x)
    x = clamp(builder, x, -7.90531110763549805, 7.90531110763549805)
    x2 = builder.fmul(x, x, flags=FLAGS)
    odd = polynomial(
        builder,
        x2,
        [
            -2.76076847742355e-16,
            2.00018790482477e-13,
            -8.60467152213735e-11,
            5.12229709037114e-08,
            1.48572235717979e-05,
            6.37261928875436e-04,
            4.89352455891786e-03,
        ],
    )
    even = polynomial(
        builder, x2, [1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03]
    )
    return builder.fdiv(builder.fmul(x, odd, flags=FLAGS), even, flags=FLAGS)


def sigmoid(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Return 1 / (1 + e**-x), as (1 + tanh(x/2)) / 2."""
    half = constant(0.5, x.type)
    return intrinsic(builder, "fmuladd", tanh(builder, builder.fmul(x, half)), half, half)
