"""A cell run over time by plain `pytensor.scan`.

It is the reference for the fast recurrence, and runs the steps that cannot be taken apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytensor
from pytensor.gradient import grad_clip
from pytensor.graph.basic import Variable
from pytensor.tensor import TensorVariable

from charrnn.model.cells.cell import Cell


def scan_recurrence(
    cell: Cell,
    x: TensorVariable,
    initial: Sequence[TensorVariable],
    parameters: Mapping[str, Variable],
    keep: TensorVariable | None = None,
    clip: float | None = None,
) -> list[TensorVariable]:
    """Return the result of `recurrence`, computed one symbolic step after the other.

    Parameters
    ----------
    cell, x, initial, parameters, keep, clip
        As in `recurrence`, with x (T, B, D).

    Returns
    -------
    list of tensor3
        Each state after every step, (T, B, H).
    """
    names = list(parameters)
    n_states = len(initial)

    def step(x_t, *rest):
        sequences = rest[: 1 if keep is not None else 0]
        states = list(rest[len(sequences) : len(sequences) + n_states])
        values = list(rest[len(sequences) + n_states :])
        if clip is not None:  # inside the step, so that it acts on each step's contribution
            values = [grad_clip(v, -clip, clip) for v in values]
        if sequences:
            states = [s * sequences[0] for s in states]
        new = cell.step(x_t, *states, p=SimpleNamespace(**dict(zip(names, values, strict=True))))
        return list(new) if isinstance(new, tuple | list) else [new]

    with pytensor.config.change_flags(floatX=x.dtype):
        return pytensor.scan(
            step,
            sequences=[x, *([] if keep is None else [keep])],
            outputs_info=list(initial),
            non_sequences=[parameters[name] for name in names],
            strict=True,
            return_list=True,
            return_updates=False,
        )
