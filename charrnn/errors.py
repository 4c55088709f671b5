"""The errors that charrnn raises. Each also derives from a suitable class of the standard library.

Messages name the problem, the expected and the actual value, the file or argument, and what to do next.

>>> issubclass(CheckpointNotFound, FileNotFoundError)
True
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import warnings
from collections.abc import Iterable
from typing import Any

from charrnn.escapes import visible

MOST_NAMES = 40  # named in one message


class CharRNNError(Exception):
    """Base class of all errors of charrnn.

    Messages quote names and texts from files; control characters in them are shown, not sent to the terminal.
    """

    def __str__(self) -> str:
        return visible(super().__str__())


class SourceNotFound(CharRNNError, FileNotFoundError):
    """The text to learn from does not exist."""


class SourceUnusable(CharRNNError, ValueError):
    """The source exists but no model can learn from it: empty, binary, one character, a directory."""


class DownloadFailed(CharRNNError, ConnectionError):
    """A corpus could not be downloaded, or the download has an unexpected content."""


class UnknownCharacters(CharRNNError, ValueError):
    """A text has characters that the model does not know."""


class InvalidValue(CharRNNError, ValueError):
    """An argument has the wrong type or is out of range."""


class UnknownName(CharRNNError, ValueError):
    """A model type, hyperparameter, preset or other name does not exist."""


class InvalidCell(CharRNNError, ValueError):
    """A cell's step and shapes contradict each other, or differ from those that the model was trained with."""


class CellNeeded(CharRNNError, TypeError):
    """The model has the user's own cell, which was not given.

    Attributes
    ----------
    source : str or None
        The recorded source of the cell, for defining it again; charrnn never runs it.
    """

    def __init__(self, message: str, source: str | None = None) -> None:
        super().__init__(message)
        self.source = source


class NotAModelDirectory(CharRNNError, FileNotFoundError):
    """The directory does not exist or holds no model."""


class ModelExists(CharRNNError, FileExistsError):
    """The directory already holds a model, which is replaced only with `overwrite=True`."""


class CheckpointNotFound(CharRNNError, FileNotFoundError):
    """The working directory has no such checkpoint."""


class NotTrainedYet(CheckpointNotFound):
    """The model is new and has no checkpoint yet."""


class CorruptFile(CharRNNError, ValueError):
    """A file of the working directory is truncated, altered, or of another kind."""


class FileUnreadable(CorruptFile, OSError):
    """The system refused to read a file, which may be intact."""


class TooLarge(CorruptFile):
    """Reading a file would take more memory than is allowed."""


class NewerFormat(CharRNNError, ValueError):
    """A file was written by a newer version of charrnn."""


class WorkdirLocked(CharRNNError, RuntimeError):
    """Another process is writing to the working directory."""


class ModelReplaced(CharRNNError, RuntimeError):
    """The directory holds another model than the one that was opened."""


class BranchMoved(CharRNNError, RuntimeError):
    """Another session continued or moved the branch after this session last saved or loaded."""


class TrainingInBackground(CharRNNError, RuntimeError):
    """The model trains in the background and cannot be changed until training ends."""


class SaveFailed(CharRNNError, OSError):
    """The disk is full, the directory read-only or gone; what was saved before is untouched."""


class EngineUnavailable(CharRNNError, ImportError):
    """The requested engine is not installed."""


class NotInstalled(CharRNNError, ImportError):
    """A library of one of the extras is not installed."""


class TrainingDiverged(CharRNNError, ArithmeticError):
    """The loss stayed non-finite or exploding after every retry."""


class DamageWarning(UserWarning):
    """A file or row in a working directory was unfinished or damaged, and was skipped or removed."""


def need(module: str, extra: str) -> Any:
    """Import a library of an extra, or say how to install it: alone, or with the others from the checkout.

    >>> need("strings", "music")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    charrnn.errors.NotInstalled: This needs strings, which is not installed: pip install strings (or, ...
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise NotInstalled(f"This needs {name}, which is not installed: {installation(name, extra)}") from None


def installation(name: str, extra: str) -> str:
    """Return what to type to install a library, or all of an extra in a checkout; charrnn itself is on no index.

    >>> installation("jax", "jax")
    'pip install jax (or, in a checkout of charrnn, pip install -e ".[jax]")'
    """
    return f'pip install {name} (or, in a checkout of charrnn, pip install -e ".[{extra}]")'


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called charrnn, rather than at one inside it."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def near_matches(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known names that are close to `name`, or with all of them.

    >>> near_matches("layer", ["layers", "decay"])
    'Did you mean: layers?'
    >>> near_matches("xyz", ["layers", "decay"])
    'Known: decay, layers.'
    """
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean: {', '.join(close)}?"
    more = f" and {len(known) - MOST_NAMES:,} more" if len(known) > MOST_NAMES else ""
    return f"Known: {', '.join(sorted(known)[:MOST_NAMES])}{more}."
