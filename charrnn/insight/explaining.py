"""Explain what a model computes: formulas of a step, shapes of a batch, parameters, and compilations."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charrnn.insight.formulas import formulas
from charrnn.table import Table

if TYPE_CHECKING:
    from charrnn.model.model import Model


@dataclass(frozen=True, eq=False)
class Explanation:
    """A model explained; prints as four parts.

    Attributes
    ----------
    title : str
    step : list of (str, str)
        Names and formulas of one step of a layer.
    path : list of (str, str)
        Stages that a batch passes through, each with its values and shapes there.
    parameters : Table
        `name`, `shape`, `numbers`, and `share` of all numbers.
    compiled : list of (str, float)
        Names of the functions compiled so far, and the seconds that each took.
    """

    title: str
    step: list[tuple[str, str]]
    path: list[tuple[str, str]]
    parameters: Table
    compiled: list[tuple[str, float]]

    @property
    def total(self) -> int:
        """Number of trainable numbers."""
        return sum(row["numbers"] for row in self.parameters)

    def __repr__(self) -> str:
        compiled = ", ".join(f"{what} in {seconds:.1f} s" for what, seconds in self.compiled)
        parts = [
            self.title,
            "One step of a layer (x comes in, ' marks what is new, @ multiplies matrices):\n"
            + "\n".join(_columns(self.step, " = ")),
            "A batch on its way:\n" + "\n".join(_columns(self.path, "  ")),
            f"Parameters, {self.total:,} numbers:\n" + textwrap.indent(repr(self.parameters), "  "),
            f"Compiled so far: {compiled or 'nothing; functions compile on first use, or with ms.compile()'}.",
        ]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        def rows(pairs: list[tuple[str, str]]) -> str:
            cells = (f"<td><b>{html.escape(a)}</b></td><td>{html.escape(b)}</td>" for a, b in pairs)
            return f'<table style="text-align: left">{"".join(f"<tr>{cell}</tr>" for cell in cells)}</table>'

        compiled = [(what, f"{seconds:.1f} s") for what, seconds in self.compiled]
        parts = [
            f"<p>{html.escape(self.title)}</p>",
            f"<p>One step of a layer (x comes in, ' marks what is new):</p>{rows(self.step)}",
            f"<p>A batch on its way:</p>{rows(self.path)}",
            f"<details><summary>Parameters, {self.total:,} numbers</summary>{self.parameters._repr_html_()}</details>",
            f"<p>Compiled so far:</p>{rows(compiled)}" if compiled else "<p>Nothing is compiled yet.</p>",
        ]
        return "".join(parts)


def explain(model: Model, seq_len: int) -> Explanation:
    """Return an explanation of a model on batches of `seq_len` steps."""
    network, hyper = model.network, model.hyper
    n_in = network.input_width
    total = sum(math.prod(shape) for shape in network.shapes().values())
    parameters = Table(
        {
            "name": name,
            "shape": "×".join(map(str, shape)),
            "numbers": math.prod(shape),
            "share": f"{math.prod(shape) / total:.1%}",
        }
        for name, shape in network.shapes().items()
    )
    title = f"{model.modeltype} {network.layers}×{network.state_size}, {hyper.dtype}, on {model.engine}"
    step = formulas(network.cell, n_in, network.state_size, hyper.dtype)
    return Explanation(title, step, list(_path(model, seq_len)), parameters, list(model.compilations))


def _path(model: Model, T: int) -> Iterator[tuple[str, str]]:
    """Yield the stages of a batch, each with its values and shapes there."""
    network, hyper = model.network, model.hyper
    V, H, L = network.vocab_size, network.state_size, network.layers
    known = f"T = {T}, V = {V}, H = {H}, L = {L}"
    head = network.head
    yield head.noun, f"x ({', '.join(head.axes)}), {head.values}; {known}"
    width = "V" if network.stage == "resize" else "H"
    yield "input", f"{head.input_formula(network.stage)} (T, B, {width})"
    if network.label_sizes:
        vectors = " + ".join(f"Y{k}" for k in range(len(network.label_sizes)))
        yield "labels", f"+ {vectors} of each label (T, B, {width})"
    for layer in range(L):
        taken = "the input" if layer == 0 else f"h of layer {layer}"
        yield f"layer {layer + 1}", f"steps over T: {taken} in, {', '.join(network.cell.states)} out, each (T, B, H)"
    yield "output", f"h @ {'E.T' if network.tied else 'V'} + c (T, B, {head.width})"
    yield "errors", "-ln p of what comes next, in nats (T, B)"
    penalty = f" + {hyper.regcost / 2:g} * sum(W**2)" if hyper.regcost else ""
    mean = ", divided by the number of predictions" if hyper.cost == "mean" else ""
    yield "cost", f"sum of errors{penalty}{mean}"
    clip = "" if hyper.clip is None else f", clipped by {hyper.clip} at {hyper.clip_at:g}"
    yield "gradient", f"d cost / d parameters, backwards through all of this{clip}"
    yield "update", f"{hyper.optimizer} at the learning rate, now {model.learnrate:.3g}"
    yield "state", "(L, B, S) after the last step goes into the next batch"


def _columns(pairs: list[tuple[str, str]], between: str) -> Iterator[str]:
    width = max(len(name) for name, _ in pairs)
    for name, text in pairs:
        hanging = " " * (2 + width + len(between))
        yield textwrap.fill(text, 79, initial_indent=f"  {name:{width}}{between}", subsequent_indent=hanging)
