"""Measure the time of a generated character: charrnn's compiled call against the loop that users of torch write.

    python -m benchmarks.generation

The table has one text at a time and many side by side, on one core.
"""

from __future__ import annotations

from functools import partial

from benchmarks.contenders import charrnn_writer, installed, torch_writer
from benchmarks.contest import contest, core_sets
from benchmarks.report import MarkdownTable, print_environment

CHARACTERS = 256


def main() -> None:
    """Print a table."""
    print_environment()
    table = MarkdownTable(
        "model, texts at once", "charrnn, us/char", "min", "torch, us/char", "min ", "ratio", "of minima"
    )
    for layers, state_size in ((2, 128), (2, 512)):
        for samples in (1, 32):
            sizes = (state_size, layers, samples, CHARACTERS)
            contenders = {"charrnn": partial(charrnn_writer, *sizes)}
            if installed("torch"):
                contenders["torch"] = partial(torch_writer, *sizes)
            timings = contest(contenders, core_sets()[0])
            scale = 1e6 / (CHARACTERS * samples)
            ours, theirs = timings["charrnn"], timings.get("torch")
            figures: list[float | None] = [scale * ours.median, scale * ours.minimum]
            if theirs:
                figures += [scale * theirs.median, scale * theirs.minimum]
                figures += [theirs.median / ours.median, theirs.minimum / ours.minimum]
            else:
                figures += [None] * 4
            table.row(f"{layers}x{state_size}, {samples}", *figures)


if __name__ == "__main__":
    main()
