"""Functions of a text that a unit might have learned; each returns a number for each character.

The number at a character holds after the character is read: an opening quote counts as inside its quotes, a closing one
does not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from charrnn.errors import InvalidValue, UnknownName, near_matches

Predicate = Callable[[str], Any]

OPENING, CLOSING = "([{", ")]}"


def quotes(text: str) -> list[bool]:
    """Return whether each character is inside double quotes, which end with their paragraph at the latest.

    >>> "".join(".x"[inside] for inside in quotes('say "no" to'))
    '....xxx....'
    """
    inside, former, found = False, "", []
    for ch in text:
        if ch == '"':
            inside = not inside
        elif ch in "“«":
            inside = True
        elif ch in "”»" or ch == former == "\n":
            inside = False
        found.append(inside)
        former = ch
    return found


def brackets(text: str) -> list[int]:
    """Return the number of open brackets at each character.

    >>> brackets("f(a[0])")
    [0, 1, 1, 2, 2, 1, 0]
    """
    steps = ((ch in OPENING) - (ch in CLOSING) for ch in text)
    return list(accumulate(steps, lambda depth, step: max(depth + step, 0), initial=0))[1:]


def line_position(text: str) -> list[int]:
    """Return the number of characters read of the line, 0 after its end.

    >>> line_position("to\\nbe")
    [1, 2, 0, 1, 2]
    """
    return list(accumulate(text, lambda n, ch: 0 if ch == "\n" else n + 1, initial=0))[1:]


def word_position(text: str) -> list[int]:
    """Return the number of letters or digits read of the word, 0 outside words.

    >>> word_position("to be")
    [1, 2, 0, 1, 2]
    """
    return list(accumulate(text, lambda n, ch: n + 1 if ch.isalnum() else 0, initial=0))[1:]


def vowel(ch: str) -> bool:
    """Return whether the character is a, e, i, o or u, with or without accents.

    >>> vowel("É"), vowel("y")
    (True, False)
    """
    return unicodedata.normalize("NFD", ch)[0].lower() in "aeiou"


PREDICATES: dict[str, Predicate] = {
    "brackets": brackets,
    "digit": str.isdigit,
    "letter": str.isalpha,
    "line_position": line_position,
    "newline": "\n".__eq__,
    "quotes": quotes,
    "space": str.isspace,
    "upper": str.isupper,
    "vowel": vowel,
    "word_position": word_position,
}


def resolve(predicate: str | Predicate) -> Predicate:
    """Return a predicate by name, or the given function itself.

    Raises
    ------
    UnknownName
        If the name is not one of `PREDICATES`.
    InvalidValue
        If `predicate` is neither a name nor a function.
    """
    if isinstance(predicate, str):
        if predicate not in PREDICATES:
            raise UnknownName(f"predicate={predicate!r} is not a predicate. {near_matches(predicate, PREDICATES)}")
        return PREDICATES[predicate]
    if not callable(predicate):
        raise InvalidValue(f"predicate={predicate!r}: expected a name or a function of a text or of a character.")
    return predicate


def evaluate(predicate: str | Predicate, text: str) -> np.ndarray:
    """Return the values of a predicate along a text, (T,).

    Parameters
    ----------
    predicate : str or callable
        One of `PREDICATES`; or a function that takes the text and returns T numbers or booleans; or a function that
        takes a character and returns a number or a boolean. A call with the first character decides which of the two.
    text : str
        T characters.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    UnknownName
        If the name is not one of `PREDICATES`.
    InvalidValue
        If the function does not return one number for each character.

    Examples
    --------
    >>> evaluate("upper", "To Be").tolist()
    [1.0, 0.0, 0.0, 1.0, 0.0]
    >>> evaluate(lambda text: range(len(text)), "abc").tolist()
    [0.0, 1.0, 2.0]
    """
    predicate = resolve(predicate)
    of_text = _is_many(predicate(text[0]))
    found = predicate(text) if of_text else [predicate(ch) for ch in text]
    found = found if hasattr(found, "__len__") else [*found]  # an iterator
    try:
        values = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        values = np.full(0, np.nan)
    if values.shape != (len(text),):
        got = f"shape {values.shape}" if values.size else repr(found if of_text else found[0])[:40]
        raise InvalidValue(f"The predicate gave {got}: expected a number for each of the {len(text):,} characters.")
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidValue(f"The predicate gave {values[at]} for {text[at]!r} at {at}: expected a finite number.")
    return values


def _is_many(values: Any) -> bool:
    """Return whether a function returned a number for each character, rather than one number."""
    return hasattr(values, "__iter__") and not isinstance(values, str) and getattr(values, "ndim", 1) > 0
