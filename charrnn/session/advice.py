"""Advice: settings for a text and the time there is, from what a training step takes on this machine."""

from __future__ import annotations

import itertools
import math
import os
import re
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charrnn import checks
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.music.options import MusicOptions
from charrnn.data.recognise import recognise
from charrnn.data.text.source import ReadOptions
from charrnn.settings import recipes
from charrnn.settings.recipes import Recipe
from charrnn.wording import plural

SIZES = (64, 128, 256, 384, 512, 768, 1024)
SEEN_PER_PARAMETER = 4.0  # characters that must be learned for each parameter to be worth its time
PARAMETERS_PER_CHARACTER = 8.0  # more than so many for each character of the text only memorise it
SPENT = 0.9  # part of the time that goes into training steps, the rest into validation and saving
ROUNDS = 20  # in the time there is
TRIED = 3  # steps at each size
WIDTH = 100  # columns of what is printed

Speed = Callable[[Recipe, int], tuple[float, int]]


@dataclass(frozen=True)
class Trial:
    """What a size came to: its parameters, its speed, and whether time and text suffice for it."""

    state_size: int
    parameters: int
    chars_per_s: float
    fits: bool


@dataclass(frozen=True)
class Advice:
    """Settings to make a model with and to train it with; prints as what they are and why.

    Parameters
    ----------
    source : str
        Name of the text.
    length, kinds : int
        Characters in it, and different ones.
    documents : int
        Documents in it; 0 for a continuous text.
    minutes : float
        The time there is.
    recipe : Recipe
        What is advised.
    trials : tuple of Trial
        The sizes that were tried, the advised one last of those that fit.
    train_len : int
        Batches in a round.
    given : str, optional
        The file or folder as it was given; None for documents in memory.
    directory : str
        A working directory that there is not yet.

    Attributes
    ----------
    settings : dict
        Arguments of `ModelState.initfromsrcfile`.
    training : dict
        Arguments of `ModelState.train`.
    epoch_seconds : float
        How long an epoch takes.
    epochs : float
        How many there are in the time.
    """

    source: str
    length: int
    kinds: int
    documents: int
    minutes: float
    recipe: Recipe
    trials: tuple[Trial, ...]
    train_len: int
    given: str | None = None
    directory: str = "workdirs/model"

    @property
    def settings(self) -> dict[str, Any]:
        return self.recipe.settings

    @property
    def training(self) -> dict[str, Any]:
        return {"batchsize": self.recipe.batchsize, "minutes": self.minutes, "train_len": self.train_len}

    @property
    def chosen(self) -> Trial:
        """The size that is advised."""
        return next(trial for trial in self.trials if trial.state_size == self.recipe.hyper.state_size)

    @property
    def epoch_seconds(self) -> float:
        return self.length * self.recipe.trainfrac / (SPENT * self.chosen.chars_per_s)

    @property
    def epochs(self) -> float:
        return 60 * self.minutes / self.epoch_seconds

    @property
    def changes(self) -> dict[str, Any]:
        """How the settings differ from those of the preset "best"."""
        usual = recipes.get("best").settings
        return {name: value for name, value in self.settings.items() if value != usual.get(name)}

    @property
    def reasons(self) -> str:
        """What the text is, what was tried, and what is advised."""
        kind = f", in {plural(self.documents, 'document')}" if self.documents else ""
        hyper, chosen = self.recipe.hyper, self.chosen
        tried = ", ".join(f"{trial.state_size} {trial.chars_per_s:,.0f}" for trial in self.trials)
        duration = f"{self.epoch_seconds:.0f} s" if self.epoch_seconds < 120 else f"{self.epoch_seconds / 60:,.0f} min"
        lines = [
            f"{self.source}: {self.length:,} characters of {self.kinds:,} kinds{kind}.",
            f"Characters learned in a second, by state size: {tried}.",
            f"Advice for {self.minutes:g} min: {self.recipe.modeltype} {hyper.layers}×{hyper.state_size}, "
            f"{chosen.parameters:,} parameters, dropout {hyper.dropout:g}. "
            f"An epoch takes about {duration}, so there will be about {_rounded(self.epochs)} of them.",
        ]
        return "\n".join(textwrap.fill(line, width=WIDTH, subsequent_indent="    ") for line in lines)

    def __repr__(self) -> str:
        source = repr(self.given) if isinstance(self.given, str) else "texts"
        made = {"preset": "best", **self.changes}
        training = self.training | {"minutes": _plain(self.minutes)}
        return "\n".join(
            [
                self.reasons,
                _call("ms = ModelState.initfromsrcfile", [source, repr(self.directory), *_arguments(made)]),
                _call("ms.train", _arguments(training)),
            ]
        )


def advise(
    srcfile: str | os.PathLike[str] | Any,
    minutes: float = 10.0,
    *,
    lower: bool = False,
    engine: str = "auto",
    threads: int | None = None,
) -> Advice:
    """Propose settings for a text and a number of minutes, after some steps of training at a few sizes.

    It takes some ten seconds. A model is as large as pays: so that, in that time, it learns at least 4 characters for
    each of its parameters, and has no more than 8 for each character of the text. The more often the text will be
    read, the more is dropped out. These rules are from measurements with texts of 0.1 and 1 MB, see the benchmarks.

    Parameters
    ----------
    srcfile : path or documents
        As for `ModelState.initfromsrcfile`.
    minutes : float
        The time there is for training.
    lower : bool
        Lower-case the text.
    engine, threads
        As for `ModelState.initfromsrcfile`.

    Raises
    ------
    SourceNotFound, SourceUnusable
        If there is no text to learn from in `srcfile`.
    InvalidValue, UnknownName, EngineUnavailable
        If `minutes` is not above 0, there is no such engine, or the source is music.

    Examples
    --------
    >>> advice = advise("alice.txt", minutes=30)                                              # doctest: +SKIP
    >>> ms = ModelState.initfromsrcfile("alice.txt", "workdirs/alice", **advice.settings)     # doctest: +SKIP
    >>> ms.train(**advice.training)                                                           # doctest: +SKIP
    """
    checks.number("minutes", minutes, above=0)
    found = recognise(srcfile, ReadOptions(lower=lower), DocumentOptions(), MusicOptions()).characters()
    recipe = recipes.get("best").but(lower=lower)
    speed = _measured(engine, threads, documents=found.documents > 0)
    trials = tried(recipe, found.length, found.kinds, minutes, speed)
    recipe = suited(recipe, found.length, minutes, trials)
    length = 60 * minutes * SPENT / ROUNDS * _best(trials).chars_per_s / (recipe.batchsize * recipe.seq_len)
    return Advice(
        source=found.name,
        length=found.length,
        kinds=found.kinds,
        documents=found.documents,
        minutes=minutes,
        recipe=recipe,
        trials=trials,
        train_len=max(1, round(length)),
        given=os.fspath(srcfile) if isinstance(srcfile, str | os.PathLike) else None,
        directory=_free_directory(found.name),
    )


def tried(recipe: Recipe, length: int, kinds: int, minutes: float, speed: Speed) -> tuple[Trial, ...]:
    """Try sizes from the smallest on, until one is too large for the text or the time.

    >>> def speed(recipe, vocab_size):
    ...     H = recipe.hyper.state_size
    ...     return 2e9 / H**2, 6 * H**2
    >>> [(trial.state_size, trial.fits) for trial in tried(Recipe(), 10**6, 60, 10.0, speed)]
    [(64, True), (128, True), (256, True), (384, True), (512, False)]
    """
    trials: list[Trial] = []
    for size in SIZES:
        hyper = recipe.hyper.replace(state_size=size)
        chars_per_s, parameters = speed(recipe.but(hyper=hyper), kinds + 1)
        seen = 60 * minutes * SPENT * chars_per_s
        fits = SEEN_PER_PARAMETER * parameters <= seen and parameters <= PARAMETERS_PER_CHARACTER * length
        trials.append(Trial(size, parameters, chars_per_s, fits))
        if not fits:
            break
    return tuple(trials)


def suited(recipe: Recipe, length: int, minutes: float, trials: tuple[Trial, ...]) -> Recipe:
    """Return a recipe with the largest size that fits, with dropout by the number of epochs, for so long a text."""
    best = _best(trials)
    epochs = 60 * minutes * SPENT * best.chars_per_s / (recipe.trainfrac * length)
    dropout = round(float(np.interp(math.log(epochs), np.log([2, 30]), [0.0, 0.5])), 1)
    batchsize = 16 if length < 32 * recipe.batchsize * recipe.seq_len * 4 else recipe.batchsize
    hyper = recipe.hyper.replace(state_size=best.state_size, dropout=dropout, dropout_weights=dropout)
    return recipe.but(hyper=hyper, batchsize=batchsize)


def _best(trials: tuple[Trial, ...]) -> Trial:
    return [trial for trial in trials if trial.fits or trial is trials[0]][-1]


def _measured(engine: str, threads: int | None, documents: bool) -> Speed:
    """Return a function that measures characters learned in a second, and counts parameters."""
    from charrnn.model.model import Model

    def speed(recipe: Recipe, vocab_size: int) -> tuple[float, int]:
        model = Model(recipe.hyper, recipe.modeltype, vocab_size, engine, threads, documents=documents)
        shape = (recipe.seq_len + 1, recipe.batchsize)
        symbols = np.random.default_rng(0).integers(vocab_size, size=shape, dtype="int32")
        state = model.step(symbols[:-1], symbols[1:]).state  # compiles
        durations = []
        for _ in range(TRIED):
            start = time.perf_counter()
            state = model.step(symbols[:-1], symbols[1:], state).state
            durations.append(time.perf_counter() - start)
        parameters = sum(array.size for array in model.parameters.values())
        return recipe.seq_len * recipe.batchsize / min(durations), parameters

    return speed


def _free_directory(name: str) -> str:
    """Return a directory for a model of a text, as it would be typed; the first of its name that is not there.

    >>> _free_directory("texts/The Tempest.txt")
    'workdirs/The-Tempest'
    """
    stem = re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "model"
    names = (f"workdirs/{stem}{f'-{n}' if n > 1 else ''}" for n in itertools.count(1))
    return next(path for path in names if not Path(path).exists())


def _rounded(number: float) -> str:
    """Return a number as a person says it.

    >>> _rounded(123.4), _rounded(1.25), _rounded(0.0123)
    ('123', '1.2', '0.012')
    """
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _plain(number: float) -> float:
    """Return a number without a fraction that is nothing.

    >>> _plain(30.0), _plain(0.5)
    (30, 0.5)
    """
    return int(number) if number == int(number) else number


def _arguments(values: dict[str, Any]) -> list[str]:
    return [f"{name}={value!r}" for name, value in values.items()]


def _call(function: str, arguments: list[str]) -> str:
    """Return a call as it is typed, broken between arguments where it is long.

    >>> _call("f", ["a=1", "b=2"])
    'f(a=1, b=2)'
    """
    lines, indent = [f"{function}("], "    "
    for n, argument in enumerate(arguments):
        part = argument + ("," if n < len(arguments) - 1 else ")")
        if len(lines[-1]) + len(part) + 1 > WIDTH:
            lines.append(indent)
        lines[-1] += part if lines[-1].endswith(("(", indent)) else f" {part}"
    return "\n".join(lines)
