"""The report: a page about a model with its curves, samples, surprises, units, text, settings and commands."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.insight import curves
from charrnn.insight.colouring import visible
from charrnn.pages import commands as reproducing
from charrnn.pages import page as pages
from charrnn.pages import passages
from charrnn.pages.page import escape
from charrnn.pages.svg import Line, chart
from charrnn.session import record, write
from charrnn.settings.hyper import HyperParams
from charrnn.training.summary import in_units

if TYPE_CHECKING:
    from charrnn.session.session import Session
    from charrnn.storage.checkpoint import Checkpoint

SAMPLES, SAMPLE_LENGTH, SEED = 6, 300, 0


def report_page(ms: Session) -> str:
    """Return the HTML of the report."""
    parts = {"Learning": _curves(ms), "What it writes": _samples(ms)}
    if texts := passages.texts(ms):
        parts |= {
            "Where it is surprised": passages.surprises(ms, texts),
            "What units do": passages.units(ms, texts),
        }
    parts |= {
        "What it read": _corpus(ms),
        "Settings": _settings(ms),
        "The cell": _cell(ms),
        "The same again": _commands(ms),
    }
    return pages.page(
        "report.html",
        shades=passages.shades_css(),
        title=escape(f"{ms.path.name}: {ms.corpus.source}"),
        summary=_summary(ms),
        sections="\n".join(f"<section><h2>{title}</h2>\n{body}</section>" for title, body in parts.items() if body),
        date=f"{datetime.datetime.now():%Y-%m-%d %H:%M}",
    )


def _summary(ms: Session) -> str:
    loss = ms.checkpoint.loss if ms.checkpoint else None
    hyper = ms.hyper
    facts = [
        ("model", f"{ms.modeltype} {hyper.layers}×{hyper.state_size}"),
        ("parameters", f"{ms.num_parameters:,}"),
        ("trained", f"{ms.epochs:.2f} epochs, {ms.steps:,} steps" if ms.steps else "not yet"),
        ("validation", in_units(loss, ms.corpus.unit)),
        ("checkpoint", ms.checkpoint.name if ms.checkpoint else "none yet"),
    ]
    return _facts(facts)


def _facts(facts: Iterable[tuple[str, object]]) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f"<dl>{rows}</dl>"


# -- learning ---------------------------------------------------------------------------------------------------------


def _curves(ms: Session) -> str:
    try:
        course = curves.of_history(ms.history.steps(), ms.history.columns(), {})
    except InvalidValue:
        return "<p>It has not been trained yet.</p>"
    lines = [Line(*course.smooth, "train")] if len(course.step) else []
    lines.append(Line(course.valid_step, course.valid_loss, "valid", marked=True))
    best = f", best {course.best[1]:.3f} at step {course.best[0]:,}" if course.best else ""
    about = f"Losses from step {course.span[0]:,} to {course.span[1]:,}{best}."
    legend = (
        '<p class="legend small quiet"><b class="train">training</b><b class="valid">validation</b>'
        f"nats/{ms.corpus.unit} over steps{escape(best)}</p>"
    )
    losses = chart(lines, course.limits, about)
    if not len(course.learnrate):
        return losses + legend
    low, high = float(course.learnrate.min()), float(course.learnrate.max())
    log = low > 0 and high > 8 * low
    limits = (low / 1.3, high * 1.3) if log else (0.0, 1.2 * high)
    rates = chart(
        [Line(course.step, course.learnrate, "rate")], limits, f"Learning rate, {high:g} to {low:g}.", log, height=5
    )
    return f'{losses}{legend}{rates}<p class="small quiet">learning rate</p>'


# -- samples ----------------------------------------------------------------------------------------------------------


def _samples(ms: Session) -> str:
    written = []
    for checkpoint in along_the_way(ms):
        with record.as_of(ms, checkpoint):
            sample = _sample(ms)
        loss = "" if checkpoint.loss is None else f", {checkpoint.loss:.3f} nats/{ms.corpus.unit}"
        heading = f"epoch {checkpoint.record.get('epochs', checkpoint.epoch):.2f}, step {checkpoint.step:,}{loss}"
        written.append((heading, sample))
    shown = "".join(
        f'<figure><figcaption class="small quiet">{escape(heading)}</figcaption>{sample}</figure>'
        for heading, sample in written or [("before training", _sample(ms))]
    )
    return f'<p class="small quiet">Each from seed {SEED}.</p>{shown}'


def _sample(ms: Session) -> str:
    written: Any = write.generate(ms, SAMPLE_LENGTH, rng=SEED)
    text = f'<div class="text" dir="auto" lang="">{escape(str(written).strip(chr(10)))}</div>'
    return ms.task.drawing(written) or text


def along_the_way(ms: Session) -> list[Checkpoint]:
    """Return checkpoints that led to the current state, evenly spaced; only a few if there are many."""
    checkpoints = list(ms.checkpoints)
    way: list[Checkpoint] = []
    at = ms.checkpoint
    while at is not None:
        way.append(at)
        at = _before(at, checkpoints)
    way.reverse()
    if len(way) <= SAMPLES:
        return way
    steps = np.array([checkpoint.step for checkpoint in way])
    evenly = np.linspace(steps[0], steps[-1], SAMPLES)
    return [way[i] for i in np.unique(np.abs(steps[:, np.newaxis] - evenly).argmin(axis=0))]


def _before(at: Checkpoint, checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint that training continued from, or an earlier one if it was thinned away."""
    earlier = [c for c in checkpoints if c.serial < at.serial]
    parent = next((c for c in earlier if c.name == at.parent), None)
    likely = (c for c in reversed(earlier) if c.branch == at.branch and c.step < at.step)
    return parent or (next(likely, None) if at.parent else None)


# -- facts ------------------------------------------------------------------------------------------------------------


def _corpus(ms: Session) -> str:
    corpus = ms.corpus
    facts = [(name, _listed(value) if isinstance(value, tuple) else value) for name, value in corpus.facts()]
    about = [("sequence length", corpus.seq_len), ("sha256", corpus.sha256)]
    return _facts([("source", corpus.source), *facts, *about, *(("note", note) for note in corpus.notes)])


def _listed(names: Sequence[str]) -> str:
    """Return the number of names and the first of them, with invisible characters made visible."""
    between = " " if all(len(name) == 1 for name in names) else ", "
    shown = between.join("".join(map(visible, name)) for name in names[:120])
    return f"{len(names):,}: {shown}{' …' if len(names) > 120 else ''}"


def _settings(ms: Session) -> str:
    usual, own = HyperParams().to_json(), ms.hyper.to_json()
    chosen = [(name, f"{value}  (default {usual[name]})") for name, value in own.items() if value != usual[name]]
    others = [(name, value) for name, value in own.items() if value == usual[name]]
    shown = f'<div class="own">{_facts(chosen)}</div>' if chosen else "<p>All are at their defaults.</p>"
    return f"{shown}<details><summary>{len(others)} at their defaults</summary>{_facts(others)}</details>"


def _cell(ms: Session) -> str:
    return f"<pre>{escape(ms.cell_source)}</pre>" if ms.cell_source else ""


def _commands(ms: Session) -> str:
    return (
        f'<pre id="commands" tabindex="0">{escape(reproducing.commands(ms))}</pre>'
        f'<p class="small quiet">{escape(reproducing.versions(ms))}</p>'
    )
