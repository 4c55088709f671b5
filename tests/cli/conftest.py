"""What the tests of the command line share."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from charrnn import cli

SMALL = ["--layers", "1", "--state-size", "5", "--seq-len", "7"]


@pytest.fixture
def run():
    """Return a function that runs a command and returns what it printed, notices on standard error only if asked."""

    def run(*words, stdin=None, notices=False):
        result = CliRunner().invoke(cli.app, [str(word) for word in words], input=stdin, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output if notices else result.stdout

    return run


@pytest.fixture
def model(srcfile, tmp_path, run):
    run("new", srcfile, tmp_path / "model", *SMALL)
    return tmp_path / "model"


@pytest.fixture
def process():
    """Return a function that runs a command in a process of its own, and returns what came of it, in bytes."""

    def process(*words, **environment):
        command = [sys.executable, "-m", "charrnn", *map(str, words)]
        environment = {**os.environ, **environment}
        return subprocess.run(command, env=environment, capture_output=True, check=False)

    return process
