"""Calls that depend on the kind of data: handed to the session's task, or refused in its words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from charrnn.errors import InvalidValue

if TYPE_CHECKING:
    from charrnn.session.session import Session

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Session")


def refusable(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a function of a session raise InvalidValue where it has no meaning for the kind of data."""

    @functools.wraps(function)
    def run(ms: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        require_offered(ms, function.__name__)
        return function(ms, *args, **kwargs)

    return run


def require_offered(ms: Session, name: str) -> None:
    """Raise InvalidValue, in the task's sentence, if a method has no meaning for the kind of data."""
    if name in ms.task.refused:
        raise InvalidValue(f"ms.{name}: {ms.task.refused[name]}")


def with_arguments(function: Callable[..., R], name: str, *args: Any, **options: Any) -> R:
    """Call a task's method, or say which arguments it takes.

    Raises
    ------
    InvalidValue
        If there are arguments that this kind of data does not take.
    """
    try:
        inspect.signature(function).bind(*args, **options)
    except TypeError as error:
        taken = [name for name in inspect.signature(function).parameters if name != "model"]
        raise InvalidValue(f"ms.{name}: {error}; for this model it takes {', '.join(taken)}.") from None
    return function(*args, **options)
