"""The values that training changes: parameters, the optimizer's slots, the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.sharedvalue import SharedVariable

from charrnn.errors import CorruptFile
from charrnn.model.engines import engine as engines
from charrnn.model.initial import initial_parameters
from charrnn.model.network import Network
from charrnn.model.objective import AVERAGE, Objective
from charrnn.model.parameters import ParameterVector
from charrnn.settings.hyper import HyperParams


class Values:
    """The shared variables of a network in training, read and set as named arrays.

    Parameters
    ----------
    hyper : HyperParams
        Optimizer, cost; the initial parameters follow from ``hyper.random_seed``.
    network : Network
    documents : bool
        Whether batches mark where documents begin.

    Attributes
    ----------
    objective : Objective
        The cost that training minimises, over these variables.
    """

    def __init__(self, hyper: HyperParams, network: Network, documents: bool) -> None:
        self.hyper, self.network = hyper, network
        self._vector = ParameterVector(network.shapes(), hyper.dtype)
        self._vector.shared.set_value(self._vector.join(initial_parameters(network, hyper)), borrow=True)
        self._learnrate = pytensor.shared(np.asarray(hyper.learnrate, hyper.dtype), name="learnrate", shape=())
        self._count = pytensor.shared(np.asarray(1, hyper.dtype), name="count", shape=())
        self.objective = Objective(network, self._vector, hyper, self._learnrate, self._count, documents)
        # Training updates the parameters; everything else uses their average if the model has one.
        self._seen = self._vector.of(self.objective.slots[AVERAGE]) if hyper.average else self._vector

    @property
    def learnrate(self) -> float:
        """The learning rate of the next step; settable."""
        return float(np.asarray(self._learnrate.get_value(borrow=True)))

    @learnrate.setter
    def learnrate(self, value: float) -> None:
        self._learnrate.set_value(np.asarray(value, self.hyper.dtype))

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters by name, as copies; rows multiply from the left (``x @ W``).

        With ``hyper.average`` these are the averages, with which the model predicts and writes.
        """
        return self._split(self._seen.shared)

    @property
    def slots(self) -> dict[str, np.ndarray]:
        """The optimizer's slots for each parameter, ``"square/E"`` and so on, as copies."""
        return {
            f"{slot}/{name}": array
            for slot, shared in self.objective.slots.items()
            for name, array in self._split(shared).items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return copies of all arrays that training changes, ``"param/E"``, ``"slot/square/E"`` and so on."""
        parameters = self._split(self._vector.shared)
        return {f"param/{k}": v for k, v in parameters.items()} | {f"slot/{k}": v for k, v in self.slots.items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set the arrays that `arrays` returned, in this or another process.

        Raises
        ------
        CorruptFile
            If an array is missing, unexpected, or of another shape or type; nothing was changed.
        """
        expected = self.arrays()
        problems = [f"{name} is missing" for name in expected if name not in arrays]
        problems += [f"{name} is unexpected" for name in arrays if name not in expected]
        for name, array in expected.items():
            if name in arrays and (arrays[name].shape, arrays[name].dtype) != (array.shape, array.dtype):
                got = arrays[name]
                problems.append(f"{name}: expected {array.dtype} {array.shape}, got {got.dtype} {got.shape}")
        if problems:
            raise CorruptFile(f"These arrays do not belong to {self!r}: {'; '.join(problems)}.")
        for prefix, shared in self._shared.items():
            shared.set_value(self._vector.join({n: arrays[f"{prefix}/{n}"] for n in self._vector.slices}), borrow=True)

    def load_parameters(self, parameters: Mapping[str, np.ndarray]) -> None:
        """Set parameters by name (see `parameters`), and the optimizer's slots to 0.

        Raises
        ------
        CorruptFile
            If a parameter is missing, unexpected, or of another shape; nothing was changed.
        """
        arrays = {name: np.zeros_like(array) for name, array in self.arrays().items() if name.startswith("slot/")}
        for name, given in parameters.items():
            array = np.asarray(given, self.hyper.dtype)
            arrays[f"param/{name}"] = array
            if self.hyper.average:
                arrays[f"slot/{AVERAGE}/{name}"] = array
        self.load_arrays(arrays)

    def vectors(self) -> dict[str, Any]:
        """Return all vectors that training changes, not copied: a step replaces them and never writes into them."""
        return {name: shared.get_value(borrow=True) for name, shared in self._shared.items()}

    def show(self, vectors: Mapping[str, Any]) -> None:
        """Hold the `vectors` of another model of the same shape; nothing is copied."""
        for name, shared in self._shared.items():
            shared.container.storage[0] = vectors[name]  # `set_value` would fetch them from a GPU

    def regularization(self) -> float:
        """Return the L2 penalty (regcost / 2) * sum(W**2) over the weight matrices as they are now."""
        weights = np.asarray(self._vector.shared.get_value(borrow=True))[: self._vector.n_weights]
        return float(self.hyper.regcost / 2 * np.dot(weights.astype("float64"), weights))

    @property
    def _shared(self) -> dict[str, SharedVariable]:
        """The vectors that training changes, by the prefix of their parts' names."""
        return {"param": self._vector.shared, **{f"slot/{k}": v for k, v in self.objective.slots.items()}}

    def _split(self, shared: SharedVariable) -> dict[str, np.ndarray]:
        return self._vector.split(np.asarray(shared.get_value(borrow=True)))

    def _to_numpy(self) -> None:
        engines.to_numpy([*self._shared.values(), self._learnrate, self._count])
