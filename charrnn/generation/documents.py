"""Generate whole documents: each starts at the begin symbol and stops at the end symbol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from charrnn.data.documents.dataset import BEGIN, END
from charrnn.generation.sampler import Sample, generate, seed_of
from charrnn.generation.writer import BLOCK, Writer
from charrnn.model.sampling import Choice

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model


class Samples(list[Sample]):
    """Several texts that a model wrote; they print with a rule between them.

    Examples
    --------
    >>> Samples([Sample("one"), Sample("two")])
    one
    ────────────────────
    two
    """

    def __repr__(self) -> str:
        return f"\n{'─' * 20}\n".join(map(repr, self))


def write_documents(
    model: Model,
    charset: CharSet,
    n: int,
    most: int = 1000,
    *,
    prompt: str = "",
    first: Callable[[np.random.Generator], str] | None = None,
    temp: float = 0.5,
    rng: int | np.random.Generator | None = None,
    on_unknown: Literal["replace", "skip", "error"] = "replace",
    condition: np.ndarray | None = None,
    guidance: float = 1.0,
    **chosen: Any,
) -> Samples:
    """Return documents that a model writes.

    Parameters
    ----------
    model : Model
    charset : CharSet
        Characters, with begin and end symbols.
    n : int
        Number of documents.
    most : int
        Maximum length of a document in characters; longer ones are cut (PoetRNN: 1000).
    prompt : str
        The text that each document begins with.
    first : callable, optional
        Takes a numpy Generator and returns a first character; used if the prompt is empty. The model draws the first
        character if not given.
    temp, rng, on_unknown, condition, guidance, **chosen
        See `charrnn.generation.sampler.Sampler`.

    Returns
    -------
    Samples
        The `state` of each is None; all have the same `rng_seed`.
    """
    seed = seed_of(rng)
    draws = np.random.default_rng(seed)
    given = charset.encode(prompt, on_unknown)
    prompt = charset.decode(given)
    if not len(given) and first is not None:
        begun: list[np.ndarray] = [charset.encode(first(draws)) for _ in range(n)]
    else:
        begun = [given] * n
    choice = Choice(temp, **chosen)
    texts: list[str] = [""] * n
    # Documents with the same beginning are written side by side, in one batch.
    for beginning in sorted({tuple(symbols.tolist()) for symbols in begun}):
        rows = [i for i, symbols in enumerate(begun) if tuple(symbols.tolist()) == beginning]
        writer = Writer(model, draws, len(rows), choice=choice, condition=condition, guidance=guidance)
        writer.read(np.array([charset.idxofspecial(BEGIN), *beginning], np.int32))
        for i, text in zip(rows, _endings(writer, charset, len(rows), most), strict=True):
            whole = charset.decode(beginning) + text
            texts[i] = whole if len(given) else whole[:most]  # a prompt does not count
    return Samples(Sample(text, prompt=prompt, rng_seed=seed, state=None) for text in texts)


def write_texts(model: Model, charset: CharSet, n: int, numchars: int, **options: Any) -> Samples:
    """Return `n` texts of `numchars` characters, written one after the other; for the options see `Sampler`."""
    draws = np.random.default_rng(seed_of(options.pop("rng", None)))
    return Samples(generate(model, charset, numchars, rng=draws, **options) for _ in range(n))


def _endings(writer: Writer, charset: CharSet, rows: int, most: int) -> list[str]:
    """Write until every row has ended; return the texts before the end symbols."""
    ends = [charset.idxofspecial(BEGIN), charset.idxofspecial(END)]  # a begin symbol also ends a document
    written = np.zeros((0, rows), np.int32)
    while len(written) < most:
        written = np.concatenate([written, writer.write(min(BLOCK, most - len(written)))])
        ended = np.isin(written, ends)
        if ended.any(axis=0).all():
            break
    lengths = np.where(ended.any(axis=0), ended.argmax(axis=0), len(written)) if most else [0] * rows
    return [charset.decode(column[:length]) for column, length in zip(written.T, lengths, strict=True)]
