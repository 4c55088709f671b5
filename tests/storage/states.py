"""A stand-in for a model: a state whose every step depends on all before it, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.workdir import WorkDir


def state_after(steps: int, size: int = 5) -> dict[str, np.ndarray]:
    """Return the state that an uninterrupted run has after `steps` steps."""
    state = initial(size)
    for _ in range(steps):
        state = advanced(state)
    return state


def initial(size: int = 5) -> dict[str, np.ndarray]:
    """Return the state before the first step."""
    return {"param/W": np.linspace(0.1, 0.9, size), "slot/m": np.zeros((1, size), np.float32), "state": np.float32(0.5)}


def advanced(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the state one step later: a chaotic map, in which any lost bit would show."""
    W, m = state["param/W"], state["slot/m"]
    return {
        "param/W": 3.9 * W * (1 - W),
        "slot/m": m + W.astype(np.float32),
        "state": np.float32(state["state"] * 0.99),
    }


def record_of(step: int, loss: float | None = None, **more: object) -> dict[str, object]:
    """Return a checkpoint's record."""
    return {"epoch": step // 10, "step": step, "pos": step % 10, "valid_loss": loss, **more}


def new_workdir(path: Path, steps: tuple[int, ...] = ()) -> WorkDir:
    """Return a new working directory with some data, and a checkpoint and a row of history for each of `steps`."""

    def fill(data: Path) -> dict[str, object]:
        np.save(data / "train.npy", np.arange(17, dtype=np.uint8))
        return {"modeltype": "GRUEncode", "hyper": {"layers": 2}}

    workdir = WorkDir.create(path, fill)
    for step in steps:
        save(workdir, step)
    return workdir


def save(workdir: WorkDir, step: int) -> Checkpoint:
    """Append the row of `step` and save its checkpoint, with a loss that falls and then rises."""
    loss = 1 + abs(step - 30) / 100
    workdir.history.append({"step": step, "loss": loss})
    return workdir.save_checkpoint(state_after(step), record_of(step, loss))


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    """Tell whether two dicts of arrays agree in names, dtypes, shapes and every bit."""
    return a.keys() == b.keys() and all(
        (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
        for x, y in ((np.asarray(a[name]), np.asarray(b[name])) for name in a)
    )
