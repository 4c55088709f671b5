"""Recipes: complete settings of the programs that charrnn succeeds, and the best known ones.

>>> names()  # doctest: +NORMALIZE_WHITESPACE
['alice', 'alice-bigger', 'best', 'lyrics', 'lyrics-conditional', 'min-char-rnn', 'piano', 'piano-jsb',
 'piano-nottingham', 'poetrnn', 'rngru']
>>> get("min-char-rnn").training
{'batchsize': 1, 'num_rounds': 1}
"""

from __future__ import annotations

import dataclasses
import textwrap
from dataclasses import dataclass, field
from typing import Any

from charrnn.settings.hyper import HyperParams
from charrnn.settings.presets import PRESETS, get_preset


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings with which a model is made and trained.

    Parameters
    ----------
    about : str
        The recipe's origin, and how charrnn differs from it.
    modeltype : str
        Cell and input stage.
    seq_len : int
        T, the number of characters that gradients flow back through.
    trainfrac : float
        The fraction of the text used for training.
    lower : bool
        Whether the text is lower-cased.
    labels : str or tuple of str
        Label columns, if the source is a table of documents.
    transpose : int
        Maximum number of semitones by which training transposes pieces of music, up or down.
    batchsize : int
        B.
    num_rounds : int
        Number of rounds, of one epoch each.
    hyper : HyperParams
        Hyperparameters of the model.

    Examples
    --------
    >>> recipe = Recipe(batchsize=50, hyper=HyperParams(layers=1))
    >>> recipe.settings
    {'modeltype': 'GRUEncode', 'seq_len': 100, 'trainfrac': 0.9, 'layers': 1}
    >>> ms = ModelState.initfromsrcfile("alice.txt", "workdirs/alice", **recipe.settings)  # doctest: +SKIP
    >>> ms.train(**recipe.training)                                                         # doctest: +SKIP
    """

    about: str = ""
    modeltype: str = "GRUEncode"
    seq_len: int = 100
    trainfrac: float = 0.9
    lower: bool = False
    labels: str | tuple[str, ...] = ()
    transpose: int = 0
    batchsize: int = 16
    num_rounds: int = 1
    hyper: HyperParams = field(default_factory=HyperParams)

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of `ModelState.initfromsrcfile`; hyperparameters at their defaults are left out."""
        usual = HyperParams().to_json()
        chosen = {name: value for name, value in self.hyper.to_json().items() if value != usual[name]}
        made = {
            name: getattr(self, name) for name in ("modeltype", "seq_len", "trainfrac", "lower", "labels", "transpose")
        }
        return {name: value for name, value in made.items() if value not in (False, (), 0)} | chosen

    @property
    def training(self) -> dict[str, Any]:
        """Arguments of `ModelState.train`."""
        return {"batchsize": self.batchsize, "num_rounds": self.num_rounds}

    def but(self, **changes: Any) -> Recipe:
        """Return a copy with some settings changed; changes to None are ignored.

        >>> Recipe().but(seq_len=50, trainfrac=None).settings
        {'modeltype': 'GRUEncode', 'seq_len': 50, 'trainfrac': 0.9}
        """
        return dataclasses.replace(self, **{name: value for name, value in changes.items() if value is not None})

    def __repr__(self) -> str:
        lines = [self.about] if self.about else []
        lines += [
            f"  {what}: {_listed(values)}" for what, values in (("model", self.settings), ("train", self.training))
        ]
        return "\n".join(textwrap.fill(line, width=100, subsequent_indent="    ") for line in lines)


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(PRESETS)


def get(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    UnknownName
        If `name` is not a recipe; the message lists near matches.
    """
    preset = get_preset(name)
    return Recipe(**{**preset, "hyper": HyperParams(**preset.get("hyper", {}))})
