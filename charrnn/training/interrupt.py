"""Ctrl-C, SIGTERM and SIGHUP during long work: the first asks it to stop cleanly, the second stops it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any, Self

MESSAGE = b"\nStopping after this batch and saving. Press Ctrl-C again to stop at once.\n"


class StopRequest:
    """A context in which Ctrl-C, SIGTERM and SIGHUP (a closed terminal) only set a flag, the first time.

    On leaving, the former handlers are back, and a SIGTERM or SIGHUP that was held is delivered to them: the process
    ends after it has saved. A signal that is ignored, as nohup does with SIGHUP, stays ignored.

    Examples
    --------
    >>> with StopRequest() as stop:
    ...     while not stop.requested:
    ...         signal.raise_signal(signal.SIGINT)
    >>> stop.requested
    True
    """

    ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
    SIGNALS = (signal.SIGINT, *ENDING)

    def __init__(self) -> None:
        self._received: int | None = None
        self._former: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether someone asked to stop."""
        return self._received is not None

    def go_on(self) -> bool:
        """Return whether the next batch is wanted."""
        return not self.requested

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
            ignored = [number for number in self.ENDING if signal.getsignal(number) is signal.SIG_IGN]
            heard = [number for number in self.SIGNALS if number not in ignored]
            self._former = {number: signal.signal(number, self._on_signal) for number in heard}
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._restore_handlers()
        if self._received not in (None, signal.SIGINT):
            signal.raise_signal(self._received)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._received = None
            self._restore_handlers()
            signal.raise_signal(number)
            return
        self._received = number
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(2, MESSAGE)  # print is not safe inside a signal handler: it may have been interrupted itself

    def _restore_handlers(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}
