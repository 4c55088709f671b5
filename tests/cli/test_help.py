"""Every command has help with an example, every option is described, and every argument of the library has one."""

import inspect
import re
import shlex
import subprocess
import sys

import pytest
import typer

import charrnn
from charrnn import ModelState, advise, cli

ROOT = typer.main.get_command(cli.app)
COMMANDS = ROOT.commands
LIBRARY = {  # what each command calls, and the arguments that have no meaning in a shell
    "advise": (advise, set()),
    "classify": (ModelState.classify, set()),
    "diff": (ModelState.diff, set()),
    "export": (ModelState.export, set()),
    "finetune": (ModelState.finetune, {"hyperparams"}),
    "import": (ModelState.import_, {"cell"}),
    "new": (ModelState.initfromsrcfile, {"hyper", "hyperparams"}),
    "sample": (ModelState.generate, {"init_state"}),
    "score": (ModelState.score, set()),
    "share": (ModelState.share, set()),
    "shell": (ModelState.load, {"cell"}),
    "train": (ModelState.train, {"callback", "background"}),
}
TYPED = {  # arguments that are called otherwise in a shell
    "labels": "label",
    "n": "number",
    "num_rounds": "rounds",
    "sample_temps": "sample_temp",
    "workdir": "directory",
    "path": "file",
    "usedir": "directory",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_describes_every_option(run, command):
    shown = run(command, "--help")
    assert f"\n  charrnn {command}" in shown
    assert all(param.help for param in COMMANDS[command].params)
    first = COMMANDS[command].help.splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 66  # or the list of commands cuts it


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_calls_that_the_command_understands(command):
    examples = re.findall(r"^charrnn (.*)$", COMMANDS[command].help, re.MULTILINE)
    for example in examples:
        name, *words = shlex.split(example)
        COMMANDS[name].make_context(name, words)


@pytest.mark.parametrize("command", LIBRARY)
def test_every_argument_has_an_option(command):
    function, without = LIBRARY[command]
    arguments = set(inspect.signature(function).parameters) - {"self", "ms"} - without
    known = {param.name for param in COMMANDS[command].params}
    lacking = {name for name in arguments if not {name, TYPED.get(name, name)} & known}
    assert not lacking - ({"usedir"} if "target" in known else set())


def test_music_has_its_options():
    from charrnn.tasks.music import MusicTask

    named = inspect.signature(MusicTask.write).parameters
    known = {param.name for param in COMMANDS["sample"].params}
    assert {"keys", "scale", "most", "melody"} <= set(named) & known


def test_the_version_is_shown():
    done = subprocess.run(
        [sys.executable, "-m", "charrnn", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"charrnn {charrnn.__version__}\n"
