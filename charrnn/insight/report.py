"""A page that tells all of a model: what it read, how it learned, what it writes, where it is surprised."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from charrnn.data.documentcorpus import DocumentCorpus
from charrnn.errors import InvalidValue
from charrnn.hyper import HyperParams
from charrnn.insight import activity, curves, pages, passages, reproducing
from charrnn.insight.pages import escape
from charrnn.insight.plotting import Line, chart
from charrnn.training.summary import in_units

if TYPE_CHECKING:
    from charrnn.looking import LookingModel
    from charrnn.storage.checkpoint import Checkpoint

SAMPLES, SAMPLE_LENGTH, SEED = 6, 300, 0
PASSAGE, NEURONS, NEURON_PASSAGE, SEARCHED = 700, 4, 350, 3000  # characters of each, and how many units
SURPRISING = 6.0  # nats that have the full colour
PREDICATES = ("quotes", "brackets", "line_position", "upper", "digit", "word_position", "space", "vowel", "letter")


def report_page(ms: LookingModel) -> str:
    """Return the page."""
    passage, whence = _passage(ms)
    parts = {
        "Learning": _curves(ms),
        "What it writes": _samples(ms),
        "Where it is surprised": _surprise(ms, passage, whence),
        "What units do": _neurons(ms, passage),
        "Text": _corpus(ms),
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


def _summary(ms: LookingModel) -> str:
    loss = ms.checkpoint.loss if ms.checkpoint else None
    hyper = ms.hyper
    facts = [
        ("model", f"{ms.modeltype} {hyper.layers}×{hyper.state_size}"),
        ("parameters", f"{ms.num_parameters:,}"),
        ("trained", f"{ms.epochs:.2f} epochs, {ms.steps:,} steps" if ms.steps else "not yet"),
        ("validation", in_units(loss)),
        ("checkpoint", ms.checkpoint.name if ms.checkpoint else "none yet"),
    ]
    return _facts(facts)


def _facts(facts: Iterable[tuple[str, object]]) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f"<dl>{rows}</dl>"


# -- learning ---------------------------------------------------------------------------------------------------------


def _curves(ms: LookingModel) -> str:
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
        f"nats per character over steps{escape(best)}</p>"
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


def _samples(ms: LookingModel) -> str:
    written = []
    for checkpoint in along_the_way(ms):
        with ms._as_of(checkpoint):
            sample = ms.generate(SAMPLE_LENGTH, rng=SEED)
        loss = "" if checkpoint.loss is None else f", {checkpoint.loss:.3f} nats"
        heading = f"epoch {checkpoint.record.get('epochs', checkpoint.epoch):.2f}, step {checkpoint.step:,}{loss}"
        written.append((heading, str(sample)))
    if not written:
        written = [("before training", str(ms.generate(SAMPLE_LENGTH, rng=SEED)))]
    shown = "".join(
        f'<figure><figcaption class="small quiet">{escape(heading)}</figcaption>'
        f'<div class="text" dir="auto" lang="">{escape(text.strip(chr(10)))}</div></figure>'
        for heading, text in written
    )
    return f'<p class="small quiet">From seed {SEED}, at temperature 0.5.</p>{shown}'


def along_the_way(ms: LookingModel) -> list[Checkpoint]:
    """Return the checkpoints that led to where the model stands, of many a few, in even steps."""
    checkpoints = list(ms.checkpoints)
    way: list[Checkpoint] = []
    at = ms.checkpoint
    while at is not None:
        way.append(at)
        at = _before(at, checkpoints)
    way.reverse()
    if len(way) <= SAMPLES:
        return way
    return [way[i] for i in np.unique(np.linspace(0, len(way) - 1, SAMPLES).round().astype(int))]


def _before(at: Checkpoint, checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint that training went on from, or one before it if that was thinned away."""
    earlier = [c for c in checkpoints if c.serial < at.serial]
    parent = next((c for c in earlier if c.name == at.parent), None)
    likely = (c for c in reversed(earlier) if c.branch == at.branch and c.step < at.step)
    return parent or (next(likely, None) if at.parent else None)


# -- a passage --------------------------------------------------------------------------------------------------------


def _passage(ms: LookingModel) -> tuple[str, str]:
    """Return some text that the model did not learn from, and where it is from."""
    if not ms.has_text:
        return str(ms.generate(SEARCHED, temp=1.0, rng=SEED)), "what the model itself wrote"
    text = ms._text_or(None, SEARCHED + 200)
    start = text.find("\n", 0, 200) + 1  # at the beginning of a line, if there is one nearby
    return text[start : start + SEARCHED], "the text that it was validated on"


def _surprise(ms: LookingModel, passage: str, whence: str) -> str:
    score = ms.score(passage[:PASSAGE])
    notes = (f"{nats:.2f} nats, p = {np.exp(-nats):.3g}" for nats in score.per_char)
    body = passages.coloured(score.text, score.per_char / SURPRISING, notes)
    return (
        f'<p class="small quiet">The beginning of {escape(whence)}: {score.nats:.3f} nats per character. '
        f"The stronger the colour, the less the character was expected.</p>"
        f'<div class="text" dir="auto" lang="">{body}</div>'
    )


def _neurons(ms: LookingModel, passage: str) -> str:
    """Return the units that go along most closely with something that has a name."""
    found: dict[tuple[int, int], tuple[float, str]] = {}
    for predicate in PREDICATES:
        try:
            (closest,) = ms.find_neurons(predicate, passage, n=1)
        except InvalidValue:  # there is none of it in the text
            continue
        closeness, _ = found.get((closest.layer, closest.unit), (0.0, ""))
        if abs(closest.correlation) > abs(closeness):
            found[closest.layer, closest.unit] = (closest.correlation, predicate)
    chosen = sorted(found.items(), key=lambda item: -abs(item[1][0]))[:NEURONS]
    shown = []
    for (layer, index), (correlation, predicate) in chosen:
        unit = activity.neurons(ms.model, ms.chars, passage[:NEURON_PASSAGE], index, layer)
        assert isinstance(unit, activity.Activity)  # as one was asked for
        body = passages.coloured(unit.text, unit.levels, (f"{value:.2f}" for value in unit.values))
        heading = f"layer {layer}, unit {index}: {predicate.replace('_', ' ')} (correlation {correlation:.2f})"
        shown.append(
            f'<figure><figcaption class="small quiet">{escape(heading)}</figcaption>'
            f'<div class="text" dir="auto" lang="">{body}</div></figure>'
        )
    return "".join(shown)


# -- facts ------------------------------------------------------------------------------------------------------------


def _corpus(ms: LookingModel) -> str:
    corpus = ms.corpus
    learned, validated = f"{corpus.train_len:,} characters", f"{corpus.valid_len:,} characters"
    facts: list[tuple[str, object]] = [("source", corpus.source)]
    if isinstance(corpus, DocumentCorpus):
        facts.append(("documents", f"{corpus.documents:,}, of which {corpus.valid_documents:,} to validate on"))
        facts += [(table.name, ", ".join(table.labels[:20])) for table in corpus.tables]
    facts += [
        ("to learn from", learned),
        ("to validate on", validated),
        ("kinds of characters", f"{len(ms.chars) - 1:,}: {''.join(ms.chars.chars[1:200])!r:.200}"),
        ("sequence length", corpus.seq_len),
        ("sha256", corpus.sha256),
        *(("note", note) for note in corpus.notes),
    ]
    return _facts(facts)


def _settings(ms: LookingModel) -> str:
    usual, own = HyperParams().to_json(), ms.hyper.to_json()
    chosen = [(name, f"{value}  (default {usual[name]})") for name, value in own.items() if value != usual[name]]
    others = [(name, value) for name, value in own.items() if value == usual[name]]
    shown = f'<div class="own">{_facts(chosen)}</div>' if chosen else "<p>All are at their defaults.</p>"
    return f"{shown}<details><summary>{len(others)} at their defaults</summary>{_facts(others)}</details>"


def _cell(ms: LookingModel) -> str:
    return f"<pre>{escape(ms.cell_source)}</pre>" if ms.cell_source else ""


def _commands(ms: LookingModel) -> str:
    return (
        f'<pre id="commands" tabindex="0">{escape(reproducing.commands(ms))}</pre>'
        f'<p class="small quiet">{escape(reproducing.versions(ms))}</p>'
    )
