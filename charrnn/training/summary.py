"""The results of a round, and of a call of training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from charrnn.wording import plural, wrapped

VALIDATION, TRAINING = "validation", "training"  # losses to monitor, besides "column=label"
MANY_LABELS = 20
NOUNS = {"char": "characters", "frame": "frames"}


@dataclass(frozen=True)
class Round:
    """One round of training and its results; losses in nats per character.

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
        Numbers of batches and characters trained on in the round.
    seconds : float
        Time of the training steps, without validation.
    train_accuracy, valid_accuracy : float or None
        Share of characters that were the likeliest, in [0, 1].
    valid_by_label : dict
        For each label column the validation loss of each label's documents.
    unit : {"char", "frame"}
        The unit of predictions; losses are in nats per unit.
    measured : str
        The data that the validation loss was measured on, such as "20 batches of 16 streams"; "" for the whole data.
    """

    epoch: float
    step: int
    train_loss: float | None
    valid_loss: float | None
    learnrate: float
    batches: int
    characters: int
    seconds: float
    train_accuracy: float | None = None
    valid_accuracy: float | None = None
    valid_by_label: dict[str, dict[str, float]] = field(default_factory=dict)
    unit: str = "char"
    measured: str = ""

    @property
    def characters_per_second(self) -> float:
        """Speed of learning."""
        return self.characters / max(self.seconds, 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Return the round as a dictionary that JSON can hold: a row of the history.

        Of labels it tells the losses where there are no more than `MANY_LABELS`.
        """
        left_out = ("valid_by_label", "unit", *(() if self.measured else ("measured",)))
        row: dict[str, Any] = {name: value for name, value in vars(self).items() if name not in left_out}
        row |= {"seconds": round(self.seconds, 3), "chars_per_s": round(self.characters_per_second)}
        by_label = self._by_label
        return row | (by_label if len(by_label) <= MANY_LABELS else {})

    def figure(self, name: str) -> float | None:
        """Return the monitored loss: of `VALIDATION`, of `TRAINING`, or of a label's documents."""
        return {**self._by_label, VALIDATION: self.valid_loss, TRAINING: self.train_loss}.get(name)

    @property
    def _by_label(self) -> dict[str, float]:
        return {f"{c}={label}": loss for c, of in self.valid_by_label.items() for label, loss in of.items()}

    @property
    def losses(self) -> str:
        """The two losses, as shown to a person."""
        train = "no step" if self.train_loss is None else f"train {self.train_loss:.3f}"
        accuracy = "" if self.valid_accuracy is None else f", {self.valid_accuracy:.1%} right"
        if self.valid_loss is None:
            return f"{train}, validation {in_units(None)}"
        bits = self.valid_loss / math.log(2)
        on = f" on {self.measured}" * bool(self.measured)
        return f"{train}, validation {self.valid_loss:.3f} nats/{self.unit} ({bits:.3f} bits){accuracy}{on}"

    @property
    def progress(self) -> str:
        """The progress and speed, as shown to a person."""
        return f"epoch {self.epoch:.2f}, step {self.step:,}, {self.characters_per_second:,.0f} {NOUNS[self.unit]}/s"


@dataclass(frozen=True)
class TrainingSummary:
    """The results of a call of training.

    Parameters
    ----------
    rounds : tuple of Round
    checkpoint : str
        Name of the checkpoint at its end.
    best_loss : float or None
        The lowest loss of the model so far that is comparable with others, as ``restore("best")`` finds it, nats per
        character.
    seconds : float
        Wall-clock time, validation and saving included.
    interrupted : bool
        Whether someone asked it to stop before its end.
    patience : int or None
        The number of rounds in a row without a lower loss, if it ended because of that.
    monitor : str
        Which loss: "validation", "training", or that of a label's documents, "column=label".
    best_measured : str
        The data that the best loss was measured on; "" for the whole validation data.
    """

    rounds: tuple[Round, ...]
    checkpoint: str
    best_loss: float | None
    seconds: float
    interrupted: bool
    patience: int | None = None
    monitor: str = VALIDATION
    best_measured: str = ""

    @property
    def train_loss(self) -> float | None:
        """Mean training loss of the last round."""
        return self.rounds[-1].train_loss

    @property
    def valid_loss(self) -> float | None:
        """Validation loss after the last round."""
        return self.rounds[-1].valid_loss

    @property
    def loss(self) -> float | None:
        """The loss that is monitored, after the last round."""
        return self.rounds[-1].figure(self.monitor)

    @property
    def batches(self) -> int:
        """Batches learned."""
        return sum(round_.batches for round_ in self.rounds)

    @property
    def characters(self) -> int:
        """Characters learned."""
        return sum(round_.characters for round_ in self.rounds)

    def __repr__(self) -> str:
        count = plural(len(self.rounds), "round")
        ending = f"Stopped on request in round {len(self.rounds)}" if self.interrupted else f"Completed {count}"
        if self.patience and not self.interrupted:
            ending += f", as the last {self.patience} brought no lower {self.monitor} loss"
        best = f"{self._best}\n" * bool(self._best)
        go_on = " Train again to go on." if self.interrupted else ""
        batches = f"{self.batches:,} batch{'es' if self.batches != 1 else ''}"
        learned = f"{self.characters:,} {NOUNS[self.rounds[-1].unit]}"
        return wrapped(
            f"{ending}: {batches}, {learned} in {self.seconds:,.1f} s.\n{best}"
            f"Everything is saved in checkpoint {self.checkpoint}.{go_on}"
        )

    @property
    def _best(self) -> str:
        """The sentence about the best loss so far."""
        if self.best_loss is None:
            return ""
        best, measured = f"Best {self.monitor} loss so far: {self.best_loss:.3f}", self.rounds[-1].measured
        if self.monitor != TRAINING and self.best_measured != measured:
            return f"{best} on the whole data, which losses on {measured} are not compared with."
        on = f" on {measured}" * bool(self.best_measured)
        if self.loss is not None and self.best_loss < self.loss:
            return f"{best}{on}, where ms.restore('best') goes back to."
        return f"{best}{on}."


def in_units(loss: float | None, unit: str = "char") -> str:
    """Return a loss in the three units that people use.

    >>> in_units(1.5)
    '1.500 nats/char (2.164 bits, perplexity 4.48)'
    >>> in_units(None)
    'not measured'
    >>> in_units(8.5, "frame")
    '8.500 nats/frame'
    """
    if loss is None:
        return "not measured"
    if unit != "char":
        return f"{loss:.3f} nats/{unit}"
    perplexity = f"{math.exp(loss):.2f}" if loss < 20 else f"{math.exp(min(loss, 700)):.1e}"
    return f"{loss:.3f} nats/char ({loss / math.log(2):.3f} bits, perplexity {perplexity})"
