"""The `charrnn` program: its frame, to which each file of commands adds its own."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

import charrnn
from charrnn.cli import hints
from charrnn.errors import CharRNNError
from charrnn.wording import say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Command(TyperCommand):
    """A command whose errors speak the shell's language: options, not Python's arguments."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CharRNNError as error:
            error.args = (hints.in_shell(str(error), hints.options(self), ctx.params.get("directory")),)
            raise


command = functools.partial(app.command, cls=Command)


def _version(asked: bool) -> None:
    if asked:
        say(f"charrnn {charrnn.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """An interactive workbench for character-level recurrent networks.

    \b
    charrnn demo
    charrnn new alice.txt workdirs/alice
    charrnn train workdirs/alice --minutes 10
    charrnn sample workdirs/alice -n 1000
    """
