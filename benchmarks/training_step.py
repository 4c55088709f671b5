"""Compare one training step of charrnn, torch and Keras over several shapes, with the lower bound of the arithmetic.

    python -m benchmarks.training_step [B,H,T,L ...]

The bound is the time that the step's matrix products would take at the rate of large float32 products, which is
measured in the same turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from functools import partial

from benchmarks.contenders import Shape, charrnn_step, installed, keras_step, large_product, torch_step
from benchmarks.contest import Work, contest, core_sets
from benchmarks.report import MarkdownTable, print_environment

SHAPES = (Shape(16, 128, 100, 2), Shape(64, 256, 100, 2), Shape(50, 512, 50, 2))
PRODUCT = 1024
REFERENCE = "torch nn.GRU"


def field(shape: Shape) -> dict[str, Callable[[], Work]]:
    """Return the contenders of a shape."""
    contenders: dict[str, Callable[[], Work]] = {
        "charrnn GRU": partial(charrnn_step, shape),
        "charrnn LSTM": partial(charrnn_step, shape, "LSTMEncode"),
        "large product": partial(large_product, PRODUCT),
    }
    if installed("torch"):
        contenders |= {REFERENCE: partial(torch_step, shape), "torch nn.LSTM": partial(torch_step, shape, "LSTM")}
    if installed("keras") and installed("jax"):
        contenders["Keras GRU on JAX"] = partial(keras_step, shape)
    return contenders


def measure(shape: Shape, cores: Collection[int], rounds: int, seconds: float) -> None:
    """Print the table of one shape."""
    timings = contest(field(shape), cores, rounds, seconds)
    product = timings.pop("large product")
    rate = 2 * PRODUCT**3 / product.median
    bound, least_bound = (shape.flops * time / (2 * PRODUCT**3) for time in (product.median, product.minimum))
    print(
        f"\n(B, H, T, L) = ({shape}), {len(cores)} core{'s' * (len(cores) > 1)}; products at {rate / 1e9:.0f} GFLOP/s\n"
    )
    table = MarkdownTable(
        "step", "median, ms", "min, ms", "torch GRU / it", "of minima", "it / GRU's bound", "of minima "
    )
    table.row("bound of a GRU", 1000 * bound, 1000 * least_bound, None, None, None, None)
    reference = timings.get(REFERENCE)
    for name, timing in timings.items():
        ratios = (reference.median / timing.median, reference.minimum / timing.minimum) if reference else (None, None)
        over = (None, None) if "LSTM" in name else (timing.median / bound, timing.minimum / least_bound)
        table.row(name, 1000 * timing.median, 1000 * timing.minimum, *ratios, *over)


def main() -> None:
    """Print a table for every shape and number of cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", type=lambda text: Shape(*map(int, text.split(","))), metavar="B,H,T,L")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contender (default: 10)")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a turn (default: 0.5)")
    arguments = parser.parse_args()
    print_environment()
    for shape in arguments.shapes or SHAPES:
        for cores in core_sets():
            measure(shape, cores, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
