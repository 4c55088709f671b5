"""Calls that depend on the kind of data: refused in the words of the session's task, or handed to it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from charrnn.session.tracebacks import short_on_interrupt

if TYPE_CHECKING:
    from charrnn.model.model import Model
    from charrnn.session.session import Session

FIRST = ("frames", "music")  # other names of the first argument, for music

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Session")


def refusable(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make a function of a session raise InvalidValue if it has no meaning for the kind of data."""

    @short_on_interrupt
    @functools.wraps(function)
    def run(ms: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        ms.task.require(function.__name__)
        return function(ms, *args, **kwargs)

    return run


def by_task(method: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a declared function of a session call a method of its task, with the arguments that were given.

    The declaration is what models of texts take; its body is only the docstring. Arguments that are left out have the
    defaults of the kind of data.
    """

    def decorate(declared: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(declared)
        names = [name for name, p in signature.parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]

        @short_on_interrupt
        @functools.wraps(declared)
        def call(
            ms: Session, /, *args: Any, clamp: Mapping[tuple[int, int], float] | None = None, **options: Any
        ) -> Any:
            task = ms.task.require(declared.__name__)
            task.check_options(clamp=clamp)
            given = dict(zip(names, args, strict=False))
            if len(args) > len(names) or given.keys() & options.keys():
                signature.bind(ms, *args, **options)  # raises Python's own TypeError
            given |= options
            firsts = [name for name in (names[0], *FIRST) if name in given]
            if len(firsts) > 1:
                raise TypeError(f"{declared.__name__}: {' and '.join(firsts)} are the same argument, give one.")
            if not firsts and signature.parameters[names[0]].default is inspect.Parameter.empty:
                signature.bind(ms, **given)  # raises Python's own TypeError
            if clamp is not None and "clamp" not in signature.parameters:
                raise TypeError(f"{declared.__name__} takes no clamp: ms.generate does.")
            first = [given.pop(name) for name in firsts]
            return getattr(task, method)(held(ms, clamp), *first, **given)

        return call

    return decorate


def held(ms: Session, clamp: Mapping[tuple[int, int], float] | None) -> Model:
    """Return the model, with some units held at a value if any are to be."""
    if not clamp:
        return ms.model
    from charrnn.insight.clamping import ClampedModel

    return cast("Model", ClampedModel(ms.model, clamp))
