"""Looking inside: neurons, saliency, formulas, statistics, curves. The functions call those of `insight/`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from charrnn.errors import SourceNotFound
from charrnn.session.kinds import by_task, refusable
from charrnn.storage import series

if TYPE_CHECKING:
    from charrnn.insight.activity import Activities, Activity
    from charrnn.insight.curves import Curves
    from charrnn.insight.explaining import Explanation
    from charrnn.insight.gradientcheck import GradientCheck
    from charrnn.insight.predicates import Predicate
    from charrnn.insight.saliency import Saliency
    from charrnn.insight.searching import FoundNeurons
    from charrnn.insight.statistics import Statistics
    from charrnn.session.session import Session


@by_task("track")
def trackneurons(ms: Session, text: str, temp: float = 0.5, ret_output: bool = False, transpose: bool = True) -> Any:
    """Return the hidden states along a text or a piece of music, from a blank state.

    Parameters
    ----------
    text : str, or Piece, MIDI file or array (T, 88) for music
        T characters or frames.
    temp : float
        Temperature of the predictions; 1 by default for music.
    ret_output : bool
        Whether to return the predictions for the character or frame after each one as well.
    transpose : bool
        Whether time is the last axis.

    Returns
    -------
    states : numpy.ndarray
        (L, H, T), or (T, L, H) if not `transpose`. If the cell has several states, each (L, H) at a character, they
        lie side by side in the order of ``model.network.cell.states``: in an LSTM, the first H units are h, the
        others c.
    (predictions, states) : tuple of numpy.ndarray
        If `ret_output`; predictions are probabilities (T, V).

    Raises
    ------
    InvalidValue
        If the text or piece is empty, or `temp` is not above 0.
    """


@refusable
def neurons(
    ms, text: str, unit: int | None = None, layer: int | None = None, of: str = "h", n: int = 5
) -> Activity | Activities:
    """Return a unit's activation along a text; it prints as the text coloured by the unit.

    Red is positive, blue negative; for gates, above or below mid-range. Without colours, bars under the text show the
    values. The text is read from a blank state; a model of documents reads its begin symbol first.

    Parameters
    ----------
    text : str
        T characters.
    unit : int, optional
        Index of the unit in the layer, from 0 up; by default the `n` units that vary most along the text.
    layer : int, optional
        Index from 0 up, as in `trackneurons`, or from -1 down; by default the last layer, or all if no unit is given.
    of : str
        The state or gate: "h"; "z" and "r" of a GRU; "c", "i", "f" and "o" of an LSTM; the states of your own cell, and
        the names that its `gates` returns.
    n : int
        Number of units to show if `unit` is not given.

    Returns
    -------
    Activity or Activities
        With `values` (T,), `text`, `layer`, `unit`; several are a list. A slice is a part of the text.

    Raises
    ------
    InvalidValue
        If the text is empty, or `layer` or `unit` is out of range.
    UnknownName
        If `of` is not a state or gate of the cell.

    Examples
    --------
    >>> ms.neurons("Alice said 'no'", unit=17, of="z")  # doctest: +SKIP
    """
    from charrnn.insight import activity

    return activity.neurons(ms.model, ms.chars, ms.task.as_read(text), unit, layer, of, n)


@refusable
def find_neurons(ms, predicate: str | Predicate, text: str | None = None, n: int = 10, of: str = "h") -> FoundNeurons:
    """Return the units that correlate most strongly with a function of a text; they print as a table.

    Parameters
    ----------
    predicate : str or callable
        "brackets", "digit", "letter", "line_position", "newline", "quotes", "space", "upper", "vowel" or
        "word_position" (see `charrnn.insight.predicates`); or a function that takes the text and returns T numbers
        or booleans; or one that takes a character and returns a number or a boolean.
    text : str, optional
        T characters; the beginning of the validation text by default.
    n : int
        Number of units.
    of : str
        The state or gate, as for `neurons`.

    Returns
    -------
    FoundNeurons
        A list. Each element has `layer`, `unit`, `correlation` (Pearson's; point-biserial for booleans) and ``show()``,
        the text coloured by the unit.

    Raises
    ------
    InvalidValue
        If the predicate does not return a number for each character, or returns the same number for all.
    UnknownName
        If `predicate` or `of` is not a known name.

    Examples
    --------
    >>> found = ms.find_neurons("quotes")          # doctest: +SKIP
    >>> found[0].show()                            # doctest: +SKIP
    >>> ms.find_neurons(lambda ch: ch in ".,;:!?") # doctest: +SKIP
    """
    from charrnn.insight import searching

    return searching.find_neurons(ms.model, ms.chars, predicate, _text_or(ms, text, 20_000), n, of)


@refusable
def saliency(ms: Session, text: str, target: str | None = None, measure: str = "norm") -> Saliency:
    """Return how much each character of a text matters for the one after it; it prints as the coloured text.

    The saliency is the gradient of the log-probability of the next character with respect to the first layer's input
    at each character (Simonyan et al. 2013, arXiv 1312.6034, for image classifiers).

    Parameters
    ----------
    text : str
        T characters, read as by `neurons`.
    target : str, optional
        The character after the text; the likeliest by default.
    measure : {"norm", "product"}
        The gradient's Euclidean norm, or its product with the input, which has a sign.

    Returns
    -------
    Saliency
        With `values` (T,) in nats, `target` and its `probability`.

    Raises
    ------
    InvalidValue, UnknownCharacters, UnknownName
        If the text is empty, the target is not one character that the model knows, or `measure` is not one of these.

    Examples
    --------
    >>> ms.saliency('"No, no!" said the Queen. "Sentence first', target='"')  # doctest: +SKIP
    """
    from charrnn.insight import saliency

    return saliency.saliency(
        ms.model, ms.chars, ms.task.as_read(text), ms.task.as_read(target), measure, ms.facts.never_written
    )


def explain(ms: Session) -> Explanation:
    """Return an explanation of the model: formulas of a step, shapes of a batch, parameters, compilations.

    The formulas are read from the expressions that PyTensor differentiates, also for your own cell.

    Examples
    --------
    >>> ms.explain()           # doctest: +SKIP
    >>> ms.explain().step      # doctest: +SKIP
    [('z', 'sigmoid(x @ Uz + h @ Wz + bz)'), ...]
    """
    from charrnn.insight import explaining

    return explaining.explain(ms.model, ms.corpus.seq_len)


def check_gradients(ms: Session, n: int = 3, rng: int = 0) -> GradientCheck:
    """Compare the model's gradients with central finite differences, in double precision on a short random batch.

    The checked cost includes L2, but not dropout and clipping. The model does not change.

    Parameters
    ----------
    n : int
        Number of coordinates of each parameter to check: the one with the largest gradient, and random others.
    rng : int
        Seed of the batch and of the random coordinates.

    Returns
    -------
    GradientCheck
        A table, with `ok` and `max_error`.

    Examples
    --------
    >>> ms.check_gradients().ok  # doctest: +SKIP
    True
    """
    from charrnn.insight import gradientcheck

    return gradientcheck.check_gradients(ms.model, n, rng)


def statistics(ms: Session, text: str | None = None) -> Statistics:
    """Return statistics of parameters and activations: sizes, saturated and dead units.

    Parameters
    ----------
    text : str, optional
        The text along which activations are measured; the beginning of the validation text by default.
    """
    from charrnn.insight import statistics
    from charrnn.insight.recording import Recording, state_after

    encoded = ms.task.encode(_text_or(ms, text, 5000), least=1)
    recording = Recording(ms.model, encoded, state_after(ms.model, ms.task.before()))
    return statistics.along(ms.model, recording, ms.corpus.noun)


def plot(ms: Session, file: str | os.PathLike[str] | None = None) -> Curves:
    """Return the curves of training: losses, learning rate, the best checkpoint, and n-gram baselines.

    They show as a picture in a notebook and as a chart of characters in a terminal. The training loss is averaged over
    windows, in front of the noise of single batches. The baselines are the validation losses of smoothed character
    n-grams, counted in the training text; see `charrnn.insight.ngrams`.

    Parameters
    ----------
    file : path, optional
        The file to save the picture to: .png, .svg or .pdf.

    Returns
    -------
    Curves
        It has `figure()`, a matplotlib figure to change; `save(file)`; and the data as arrays.

    Raises
    ------
    InvalidValue
        If the model is not trained yet, or the file has another suffix.
    NotInstalled
        If a picture is to be saved and matplotlib is not installed.
    SaveFailed
        If the file cannot be written.

    Examples
    --------
    >>> ms.plot()              # doctest: +SKIP
    >>> ms.plot("curves.png")  # doctest: +SKIP
    """
    from charrnn.insight import curves

    steps = series.join(filter(None, [ms.history.steps(), ms.steplog.columns()]))
    drawn = curves.of_history(steps, ms.history.columns(), ms.ngrams, ms.corpus.noun)
    if file is not None:
        drawn.save(file)
    return drawn


def _text_or(ms: Session, text: str | None, numchars: int) -> str:
    """Return a text, or the beginning of the validation text if there is none."""
    if text is not None:
        return ms.task.as_read(text)
    if not ms.has_text:
        raise SourceNotFound(f"{ms.path} holds a model without its text: pass a text to look at.")
    return ms.task.beginning(numchars)
