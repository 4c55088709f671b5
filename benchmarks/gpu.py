"""Test charrnn on a CUDA device: correctness against the CPU, moving a model between both, and speed beside cuDNN.

    python -m benchmarks.gpu                 # on a machine with a GPU; without one it says so and stops
    python -m benchmarks.gpu --device cpu    # the same on JAX's CPU backend, to try the script itself

Fails if a figure is not what the CPU computes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.contenders import Shape, charrnn_step, installed, torch_step
from benchmarks.contest import contest
from benchmarks.report import MarkdownTable, print_environment

SHAPES = (Shape(16, 128, 100, 2), Shape(64, 256, 100, 2), Shape(50, 512, 50, 2), Shape(128, 1024, 100, 2))
TOLERANCE = 1e-10  # of float64, relative to the largest number of an array


def start(device: str) -> str | None:
    """Let JAX run on a device; return the device's name, or None if there is none."""
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # leave room for torch
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
    if not installed("jax"):
        return None
    import jax

    return jax.devices()[0].device_kind if device == "cpu" or jax.default_backend() == "gpu" else None


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference, relative to the largest number."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def compare() -> bool:
    """Print the errors of losses and gradients of every model type against the CPU; return whether they are small."""
    from charrnn.model.cells import modeltypes
    from charrnn.model.model import Model
    from charrnn.settings.hyper import HyperParams

    table = MarkdownTable("float64, relative error", "losses", "gradients")
    x, y = np.random.default_rng(0).integers(0, 65, (2, 50, 7))
    near = True
    for name in modeltypes.names():
        hyper = HyperParams(layers=2, state_size=65, dtype="float64")
        there, here = (Model(hyper, name, 65, engine=engine) for engine in ("jax", "cpu"))
        losses = distance(there.errors(x, y)[0], here.errors(x, y)[0])
        expected = here.gradients(x, y)
        gradients = max(distance(gradient, expected[key]) for key, gradient in there.gradients(x, y).items())
        table.row(name, f"{losses:.0e}", f"{gradients:.0e}")
        near &= max(losses, gradients) < TOLERANCE
    return near


def there_and_back() -> bool:
    """Train on the device, save, load on the CPU, and print the loss from both; return whether they agree."""
    from charrnn import ModelState, corpora

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        there = ModelState.initfromsrcfile(corpora.path("pydoc"), path, engine="jax", init_checkpoint=False)
        there.train(train_len=200, valid_len=20, print_every=0)
        here = ModelState.load(path, engine="cpu")
        losses = there.calc_loss(valid_len=20), here.calc_loss(valid_len=20)
        print(f"\nLoss on the device {losses[0]:.6f}, of the saved model on the CPU {losses[1]:.6f}; there it writes:")
        print(here.generate(200), end="\n\n")
    return abs(losses[0] - losses[1]) < 1e-4


def time_steps(device: str) -> None:
    """Print the times of training steps, beside torch's where it can use the device."""
    contenders = {"charrnn on JAX": partial(charrnn_step, engine="jax")}
    if installed("torch"):
        import torch

        if device == "cpu" or torch.cuda.is_available():
            contenders["torch"] = partial(torch_step, device=device)
    table = MarkdownTable("B, H, T, L", "charrnn, ms", "min", "torch, ms", "min ", "torch / charrnn")
    for shape in SHAPES[:1] if device == "cpu" else SHAPES:
        cores = os.sched_getaffinity(0)
        timings = contest({name: partial(make, shape) for name, make in contenders.items()}, cores)
        ours, theirs = timings["charrnn on JAX"], timings.get("torch")
        peer = (1000 * theirs.median, 1000 * theirs.minimum, theirs.median / ours.median) if theirs else (None,) * 3
        table.row(str(shape), 1000 * ours.median, 1000 * ours.minimum, *peer)


def main() -> None:
    """Check, train, save, reload and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    device = parser.parse_args().device
    name = start(device)
    if name is None:
        print("JAX sees no GPU here: nothing was measured.")
        return
    print_environment()
    print(f"JAX computes on {name}.\n")
    right = compare() & there_and_back()
    time_steps(device)
    if not right:
        sys.exit("The device does not compute what the CPU does.")


if __name__ == "__main__":
    main()
