"""Poems by author: the gain of a model with author labels over one without, and its accuracy at finding the author.

    python benchmarks/poems.py DATA [--steps 1800] [--seeds 0 1 2] [--threads 1]

DATA is a folder with ``poems/poems_short_by_author.csv`` (columns author and text). Both models have the same settings
and take the same number of steps; every tenth poem is held out, in proportion to the authors. Knowing the author saves
at most the entropy of the authors for each poem: here 1.6 nats, or 0.004 for each character.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from charrnn import ModelState
from charrnn.data.documents.labels import NO_LABEL

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
    "average": 0.998,
}


def train(source: Path, folder: str, labelled: bool, seed: int, options: argparse.Namespace) -> ModelState:
    """Train a model with or without author labels, and restore its best checkpoint.

    Both have the label column, so that the same poems are held out.
    """
    ms = ModelState.initfromsrcfile(
        source,
        Path(folder, "labelled" if labelled else "plain"),
        text="text",
        labels="author",
        label_dropout=0.0 if labelled else 0.999999,
        init_checkpoint=False,
        threads=options.threads,
        random_seed=seed,
        **SETTINGS,
    )
    if not labelled:
        ms.valid_data.labels[:] = NO_LABEL
    rounds = 12
    start = time.process_time()
    ms.train(rounds, batchsize=32, train_len=options.steps // rounds, verbose=1)
    print(f"{ms.path.name}: {options.steps} steps, {time.process_time() - start:.0f} s of processor time")
    return ms.restore("best")


def main() -> None:
    """Train two models for each seed, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    source = options.data / "poems" / "poems_short_by_author.csv"
    gains = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            plain = train(source, folder, False, seed, options).calc_loss()
            labelled = train(source, folder, True, seed, options)
            gains.append(plain - labelled.calc_loss())
            print(f"seed {seed}: held-out poems {plain:.4f} nats/char without, {labelled.calc_loss():.4f} with author")
            print(f"seed {seed}: {classified(labelled)}", flush=True)
    print(f"gain by the author: {np.mean(gains):.4f} nats/char, from {min(gains):.4f} to {max(gains):.4f}")


def classified(ms: ModelState) -> str:
    """Return a sentence with the share of held-out poems whose author is found."""
    data, table = ms.valid_data, ms.label_tables[0]
    authors = [table.labelof(int(label)) for label in data.labels[:, 0]]
    found = [ms.classify(ms.chars.decode(data[i])).best for i in range(len(data))]
    right = sum(a == b for a, b in zip(authors, found, strict=True))
    most, count = Counter(authors).most_common(1)[0]
    return f"author found for {right / len(authors):.1%} of {len(authors)}; always {most} is {count / len(authors):.1%}"


if __name__ == "__main__":
    main()
