"""Curves that are redrawn during training."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from charrnn.training.screen import in_notebook
from charrnn.wording import say

if TYPE_CHECKING:
    from charrnn.insight.curves import Curves


class LivePlot:
    """A picture in a notebook's output that follows training; in a terminal, a chart after every round.

    An error in drawing never stops training.

    Parameters
    ----------
    curves : callable
        Returns the curves to draw now.
    """

    LEAST = 3.0  # seconds between two pictures
    SHARE = 0.02  # of the time, at most, that drawing takes

    def __init__(self, curves: Callable[[], Curves]) -> None:
        self._curves, self._notebook = curves, in_notebook()
        self._show: Callable[[Curves], Any] = lambda curves: say(str(curves))
        if self._notebook:
            from IPython.display import DisplayHandle

            self._handle = DisplayHandle()
            self._show = self._handle.display
        self._pictures, self._next = 0, time.monotonic() + 1
        self._gave_up = False

    def after(self, function: Callable[..., Any] | None, at_once: bool = False) -> Callable[..., Any]:
        """Return a function that calls `function` and then draws: if enough time has passed, or always if `at_once`."""

        def and_draw(*args: Any) -> Any:
            result = function(*args) if function else None
            if at_once or (self._notebook and time.monotonic() >= self._next):
                self.draw()
            return result

        return and_draw

    def draw(self) -> None:
        """Draw now; the new picture replaces the last one."""
        if self._gave_up:
            return
        started = time.monotonic()
        try:
            self._show(self._curves())
        except Exception as error:  # such as a front end that is closed: training matters more than its picture
            self._gave_up = True
            say(f"No more pictures of training: {error}")
            return
        if self._notebook:
            self._show = self._handle.update
        self._pictures += 1
        ended = time.monotonic()
        rest = (ended - started) / self.SHARE if self._pictures > 1 else 0.0  # the first one loads matplotlib
        self._next = ended + max(self.LEAST, rest)
