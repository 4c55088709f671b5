"""Measure how well a model predicts polyphonic music: nats per frame on the sets that publications use.

    python -m benchmarks.music_quality jsb|nottingham|FILE [--head nade|bernoulli] [--epochs N] [name=value ...]

A set is music/jsb.npz or music/nottingham.npz in the folder CHARRNN_DATA, or a file that `charrnn.data.music.source`
reads, with parts for training, validation and test. A loss is the sum over the 88 pitches, averaged over all frames
of all pieces but the first of each (Bai, Kolter & Koltun 2018). Validation chooses the epoch whose parameters are
measured on the test part. Training may see each piece in another key in every epoch. Any hyperparameter can be given.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.quality import setting
from benchmarks.report import print_environment
from charrnn import recipes
from charrnn.data.music.dataset import PieceSet
from charrnn.data.music.source import Pieces
from charrnn.model.model import Model
from charrnn.training import policies

SETS = ("jsb", "nottingham")


def evaluate(model: Model, data: PieceSet, batchsize: int = 16) -> tuple[float, float]:
    """Return the loss in nats per frame and the frame-level accuracy."""
    state, loss, accuracy = model.freshstate(batchsize), 0.0, 0.0
    for pos in range(data.batchepoch(batchsize)):
        x, y, mask, keep, _ = data.batch(pos, batchsize)
        errors, right, state = model.assess(x, y, state, keep)
        loss, accuracy = loss + float((errors * mask).sum()), accuracy + float((right * mask).sum())
    return loss / data.predictions, accuracy / data.predictions


def main() -> None:
    """Train and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set")
    parser.add_argument("--head", default="nade", choices=["nade", "bernoulli"])
    parser.add_argument("--recipe", help="piano-SET by default")
    parser.add_argument("--modeltype")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batchsize", type=int)
    parser.add_argument("--seq-len", type=int)
    parser.add_argument("--transpose", type=int, default=5, help="semitones up or down")
    parser.add_argument("--threads", type=int)
    parser.add_argument("settings", nargs="*", type=setting, metavar="name=value")
    given = parser.parse_intermixed_args()
    path = Path(os.environ.get("CHARRNN_DATA", ".")) / f"music/{given.set}.npz" if given.set in SETS else given.set
    recipe = recipes.get(given.recipe or f"piano-{given.set if given.set in SETS else 'jsb'}")
    hyper = recipe.hyper.replace(head=given.head, **dict(given.settings))
    batchsize, seq_len = given.batchsize or recipe.batchsize, given.seq_len or recipe.seq_len
    epochs = given.epochs or recipe.num_rounds

    pieces = Pieces.open(path)
    train = PieceSet.from_rolls(pieces.rolls("train"), seq_len, given.transpose, random_seed=hyper.random_seed)
    valid, test = (PieceSet.from_rolls(pieces.rolls(part), 100, count_first=False) for part in ("valid", "test"))
    model = Model(hyper, given.modeltype or recipe.modeltype, train.columns, threads=given.threads, documents=True)
    policy = policies.new(hyper)
    print_environment()
    print(f"{pieces}\n{model}\n{hyper}\nB {batchsize}, T {seq_len}, transposed by up to {given.transpose}")

    state, best, started = model.freshstate(batchsize), (np.inf, 0, 0.0, 0.0), time.perf_counter()
    E = train.batchepoch(batchsize)
    for epoch in range(epochs):
        losses = []
        for pos in range(E):
            model.learnrate = policy.rate((epoch * E + pos + 1) / (epochs * E), epoch + pos / E)
            x, y, mask, keep, _ = train.batch(pos, batchsize, epoch)
            result = model.step(x, y, state, mask, keep)
            state = result.state
            losses.append(result.loss)
        loss, _ = evaluate(model, valid)
        if loss < best[0]:
            best = (loss, epoch + 1, *evaluate(model, test))
        if message := policy.after_round(loss):
            print(message)
        seconds = time.perf_counter() - started
        print(
            f"epoch {epoch + 1:3}: training {np.mean(losses):.3f}, validation {loss:.3f}; best {best[0]:.3f}, "
            f"test {best[2]:.3f}, {seconds:.0f} s",
            flush=True,
        )
    print(
        f"\n{given.set}, {given.head}: validation {best[0]:.3f}, test {best[2]:.3f} nats/frame, test accuracy "
        f"{best[3]:.1%}, epoch {best[1]} of {epochs}, {seconds / 60:.1f} minutes"
    )


if __name__ == "__main__":
    main()
