"""The errors that charrnn raises, each under the standard library's class that a caller would catch anyway.

Messages say what was wrong, what was expected and what was got, which file or argument, and what to do next.

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
    """Base of every error of charrnn, for callers that want to catch them all.

    Messages quote names and texts from files: control characters in them are shown, not sent to the terminal.
    """

    def __str__(self) -> str:
        return visible(super().__str__())


class SourceNotFound(CharRNNError, FileNotFoundError):
    """The text to learn from does not exist."""


class SourceUnusable(CharRNNError, ValueError):
    """The source exists but no model can learn from it: empty, binary, one character, a directory."""


class DownloadFailed(CharRNNError, ConnectionError):
    """A corpus could not be fetched, or what came is not what it should be."""


class UnknownCharacters(CharRNNError, ValueError):
    """A text holds characters that the model has never seen."""


class InvalidValue(CharRNNError, ValueError):
    """An argument has a value that makes no sense."""


class UnknownName(CharRNNError, ValueError):
    """A model type, hyperparameter, preset or other name does not exist."""


class InvalidCell(CharRNNError, ValueError):
    """A cell's step or shapes contradict each other, or what the model was trained with."""


class CellNeeded(CharRNNError, TypeError):
    """The model has a cell of the user's own, which was not given.

    Attributes
    ----------
    source : str or None
        How the cell was written, to be read and defined again; nothing here runs it.
    """

    def __init__(self, message: str, source: str | None = None) -> None:
        super().__init__(message)
        self.source = source


class NotAModelDirectory(CharRNNError, FileNotFoundError):
    """The directory does not exist or holds no model."""


class ModelExists(CharRNNError, FileExistsError):
    """The directory already holds a model, which is never overwritten unasked."""


class CheckpointNotFound(CharRNNError, FileNotFoundError):
    """The working directory has no such checkpoint."""


class NotTrainedYet(CheckpointNotFound):
    """The model is new: no checkpoint of it was ever saved."""


class CorruptFile(CharRNNError, ValueError):
    """A file of the working directory is truncated, altered, or of another kind."""


class FileUnreadable(CorruptFile, OSError):
    """The system refused to read a file, which may well be whole."""


class TooLarge(CorruptFile):
    """Reading a file would take more memory than is allowed."""


class NewerFormat(CharRNNError, ValueError):
    """A file was written by a newer version of charrnn."""


class WorkdirLocked(CharRNNError, RuntimeError):
    """Another process is writing to the working directory."""


class ModelReplaced(CharRNNError, RuntimeError):
    """The directory no longer holds the model that was opened, but another one."""


class BranchMoved(CharRNNError, RuntimeError):
    """Another session went on along the branch, or moved it, since this one last saved or loaded."""


class TrainingInBackground(CharRNNError, RuntimeError):
    """The model trains in the background and cannot be changed by anything else meanwhile."""


class SaveFailed(CharRNNError, OSError):
    """The disk is full, the directory read-only or gone; what was saved before is untouched."""


class EngineUnavailable(CharRNNError, ImportError):
    """The engine asked for is not installed."""


class NotInstalled(CharRNNError, ImportError):
    """A library that only one of the extras brings is not installed."""


class TrainingDiverged(CharRNNError, ArithmeticError):
    """The loss stayed non-finite or exploding after every retry."""


class DamageWarning(UserWarning):
    """Something in a working directory was unfinished or damaged, and was left out or cleared away."""


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
    """Warn, naming the line that called charrnn rather than one inside of it."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def near_matches(name: str, known: Iterable[str]) -> str:
    """Return a hint that names what was probably meant, or everything that exists.

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
