"""The ``charrnn`` command: what `ModelState` does, from the shell."""

from __future__ import annotations

import codecs
import io
import os
import sys
import warnings

# Imported in the order in which --help lists their commands:
# isort: off
from charrnn.cli import demo as demo
from charrnn.cli import make as make
from charrnn.cli import train as train
from charrnn.cli import write as write
from charrnn.cli import look as look
from charrnn.cli import keep as keep
from charrnn.cli import house as house
from charrnn.cli import here as here

# isort: on
from charrnn.cli import hints, output
from charrnn.cli.program import app
from charrnn.errors import CharRNNError
from charrnn.wording import visible

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; expected errors are one line, and no output fails for want of a character."""
    codecs.register_error("charrnn.readable", output.readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="charrnn.readable")
    warnings.formatwarning = _warned
    try:
        app()
    except CharRNNError as error:
        sys.exit(f"charrnn: {error}")
    finally:
        _flush()


def _warned(message: Warning | str, *_: object, **__: object) -> str:
    return f"charrnn: {visible(hints.in_shell(str(message), {}))}\n"


def _flush() -> None:
    """Write out what was printed; if nobody reads it any more, nothing is to complain of that at the end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
