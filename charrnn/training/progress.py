"""The progress of training: position, losses, speed, time left."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from tqdm import tqdm

from charrnn.training.screen import ALL, Screen, screen

SMOOTHED = 100  # steps over which the shown training loss is averaged
PIECES = ("where", "epoch", "train", "valid", "bits", "speed", "left", "learnrate", "gradient")  # as they are shown
IMPORTANT = ("where", "train", "left", "valid", "speed", "bits", "epoch", "learnrate", "gradient")  # the first stay


@dataclass(frozen=True)
class Moment:
    """The values that progress shows besides losses.

    Parameters
    ----------
    grad_norm, learnrate : float
        Values of the last step.
    epochs : float
        Epochs completed, the part of the present one included.
    seconds_left : float
        Estimated time until the end of the call of training.
    """

    grad_norm: float
    learnrate: float
    epochs: float
    seconds_left: float


class Progress:
    """Shows the progress of one round of training, in a line that fits the screen.

    Parameters
    ----------
    label : str
        The name of the round.
    total : int
        Number of batches.
    characters : int
        Characters in a batch, for the speed.
    valid_loss : float, optional
        The last validation loss, nats per character.
    verbose : int
        0 shows nothing, 1 only what is written, 2 the line too.
    place : Screen, optional
        The screen to show it on, if it is not the default one.
    unit : {"char", "frame"}
        The unit of predictions.

    Examples
    --------
    >>> with Progress("round 1/1", total=2, characters=800) as progress:
    ...     progress.advance(1, 2.3, lambda: Moment(0.5, 0.001, 0.1, 60.0))
    ...     progress.write("A sample.")
    ...     progress.line(width=40)
    A sample.
    'round 1/1 50%  train 2.300  01:00 left'
    """

    def __init__(
        self,
        label: str,
        total: int,
        characters: int,
        valid_loss: float | None = None,
        verbose: int = ALL,
        place: Screen | None = None,
        unit: str = "char",
    ) -> None:
        self._label, self._total, self._characters, self._valid_loss = label, total, characters, valid_loss
        self._screen, self._unit = place or screen(verbose), unit
        self._losses: deque[float] = deque(maxlen=SMOOTHED)
        self._done, self._start = 0, time.monotonic()
        self._moment: Callable[[], Moment] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._screen.close(self.line(self._screen.width))

    def advance(self, done: int, loss: float, moment: Callable[[], Moment]) -> None:
        """Set the number of finished batches, which falls if training goes back; `moment` is called to show it.

        The loss is that of the last batch, in nats per character.
        """
        if done <= self._done:
            self._losses.clear()
        self._done, self._moment = done, moment
        self._losses.append(loss)
        if self._screen.due:
            self._screen.show(self.line(self._screen.width))

    def validating(self) -> None:
        """Show that the round's steps are done and its validation runs."""
        if self._screen.REWRITES or self._screen.due:
            self._screen.show(f"{self._label}: validating"[: self._screen.width])

    def write(self, text: str) -> None:
        """Print a text that stays, above the line."""
        self._screen.write(text)

    @property
    def loss(self) -> float:
        """Mean training loss of the last steps, nats per character."""
        return sum(self._losses) / len(self._losses) if self._losses else math.nan

    def line(self, width: int) -> str:
        """Return the line, with as many facts as fit."""
        pieces = self._pieces()
        kept: list[str] = []
        for name in filter(pieces.get, IMPORTANT):
            longer = [piece for piece in PIECES if piece in (*kept, name)]
            if len("  ".join(pieces[piece] for piece in longer)) > width:
                break
            kept = longer
        return "  ".join(pieces[name] for name in kept)

    def _pieces(self) -> dict[str, str]:
        if self._moment is None:
            return {"where": self._label}
        moment, valid = self._moment(), self._valid_loss
        losses = [self.loss] if valid is None else [self.loss, valid]
        speed = self._done * self._characters / max(time.monotonic() - self._start, 1e-9)
        left = moment.seconds_left
        return {
            "where": f"{self._label} {self._done / self._total:.0%}",
            "epoch": f"epoch {moment.epochs:.2f}",
            "train": f"train {self.loss:.3f}",
            "valid": "" if valid is None else f"valid {valid:.3f}",
            "bits": f"{'/'.join(f'{loss / math.log(2):.2f}' for loss in losses)} bits",
            "speed": f"{_short(speed)} {self._unit}s/s",
            "left": f"{tqdm.format_interval(left)} left" if math.isfinite(left) else "",
            "learnrate": f"rate {moment.learnrate:.3g}",
            "gradient": f"grad {moment.grad_norm:.3g}",
        }


def _short(number: float) -> str:
    """Return a number in short form.

    >>> _short(45123), _short(812.5), _short(3_210_000)
    ('45.1k', '812', '3.21M')
    """
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{max(3 - len(str(int(number / size))), 0)}f}{unit}"
    return f"{number:.0f}"
