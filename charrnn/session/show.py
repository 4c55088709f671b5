"""What is said about a model at the prompt: the lines that answer the next question."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.documents.labels import LabelTable
from charrnn.data.music.corpus import MusicCorpus
from charrnn.storage import lookup
from charrnn.storage.refs import MAIN
from charrnn.storage.table import Table
from charrnn.training.summary import NOUNS, in_units
from charrnn.wording import plural

if TYPE_CHECKING:
    from charrnn.data.text.corpus import TextCorpus as Corpus
    from charrnn.session.session import KeptModel
    from charrnn.training.learner import Learner
    from charrnn.training.loop import Plan


class Lines(list):
    """A list that shows one element per line.

    >>> Lines([1, 2])
    1
    2
    """

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))


class Checkpoints(Lines):
    """A list of checkpoints, one to a line, or as a table on a page."""

    def _repr_html_(self) -> str:
        return Table(
            {"": i, "name": c.name, "loss": c.loss, "time": f"{c.time:%Y-%m-%d %H:%M}", "branch": c.branch}
            for i, c in enumerate(self)
        )._repr_html_()


def corpus(corpus: Corpus | DocumentCorpus | MusicCorpus | Any) -> str:
    """Describe a text, documents or music just encoded, and what was not plain about them."""
    if isinstance(corpus, MusicCorpus):
        return music(corpus)
    if isinstance(corpus, DocumentCorpus):
        return documents(corpus)
    validation = "on that" if corpus.split == corpus.length else f"on the last {corpus.valid_len:,}"
    lines = [
        f"{corpus.source}: {corpus.length:,} characters of {len(corpus.charset) - 1:,} kinds. "
        f"Learning from {corpus.train_len:,}, validating {validation}.",
        *(f"  {note}" for note in corpus.notes),
    ]
    return "\n".join(lines)


def documents(corpus: DocumentCorpus) -> str:
    """Describe documents that were just encoded."""
    held_out = _held_out(corpus.valid_documents, corpus.train_documents == corpus.documents)
    lines = [
        f"{corpus.source}: {plural(corpus.documents, 'document')}, {corpus.length:,} characters of "
        f"{len(corpus.charset) - 3:,} kinds. Learning from {corpus.train_documents:,}, validating {held_out}.",
        *(f"  {table.name}: {_labels(table)}" for table in corpus.tables),
        *(f"  {note}" for note in corpus.notes),
    ]
    return "\n".join(lines)


def music(corpus: MusicCorpus) -> str:
    """Describe pieces of music that were just encoded."""
    held_out = _held_out(corpus.valid_pieces, corpus.train_pieces + corpus.test_pieces == corpus.pieces)
    tested = f", testing on {corpus.test_pieces:,}" if corpus.test_pieces else ""
    step = f"{corpus.beats:g} beats" if corpus.beats else f"{corpus.dt:g} s"
    lines = [
        f"{corpus.source}: {plural(corpus.pieces, 'piece')}, {corpus.length:,} frames of {step}. "
        f"Learning from {corpus.train_pieces:,}, validating {held_out}{tested}.",
        *(f"  {note}" for note in corpus.notes),
    ]
    return "\n".join(lines)


def _held_out(number: int, none: bool) -> str:
    return "on these" if none else f"on {plural(number, 'other')}"


def _labels(table: LabelTable) -> str:
    most = sorted(table.counts, key=lambda label: -table.counts[label])[:8]
    shown = ", ".join(f"{label} ({table.counts[label]:,})" for label in most)
    return shown + (f", ... {plural(len(table), 'label')} in all" if len(table) > len(most) else "")


def training(ms: KeptModel, learner: Learner, plan: Plan, background: bool = False) -> str:
    """Describe the training that is about to begin."""
    stop = "It goes on in the background: ms.job tells how far it is." if background else "Ctrl-C stops and saves."
    length = plan.train_len or learner.epoch_length
    amount = f"{plan.minutes:g} min, in batches" if plan.minutes else f"{plan.num_rounds} × {length:,} batches"
    size = f"{learner.batchsize} × {learner.data.seq_len} {NOUNS[learner.data.unit]}"
    return f"Training {_shape(ms)} for {amount} of {size}.\nAn epoch has {learner.epoch_length:,} batches. {stop}"


def state(ms: KeptModel) -> str:
    """Describe a model: architecture, text, progress, learning rate, checkpoint, engine, directory, what to do next."""
    return "\n".join([_title(ms), *(f"  {name:12}{fact}" for name, fact in _facts(ms).items())])


def state_page(ms: KeptModel) -> str:
    """Describe a model as a notebook shows it."""
    cells = (
        f'<td style="text-align: left"><b>{name}</b></td><td style="text-align: left">{html.escape(fact)}</td>'
        for name, fact in _facts(ms).items()
    )
    return f"<b>{html.escape(_title(ms))}</b><table>{''.join(f'<tr>{cell}</tr>' for cell in cells)}</table>"


def _title(ms: KeptModel) -> str:
    parameters = f", {ms.num_parameters:,} parameters" if ms.num_parameters else ""
    kinds = f"{ms.corpus.columns} keys" if isinstance(ms.corpus, MusicCorpus) else f"{len(ms.chars):,} characters"
    return f"{_shape(ms)}, {kinds}{parameters}"


def _calls(ms: KeptModel) -> str:
    if isinstance(ms.corpus, MusicCorpus):
        return "piece = ms.generate(200), piece.save('x.mid'), ms.score(piece)"
    return "ms.generate(n=3), ms.score('a text')" if ms.writes_documents else "ms.generate(500), ms.score('a text')"


def _unit(ms: KeptModel) -> str:
    return "frame" if isinstance(ms.corpus, MusicCorpus) else "char"


def _facts(ms: KeptModel) -> dict[str, str]:
    corpus, checkpoint = ms.corpus, ms.checkpoint
    noun = NOUNS[_unit(ms)]
    amount = f"{corpus.train_len:,} {noun} to learn, {corpus.valid_len:,} to validate"
    text = amount if ms.has_text else "not here, so that it writes and scores, but cannot train"
    now = {"training": f"in the background, {ms.job.progress}"} if ms.job and not ms.job.done else {}
    origin = {"origin": f"{ms.origin['model']}, which learned from {ms.origin['text']}"} if ms.origin else {}
    branch = {"branch": ms.branch_name} if ms.branch_name != MAIN else {}
    return {
        "text": f"{corpus.source}: {text}",
        **origin,
        "trained": _progress(ms),
        **now,
        "validation": f"{in_units(checkpoint.loss if checkpoint else None, _unit(ms))}{_best(ms)}",
        "learnrate": f"{ms.learnrate:.4g} ({ms.hyper.policy})",
        **branch,
        "checkpoint": f"{checkpoint.name if checkpoint else 'none yet'}, in {_short(ms.path)}",
        "engine": ms.engine,
        "try": f"{'ms.train(), ' * ms.has_text}{_calls(ms)}, ms.log(), help(ms)",
    }


def _short(path: Path) -> str:
    """Return a path as one would type it here: relative, where that is shorter."""
    try:
        return min(str(path), os.path.relpath(path), key=len)
    except (OSError, ValueError):  # the present directory is gone, or on another drive
        return str(path)


def _shape(ms: KeptModel) -> str:
    return f"{ms.modeltype} {ms.hyper.layers}×{ms.hyper.state_size}"


def _progress(ms: KeptModel) -> str:
    if ms.checkpoint is None or not ms.steps:
        return "not yet" if ms.has_text else "elsewhere"
    train_loss = ms.checkpoint.record.get("train_loss")
    loss = "" if train_loss is None else f", last round's training loss {train_loss:.3f}"
    return f"epoch {ms.epochs:.2f}, step {ms.steps:,}{loss}"


def _best(ms: KeptModel) -> str:
    best = lookup.best(ms.checkpoints)
    if best is None or best == ms.checkpoint:
        return ""
    return f"; the best is {best.loss:.3f}: ms.restore('best')"
