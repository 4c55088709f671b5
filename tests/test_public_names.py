"""The names that charrnn offers, and that importing it loads nothing heavy."""

import subprocess
import sys

import pytest

import charrnn

NAMES = {
    "Cell",
    "CharSet",
    "Checkpoint",
    "DataSet",
    "GRUEncode",
    "GRUResize",
    "HyperParams",
    "ModelState",
    "Sample",
    "Score",
    "advise",
    "corpora",
    "generatestring",
    "recipes",
}


def test_the_public_names_are_these():
    assert set(charrnn.__all__) == NAMES
    assert set(dir(charrnn)) >= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_name_resolves_and_is_documented(name):
    assert getattr(charrnn, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Modelstate'"):
        charrnn.Modelstate  # noqa: B018


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("import charrnn", {"numpy", "pytensor", "numba", "jax", "typer", "rich", "matplotlib", "IPython"}),
        ("from charrnn import ModelState", {"pytensor", "numba", "jax", "typer", "rich", "matplotlib", "IPython"}),
    ],
)
def test_importing_loads_nothing_heavy(line, heavy):
    code = f"import sys; {line}; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_star_import_gives_the_names():
    code = "from charrnn import *; ModelState, HyperParams, generatestring, corpora.names"
    subprocess.run([sys.executable, "-c", code], check=True)
