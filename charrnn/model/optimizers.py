"""Optimizers: each is a function of this file, registered by its name, which ``hyper.optimizer`` takes.

An optimizer takes expressions and returns expressions: ``{shared variable: new value}`` for the parameters and for its
own slots, and the slots by name. Its keyword-only arguments are the hyperparameters that it uses. Learning rates may be
symbolic, so that a changed rate needs no new compilation. Nothing here imports PyTensor before it is used, because the
hyperparameters read the names from here.

>>> sorted(OPTIMIZERS)
['adagrad', 'adam', 'adamw', 'momentum', 'nesterov', 'rmsprop', 'sgd']
>>> hyperparameters("adamw")
['momentum', 'epsilon', 'weight_decay']
>>> import numpy as np, pytensor
>>> p = pytensor.shared(np.zeros(3, "float32"))
>>> updates, slots = rmsprop(p, p - 1, learnrate=0.1, decay=0.9)
>>> list(slots)
['square']
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.tensor import TensorVariable

    Rate: TypeAlias = TensorVariable | float
    #: The updates, and the slots that the optimizer keeps between steps by name.
    Result: TypeAlias = tuple[dict[SharedVariable, TensorVariable], dict[str, SharedVariable]]

F = TypeVar("F", bound=Callable[..., Any])

BETA2 = 0.999  # of Adam

#: The optimizers by name. Each takes parameters, their gradient, the learning rate, the number of the step from 1, and
#: its own hyperparameters by name.
OPTIMIZERS: dict[str, Callable[..., Result]] = {}


def optimizer(function: F) -> F:
    """Register an optimizer under the function's name."""
    OPTIMIZERS[function.__name__] = function
    return function


def hyperparameters(name: str) -> list[str]:
    """Return the names of the hyperparameters that an optimizer uses."""
    arguments = inspect.signature(OPTIMIZERS[name]).parameters.values()
    return [argument.name for argument in arguments if argument.kind is argument.KEYWORD_ONLY]


def _slot(parameters: SharedVariable, name: str) -> SharedVariable:
    import pytensor

    value = parameters.get_value(borrow=True)
    return pytensor.shared(np.zeros_like(value), name=name, shape=value.shape)


@optimizer
def rmsprop(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: Rate,
    count: Rate = 1,
    *,
    decay: Rate = 0.95,
    epsilon: float = 1e-6,
) -> Result:
    """RMSProp (Tieleman & Hinton 2012), with epsilon inside the root as in the ancestor (torch adds it outside).

    - ``square := decay * square + (1 - decay) * gradient**2``
    - ``parameters := parameters - learnrate * gradient / sqrt(square + epsilon)``
    """
    import pytensor.tensor as pt

    square = _slot(parameters, "square")
    new_square = decay * square + (1 - decay) * gradient**2
    step = learnrate * gradient / pt.sqrt(new_square + epsilon)
    return {square: new_square, parameters: parameters - step}, {"square": square}


@optimizer
def sgd(parameters: SharedVariable, gradient: TensorVariable, learnrate: Rate, count: Rate = 1) -> Result:
    """Stochastic gradient descent: ``parameters := parameters - learnrate * gradient``."""
    return {parameters: parameters - learnrate * gradient}, {}


@optimizer
def momentum(
    parameters: SharedVariable, gradient: TensorVariable, learnrate: Rate, count: Rate = 1, *, momentum: Rate = 0.9
) -> Result:
    """Descent with momentum, as torch has it (Sutskever et al. 2013 fold the rate into the velocity instead).

    - ``velocity := momentum * velocity + gradient``
    - ``parameters := parameters - learnrate * velocity``
    """
    velocity = _slot(parameters, "velocity")
    new_velocity = momentum * velocity + gradient
    return {velocity: new_velocity, parameters: parameters - learnrate * new_velocity}, {"velocity": velocity}


@optimizer
def nesterov(
    parameters: SharedVariable, gradient: TensorVariable, learnrate: Rate, count: Rate = 1, *, momentum: Rate = 0.9
) -> Result:
    """Descent with Nesterov's momentum, which looks one step ahead, as torch has it.

    - ``velocity := momentum * velocity + gradient``
    - ``parameters := parameters - learnrate * (gradient + momentum * velocity)``
    """
    velocity = _slot(parameters, "velocity")
    new_velocity = momentum * velocity + gradient
    step = gradient + momentum * new_velocity
    return {velocity: new_velocity, parameters: parameters - learnrate * step}, {"velocity": velocity}


@optimizer
def adagrad(
    parameters: SharedVariable, gradient: TensorVariable, learnrate: Rate, count: Rate = 1, *, epsilon: float = 1e-8
) -> Result:
    """Adagrad (Duchi et al. 2011), with epsilon inside the root as in min-char-rnn (torch adds it outside).

    - ``total := total + gradient**2``
    - ``parameters := parameters - learnrate * gradient / sqrt(total + epsilon)``
    """
    import pytensor.tensor as pt

    total = _slot(parameters, "total")
    new_total = total + gradient**2
    step = learnrate * gradient / pt.sqrt(new_total + epsilon)
    return {total: new_total, parameters: parameters - step}, {"total": total}


@optimizer
def adam(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: Rate,
    count: Rate = 1,
    *,
    momentum: Rate = 0.9,
    epsilon: float = 1e-8,
) -> Result:
    """Adam (Kingma & Ba 2015, arXiv 1412.6980): `adamw` without weight decay."""
    return adamw(parameters, gradient, learnrate, count, momentum=momentum, epsilon=epsilon, weight_decay=0.0)


@optimizer
def adamw(
    parameters: SharedVariable,
    gradient: TensorVariable,
    learnrate: Rate,
    count: Rate = 1,
    *,
    momentum: Rate = 0.9,
    epsilon: float = 1e-8,
    weight_decay: Rate = 0.01,
) -> Result:
    """AdamW (Loshchilov & Hutter, arXiv 1711.05101).

    - ``mean := momentum * mean + (1 - momentum) * gradient``
    - ``square := BETA2 * square + (1 - BETA2) * gradient**2``
    - ``parameters := (1 - learnrate * weight_decay) * parameters - learnrate * m / (sqrt(s) + epsilon)`` with
      ``m = mean / (1 - momentum**count)`` and ``s = square / (1 - BETA2**count)``
    """
    import pytensor.tensor as pt

    mean, square = _slot(parameters, "mean"), _slot(parameters, "square")
    new_mean = momentum * mean + (1 - momentum) * gradient
    new_square = BETA2 * square + (1 - BETA2) * gradient**2
    size = learnrate / (1 - momentum**count)
    root = pt.sqrt(new_square) / pt.sqrt(1 - BETA2**count) + epsilon
    new = (1 - learnrate * weight_decay) * parameters - size * new_mean / root
    return {mean: new_mean, square: new_square, parameters: new}, {"mean": mean, "square": square}
