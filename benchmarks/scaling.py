"""Measure the training time of a character while one size at a time changes, on one core.

    python -m benchmarks.scaling

Fixed costs are spread over more characters as T and B grow; the growth along H and L shows which costs scale.
"""

from __future__ import annotations

from functools import partial

from benchmarks.contenders import Shape, charrnn_step, installed, torch_step
from benchmarks.contest import contest, core_sets
from benchmarks.report import MarkdownTable, print_environment

BASE = Shape(B=16, H=128, T=100, L=2)
SWEEPS = {"T": (1, 10, 100, 1000), "B": (1, 4, 16, 64, 256), "H": (32, 64, 128, 256, 512), "L": (1, 2, 3, 4)}


def main() -> None:
    """Print a table."""
    print_environment()
    table = MarkdownTable("B, H, T, L", "charrnn, us/char", "Mflop/char", "GFLOP/s", "torch, us/char", "ratio")
    for axis, sizes in SWEEPS.items():
        for size in sizes:
            shape = BASE._replace(**{axis: size})
            contenders = {"charrnn": partial(charrnn_step, shape)}
            if installed("torch"):
                contenders["torch"] = partial(torch_step, shape)
            timings = contest(contenders, core_sets()[0], rounds=3, seconds=0.5)
            ours, theirs = timings["charrnn"].median, timings["torch"].median if "torch" in timings else None
            characters = shape.T * shape.B
            table.row(
                str(shape),
                1e6 * ours / characters,
                shape.flops / characters / 1e6,
                shape.flops / ours / 1e9,
                theirs and 1e6 * theirs / characters,
                theirs and theirs / ours,
            )


if __name__ == "__main__":
    main()
