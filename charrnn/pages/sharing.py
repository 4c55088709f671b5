"""A page in which a model itself writes, in the browser of whoever opens it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.model.kernels.scalars import UnsupportedStep
from charrnn.pages import page as pages
from charrnn.pages.javascript import translate

if TYPE_CHECKING:
    from charrnn.session.session import Session


def rounded(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return parameters as the page holds them, rounded to float16.

    Raises
    ------
    InvalidValue
        A number is too large for that, or is none.

    Examples
    --------
    >>> rounded({"c": np.array([0.1], "float32")})["c"].astype(float)
    array([0.09997559])
    """
    with np.errstate(over="ignore"):
        halves = {name: array.astype(np.float16) for name, array in parameters.items()}
    for name, array in halves.items():
        if not np.isfinite(array).all():
            raise InvalidValue(f"Parameter {name} holds numbers that are too large for a page (65,504), or none.")
    return halves


def share_page(ms: Session, title: str) -> str:
    """Return the page.

    It holds the parameters, rounded to float16, and the network as JavaScript. For a seed it draws the numbers that
    `numpy.random.default_rng` draws, so that it writes what `ms.generate` writes with that seed and with parameters
    that are rounded likewise, but for the rare draw that falls between two characters within the rounding of float32.
    Of several documents each has a seed of its own: the second is written from the seed plus 1, and so on.

    Parameters
    ----------
    ms : ModelState
    title : str
        What the page is called.

    Raises
    ------
    InvalidValue
        If the model learned music, its cell cannot be written as JavaScript, or a parameter is too large.
    """
    begins_and_ends = ms.task.page_record()
    network, charset, halves = ms.model.network, ms.chars, rounded(ms.model.parameters)
    try:
        code = translate(network)
    except UnsupportedStep as error:
        raise InvalidValue(f"This model's cell cannot be written as JavaScript: {error}.") from error
    ends = bool(begins_and_ends["ends"])
    record: dict[str, Any] = {
        "chars": [charset.charatidx(symbol) for symbol in range(len(charset))],
        **begins_and_ends,
        "columns": len(ms.label_tables),
        "skip": ms.facts.never_written,
        "width": network.input_width,
        "shapes": {name: array.shape for name, array in halves.items()},
    }
    weights = b"".join(array.astype("<f2").tobytes() for array in halves.values())
    return pages.page(
        "share.html",
        title=pages.escape(title),
        about=pages.escape(_about(ms)),
        fields=_fields(ms) if ends else "",
        length="At most, characters" if ends else "Characters",
        model=pages.script_data(record),
        weights=base64.b64encode(weights).decode(),
        network=code,
        writer=pages.part("writer.js"),
        interface=pages.part("share.js"),
    )


def _about(ms: Session) -> str:
    """Return a sentence about a model for people who have never met one."""
    numbers = sum(array.size for array in ms.model.parameters.values())
    trained = f"It read the text {ms.epochs:.3g} times" if ms.steps else "It has not learned anything yet"
    loss = ms.checkpoint.loss if ms.checkpoint else None
    surprise = "" if loss is None else f", and each new character surprises it by {loss / math.log(2):.2f} bits"
    return (
        f"A recurrent network of {numbers:,} numbers that learned to write from {ms.corpus.source}, one character "
        f"after the other. {trained}{surprise}."
    )


def _fields(ms: Session) -> str:
    """Return the fields that only documents need: how many, and labels."""
    number = '<input id="number" type="number" min="1" max="1000" value="3" required inputmode="numeric">'
    fields = [f'<div><label for="number">How many</label>{number}</div>']
    for column, table in enumerate(ms.label_tables):
        names = "".join(f'<option value="{i}">{pages.escape(name)}</option>' for i, name in enumerate(table.labels, 1))
        select = f'<select id="label{column}"><option value="0">any</option>{names}</select>'
        fields.append(f'<div><label for="label{column}">{pages.escape(table.name)}</label>{select}</div>')
    return "\n    ".join(fields)
