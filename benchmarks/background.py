"""Measure how fast the prompt answers while a model trains in the background, and the cost of the training thread.

python -m benchmarks.background              # a minute or two
python -m benchmarks.background --trials 50 --threads 1
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from charrnn import ModelState, corpora
from charrnn.table import Table

BATCH, LENGTH, LAYERS, WIDTH = 32, 100, 2, 256
STEPS = 20  # of each kind of training, for its speed
PAUSE = 0.05  # seconds between two questions


def milliseconds(ask: Callable[[], object], trials: int) -> list[float]:
    """Return the time of each of several answers."""
    durations = []
    for _ in range(trials):
        time.sleep(PAUSE)
        started = time.perf_counter()
        ask()
        durations.append(1000 * (time.perf_counter() - started))
    return durations


def answers(ms: ModelState, trials: int) -> Table:
    """Measure answers during training and without it."""
    questions: dict[str, Callable[[], object]] = {
        "ms.generate(20)": lambda: ms.generate(20),
        "repr(ms)": lambda: repr(ms),
        "ms.learnrate": lambda: ms.learnrate,
        "repr(ms.job)": lambda: repr(ms.job),
        "ms.score, 100 characters": lambda: ms.score("It was the best of times, " * 4),
        "ms.pin(0), between batches": lambda: ms.pin(0),
    }
    times: dict[str, list[list[float]]] = {}
    for _ in range(2):
        job = ms.train(10**6, batchsize=BATCH, valid_len=5, verbose=0, background=True)
        for ask in questions.values():
            ask()  # compiles
        for question, ask in questions.items():
            times.setdefault(question, []).append(milliseconds(ask, trials // 2))
        job.stop()
    table = Table()
    for question, ask in questions.items():
        ask()
        alone, busy = milliseconds(ask, trials), [ms for part in times[question] for ms in part]
        table.append(
            {
                "question": question,
                "median, ms": round(statistics.median(busy), 2),
                "longest, ms": round(max(busy), 2),
                "not training, ms": round(statistics.median(alone), 2),
            }
        )
    return table


def speeds(ms: ModelState) -> Table:
    """Compare training at the prompt with training in the background, in turns."""
    took: dict[str, list[float]] = {"at the prompt": [], "in the background": []}
    plan: dict[str, Any] = {"batchsize": BATCH, "train_len": STEPS, "valid_len": 1, "verbose": 0}
    for _ in range(3):
        took["at the prompt"].append(ms.train(**plan).rounds[0].seconds / STEPS)
        took["in the background"].append(ms.train(**plan, background=True).wait().rounds[0].seconds / STEPS)
    return Table({"training": how, "a batch, ms": round(1000 * min(times), 1)} for how, times in took.items())


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--engine", default="cpu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        ms = ModelState.initfromsrcfile(
            corpora.path("pydoc"),
            Path(folder, "model"),
            seq_len=LENGTH,
            layers=LAYERS,
            state_size=WIDTH,
            engine=options.engine,
            threads=options.threads,
        )
        ms.train(batchsize=BATCH, train_len=1, valid_len=1, verbose=0)  # compiles
        tables = answers(ms, options.trials), speeds(ms)
    print(*tables, sep="\n\n")


if __name__ == "__main__":
    main()
