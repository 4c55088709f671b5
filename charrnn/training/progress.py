"""What is seen of long work: a line that rewrites itself on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Self

from tqdm import tqdm


class Progress:
    """Shows how far a number of batches has come, how fast, and how long it will still take.

    Parameters
    ----------
    label : str
        What is going on.
    total : int
        Number of batches.
    characters : int
        Characters in a batch, for the rate.

    Examples
    --------
    >>> with Progress("epoch 1", total=2, characters=800) as progress:
    ...     progress.advance("loss 2.302")
    ...     progress.write("A sample.")
    A sample.
    """

    PLAIN_EVERY = 20.0  # seconds between two lines where no line can be rewritten

    def __init__(self, label: str, total: int, characters: int) -> None:
        self._label, self._total, self._characters = label, total, characters
        self._done = 0
        self._start = self._spoke = time.monotonic()
        self._terminal = sys.stdout.isatty()
        self._bar = tqdm(
            total=total,
            disable=not self._terminal,
            file=sys.stdout,
            leave=False,
            dynamic_ncols=True,
            bar_format=label + " {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} batches, {remaining} to go{postfix}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.close()

    def advance(self, note: str = "", to: int | None = None) -> None:
        """Count one batch more, or go to the given number of batches; `note` is shown beside the rate."""
        step = 1 if to is None else to - self._done
        self._done += step
        seconds = time.monotonic() - self._start
        speed = f"{self._done * self._characters / max(seconds, 1e-9):,.0f} characters/s"
        facts = f"{note}, {speed}" if note else speed
        if self._terminal:
            self._bar.set_postfix_str(facts, refresh=False)
            self._bar.update(step)
        elif time.monotonic() - self._spoke >= self.PLAIN_EVERY:
            self._spoke = time.monotonic()
            remaining = tqdm.format_interval(seconds * (self._total - self._done) / max(self._done, 1))
            print(f"{self._label}: {self._done:,} of {self._total:,} batches, {facts}, {remaining} to go", flush=True)

    def write(self, text: str) -> None:
        """Print a text that stays, above the line."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
