"""Looking inside: neurons, saliency, formulas, statistics, curves; each a few lines over a file of `insight/`."""

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
        Return the predictions for the character or frame after each one as well.
    transpose : bool
        Put time last.

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
        If there is no character or frame, or `temp` is not above 0.
    """


@refusable
def neurons(
    ms, text: str, unit: int | None = None, layer: int | None = None, of: str = "h", n: int = 5
) -> Activity | Activities:
    """Return what a unit does along a text; it shows itms as the text coloured by it.

    Red is positive, blue negative; for gates, above or below mid-range. Where there are no colours there
    are bars under the text. It is read from a blank state, or as a document begins if the model learned documents.

    Parameters
    ----------
    text : str
        T characters.
    unit : int, optional
        Which unit of the layer, from 0 up; by default the `n` units that vary most along the text.
    layer : int, optional
        From 0 up, as in `trackneurons`, or from -1 down; by default the last one, and any if no unit is given.
    of : str
        Which state or gate: "h"; "z" and "r" of a GRU; "c", "i", "f" and "o" of an LSTM; the states of a cell of
        your own, and what its `gates` names.
    n : int
        How many units to show if none is given.

    Returns
    -------
    Activity or Activities
        With `values` (T,), `text`, `layer`, `unit`; several are a list. A slice is a part of the text.

    Raises
    ------
    InvalidValue
        If the text is empty or there is no such layer or unit.
    UnknownName
        If there is no such state or gate.

    Examples
    --------
    >>> ms.neurons("Alice said 'no'", unit=17, of="z")  # doctest: +SKIP
    """
    from charrnn.insight import activity

    return activity.neurons(ms.model, ms.chars, ms.task.as_read(text), unit, layer, of, n)


@refusable
def find_neurons(ms, predicate: str | Predicate, text: str | None = None, n: int = 10, of: str = "h") -> FoundNeurons:
    """Return the units that go along most closely with a function of a text; prints as a table.

    Parameters
    ----------
    predicate : str or callable
        "brackets", "digit", "letter", "line_position", "newline", "quotes", "space", "upper", "vowel" or
        "word_position" (see `charrnn.insight.predicates`); or a function that takes the text and returns T numbers
        or truths; or one that takes a character and returns a number or a truth.
    text : str, optional
        T characters; the beginning of the validation text by default.
    n : int
        How many units.
    of : str
        Which state or gate, as for `neurons`.

    Returns
    -------
    FoundNeurons
        A list; of each element `layer`, `unit`, `correlation` (Pearson's; point-biserial for truths) and
        ``show()``, which is the text coloured by the unit.

    Raises
    ------
    InvalidValue
        If the predicate does not give a number for each character, or gives the same for all.
    UnknownName
        If there is no such predicate, state or gate.

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
    """Return which characters of a text matter for the one after it; shows itms as the text coloured by that.

    It is the gradient of the log-probability of the next character with respect to the first layer's input at
    each character, as of the image classifiers of Simonyan et al. 2013, arXiv 1312.6034.

    Parameters
    ----------
    text : str
        T characters, read as by `neurons`.
    target : str, optional
        The character after the text; the likeliest by default.
    measure : {"norm", "product"}
        The gradient's Euclidean norm, or its product with the input itms, which has a sign.

    Returns
    -------
    Saliency
        With `values` (T,) in nats, `target` and its `probability`.

    Raises
    ------
    InvalidValue, UnknownCharacters, UnknownName
        If the text is empty, the target is not one character that the model knows, or there is no such measure.

    Examples
    --------
    >>> ms.saliency('"No, no!" said the Queen. "Sentence first', target='"')  # doctest: +SKIP
    """
    from charrnn.insight import saliency

    return saliency.saliency(
        ms.model, ms.chars, ms.task.as_read(text), ms.task.as_read(target), measure, ms.facts.never_written
    )


def explain(ms: Session) -> Explanation:
    """Return what the model computes: a step's formulas, the way of a batch, parameters, what was compiled.

    The formulas are read off the expressions that PyTensor differentiates and compiles, also those of a cell of
    your own.

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

    The check is of the cost as it stands, with L2, without dropout and clipping. The model stays as it is.

    Parameters
    ----------
    n : int
        How many numbers of each parameter to move: the one with the largest gradient, and others at random.
    rng : int
        Seed of the batch and of what is moved.

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
    """Return how large parameters and activations are, and how many units are saturated or do nothing.

    Parameters
    ----------
    text : str, optional
        What to look at the activations along; the beginning of the validation text by default.
    """
    from charrnn.insight import statistics
    from charrnn.insight.recording import Recording, state_after

    encoded = ms.task.encode(_text_or(ms, text, 5000), least=1)
    recording = Recording(ms.model, encoded, state_after(ms.model, ms.task.before()))
    return statistics.along(ms.model, recording, ms.corpus.noun)


def plot(ms: Session, file: str | os.PathLike[str] | None = None) -> Curves:
    """Return the curves of training: losses, learning rate, the best checkpoint, and what counting would reach.

    They show themselves: as a picture in a notebook, as a chart of characters in a terminal. The training loss is
    shown averaged, above the noise of single batches. For comparison, the validation loss of smoothed character
    n-grams that counted in the training text; see `charrnn.insight.ngrams`.

    Parameters
    ----------
    file : path, optional
        Where to save the picture: .png, .svg or .pdf.

    Returns
    -------
    Curves
        With `figure()`, a matplotlib figure to change; `save(file)`; and what is drawn as arrays.

    Raises
    ------
    InvalidValue
        If the model was not trained yet, or the file is of another kind.
    NotInstalled
        If a picture is to be saved and there is no matplotlib.
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
        return str(ms.task.as_read(text))
    if not ms.has_text:
        raise SourceNotFound(f"{ms.path} holds a model without its text: pass a text to look at.")
    return ms.task.beginning(numchars)
