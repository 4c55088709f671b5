"""Warm starts: a new model starts from the parameters of another, and may have more characters.

>>> old = Model(HyperParams(layers=1, state_size=4), "GRUEncode", vocab_size=3, engine="cpu")
>>> new = Model(old.hyper, "GRUEncode", vocab_size=5, engine="cpu")
>>> warm_start(new, old)
>>> bool((new.parameters["E"][[3, 4]] == old.parameters["E"][0]).all())
True
"""

from __future__ import annotations

from typing import Any

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.model.model import Model
from charrnn.model.objective import AVERAGE
from charrnn.settings.hyper import HyperParams

FIXED = ("layers", "state_size", "gate", "reset", "tied", "head", "note_units", "layer_norm", "dtype")


def changed(hyper: HyperParams, **changes: Any) -> HyperParams:
    """Return changed hyperparameters; changes that would alter the meaning of parameters are refused.

    Raises
    ------
    InvalidValue
        If a change would alter the meaning of a parameter.
    UnknownName
        If a name is not that of a hyperparameter; the message lists near matches.
    """
    new = hyper.replace(**changes)
    for name in FIXED:
        if getattr(new, name) != getattr(hyper, name):
            raise InvalidValue(
                f"{name}={getattr(new, name)!r}: a model that begins from another keeps its {name}, here "
                f"{getattr(hyper, name)!r}. Leave it out, or make a new model."
            )
    return new


def warm_start(new: Model, old: Model) -> None:
    """Give a model the parameters that another predicts with.

    If the optimizer is the same, its slots and the number of steps are copied too, so that the first steps are not
    larger than later ones. New characters, whose indices follow the old ones, get copies of the parameters of U+FFFD,
    at index 0, so that the new model reads them as the old one did.
    """
    shapes = new.network.shapes()
    new.load_parameters({name: _grown(array, shapes[name]) for name, array in old.parameters.items()})
    if new.hyper.optimizer == old.hyper.optimizer:
        slots = {name: array for name, array in old.slots.items() if not name.startswith(f"{AVERAGE}/")}
        grown = {f"slot/{name}": _grown(array, shapes[name.rpartition("/")[2]]) for name, array in slots.items()}
        new.load_arrays(new.arrays() | grown)
        new.steps = old.steps


def _grown(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array extended to a shape; copies of index 0 are appended along every axis.

    >>> _grown(np.array([[1, 2], [3, 4]]), (3, 2)).tolist()
    [[1, 2], [3, 4], [1, 2]]
    """
    for axis, length in enumerate(shape):
        more = length - array.shape[axis]
        array = np.concatenate([array, np.repeat(array.take([0], axis), more, axis)], axis)
    return array
