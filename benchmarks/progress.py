"""Measure the cost of the progress line: its share of training's processor time.

On a terminal one line is rewritten; elsewhere a new line is printed now and then.

python -m benchmarks.progress              # half a minute; run it in a terminal, too
python -m benchmarks.progress --seconds 30
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from charrnn import ModelState, corpora
from charrnn.table import Table
from charrnn.training.progress import Progress

SIZES = [(16, 1, 32, 4), (128, 2, 100, 16)]  # state size, layers, characters and streams of a batch


def measure(state_size: int, layers: int, seq_len: int, batchsize: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Return the processor time of some seconds of training, and the share of the progress line."""
    ms = ModelState.initfromsrcfile(
        corpora.path("pydoc"), folder / "model", state_size=state_size, layers=layers, seq_len=seq_len
    )
    ms.train(batchsize=batchsize, train_len=1, valid_len=1, verbose=0)  # compiles
    spent = 0.0

    def timed(method: Any) -> Any:
        def run(*args: Any) -> Any:
            nonlocal spent
            started = time.thread_time()
            result = method(*args)
            spent += time.thread_time() - started
            return result

        return run

    advance = Progress.advance
    Progress.advance = timed(advance)  # type: ignore[method-assign]
    try:
        started = time.process_time()
        summary = ms.train(batchsize=batchsize, minutes=seconds / 60, valid_len=1, print_every=0)
        total = time.process_time() - started
    finally:
        Progress.advance = advance  # type: ignore[method-assign]
    return {
        "model": f"{layers}×{state_size}",
        "T, B": f"{seq_len}, {batchsize}",
        "step, ms": round(1000 * total / summary.batches, 2),
        "progress, µs a step": round(1e6 * spent / summary.batches, 1),
        "progress, % of training": round(100 * spent / total, 3),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    seconds = parser.parse_args().seconds
    table = Table()
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            table.append(measure(*size, seconds, Path(folder)))
    print(table)


if __name__ == "__main__":
    main()
