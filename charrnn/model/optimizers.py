"""Optimizers as pure functions: expressions of a gradient in, ``{shared variable: new value}`` out.

Learning rates may be symbolic, so that a shared one changes without compiling anew.

>>> import numpy as np, pytensor
>>> p = pytensor.shared(np.zeros(3, "float32"))
>>> updates, slots = rmsprop(p, p - 1, learnrate=0.1, decay=0.9)
>>> list(slots)
['square']
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.tensor import TensorVariable

Rate: TypeAlias = TensorVariable | float
#: The updates, and what the optimizer remembers between steps by name.
Result: TypeAlias = tuple[dict[SharedVariable, TensorVariable], dict[str, SharedVariable]]


def _slot(parameters: SharedVariable, name: str) -> SharedVariable:
    value = parameters.get_value(borrow=True)
    return pytensor.shared(np.zeros_like(value), name=name, shape=value.shape)


def sgd(parameters: SharedVariable, gradient: TensorVariable, learnrate: Rate, **_: Rate) -> Result:
    """Stochastic gradient descent: ``parameters := parameters - learnrate * gradient``."""
    return {parameters: parameters - learnrate * gradient}, {}


def momentum(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: Rate,
    momentum: Rate = 0.9,
    nesterov: bool = False,
    **_: Rate,
) -> Result:
    """Descent with momentum, as torch has it (Sutskever et al. 2013 fold the rate into the velocity instead).

    - ``velocity := momentum * velocity + gradient``
    - ``parameters := parameters - learnrate * velocity``, or with Nesterov's look ahead
      ``parameters - learnrate * (gradient + momentum * velocity)``
    """
    velocity = _slot(parameters, "velocity")
    new_velocity = momentum * velocity + gradient
    step = gradient + momentum * new_velocity if nesterov else new_velocity
    return {velocity: new_velocity, parameters: parameters - learnrate * step}, {"velocity": velocity}


def rmsprop(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: Rate,
    decay: Rate = 0.95,
    epsilon: float = 1e-6,
    **_: Rate,
) -> Result:
    """RMSProp (Tieleman & Hinton 2012), with epsilon inside the root as in the ancestor (torch adds it outside).

    - ``square := decay * square + (1 - decay) * gradient**2``
    - ``parameters := parameters - learnrate * gradient / sqrt(square + epsilon)``
    """
    square = _slot(parameters, "square")
    new_square = decay * square + (1 - decay) * gradient**2
    step = learnrate * gradient / pt.sqrt(new_square + epsilon)
    return {square: new_square, parameters: parameters - step}, {"square": square}


def adagrad(
    parameters: SharedVariable, gradient: TensorVariable, learnrate: Rate, epsilon: float = 1e-8, **_: Rate
) -> Result:
    """Adagrad (Duchi et al. 2011), with epsilon inside the root as in min-char-rnn (torch adds it outside).

    - ``total := total + gradient**2``
    - ``parameters := parameters - learnrate * gradient / sqrt(total + epsilon)``
    """
    total = _slot(parameters, "total")
    new_total = total + gradient**2
    return {total: new_total, parameters: parameters - learnrate * gradient / pt.sqrt(new_total + epsilon)}, {
        "total": total
    }


def adam(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: Rate,
    count: Rate,
    momentum: Rate = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: Rate = 0.0,
    **_: Rate,
) -> Result:
    """Adam (Kingma & Ba 2015, arXiv 1412.6980); with ``weight_decay`` AdamW (Loshchilov & Hutter, arXiv 1711.05101).

    - ``mean := momentum * mean + (1 - momentum) * gradient``
    - ``square := beta2 * square + (1 - beta2) * gradient**2``
    - ``parameters := (1 - learnrate * weight_decay) * parameters - learnrate * m / (sqrt(s) + epsilon)`` with
      ``m = mean / (1 - momentum**count)`` and ``s = square / (1 - beta2**count)``

    ``count`` is the number of this step, from 1.
    """
    mean, square = _slot(parameters, "mean"), _slot(parameters, "square")
    new_mean = momentum * mean + (1 - momentum) * gradient
    new_square = beta2 * square + (1 - beta2) * gradient**2
    size = learnrate / (1 - momentum**count)
    root = pt.sqrt(new_square) / pt.sqrt(1 - beta2**count) + epsilon
    new = (1 - learnrate * weight_decay) * parameters - size * new_mean / root
    return {mean: new_mean, square: new_square, parameters: new}, {"mean": mean, "square": square}


#: Name in the hyperparameters to the function, called with every hyperparameter of optimizers by name.
OPTIMIZERS: dict[str, Callable[..., Result]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": functools.partial(momentum, nesterov=True),
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adam": lambda *args, **hyper: adam(*args, **hyper | {"weight_decay": 0.0}),
    "adamw": adam,
}


def running_average(
    parameters: SharedVariable, new: TensorVariable, count: Rate, decay: Rate
) -> tuple[SharedVariable, TensorVariable]:
    """Return the running average of parameters, which is one of the initial ones yet, and its expression after a step.

    - ``average := d * average + (1 - d) * parameters``, where ``d = min(decay, (1 + count) / (10 + count))``

    The smaller d of the first steps lets go of the initial parameters soon, so that no correction is needed (as
    TensorFlow's ExponentialMovingAverage; averages of weights: Polyak & Juditsky 1992).
    """
    value = parameters.get_value(borrow=True)
    average = pytensor.shared(np.array(value), name="average", shape=value.shape)
    d = pt.minimum(decay, (1 + count) / (10 + count))
    return average, d * average + (1 - d) * new


def clip_value(gradient: TensorVariable, bound: float) -> TensorVariable:
    """Hold each element of a gradient to ±bound (char-rnn, min-char-rnn)."""
    return pt.clip(gradient, -bound, bound)


def clip_norm(gradient: TensorVariable, norm: TensorVariable, bound: float) -> TensorVariable:
    """Shrink a gradient of a known norm to the norm ``bound`` where it is longer (Pascanu et al.

    2013, arXiv 1211.5063).
    """
    return gradient * pt.minimum(1.0, bound / pt.maximum(norm, 1e-12))
