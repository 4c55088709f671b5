"""The shared page, in which a model writes in the reader's browser."""

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
    """Return parameters rounded to float16, as the page stores them.

    Raises
    ------
    InvalidValue
        If a number is too large for float16 or is not finite.

    Examples
    --------
    >>> rounded({"c": np.array([0.1], "float32")})["c"].astype(float)
    array([0.09997559])
    """
    with np.errstate(over="ignore"):
        halves = {name: array.astype(np.float16) for name, array in parameters.items()}
    for name, array in halves.items():
        if not np.isfinite(array).all():
            raise InvalidValue(f"Parameter {name} has values that a page cannot hold: above 65,504, or not finite.")
    return halves


def share_page(ms: Session, title: str) -> str:
    """Return the HTML of the shared page.

    The page holds the parameters, rounded to float16, and the network as JavaScript. It draws the same random numbers
    as `numpy.random.default_rng` for the same seed. It therefore writes the same text as `ms.generate` with the same
    seed and rounded parameters, except in rare draws that fall within float32 rounding of the border between two
    characters. Each document has its own seed: the second is written from the seed plus 1, and so on.

    Parameters
    ----------
    ms : Session
    title : str
        The page's title.

    Returns
    -------
    str

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
    """Return a sentence about a model for readers who do not know such models."""
    numbers = sum(array.size for array in ms.model.parameters.values())
    trained = f"It read the text {ms.epochs:.3g} times" if ms.steps else "It has not learned anything yet"
    loss = ms.checkpoint.loss if ms.checkpoint else None
    surprise = "" if loss is None else f", and each new character surprises it by {loss / math.log(2):.2f} bits"
    return (
        f"A recurrent network of {numbers:,} numbers that learned to write from {ms.corpus.source}, one character "
        f"after the other. {trained}{surprise}."
    )


def _fields(ms: Session) -> str:
    """Return the form's fields that only documents need: their number, and labels."""
    number = '<input id="number" type="number" min="1" max="1000" value="3" required inputmode="numeric">'
    fields = [f'<div><label for="number">How many</label>{number}</div>']
    for column, table in enumerate(ms.label_tables):
        names = "".join(f'<option value="{i}">{pages.escape(name)}</option>' for i, name in enumerate(table.labels, 1))
        select = f'<select id="label{column}"><option value="0">any</option>{names}</select>'
        fields.append(f'<div><label for="label{column}">{pages.escape(table.name)}</label>{select}</div>')
    return "\n    ".join(fields)
