"""Recipes: the programs that charrnn succeeds, and the best ways known, as settings that belong together.

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

from charrnn.errors import UnknownName, near_matches
from charrnn.settings.hyper import HyperParams


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is made and trained.

    Parameters
    ----------
    about : str
        Where the recipe is from, and what of it charrnn does in another way.
    modeltype : str
        Cell and input stage.
    seq_len : int
        T, characters that gradients flow back through.
    trainfrac : float
        Part of the text to learn from.
    lower : bool
        Whether the text is lower-cased.
    labels : str or tuple of str
        Columns of labels, where the source is a table of documents.
    transpose : int
        Semitones by which pieces of music are shifted at most, up or down, in training.
    batchsize : int
        B.
    num_rounds : int
        Rounds, of one epoch each, that it is meant for.
    hyper : HyperParams

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
        """Arguments of `ModelState.initfromsrcfile`; of the hyperparameters those that are not the default."""
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
        """Return a copy with some settings changed: those that are not None.

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


_ALICE = HyperParams(
    layers=1,
    state_size=256,
    optimizer="adam",
    learnrate=1e-3,
    policy="constant",
    cost="mean",
    clip=None,
    regcost=0.0,
    dropout=0.2,
)
_LYRICS = HyperParams(
    layers=2,
    state_size=512,
    optimizer="adam",
    learnrate=1e-3,
    policy="constant",
    cost="mean",
    clip=None,
    regcost=0.0,
    forget_bias=0.0,
)

_PIANO = HyperParams(
    layers=1,
    state_size=256,
    optimizer="adamw",
    learnrate=6e-3,
    weight_decay=0.1,
    policy="cosine",
    average=0.995,
    cost="mean",
    clip="norm",
    clip_at=5.0,
    regcost=0.0,
    dropout=0.5,
    head="nade",
)

RECIPES = {
    "rngru": Recipe(
        about="The Theano GRU program.",
        hyper=HyperParams(gate="hard_sigmoid", clip="step", policy="ancestor"),
    ),
    "poetrnn": Recipe(
        about="PoetRNN's LSTM, for poems as documents. Its batches are poems drawn with replacement and padded; "
        "charrnn's are packed, and an epoch shows each poem once.",
        modeltype="LSTMResize",
        trainfrac=0.95,
        batchsize=100,
        num_rounds=50,
        hyper=HyperParams(
            layers=2,
            state_size=128,
            optimizer="rmsprop",
            learnrate=1e-3,
            decay=0.95,
            epsilon=1e-8,
            policy="exponential",
            decay_rate=0.999,
            decay_after=1,
            cost="mean",
            clip=None,
            regcost=0.0,
            dropout=0.5,
            init="normal",
            forget_bias=0.0,
        ),
    ),
    "alice": Recipe(
        about="The Keras notebook's LSTM. It reads one number for each character and predicts after every 100 of them "
        "anew; charrnn reads one-hot vectors in streams, and predicts every character.",
        modeltype="LSTMResize",
        trainfrac=1.0,
        lower=True,
        batchsize=128,
        num_rounds=20,
        hyper=_ALICE,
    ),
    "alice-bigger": Recipe(
        about="The Keras notebook's larger LSTM; see the recipe alice.",
        modeltype="LSTMResize",
        trainfrac=1.0,
        lower=True,
        batchsize=64,
        num_rounds=50,
        hyper=_ALICE.replace(layers=2),
    ),
    "lyrics": Recipe(
        about="The PyTorch project's LSTM, for songs as documents. It unrolls whole songs; charrnn sequences of them.",
        modeltype="LSTMEmbed",
        trainfrac=1.0,
        batchsize=50,
        num_rounds=1000,
        hyper=_LYRICS,
    ),
    "lyrics-conditional": Recipe(
        about="The PyTorch project's LSTM for songs by the artists of the column artist; see the recipe lyrics. "
        "It puts the vectors of character and artist side by side; charrnn adds them.",
        modeltype="LSTMEmbed",
        labels="artist",
        trainfrac=1.0,
        batchsize=50,
        num_rounds=1000,
        hyper=_LYRICS.replace(label_dropout=0.0),
    ),
    "min-char-rnn": Recipe(
        about="The numpy gist's plain network, which trains for ever. At the end of its text it begins again with a "
        "blank state; charrnn reads on.",
        modeltype="RNNResize",
        seq_len=25,
        trainfrac=1.0,
        batchsize=1,
        hyper=HyperParams(
            layers=1,
            state_size=100,
            optimizer="adagrad",
            learnrate=0.1,
            policy="constant",
            clip="value",
            clip_at=5.0,
            regcost=0.0,
            init="small",
        ),
    ),
    "piano": Recipe(
        about="The PyTorch project's LSTM for piano music, in frames of 0.3 s whose notes are independent. It unrolls "
        "whole pieces, padded; charrnn sequences of them.",
        modeltype="LSTMEmbed",
        trainfrac=1.0,
        batchsize=120,
        num_rounds=100,
        hyper=_LYRICS.replace(clip="norm", clip_at=1.0, head="bernoulli"),
    ),
    "piano-jsb": Recipe(
        about="The lowest loss known for little piano music, as of the JSB chorales: other keys in every epoch.",
        seq_len=32,
        batchsize=8,
        num_rounds=100,
        hyper=_PIANO,
    ),
    "piano-nottingham": Recipe(
        about="The lowest loss known for more piano music, as of the Nottingham tunes, in their own keys.",
        seq_len=128,
        batchsize=8,
        num_rounds=20,
        hyper=_PIANO.replace(learnrate=5e-3, weight_decay=0.01, clip_at=1.0, dropout=0.4, average=0.998),
    ),
    "best": Recipe(
        about="What was best of little that was tried, for ten minutes on two cores and a text of about 1 MB. Smaller "
        "texts ask for more dropout, see advise.",
        seq_len=64,
        batchsize=32,
        num_rounds=15,
        hyper=HyperParams(
            layers=1,
            state_size=512,
            learnrate=3e-3,
            decay=0.99,
            policy="cosine",
            clip="norm",
            clip_at=2000.0,
            regcost=0.0,
            average=0.999,
            dropout=0.2,
            dropout_weights=0.2,
        ),
    ),
}


def names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(RECIPES)


def get(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    UnknownName
        There is none; near matches are named.
    """
    if name not in RECIPES:
        raise UnknownName(f"There is no preset {name!r}. {near_matches(str(name), RECIPES)}")
    return RECIPES[name]
