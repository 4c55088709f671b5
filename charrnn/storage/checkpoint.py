"""A checkpoint's facts: its place in training, its loss, its name.

`checkpointfile` is its file. What a checkpoint keeps of a session is decided in `charrnn.session.record`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from charrnn.escapes import visible
from charrnn.wording import say

SUFFIX = ".safetensors"
_NAME = re.compile(r"e(?P<epoch>\d{4,})-s(?P<step>\d{8,})-v(?P<loss>none|nan|inf|[\d.]+|\de\+\d+)(-\d+)?")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, without its arrays.

    Attributes
    ----------
    name : str
        `e<epoch>-s<step>-v<loss>`: sorts by time within one run and is legal on every file system.
    path : pathlib.Path
        Its file.
    epoch, step, pos : int
        Whole passes over the training text; batches trained on since the beginning; batches into the present epoch.
    loss : float or None
        Validation loss in nats per character, or None where it was not measured.
    time : datetime.datetime
        When it was saved (UTC).
    branch, parent : str, str or None
        The branch it was saved on, and the name of the checkpoint that training had gone on from (None: the first).
    serial : int
        1, 2, 3 ... in the order of saving, over all branches.
    history : int
        How many lines of the history had been written then.
    record : dict
        Everything that the caller saved with it.
    """

    name: str
    path: Path = field(compare=False)
    epoch: int
    step: int
    pos: int
    loss: float | None
    time: datetime
    branch: str
    parent: str | None
    serial: int
    history: int
    record: dict[str, Any] = field(compare=False)

    def __repr__(self) -> str:
        loss = "no loss" if self.loss is None else f"{self.loss:.4f} nats/{self._unit}"
        return visible(f"<Checkpoint {self.name}: {loss}, {self.time:%Y-%m-%d %H:%M} UTC, branch {self.branch}>")

    def __hash__(self) -> int:
        return hash((self.name, self.serial))

    def printstats(self, out: TextIO | None = None) -> None:
        """Print date, position and loss, one to a line, to `out` (standard output)."""
        say(f"Checkpoint:   {self.name}", file=out)
        say(f"Date:         {self.time:%Y-%m-%d %H:%M:%S} UTC", file=out)
        say(f"Branch:       {self.branch}", file=out)
        say(f"Epoch:        {self.epoch}, position {self.pos}, step {self.step}", file=out)
        if self.loss is not None:
            bits, perplexity = self.loss / math.log(2), float(np.exp(self.loss))
            others = f" ({bits:.4f} bits, perplexity {perplexity:.2f})" if self._unit == "char" else ""
            say(f"Loss:         {self.loss:.4f} nats/{self._unit}{others}", file=out)

    @property
    def _unit(self) -> str:
        return visible(self.record.get("unit", "char"))


def checkpoint_name(epoch: int, step: int, loss: float | None) -> str:
    """Return the name for a checkpoint.

    >>> checkpoint_name(3, 12034, 1.5119), checkpoint_name(0, 0, None), checkpoint_name(1, 7, 1e30)
    ('e0003-s00012034-v1.512', 'e0000-s00000000-vnone', 'e0001-s00000007-v1e+30')
    """
    shown = "none" if loss is None else f"{loss:.3f}" if not loss >= 1e6 or math.isinf(loss) else f"{loss:.0e}"
    return f"e{epoch:04d}-s{step:08d}-v{shown}"


class Place(NamedTuple):
    """The parts of a checkpoint's name: the step, and the loss (infinite if it has none)."""

    step: int
    loss: float


def place_of(name: str) -> Place | None:
    """Return the parts of a checkpoint's name, or None if it is not the name of one.

    >>> place_of("e0003-s00012034-v1.512-2"), place_of("model")
    (Place(step=12034, loss=1.512), None)
    """
    match = _NAME.fullmatch(name)
    if not match:
        return None
    return Place(int(match["step"]), math.inf if match["loss"] in ("none", "nan") else float(match["loss"]))
