"""Generate text: one character after the other, each drawn from the model's predictions."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from charrnn import checks
from charrnn.generation.writer import BLOCK, Writer
from charrnn.model.sampling import Choice
from charrnn.model.sampling import checked_temp as checked_temp
from charrnn.wording import visible

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model


LOOPED = 20  # characters that come again: fewer may do so in any text
MOST_LOOKED_AT = 4000  # of them, at the end of a text


class Sample(str):
    """A text that a model wrote, prompt included: a string that prints as plain text.

    Attributes
    ----------
    prompt : str
        The text that the model continued.
    rng_seed : int
        Pass it as `rng` to get the same text again.
    state : numpy.ndarray or None
        Hidden state before the last character is read, (L, H); an LSTM's h and c, (L, H) each, side by side on the
        last axis. ``ms.generate(100, prompt=sample[-1], init_state=sample.state)`` continues from it, and begins with
        that character again. None for a whole document.
    period : int or None
        The number of characters after which the end of a text written with `argmax` repeats; None without a loop.

    Examples
    --------
    >>> Sample("two\\nlines", prompt="two", rng_seed=7, state=np.zeros((1, 4)))
    two
    lines
    """

    prompt: str
    rng_seed: int
    state: np.ndarray | None
    period: int | None

    def __new__(
        cls,
        text: str,
        prompt: str = "",
        rng_seed: int = 0,
        state: np.ndarray | None = None,
        *,
        period: int | None = None,
    ) -> Sample:
        """Return a text with its prompt, seed and final state attached."""
        sample = super().__new__(cls, text)
        sample.prompt, sample.rng_seed, sample.state, sample.period = prompt, rng_seed, state, period
        return sample

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:  # for copy, which calls __new__ with these
        return (str(self), self.prompt, self.rng_seed, self.state), {"period": self.period}

    def __repr__(self) -> str:
        return f"{visible(self)}{self._loop and f'{chr(10)}({self._loop})'}"

    def _repr_html_(self) -> str:
        """Return the text with its prompt in bold."""
        given = self.prompt if self.startswith(self.prompt) else ""
        given, written = html.escape(given), html.escape(self[len(given) :])
        loop = self._loop and f"<div><i>{self._loop}</i></div>"
        style = "white-space: pre-wrap; unicode-bidi: plaintext"
        return f'<div dir="auto" style="{style}"><b>{given}</b>{written}</div>{loop}'

    @property
    def _loop(self) -> str:
        """A sentence about the loop that the text ends in."""
        if self.period is None:
            return ""
        every = "one character" if self.period == 1 else f"every {self.period:,} characters"
        return f"It repeats {every}; temp=0.5 instead of argmax leaves that to chance."


class Sampler:
    """A model that has read a prompt and writes on from it, piece by piece.

    Parameters
    ----------
    model : Model
    charset : CharSet
    temp : float
        Temperature: below 1 favours likely characters, above 1 flattens the probabilities.
    prompt : str
        Text to continue. An empty prompt stands for a random character that begins lines in the training text; so does
        a newline if that text has none.
    init_state : numpy.ndarray, optional
        Initial hidden state, (L, H); an LSTM's h and c, (L, H) each, side by side on the last axis. Blank if not given.
    rng : int or numpy.random.Generator, optional
        Seed, or a generator to draw one from; a fresh seed if not given.
    on_unknown : {"replace", "skip", "error"}
        Treatment of characters of the prompt that the model does not know.
    condition, guidance
        The effect of labels; see `charrnn.generation.writer.Writer`.
    **chosen
        Others of `charrnn.model.sampling.Choice`, such as `argmax`.

    Attributes
    ----------
    prompt : str
        The prompt as the model reads it.
    rng_seed : int
        The seed in use.
    state : numpy.ndarray
        Hidden state after everything written so far, shaped as `init_state`.

    Raises
    ------
    InvalidValue
        If `temp` is not above 0, `init_state` has another shape, or `rng` is not a seed.
    UnknownCharacters
        If `on_unknown` is "error" and the prompt holds characters that the model does not know.
    """

    def __init__(
        self,
        model: Model,
        charset: CharSet,
        temp: float = 0.5,
        prompt: str = "\n",
        init_state: np.ndarray | None = None,
        rng: int | np.random.Generator | None = None,
        on_unknown: Literal["replace", "skip", "error"] = "replace",
        condition: np.ndarray | None = None,
        guidance: float = 1.0,
        **chosen: Any,
    ) -> None:
        self._charset, choice = charset, Choice(temp, **chosen)
        self.rng_seed = seed_of(rng)
        draws = np.random.default_rng(self.rng_seed)
        state = model.checked_state(init_state, "init_state")
        if prompt == "\n" and "\n" not in charset:
            prompt = ""
        indices = charset.encode(prompt, on_unknown)
        if not len(indices):
            indices = np.array([charset.semirandomidx(draws)], np.int32)
        self.prompt = charset.decode(indices)
        self._writer = Writer(model, draws, 1, state, choice, condition, guidance)
        self._writer.read(indices)

    @property
    def state(self) -> np.ndarray:
        """Hidden state after everything written so far, shaped as `init_state`."""
        return np.asarray(self._writer.state)[:, 0].copy()

    def write(self, numchars: int | None = None) -> Iterator[str]:
        """Yield the continuation in pieces, endlessly if `numchars` is not given.

        Memory does not grow with the length.
        """
        left = math.inf if numchars is None else numchars
        while left > 0:
            symbols = self._writer.write(int(min(BLOCK, left)))[:, 0]
            left -= len(symbols)
            yield self._charset.decode(symbols)


def generate(model: Model, charset: CharSet, numchars: int = 100, **options: Any) -> Sample:
    """Return a prompt continued by `numchars` characters; for the options see `Sampler`."""
    numchars = checked_numchars(numchars)
    sampler = Sampler(model, charset, **options)
    written = "".join(sampler.write(numchars))
    period = loop_of(written) if options.get("argmax") else None
    text = sampler.prompt + written
    return Sample(text, prompt=sampler.prompt, rng_seed=sampler.rng_seed, state=sampler.state, period=period)


def loop_of(text: str) -> int | None:
    """Return every how many characters the end of a text repeats itself; None if it does not.

    It does if the last `LOOPED` characters or more come from there, and at least one whole period.

    >>> loop_of("Said the " + "cat to the " * 3), loop_of("Said the cat to the cat."), loop_of("." * 40)
    (11, None, 1)
    """
    end = text[: -MOST_LOOKED_AT - 1 : -1]  # backwards
    for period in range(1, len(end) // 2 + 1):
        least = max(period, LOOPED)
        if end[period : period + least] == end[:least] and period + least <= len(end):
            return period
    return None


def checked_numchars(numchars: int) -> int:
    """Return a number of characters as an int, or raise."""
    return checks.whole("numchars", numchars, least=0)


def seed_of(rng: int | np.random.Generator | None) -> int:
    """Return a seed: the given one, one drawn from a generator, or a fresh one."""
    if rng is None or isinstance(rng, np.random.Generator):
        return int(np.random.default_rng(rng).integers(2**32))
    return checks.whole("rng", rng, least=0, otherwise=", or a numpy Generator")
