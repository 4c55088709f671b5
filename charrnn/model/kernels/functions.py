"""Elementary functions on LLVM vectors.

In float32, exp and tanh are polynomials with errors of about one unit in the last place: a few instructions for a whole
vector. In float64, which is used for checking, they call the C library.
"""

from __future__ import annotations

import math

from llvmlite import ir

from charrnn.model.kernels.emit import FLAGS, INT32, Emitter, constant, element


def polynomial(b: Emitter, x: ir.Value, coefficients: list[float]) -> ir.Value:
    """Evaluate a polynomial, highest power first, by Horner's rule."""
    result: ir.Value = constant(coefficients[0], x.type)
    for c in coefficients[1:]:
        result = b.intrinsic("fmuladd", result, x, constant(c, x.type))
    return result


def clamp(b: Emitter, x: ir.Value, low: float, high: float) -> ir.Value:
    """Return x limited to the range from low to high; NaN stays NaN."""
    low_, high_ = constant(low, x.type), constant(high, x.type)
    x = b.select(b.fcmp_ordered("<", x, low_), low_, x)
    return b.select(b.fcmp_ordered(">", x, high_), high_, x)


def exp(b: Emitter, x: ir.Value) -> ir.Value:
    """Return e**x: x = n ln 2 + r, a polynomial in r, and n added to the exponent bits."""
    if isinstance(element(x.type), ir.DoubleType):
        return b.intrinsic("exp", x)
    held = clamp(b, x, -87.3, 88.7)
    n = b.intrinsic("rint", b.fmul(held, constant(1 / math.log(2), x.type)))
    # ln 2 in two parts, so that n times the first is exact.
    r = b.intrinsic("fmuladd", n, constant(-0.693359375, x.type), held)
    r = b.intrinsic("fmuladd", n, constant(2.12194440e-4, x.type), r)
    p = polynomial(b, r, [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0])
    int_type: ir.Type = INT32
    if isinstance(x.type, ir.VectorType):
        int_type = ir.VectorType(int_type, x.type.count)
    bits = b.shl(b.fptosi(n, int_type), constant(23, int_type))
    result = b.bitcast(b.add(b.bitcast(p, int_type), bits), x.type)
    for sign, bound, beyond in (("<", -87.4, 0.0), (">", 88.72284, math.inf)):
        outside = b.fcmp_ordered(sign, x, constant(bound, x.type))
        result = b.select(outside, constant(beyond, x.type), result)
    return result


def tanh(b: Emitter, x: ir.Value) -> ir.Value:
    """Return tanh x; in float32 as the quotient of two polynomials, odd over even, as Eigen computes it."""
    if isinstance(element(x.type), ir.DoubleType):
        # tanh x = (1 - e) / (1 + e) with e = exp(-2|x|) would lose digits near 0; the C library does not.
        return b.intrinsic("tanh", x)
    x = clamp(b, x, -7.90531110763549805, 7.90531110763549805)
    x2 = b.fmul(x, x, flags=FLAGS)
    odd = polynomial(
        b,
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
    even = polynomial(b, x2, [1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03])
    return b.fdiv(b.fmul(x, odd, flags=FLAGS), even, flags=FLAGS)


def sigmoid(b: Emitter, x: ir.Value) -> ir.Value:
    """Return 1 / (1 + e**-x), as (1 + tanh(x/2)) / 2."""
    half = constant(0.5, x.type)
    return b.intrinsic("fmuladd", tanh(b, b.fmul(x, half)), half, half)
