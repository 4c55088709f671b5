"""Checks that a value read from JSON has the shape that a file promises."""

from __future__ import annotations

from typing import Any

from charrnn.errors import CorruptFile


class Optional:
    """In a shape: a key that may be absent, or a value that may be null."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def require_shape(value: Any, shape: Any, where: str) -> None:
    """Raise CorruptFile unless `value` has the shape.

    Parameters
    ----------
    value : object
        From JSON.
    shape : object
        A type, or a tuple of types; ``[shape]``: a list of such; ``{str: shape}``: a dict with any keys; a dict of
        shapes by key, where other keys may be there too; `Optional`: null or, as the value of a key, absent.
    where : str
        What the value is, for the message.

    Examples
    --------
    >>> require_shape({"pid": 7, "names": ["a"]}, {"pid": int, "names": [str], "host": Optional(str)}, "card")
    >>> require_shape({"pid": "7"}, {"pid": int}, "card")
    Traceback (most recent call last):
    charrnn.errors.CorruptFile: card.pid is '7', expected int
    """
    if isinstance(shape, Optional):
        if value is not None:
            require_shape(value, shape.shape, where)
    elif isinstance(shape, list):
        _require_type(value, list, where)
        for i, item in enumerate(value):
            require_shape(item, shape[0], f"{where}[{i}]")
    elif isinstance(shape, dict):
        _require_type(value, dict, where)
        if str in shape:
            for key, item in value.items():
                require_shape(item, shape[str], f"{where}.{key}")
            return
        for key, inner in shape.items():
            if key in value:
                require_shape(value[key], inner, f"{where}.{key}")
            elif not isinstance(inner, Optional):
                raise CorruptFile(f"{where} lacks {key!r}")
    else:
        _require_type(value, shape, where)


def _require_type(value: Any, kind: Any, where: str) -> None:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        shown = repr(value)
        shown = shown if len(shown) <= 40 else shown[:39] + "…"
        raise CorruptFile(f"{where} is {shown}, expected {' or '.join(one.__name__ for one in kinds)}")
