"""Poems by author: does a model that is told the author do better than one that is not, and can it tell who wrote one?

    python benchmarks/poems.py DATA [--steps 2400] [--seed 0] [--threads 1]

DATA is a folder with ``poems/poems_short_by_author.csv`` (columns author and text). Both models have the same settings
and take the same number of steps; every tenth poem is held out, in proportion to the authors. Time is that of the
process, which other programs on the machine do not lengthen.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from charrnn import ModelState

SETTINGS = {
    "layers": 1,
    "state_size": 256,
    "optimizer": "adam",
    "learnrate": 3e-3,
    "regcost": 0.0,
    "clip": "norm",
    "clip_at": 1000.0,
    "policy": "cosine",
    "dropout": 0.3,
}


def train(
    source: Path, folder: str, name: str, steps: int, options: argparse.Namespace, **labels: object
) -> ModelState:
    """Train a model, and go back to its best checkpoint."""
    ms = ModelState.initfromsrcfile(
        source, Path(folder, name), text="text", threads=options.threads, random_seed=options.seed, **labels, **SETTINGS
    )
    rounds = 12
    start = time.process_time()
    ms.train(rounds, batchsize=32, train_len=steps // rounds, verbose=1)
    print(f"{name}: {steps} steps, {time.process_time() - start:.0f} s of processor time")
    return ms.restore("best")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    source = options.data / "poems" / "poems_short_by_author.csv"
    with tempfile.TemporaryDirectory() as folder:
        told = train(source, folder, "told", options.steps, options, labels="author")
        plain = train(source, folder, "plain", options.steps, options)
        print(
            f"held-out poems, nats per character: {plain.calc_loss():.4f} without, {told.calc_loss():.4f} with author"
        )
        data, table = told.valid_data, told.label_tables[0]
        authors = [table.labelof(int(label)) for label in data.labels[:, 0]]
        found = [told.classify(told.chars.decode(data[i])).best for i in range(len(data))]
        right = sum(a == b for a, b in zip(authors, found, strict=True))
        (most, count), *_ = Counter(authors).most_common(1)
        print(
            f"author found for {right} of {len(authors)} ({right / len(authors):.1%}); always {most}: {count / len(authors):.1%}"
        )


if __name__ == "__main__":
    main()
