"""Checks of arguments: whole numbers, numbers, flags, names. Each returns a plain Python value, or raises."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Collection
from typing import Any, TypeVar

from charrnn.errors import InvalidValue, UnknownName, near_matches

N = TypeVar("N")


def whole(name: str, value: Any, least: int = 1, most: int | None = None, otherwise: str = "") -> int:
    """Return a whole number within limits, as an int; `otherwise` names other accepted values.

    >>> whole("batchsize", 0)
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: batchsize=0: expected a whole number from 1 up.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least or (most is not None and number > most):
        limits = f"from {least} up" if most is None else f"from {least} to {most:,}"
        raise InvalidValue(f"{name}={value!r}: expected a whole number {limits}{otherwise}.")
    return number


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    otherwise: str = "",
) -> float:
    """Return a finite number within limits, as a float; `otherwise` names other accepted values.

    >>> number("dropout", 1, least=0, below=1)
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: dropout=1: expected a number of at least 0 and below 1.
    >>> number("learnrate", "fast", above=0)
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: learnrate='fast': expected a number above 0.
    """
    found = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else math.nan
    inside = (
        math.isfinite(found)
        and (above is None or found > above)
        and (least is None or found >= least)
        and (below is None or found < below)
        and (most is None or found <= most)
    )
    if not inside:
        limits = [("above", above), ("of at least", least), ("below", below), ("up to", most)]
        said = " and ".join(f"{words} {limit}" for words, limit in limits if limit is not None)
        raise InvalidValue(f"{name}={value!r}: expected a number {said or 'that is finite'}{otherwise}.")
    return found


def flag(name: str, value: Any) -> bool:
    """Return True or False, or raise; texts such as "no", which Python counts as true, are refused.

    >>> flag("overwrite", "no")
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: overwrite='no': expected True or False.
    """
    if not isinstance(value, bool):
        raise InvalidValue(f"{name}={value!r}: expected True or False.")
    return value


def known(name: str, value: N, values: Collection[N]) -> N:
    """Return the value of an argument if it is one of the known values, or raise.

    >>> known("cost", "men", ("sum", "mean"))
    Traceback (most recent call last):
    charrnn.errors.UnknownName: cost='men': expected 'sum' or 'mean'. Did you mean: mean?
    """
    if value not in values:
        listed = [repr(v) for v in values]
        said = listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
        hint = near_matches(str(value), [v for v in values if isinstance(v, str)])
        raise UnknownName(f"{name}={value!r}: expected {said}. {hint if hint.startswith('Did') else ''}".rstrip())
    return value
