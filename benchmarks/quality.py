"""Measure how well a model predicts after some minutes of training: nats per character on the last tenth of a text.

    python -m benchmarks.quality [--task alice] [--minutes 10] [--speed N] [--preset best] [name=value ...]

The text is split by position, at the nearest newline. Tasks are tinyshakespeare, and Alice in Wonderland as the Keras
notebook had it, lower-cased. Texts are in the folder CHARRNN_DATA; without it, charrnn downloads tinyshakespeare.

On a shared machine, minutes mean little. In that case measure the training speed in characters per second in a quiet
moment (`ms.traintime()`, `charrnn advise`), and give it as --speed. Training then takes the number of steps that fits
into the minutes at this speed. Settings are a preset's; any hyperparameter can be given.
"""

from __future__ import annotations

import argparse
import ast
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import print_environment
from charrnn import ModelState, corpora, recipes

ROUNDS = 20
SPENT = 0.9  # the share of the minutes for training steps; the rest is for validation and saving
# More dropout and less of a model, for a text of 0.13 MB.
ALICE = {"state_size": 384, "dropout": 0.5, "dropout_weights": 0.5}
TASKS: dict[str, dict[str, Any]] = {
    "shakespeare": {"file": "text/tinyshakespeare.txt", "lower": False, "batchsize": None, "hyper": {}},
    "alice": {"file": "text/wonderland_144431.txt", "lower": True, "batchsize": 16, "hyper": ALICE},
}


def text_path(task: str) -> Path:
    """Return the path of a task's text."""
    folder = os.environ.get("CHARRNN_DATA")
    if folder:
        return Path(folder) / TASKS[task]["file"]
    if task == "shakespeare":
        return corpora.path("tinyshakespeare")
    raise SystemExit(f"{TASKS[task]['file']} should be in the folder CHARRNN_DATA, which is not set.")


def setting(argument: str) -> tuple[str, object]:
    """Return the name and the value in ``name=value``."""
    name, value = argument.split("=")
    try:
        return name, ast.literal_eval(value)
    except ValueError:
        return name, value


def main() -> None:
    """Train and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, default="shakespeare")
    parser.add_argument("--text", type=Path, help="another text")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--speed", type=float, help="characters learned in a second")
    parser.add_argument("--preset", default="best")
    parser.add_argument("--batchsize", type=int)
    parser.add_argument("--seq-len", type=int)
    parser.add_argument("--modeltype")
    parser.add_argument("--threads", type=int)
    parser.add_argument("settings", nargs="*", type=setting, metavar="name=value")
    arguments = parser.parse_args()
    task = TASKS[arguments.task]
    print_environment()
    with tempfile.TemporaryDirectory() as folder:
        ms = ModelState.initfromsrcfile(
            arguments.text or text_path(arguments.task),
            Path(folder) / "model",
            preset=arguments.preset,
            modeltype=arguments.modeltype,
            seq_len=arguments.seq_len,
            trainfrac=0.9,
            lower=task["lower"],
            threads=arguments.threads,
            **task["hyper"] | dict(arguments.settings),
        )
        batchsize = arguments.batchsize or task["batchsize"] or recipes.get(arguments.preset).batchsize
        amount: dict[str, Any] = {"minutes": arguments.minutes}
        if arguments.speed:
            characters = SPENT * 60 * arguments.minutes * arguments.speed
            amount = {
                "num_rounds": ROUNDS,
                "train_len": max(1, round(characters / ROUNDS / batchsize / ms.corpus.seq_len)),
            }
        spent = time.process_time()
        summary = ms.train(batchsize=batchsize, print_every=0, verbose=1, **amount)
        spent = time.process_time() - spent
        loss = ms.restore("best").calc_loss()
    print(f"\n{ms.hyper}\nB {batchsize}, T {ms.corpus.seq_len}")
    print(
        f"{summary.characters:,} characters in {summary.seconds / 60:.1f} min, {spent / 60:.1f} min of all cores' time"
    )
    print(
        f"training {min(round_.train_loss for round_ in summary.rounds):.4f}, validation {loss:.4f} nats/char at best"
    )


if __name__ == "__main__":
    main()
