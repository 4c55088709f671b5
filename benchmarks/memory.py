"""Measure the peak memory of training, beyond that of the libraries and a tiny batch, against T and B.

    python -m benchmarks.memory

Linux only: the peak is read from the kernel's record of the process.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.contenders import Shape, charrnn_step, installed, torch_step
from benchmarks.contest import Work
from benchmarks.encoding import peak_memory
from benchmarks.report import MarkdownTable, print_environment

BASE = Shape(B=16, H=128, T=100, L=2)
SWEEPS = {"T": (100, 200, 400, 800), "B": (32, 64, 128)}


def measure(make: Callable[[Shape], Work], shape: Shape) -> tuple[float, float]:
    """Return the peak (MB) after one character's training, and how much three steps of a shape add to it."""
    make(shape._replace(B=1, T=1))()
    before = peak_memory()
    step = make(shape)
    for _ in range(3):
        step()
    return before, peak_memory() - before


def main() -> None:
    """Print a table."""
    print_environment()
    table = MarkdownTable("B, H, T, L", "charrnn, MB", "baseline", "torch, MB", "baseline ")
    for axis, sizes in SWEEPS.items():
        for size in sizes:
            shape = BASE._replace(**{axis: size})
            figures: list[float | None] = []
            for make in (charrnn_step, torch_step) if installed("torch") else (charrnn_step,):
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh_process:
                    before, added = fresh_process.submit(measure, make, shape).result()
                figures += [added, before]
            table.row(str(shape), *figures, *[None] * (4 - len(figures)))


if __name__ == "__main__":
    main()
