"""Values that are typed as NAME=VALUE, columns, labels and settings, as the library takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from charrnn.cli.hints import Option
from charrnn.errors import InvalidValue, UnknownName, near_matches
from charrnn.settings.hyper import HyperParams


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were typed; the others have the library's defaults.

    >>> given(temp=0.5, rng=None, label=[])
    {'temp': 0.5}
    """
    return {name: value for name, value in options.items() if value not in (None, [], ())}


def pair(text: str) -> tuple[str, str]:
    """Return column and label of a COLUMN=LABEL text.

    >>> pair("author=Blake")
    ('author', 'Blake')
    """
    column, equals, label = text.partition("=")
    if not equals:
        raise InvalidValue(f"COLUMN=LABEL is expected, as in author=Blake, not {text!r}.")
    return column, label


def column(text: str) -> str | int:
    """Return a column by its number, or else its name.

    >>> column("2"), column("poem")
    (2, 'poem')
    """
    return int(text) if text.isdecimal() else text


def label(texts: list[str] | None) -> str | dict[str, str] | None:
    """Return the labels that a text is to have.

    >>> label(["Blake"]), label(["author=Blake", "form=song"])
    ('Blake', {'author': 'Blake', 'form': 'song'})
    """
    if not texts:
        return None
    if all("=" in text for text in texts):
        return dict(map(pair, texts))
    if len(texts) > 1:
        raise InvalidValue(
            f"--label {' --label '.join(texts)}: one label, or COLUMN=LABEL for each of several columns."
        )
    return texts[0]


def kept(texts: list[str] | None) -> dict[str, list[str]] | None:
    """Return the labels to keep, by column.

    >>> kept(["author=Blake", "author=Keats"])
    {'author': ['Blake', 'Keats']}
    """
    found: dict[str, list[str]] = {}
    for name, wanted in map(pair, texts or []):
        found.setdefault(name, []).append(wanted)
    return found or None


def least(texts: list[str] | None) -> int | dict[str, int] | None:
    """Return with how many documents a label is kept: for every column, or by column.

    >>> least(["5"]), least(["author=5"])
    (5, {'author': 5})
    """
    if not texts:
        return None
    if len(texts) == 1 and "=" not in texts[0]:
        return _whole(texts[0], "--min-documents")
    return {name: _whole(number, f"--min-documents {name}=") for name, number in map(pair, texts)}


def held(texts: list[str] | None) -> dict[tuple[int, int], float] | None:
    """Return the values at which units are held, by layer and unit.

    >>> held(["1,17=-0.5"])
    {(1, 17): -0.5}
    """
    found = {}
    for text in texts or []:
        unit, _, value = text.partition("=")
        layer, _, number = unit.partition(",")
        try:
            found[int(layer), int(number)] = float(value)
        except ValueError:
            raise InvalidValue(f"--clamp {text}: expected LAYER,UNIT=VALUE, as in 1,17=-0.5.") from None
    return found or None


def pitches(text: str | None) -> tuple[int, int] | None:
    """Return the lowest and the highest pitch.

    >>> pitches("48,72")
    (48, 72)
    """
    if text is None:
        return None
    low, _, high = text.partition(",")
    return _whole(low, "--keys"), _whole(high, "--keys")


def settings(texts: list[str] | None, options: Mapping[str, Option]) -> dict[str, Any]:
    """Return the hyperparameters that `--set` names.

    Parameters
    ----------
    texts : list of str
    options : mapping of str to Option
        The options of the command, for what is not a hyperparameter.

    Examples
    --------
    >>> settings(["regcost=0.5", "clip=norm", "average=null"], {})
    {'regcost': 0.5, 'clip': 'norm', 'average': None}
    >>> settings(["overwrite=true"], {"overwrite": Option("--overwrite", flag=True)})
    Traceback (most recent call last):
    charrnn.errors.InvalidValue: --set overwrite=true: overwrite is not a hyperparameter; type --overwrite instead.
    """
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidValue(f"--set takes NAME=VALUE, not {text!r}.")
        if name not in HyperParams.names():
            if name in options:
                raise InvalidValue(f"--set {text}: {name} is not a hyperparameter; type {options[name].typed} instead.")
            raise UnknownName(f"There is no hyperparameter {name!r}. {near_matches(name, HyperParams.names())}")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found


def _whole(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidValue(f"{name} {text!r}: expected a whole number.") from None
