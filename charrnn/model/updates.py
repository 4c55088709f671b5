"""Optimizers as pure functions: expressions of a gradient in, ``{shared variable: new value}`` out.

Learning rates may be symbolic, so that a shared one changes without compiling anew.

>>> import numpy as np, pytensor
>>> p = pytensor.shared(np.zeros(3, "float32"))
>>> updates, slots = rmsprop(p, p - 1, learnrate=0.1, decay=0.9)
>>> list(slots)
['square']
"""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.tensor import TensorVariable

Updates = dict[SharedVariable, TensorVariable]


def _slot(parameters: SharedVariable, name: str) -> SharedVariable:
    value = parameters.get_value(borrow=True)
    return pytensor.shared(np.zeros_like(value), name=name, shape=value.shape)


def rmsprop(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: TensorVariable | float,
    decay: float = 0.95,
    epsilon: float = 1e-6,
) -> tuple[Updates, dict[str, SharedVariable]]:
    """RMSProp (Tieleman & Hinton 2012), with epsilon inside the root as in the ancestor (torch adds it outside).

    - ``square := decay * square + (1 - decay) * gradient**2``
    - ``parameters := parameters - learnrate * gradient / sqrt(square + epsilon)``

    Returns
    -------
    updates : dict of shared variable to expression
    slots : dict of str to shared variable
        What the optimizer remembers between steps, by name.
    """
    square = _slot(parameters, "square")
    new_square = decay * square + (1 - decay) * gradient**2
    step = learnrate * gradient / pt.sqrt(new_square + epsilon)
    return {square: new_square, parameters: parameters - step}, {"square": square}


OPTIMIZERS = {"rmsprop": rmsprop}


def clip_value(gradient: TensorVariable, bound: float) -> TensorVariable:
    """Hold each element of a gradient to ±bound (char-rnn, min-char-rnn)."""
    return pt.clip(gradient, -bound, bound)


def clip_norm(gradient: TensorVariable, norm: TensorVariable, bound: float) -> TensorVariable:
    """Shrink a gradient of a known norm to the norm ``bound`` where it is longer (Pascanu et al.

    2013, arXiv 1211.5063).
    """
    return gradient * pt.minimum(1.0, bound / pt.maximum(norm, 1e-12))
