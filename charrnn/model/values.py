"""The arrays that training changes: parameters and the optimizer's slots, one vector of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from charrnn.errors import CorruptFile
from charrnn.model.parameters import ParameterVector


class Values:
    """Named arrays in shared vectors.

    Parameters
    ----------
    vector : ParameterVector
        The parameters, which training goes on from.
    slots : mapping of str to shared variable
        The vectors that the optimizer keeps, by name.
    """

    def __init__(self, vector: ParameterVector, slots: Mapping[str, SharedVariable]) -> None:
        self._vector, self._slots = vector, slots
        self._shared = {"param": vector.shared, **{f"slot/{name}": shared for name, shared in slots.items()}}

    def slots(self) -> dict[str, np.ndarray]:
        """Return what the optimizer keeps of each parameter, ``"square/E"`` and so on, as copies."""
        return {
            f"{slot}/{name}": array
            for slot, shared in self._slots.items()
            for name, array in self._vector.split(np.asarray(shared.get_value(borrow=True))).items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays as copies, ``"param/E"``, ``"slot/square/E"`` and so on."""
        parameters = self._vector.split(np.asarray(self._vector.shared.get_value(borrow=True)))
        return {f"param/{k}": v for k, v in parameters.items()} | {f"slot/{k}": v for k, v in self.slots().items()}

    def load(self, arrays: Mapping[str, np.ndarray], owner: str) -> None:
        """Take over what `arrays` returned, of this or another process.

        Raises
        ------
        CorruptFile
            If an array is missing, unexpected, or of another shape or type; the message calls the model `owner`.
            Nothing was changed.
        """
        expected = self.arrays()
        problems = [f"{name} is missing" for name in expected if name not in arrays]
        problems += [f"{name} is unexpected" for name in arrays if name not in expected]
        for name, array in expected.items():
            if name in arrays and (arrays[name].shape, arrays[name].dtype) != (array.shape, array.dtype):
                got = arrays[name]
                problems.append(f"{name}: expected {array.dtype} {array.shape}, got {got.dtype} {got.shape}")
        if problems:
            raise CorruptFile(f"These arrays do not belong to {owner}: {'; '.join(problems)}.")
        for prefix, shared in self._shared.items():
            shared.set_value(self._vector.join({n: arrays[f"{prefix}/{n}"] for n in self._vector.slices}), borrow=True)

    def vectors(self) -> dict[str, Any]:
        """Return the vectors themselves: a step replaces these arrays and writes into none of them."""
        return {name: shared.get_value(borrow=True) for name, shared in self._shared.items()}

    def show(self, vectors: Mapping[str, Any]) -> None:
        """Hold the vectors that another model of the same shape returned; nothing is copied."""
        for name, shared in self._shared.items():
            shared.container.storage[0] = vectors[name]  # `set_value` would fetch them from a GPU
