"""Learning-rate policies: the rate of each step, and its change after a round's validation loss.

A policy has a few numbers, which a checkpoint keeps as JSON. Losses are nats per character.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from charrnn import checks
from charrnn.errors import UnknownName, near_matches

if TYPE_CHECKING:
    from charrnn.settings.hyper import HyperParams


@dataclass
class Constant:
    """Keep the learning rate; also the base of the other policies.

    Parameters
    ----------
    learnrate : float
        The learning rate now.
    reference : float, optional
        The validation loss that the next one is compared with.
    yardstick : str
        The data that `reference` was measured on; "" is the whole validation data. Losses on other batches are not
        comparable: when the yardstick changes, the comparison starts afresh.

    Examples
    --------
    >>> policy = Plateau(learnrate=0.001)
    >>> policy.after_round(2.0), policy.after_round(1.5), policy.learnrate
    ('', '', 0.001)
    >>> policy.after_round(1.6)
    'Validation loss is not below its best, 1.500: learning rate 0.001 → 0.0005.'
    """

    learnrate: float
    reference: float | None = None
    yardstick: str = ""

    regularized: ClassVar[bool] = False  # whether the rule looks at the loss with the L2 penalty included
    least_round: ClassVar[int] = 0  # minimum batches (or an epoch) before a round's loss may change the rate

    def rate(self, progress: float, epochs: float = 0.0) -> float:
        """Return the rate of a step.

        Parameters
        ----------
        progress : float
            The step's place within the present call of training, in (0, 1].
        epochs : float
            Epochs trained before it, the part of the present one included.
        """
        return self.learnrate

    def after_round(self, loss: float, yardstick: str = "") -> str:
        """Adapt the rate to a round's validation loss, and return a sentence if it changed."""
        if self.yardstick.startswith("all batches"):  # as the whole was called, with the batch size, before
            self.yardstick = ""
        if yardstick != self.yardstick:
            self.reference, self.yardstick = None, yardstick
        before = self.learnrate
        reason = self._judge(loss, self.reference)
        return f"{reason}: learning rate {before:.4g} → {self.learnrate:.4g}." if self.learnrate != before else ""

    def slow_down(self) -> None:
        """Halve the rate, after training diverged."""
        self.learnrate /= 2

    def to_json(self) -> dict[str, Any]:
        """Return the policy's state as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    def _judge(self, loss: float, reference: float | None) -> str:
        self.reference = loss
        return ""


@dataclass
class Plateau(Constant):
    """Halve the rate, down to a millionth, after a round whose loss is not at least 0.5 % below the best one.

    Rounds of fewer than 100 batches and less than an epoch are ignored: their improvement is too small to judge.
    """

    ENOUGH: ClassVar[float] = 0.995
    LOWEST: ClassVar[float] = 1e-6
    least_round = 100

    def _judge(self, loss: float, reference: float | None) -> str:
        if reference is None or loss < reference:
            self.reference = loss
        if reference is None or loss <= self.ENOUGH * reference or self.learnrate < 2 * self.LOWEST:
            return ""
        self.learnrate *= 0.5
        if loss >= reference:
            return f"Validation loss is not below its best, {reference:.3f}"
        return f"Validation loss improved by only {1 - loss / reference:.1%}"


@dataclass
class Ancestor(Constant):
    """The ancestor's rule, by the ratio of ln(loss) to the previous ln(loss), losses including the L2 penalty.

    From 1.03 up the rate is halved; between 0.98 and 1.03 it is multiplied by 0.8. The rule needs losses above 1: if
    one of the two is not, the ratio is that of the losses themselves.
    """

    regularized = True

    def _judge(self, loss: float, reference: float | None) -> str:
        self.reference = loss
        if reference is None:
            return ""
        ratio = math.log(loss) / math.log(reference) if min(loss, reference) > 1 else loss / reference
        if ratio >= 1.03:
            self.learnrate *= 0.5
            return "Loss increased"
        if ratio > 0.98:
            self.learnrate *= 0.8
            return "Loss changed too little"
        return ""


@dataclass
class Cosine(Constant):
    """Warm up over the first twentieth of a call of training, then fall along a cosine to a hundredth."""

    WARM_UP: ClassVar[float] = 0.05
    LOWEST: ClassVar[float] = 0.01

    def rate(self, progress: float, epochs: float = 0.0) -> float:
        """Return the rate of a step, by its place within the call alone."""
        if progress < self.WARM_UP:
            return self.learnrate * progress / self.WARM_UP
        fall = (progress - self.WARM_UP) / (1 - self.WARM_UP)
        return self.learnrate * (self.LOWEST + (1 - self.LOWEST) * (1 + math.cos(math.pi * fall)) / 2)


@dataclass
class Exponential(Constant):
    """Multiply the rate by `decay_rate` at the end of every epoch, from the end of epoch `decay_after` + 1 on.

    As the poem-per-row LSTM that charrnn succeeds has it. The rate follows from the epoch alone.

    >>> policy = Exponential(learnrate=1.0, decay_rate=0.5, decay_after=1)
    >>> [policy.rate(1.0, epochs) for epochs in (0.5, 1.5, 2.0, 3.9)]
    [1.0, 1.0, 0.5, 0.25]
    """

    decay_rate: float = 0.999
    decay_after: int = 1

    def rate(self, progress: float, epochs: float = 0.0) -> float:
        """Return the rate of a step, by the whole epochs before it."""
        return self.learnrate * self.decay_rate ** max(0, math.floor(epochs) - self.decay_after)


@dataclass
class OneCycle(Constant):
    """Rise from a tenth of the rate to all of it, fall back, and die away to a thousandth, in a call of training.

    Straight lines over 45 %, 45 % and 10 % of the call (Smith & Topin 2018, arXiv 1708.07120). It allows larger rates
    than a constant policy. The paper also varies the momentum in the opposite direction; here it stays constant.
    """

    AT: ClassVar[tuple[float, ...]] = (0.0, 0.45, 0.9, 1.0)
    FACTORS: ClassVar[tuple[float, ...]] = (0.1, 1.0, 0.1, 0.001)

    def rate(self, progress: float, epochs: float = 0.0) -> float:
        """Return the rate of a step, by its place within the call alone."""
        return self.learnrate * float(np.interp(progress, self.AT, self.FACTORS))


POLICIES: dict[str, type[Constant]] = {
    "plateau": Plateau,
    "ancestor": Ancestor,
    "constant": Constant,
    "cosine": Cosine,
    "exponential": Exponential,
    "onecycle": OneCycle,
}


def new(hyper: HyperParams) -> Constant:
    """Return the policy of a new model: its numbers are the hyperparameters of the same names.

    >>> from charrnn.settings.hyper import HyperParams
    >>> new(HyperParams(policy="exponential", decay_rate=0.5)).rate(1.0, epochs=2.0)
    0.0005
    """
    chosen = POLICIES[hyper.policy]
    names = {field.name for field in dataclasses.fields(chosen)} & set(hyper.names())
    return chosen(**{name: getattr(hyper, name) for name in names})


def named(name: str, hyper: HyperParams, learnrate: float) -> Constant:
    """Return a new policy by its name, with a learning rate.

    >>> from charrnn.settings.hyper import HyperParams
    >>> named("cosine", HyperParams(), 0.01)
    Cosine(learnrate=0.01, reference=None, yardstick='')
    """
    checks.known("policy", name, tuple(POLICIES))
    return dataclasses.replace(new(hyper.replace(policy=name)), learnrate=learnrate)


def name_of(policy: object) -> str | None:
    """Return the name of a policy; None for other objects, which a checkpoint could not record.

    >>> name_of(OneCycle(0.01)), name_of(0.01)
    ('onecycle', None)
    """
    return next((name for name, its_type in POLICIES.items() if type(policy) is its_type), None)


def make(name: str, state: dict[str, Any]) -> Constant:
    """Return the named policy with the given state (`to_json`'s dictionary, or only a learnrate).

    >>> make("cosine", {"learnrate": 0.01}).rate(1.0)
    0.0001
    """
    if name not in POLICIES:
        raise UnknownName(f"{name!r} is not a learning-rate policy. {near_matches(name, POLICIES)}")
    return POLICIES[name](**state)
