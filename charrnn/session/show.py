"""Descriptions of a model at the prompt."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING

from charrnn.storage import lookup
from charrnn.storage.refs import MAIN
from charrnn.training import policies
from charrnn.training.summary import NOUNS, in_units
from charrnn.wording import part, visible, wrapped

if TYPE_CHECKING:
    from charrnn.session.session import Session
    from charrnn.storage.checkpoint import Checkpoint
    from charrnn.training.learner import Learner
    from charrnn.training.plan import Plan


def training(ms: Session, learner: Learner, plan: Plan, background: bool = False) -> str:
    """Describe the training that is about to begin."""
    stop = "It goes on in the background: ms.job tells how far it is." if background else "Ctrl-C stops and saves."
    length = plan.train_len or learner.epoch_length
    amount = f"{plan.minutes:g} min, in batches" if plan.minutes else f"{plan.num_rounds} × {length:,} batches"
    size = f"{learner.batchsize} × {learner.data.seq_len} {NOUNS[learner.data.unit]}"
    return wrapped(
        f"Training {_shape(ms)} for {amount} of {size}.\nAn epoch has {learner.epoch_length:,} batches. {stop}"
    )


def text(ms: Session) -> str:
    """Describe a model: architecture, text, progress, learning rate, checkpoint, engine, directory, next steps."""
    facts = (wrapped(f"  {name:12}{fact}", " " * 14) for name, fact in _facts(ms).items())
    return visible("\n".join([wrapped(_title(ms)), *facts]))


def page(ms: Session) -> str:
    """Describe a model as a notebook shows it."""
    cells = (
        f'<td style="text-align: left"><b>{name}</b></td><td style="text-align: left">{html.escape(fact)}</td>'
        for name, fact in _facts(ms).items()
    )
    return f"<b>{html.escape(_title(ms))}</b><table>{''.join(f'<tr>{cell}</tr>' for cell in cells)}</table>"


def _title(ms: Session) -> str:
    parameters = f", {ms.num_parameters:,} parameters" if ms.num_parameters else ""
    return f"{_shape(ms)}, {ms.corpus.kinds()}{parameters}"


def _facts(ms: Session) -> dict[str, str]:
    corpus, checkpoint = ms.corpus, ms.checkpoint
    noun = NOUNS[ms.corpus.unit]
    amount = f"{corpus.train_len:,} {noun} to learn, {corpus.valid_len:,} to validate"
    text = amount if ms.has_text else "not here, so that it writes and scores, but cannot train"
    now = {"training": f"in the background, {ms.job.progress}"} if ms.job and not ms.job.done else {}
    origin = {"origin": f"{ms.origin['model']}, which learned from {ms.origin['text']}"} if ms.origin else {}
    chosen = ms.facts.reading.arguments if ms.facts.reading else {}
    reading = {"read with": ", ".join(f"{name}={value!r}" for name, value in chosen.items())} if chosen else {}
    branch = {"branch": ms.branch_name} if ms.branch_name != MAIN else {}
    loss = in_units(checkpoint.loss if checkpoint else None, ms.corpus.unit)
    return {
        "text": f"{corpus.source}: {text}",
        **reading,
        **origin,
        "trained": _progress(ms),
        **now,
        "validation": f"{loss}{_on(checkpoint)}{_best(ms)}",
        "learnrate": f"{ms.learnrate:.4g} ({policies.name_of(ms.policy)})",
        **branch,
        "checkpoint": f"{checkpoint.name if checkpoint else 'none yet'}, in {_short(ms.path)}",
        "engine": ms.engine,
        "try": f"{'ms.train(), ' * ms.has_text}{ms.task.example}, ms.log(), help(ms)",
    }


def _short(path: Path) -> str:
    """Return a path as one would type it here: relative, where that is shorter."""
    try:
        return min(str(path), os.path.relpath(path), key=len)
    except (OSError, ValueError):  # the present directory is gone, or on another drive
        return str(path)


def _shape(ms: Session) -> str:
    return f"{ms.modeltype} {ms.hyper.layers}×{ms.hyper.state_size}"


def _progress(ms: Session) -> str:
    if ms.checkpoint is None or not ms.steps:
        return "not yet" if ms.has_text else "elsewhere"
    train_loss = ms.checkpoint.record.get("train_loss")
    loss = "" if train_loss is None else f", last round's training loss {train_loss:.3f}"
    return f"epoch {ms.epochs:.2f}, step {ms.steps:,}{loss}"


def _best(ms: Session) -> str:
    best = lookup.best_figure(ms.checkpoints)
    if best is None or best.checkpoint == ms.checkpoint:
        return ""
    by = "" if best.figure == lookup.VALIDATION else f" of {best.figure}"
    other = ms.checkpoint and _on(ms.checkpoint) and best.part == lookup.WHOLE
    return f"; the best{by}{' on the whole data' if other else ''} is {best.loss:.3f}: ms.restore('best')"


def _on(checkpoint: Checkpoint | None) -> str:
    """Return the data that a checkpoint's loss was measured on, if it is a part of the validation data."""
    if checkpoint is None or checkpoint.loss is None:
        return ""
    measured = part(*lookup.part_of(checkpoint.record.get("measured")))
    return f" on {measured}" * bool(measured)
