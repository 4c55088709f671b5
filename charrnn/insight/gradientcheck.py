"""Compare a model's gradients with finite differences of its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrnn import checks
from charrnn.table import Table

if TYPE_CHECKING:
    from charrnn.model.model import Model

T, B = 12, 3  # of the batch
MOVED = 1e-5  # relative to the parameter or 1, whichever is more
LIMIT = 1e-5  # relative error: float64's rounding and the curvature of the cost stay well below


@dataclass(frozen=True, eq=False)
class GradientCheck:
    """A comparison of a model's gradients with central finite differences; it prints as a table with a verdict.

    Attributes
    ----------
    table : Table
        A row for each parameter: its `name`; how many coordinates were `checked`; the largest `gradient` among them
        and the finite `difference` there; and the `error`, the largest deviation relative to that gradient.
    """

    table: Table

    @property
    def max_error(self) -> float:
        """The largest relative error."""
        return max(row["error"] for row in self.table)

    @property
    def ok(self) -> bool:
        """Whether all errors are below 1e-5."""
        return self.max_error < LIMIT

    def __repr__(self) -> str:
        bad = [row["name"] for row in self.table if not row["error"] < LIMIT]
        verdict = f"Wrong: {', '.join(bad)}." if bad else "All gradients are right."
        return f"{self.table!r}\n{verdict} The largest relative error is {self.max_error:.1e}; {LIMIT:g} is allowed."


def check_gradients(model: Model, n: int = 3, rng: int = 0) -> GradientCheck:
    """Compare gradients with (cost(w + d) - cost(w - d)) / 2d; see `ModelState.check_gradients`.

    Raises
    ------
    InvalidValue
        If `n` is not a whole number from 1 up.
    """
    checks.whole("n", n)
    draw = np.random.default_rng(rng)
    precise = in_float64(model)
    batch = some_batch(precise, draw)
    gradients = precise.gradients(**batch)
    parameters = precise.parameters
    rows = []
    for name, gradient in gradients.items():
        at = np.append(draw.integers(gradient.size, size=n - 1), np.abs(gradient).argmax())
        differences = np.array([_difference(precise, batch, parameters, name, int(k)) for k in at])
        exact = gradient.flat[at]
        largest = np.maximum(np.abs(exact), np.abs(differences)).max()
        error = np.abs(exact - differences).max() / largest if largest else 0.0
        row = {"gradient": float(exact[-1]), "difference": float(differences[-1]), "error": float(error)}
        rows.append({"name": name, "checked": len(at), **row})
    return GradientCheck(Table(rows))


def in_float64(model: Model) -> Model:
    """Return a copy of a model in double precision on the CPU whose gradient is exactly that of its cost.

    The copy has no dropout, no clipping in each time step, no truncation of gradients, and no average of the
    parameters, which would have another cost.
    """
    from charrnn.model.cells.modeltypes import ModelType
    from charrnn.model.model import Model

    plain = {"clip": "value", "cost": "sum", "bptt_truncate": -1, "average": 0.0}
    undropped = {"dropout": 0.0, "dropout_inputs": 0.0, "dropout_weights": 0.0}
    copy = Model(
        model.hyper.replace(dtype="float64", **plain, **undropped),
        ModelType(model.modeltype, model.network.cell, model.network.stage),
        model.vocab_size,
        engine="cpu",
        documents=model.objective.keep is not None,
        label_sizes=model.network.label_sizes,
    )
    _set(copy, {name: array.astype(np.float64) for name, array in model.parameters.items()})
    return copy


def some_batch(model: Model, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a short random batch with all inputs of the model."""
    x, y = model.network.head.random(draw, (2, T, B))
    batch = {"x": x, "y": y, "state": draw.normal(size=model.freshstate(B).shape, scale=0.5)}
    if model.objective.keep is not None:
        batch["keep"] = np.ones((T, B, 1))
        batch["keep"][T // 2, 0] = 0
    if model.network.label_sizes:
        batch["labels"] = draw.integers(model.network.label_sizes, size=(T, B, len(model.network.label_sizes)))
    return batch


def _difference(
    model: Model, batch: dict[str, np.ndarray], parameters: dict[str, np.ndarray], name: str, at: int
) -> float:
    """Return the central finite difference of the cost by one coordinate of a parameter."""
    original = parameters[name].flat[at]
    distance = MOVED * max(1.0, abs(original))
    costs = []
    for moved in (original + distance, original - distance):
        parameters[name].flat[at] = moved
        _set(model, parameters)
        costs.append(model.loss(**batch)[0] + model.regularization())
    parameters[name].flat[at] = original
    return (costs[0] - costs[1]) / (2 * distance)


def _set(model: Model, parameters: dict[str, np.ndarray]) -> None:
    arrays = model.arrays()
    model.load_arrays({**arrays, **{f"param/{name}": array for name, array in parameters.items()}})
