"""Screens for progress: a line of a terminal, an output of a notebook, or plain lines of a file."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from abc import ABC, abstractmethod

from tqdm import tqdm

from charrnn.wording import say


class Screen(ABC):
    """Shows a line, which the next line replaces, and texts that stay."""

    REFRESH = 0.5  # minimum seconds between two lines
    REWRITES = True  # whether a line replaces the one before

    def __init__(self) -> None:
        self._shown_at = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for another line."""
        return time.monotonic() - self._shown_at >= self.REFRESH

    def show(self, line: str) -> None:
        """Replace the line."""
        self._shown_at = time.monotonic()
        with contextlib.suppress(Exception):  # a terminal or front end that is gone ends no training
            self._draw(line)

    @property
    def width(self) -> int:
        """Columns that a line may have."""
        return 120

    def write(self, text: str) -> None:
        """Print a text that stays."""
        say(text)

    @abstractmethod
    def _draw(self, line: str) -> None: ...

    def close(self, line: str) -> None:
        """Remove the line; if that is not possible, leave this last one."""
        return


class Terminal(Screen):
    """Rewrites the last line; texts go above it."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = tqdm(file=sys.stdout, leave=False, bar_format="{desc}")

    @property
    def width(self) -> int:
        return max(shutil.get_terminal_size().columns - 1, 1)  # in the last column, some terminals begin a new line

    def _draw(self, line: str) -> None:
        self._bar.set_description_str(line)

    def write(self, text: str) -> None:
        with contextlib.suppress(Exception), self._bar.external_write_mode(file=sys.stdout):
            say(text)

    def close(self, line: str) -> None:
        with contextlib.suppress(Exception):
            self._bar.close()


class Notebook(Screen):
    """Rewrites one output of the cell, without widgets; the notebook is saved with the last output.

    The kernel sends its outputs even if the page is closed, so closing it does not stop training.
    """

    def __init__(self) -> None:
        super().__init__()
        from IPython.display import DisplayHandle

        self._handle = DisplayHandle()
        self._update = self._handle.display

    def _draw(self, line: str) -> None:
        self._update({"text/plain": line}, raw=True)
        self._update = self._handle.update

    def close(self, line: str) -> None:
        self.show(line)


class Plain(Screen):
    """Prints a line now and then, as into a file."""

    REFRESH, REWRITES = 20.0, False

    def _draw(self, line: str) -> None:
        say(line)


class Silent(Screen):
    """Shows nothing."""

    @property
    def due(self) -> bool:
        return False

    def write(self, text: str) -> None: ...

    def _draw(self, line: str) -> None: ...


class Texts(Silent):
    """Shows only the texts that stay."""

    def write(self, text: str) -> None:
        say(text)


SILENT, ROUNDS, ALL = 0, 1, 2  # levels of `verbose`


def screen(verbose: int = ALL) -> Screen:
    """Return the screen for the environment of the process and the level `verbose`.

    >>> type(screen()).__name__, type(screen(verbose=0)).__name__
    ('Plain', 'Silent')
    """
    if verbose < ALL:
        return Silent() if verbose == SILENT else Texts()
    if in_notebook():
        return Notebook()
    try:
        return Terminal() if sys.stdout.isatty() else Plain()
    except (AttributeError, ValueError):  # there is no output, or it is closed
        return Plain()


def in_notebook() -> bool:
    """Return whether this is a notebook's kernel, which shows pictures and pages."""
    ipython = sys.modules.get("IPython")  # a notebook has loaded it
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
