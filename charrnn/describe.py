"""What is said about a model at the prompt: the lines that answer the next question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from charrnn.data.documentcorpus import DocumentCorpus
from charrnn.data.geometry import plural
from charrnn.data.labels import LabelTable
from charrnn.storage import lookup
from charrnn.training.summary import in_units

if TYPE_CHECKING:
    from charrnn.data.encoding import Corpus
    from charrnn.keeping import KeptModel
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


def corpus(corpus: Corpus | DocumentCorpus) -> str:
    """Describe a text or documents just encoded, and what was not plain about them."""
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
    held_out = "on these" if corpus.train_documents == corpus.documents else f"on {corpus.valid_documents:,} others"
    lines = [
        f"{corpus.source}: {plural(corpus.documents, 'document')}, {corpus.length:,} characters of "
        f"{len(corpus.charset) - 3:,} kinds. Learning from {corpus.train_documents:,}, validating {held_out}.",
        *(f"  {table.name}: {_labels(table)}" for table in corpus.tables),
        *(f"  {note}" for note in corpus.notes),
    ]
    return "\n".join(lines)


def _labels(table: LabelTable) -> str:
    most = sorted(table.counts, key=lambda label: -table.counts[label])[:8]
    shown = ", ".join(f"{label} ({table.counts[label]:,})" for label in most)
    return shown + (f", ... {plural(len(table), 'label')} in all" if len(table) > len(most) else "")


def training(ms: KeptModel, learner: Learner, plan: Plan, background: bool = False) -> str:
    """Describe the training that is about to begin."""
    stop = "It goes on in the background: ms.job tells how far it is." if background else "Ctrl-C stops and saves."
    length = plan.train_len or learner.epoch_length
    amount = f"{plan.minutes:g} min, in batches" if plan.minutes else f"{plan.num_rounds} × {length:,} batches"
    return (
        f"Training {_shape(ms)} for {amount} of {learner.batchsize} × {learner.data.seq_len} characters.\n"
        f"An epoch has {learner.epoch_length:,} batches. {stop}"
    )


def state(ms: KeptModel) -> str:
    """Describe a model: architecture, text, progress, learning rate, checkpoint, engine, directory, what to do next."""
    corpus, checkpoint = ms.corpus, ms.checkpoint
    parameters = f", {ms.num_parameters:,} parameters" if ms.num_parameters else ""
    amount = f"{corpus.train_len:,} characters to learn, {corpus.valid_len:,} to validate"
    text = amount if ms.has_text else "not here, so that it writes and scores, but cannot train"
    lines = [
        f"{_shape(ms)}, {len(ms.chars):,} characters{parameters}",
        f"  text        {corpus.source}: {text}",
        f"  trained     {_progress(ms)}",
        *([f"  training    in the background, {ms.job.progress}"] if ms.job and not ms.job.done else []),
        f"  validation  {in_units(checkpoint.loss if checkpoint else None)}{_best(ms)}",
        f"  learnrate   {ms.learnrate:.4g} ({ms.hyper.policy})",
        f"  checkpoint  {checkpoint.name if checkpoint else 'none yet'}, in {ms.path}",
        f"  engine      {ms.engine}",
        f"  try         {'ms.train(), ' * ms.has_text}ms.generate(500), ms.score('a text'), ms.log(), help(ms)",
    ]
    return "\n".join(lines)


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
