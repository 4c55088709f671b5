"""The length of training, and the intervals of validations, samples and checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass

from charrnn import checks
from charrnn.errors import InvalidValue
from charrnn.training.screen import ALL, ROUNDS, SILENT
from charrnn.training.summary import VALIDATION


@dataclass(frozen=True)
class Plan:
    """The length of training, and the intervals of its actions; see `ModelState.train`."""

    num_rounds: int = 1
    train_len: int = 0
    valid_len: int = 0
    print_every: int | None = None
    minutes: float | None = None
    save_every: float = 10.0
    sample_temps: tuple[float, ...] = (0.5,)
    verbose: int = ALL
    patience: int | None = None
    monitor: str = VALIDATION

    def __post_init__(self) -> None:
        for name, least in {"num_rounds": 1, "train_len": 0, "valid_len": 0}.items():
            checks.whole(name, getattr(self, name), least)
        for name, least in {"print_every": 0, "patience": 1}.items():
            if getattr(self, name) is not None:
                checks.whole(name, getattr(self, name), least)
        durations = {"save_every": self.save_every, **({} if self.minutes is None else {"minutes": self.minutes})}
        for name, value in durations.items():
            if value != math.inf:  # endless
                checks.number(name, value, above=0)
        if self.verbose not in (SILENT, ROUNDS, ALL):
            raise InvalidValue(
                f"verbose must be 0 (silent), 1 (a line a round) or 2 (progress and samples), not {self.verbose!r}."
            )
