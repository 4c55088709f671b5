"""Generation, scoring and classification of texts and pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from charrnn.session import othernames
from charrnn.session.kinds import by_task, held, refusable
from charrnn.session.othernames import accepting
from charrnn.wording import say

if TYPE_CHECKING:
    from charrnn.generation.classifying import Classification
    from charrnn.session.session import Session


@accepting(othernames.GENERATE, othernames.GENERATE_EXPLAINED)
@by_task("write")
def generate(
    ms: Session,
    numchars: int | None = None,
    temp: float = 0.5,
    prompt: str = "\n",
    init_state: np.ndarray | None = None,
    argmax: bool = False,
    rng: int | np.random.Generator | None = None,
    on_unknown: Literal["replace", "skip", "error"] = "replace",
    *,
    n: int | None = None,
    label: Any = None,
    guidance: float = 1.0,
    clamp: Mapping[tuple[int, int], float] | None = None,
) -> Any:
    """Return a text that the model writes, or whole documents from a model of documents.

    Parameters
    ----------
    numchars : int
        Number of characters after the prompt, 100 by default. Of documents the most that each may have, 1000 by
        default.
    temp : float
        Temperature: below 1 the likely becomes likelier, above 1 less so.
    prompt : str
        Text to continue, which is echoed once; "" for a random character that begins lines. Every document begins
        with it; without one, and without a label, its first character is drawn as often as documents begin with it.
    init_state : numpy.ndarray, optional
        Hidden state to begin with: (L, H), or for an LSTM its h and c, (L, H) each, side by side on the last axis.
        Blank by default. With another sample's `state`, and its last character as prompt, its text goes on. Not for
        documents.
    argmax : bool
        Take the likeliest character each time.
    rng : int or numpy.random.Generator, optional
        For the same text again, such as another sample's `rng_seed`; fresh by default. With another engine,
        number of threads or processor, rounding may turn a character, and with it all that follow.
    on_unknown : {"replace", "skip", "error"}
        What to do with characters of the prompt that the model does not know.
    n : int, optional
        How many texts, written side by side; one by default.
    label : str or mapping, optional
        What the documents are to be like: ``"Blake"``, ``{"author": "Blake"}`` where there are several label
        columns, a mixture ``{"Blake": 0.6, "Dickinson": 0.4}``.
    guidance : float
        1 follows the label as the model learned to; more exaggerates it.
    clamp : mapping of (int, int) to float, optional
        The value at which to hold the first state of (layer, unit), as of `neurons`, from the prompt on.

    Returns
    -------
    Sample, or Samples if `n` is given
        A string, with `prompt`, `rng_seed` and `state`; a list of them. With `argmax`, a text that ends in a loop
        says so.

    Raises
    ------
    InvalidValue
        If an argument has the wrong type, is out of range, or does not fit the kind of data; the message says which are
        allowed.
    UnknownName
        If there is no such label; the nearest are named.
    UnknownCharacters
        If `on_unknown` is "error" and the prompt holds some.

    Examples
    --------
    >>> ms.generate(500, temp=0.7, prompt="Alice ")    # doctest: +SKIP
    >>> ms.generate(n=14, label={"author": "Blake"})   # doctest: +SKIP
    >>> ms.generate(clamp={(1, 17): 1.0})              # doctest: +SKIP
    >>> a = ms.generate(500)                           # doctest: +SKIP
    >>> b = ms.generate(500, prompt=a[-1], init_state=a.state)  # doctest: +SKIP
    >>> text = a + b[1:]                               # doctest: +SKIP
    """


@accepting(othernames.GENERATE, othernames.GENERATE_EXPLAINED)
@refusable
def stream(
    ms: Session,
    numchars: int | None = None,
    label: Any = None,
    guidance: float = 1.0,
    clamp: Mapping[tuple[int, int], float] | None = None,
    **options: Any,
) -> Iterator[str]:
    """Yield the prompt and then its continuation, piece by piece; endlessly without a number of characters.

    Takes the options of `generate` but `n`. Documents come whole, one after the other, endlessly: `numchars` is
    the most that each may have.
    """
    return ms.task.stream(held(ms, clamp), numchars, label=label, guidance=guidance, **options)


def excerpt(ms: Session, length: int = 100, rng: int | np.random.Generator | None = None) -> str:
    """Return an excerpt from a random place in the training data, for instance as a prompt.

    For documents, the excerpt comes from one of them. It is shorter if the text is shorter.

    Raises
    ------
    SourceNotFound
        If the text is not here.
    InvalidValue
        If `length` is not a whole number from 1 up.

    Examples
    --------
    >>> ms.generate(1000, prompt=ms.excerpt(), argmax=True)  # doctest: +SKIP
    """
    return ms.task.excerpt(length, rng)


@refusable
def generatestring(
    ms: Session,
    numchars: int = 100,
    temp: float = 0.5,
    seed: str = "\n",
    init_state: np.ndarray | None = None,
    ret_state: bool = False,
) -> np.ndarray | None:
    """Print a text, the ancestor's way; `seed` is the text to begin with. See `generate`.

    Returns
    -------
    numpy.ndarray or None
        If `ret_state`, the hidden state at the end, as `init_state` of `generate` takes it.
    """
    sample = generate(ms, numchars, temp, prompt=seed, init_state=init_state)
    say(f"Generated {numchars} chars, temperature {temp}:\n\n{sample}\n")
    return sample.state if ret_state else None


@by_task("score")
def score(
    ms: Session, text: str, on_unknown: Literal["replace", "skip", "error"] = "replace", label: Any = None
) -> Any:
    """Return how likely the model finds a text: nats, bits, perplexity.

    At the beginning of a line or of a document, with the label given, as for `generate` but no mixture.
    """


@refusable
def classify(ms: Session, text: str, column: str | None = None) -> Classification:
    """Return how likely each label is for a text, by how likely the text is to the model under each label.

    All labels count as equally likely beforehand (Bayes' rule with a flat prior).

    Parameters
    ----------
    text : str
    column : str, optional
        The label column, where there are several; the others are left open.

    Raises
    ------
    InvalidValue
        If the model knows no labels, there is no text, or the column is not clear.
    UnknownName
        If there is no such column.

    Examples
    --------
    >>> ms.classify("Tyger Tyger, burning bright")  # doctest: +SKIP
    Blake 0.93, Dickinson 0.05, Keats 0.02
    """
    return ms.task.classify(ms.model, text, column)


def vectors(ms: Session, texts: Iterable[str]) -> np.ndarray:
    """Return a vector for each text, (number of texts, H), to compare or cluster them.

    It is the mean of the last layer's hidden state over the text's characters, read from a blank state.

    Parameters
    ----------
    texts : iterable of str

    Raises
    ------
    InvalidValue
        If a text is empty.
    """
    return ms.task.vectors(ms.model, texts)
