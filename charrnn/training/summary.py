"""What a round, and a call of training, came to."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Round:
    """One round of training and what it led to; losses in nats per character.

    Parameters
    ----------
    epoch : float
        Epochs completed after it, the part of the present one included.
    step : int
        Training steps of the model's life after it.
    train_loss : float or None
        Mean loss over the batches of the round, each before its update; None for a round of no step.
    valid_loss : float or None
        None if the validation was interrupted.
    learnrate : float
        The learning rate that the round was trained with, at its end.
    batches, characters : int
        What was learned in the round.
    seconds : float
        Time spent on training steps and what goes with them, without validation.
    """

    epoch: float
    step: int
    train_loss: float | None
    valid_loss: float | None
    learnrate: float
    batches: int
    characters: int
    seconds: float

    @property
    def characters_per_second(self) -> float:
        """Speed of learning."""
        return self.characters / max(self.seconds, 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Return the round as a dictionary that JSON can hold: a row of the history."""
        rounded = {"seconds": round(self.seconds, 3), "chars_per_s": round(self.characters_per_second)}
        return {**dataclasses.asdict(self), **rounded}

    @property
    def losses(self) -> str:
        """The two losses, as shown to a person."""
        train = "no step" if self.train_loss is None else f"train {self.train_loss:.3f}"
        return f"{train}, validation {in_units(self.valid_loss)}"

    @property
    def progress(self) -> str:
        """How far training is, and how fast, as shown to a person."""
        return f"epoch {self.epoch:.2f}, step {self.step:,}, {self.characters_per_second:,.0f} characters/s"


@dataclass(frozen=True)
class TrainingSummary:
    """What a call of training did.

    Parameters
    ----------
    rounds : tuple of Round
    checkpoint : str
        Name of the checkpoint at its end.
    best_loss : float or None
        The lowest validation loss of the model so far, nats per character.
    seconds : float
        Wall-clock time, validation and saving included.
    interrupted : bool
        Whether someone asked it to stop before its end.
    """

    rounds: tuple[Round, ...]
    checkpoint: str
    best_loss: float | None
    seconds: float
    interrupted: bool

    @property
    def train_loss(self) -> float | None:
        """Mean training loss of the last round."""
        return self.rounds[-1].train_loss

    @property
    def valid_loss(self) -> float | None:
        """Validation loss after the last round."""
        return self.rounds[-1].valid_loss

    @property
    def batches(self) -> int:
        """Batches learned."""
        return sum(round_.batches for round_ in self.rounds)

    @property
    def characters(self) -> int:
        """Characters learned."""
        return sum(round_.characters for round_ in self.rounds)

    def __repr__(self) -> str:
        count = f"{len(self.rounds)} round{'s' if len(self.rounds) != 1 else ''}"
        ending = f"Stopped on request in round {len(self.rounds)}" if self.interrupted else f"Completed {count}"
        best = "" if self.best_loss is None else f" Best validation loss so far: {self.best_loss:.3f}."
        go_on = " Train again to go on." if self.interrupted else ""
        return (
            f"{ending}: {self.batches:,} batches, {self.characters:,} characters in {self.seconds:,.1f} s.{best}\n"
            f"Everything is saved in checkpoint {self.checkpoint}.{go_on}"
        )


def in_units(loss: float | None) -> str:
    """Return a loss in the three units that people use.

    >>> in_units(1.5)
    '1.500 nats/char (2.164 bits, perplexity 4.48)'
    >>> in_units(None)
    'not measured'
    """
    if loss is None:
        return "not measured"
    perplexity = f"{math.exp(loss):.2f}" if loss < 20 else f"{math.exp(min(loss, 700)):.1e}"
    return f"{loss:.3f} nats/char ({loss / math.log(2):.3f} bits, perplexity {perplexity})"
