"""The demo: watch a model learn a tale for a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from charrnn.cli import output
from charrnn.cli.options import Engine, Threads
from charrnn.cli.program import command
from charrnn.data.builtin import corpora
from charrnn.errors import NotAModelDirectory
from charrnn.state import ModelState
from charrnn.wording import say

DEMO = Path("workdirs/demo")
# What `advise` proposes for this text and a minute on two cores, with less dropout for slower machines:
RECIPE: dict[str, Any] = {"preset": "best", "state_size": 256, "dropout": 0.3, "dropout_weights": 0.3}
BATCHSIZE = 16
NEXT = """Type next:
  charrnn sample {0} -n 1000 -t 0.7 -p "The keeper "
  charrnn demo {0} --minutes 5
  charrnn shell {0}"""


@command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where the model goes, or is.")] = DEMO,
    minutes: Annotated[float, typer.Option(metavar="MIN", help="How long to train.")] = 1.0,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Watch a model learn for a minute; again, to go on.

    It learns a tale that comes with charrnn, and shows now and then what it would write.

    \b
    charrnn demo
    charrnn demo --minutes 5
    """
    try:
        ms = ModelState.load(directory, engine=engine, threads=threads)
        say(f"Going on with {directory}.")
    except NotAModelDirectory:
        ms = ModelState.initfromsrcfile(corpora.path("tale"), directory, **RECIPE, engine=engine, threads=threads)
    ms.train(minutes=minutes, batchsize=BATCHSIZE)
    say(f"\n{ms.restore('best').generate(600)}\n")
    say(NEXT.format(output.word(directory)))
