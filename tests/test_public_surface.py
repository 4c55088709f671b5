"""The public surface: every name that a user can reach, the order of its arguments, their kinds and defaults.

`public_surface.txt` holds one name a line, edited by hand where a change is meant. A name with brackets is a call,
one without is a value. Annotations, and where a class or function lives, are not pinned.
"""

import dataclasses
import inspect
from inspect import Parameter
from pathlib import Path

import numpy as np
import pytest

import charrnn
from charrnn import CharSet, DataSet, ModelState, Sample

PINNED = Path(__file__).with_name("public_surface.txt")
VALUES = {  # classes that a user may construct: an example, if the class does not show all members; names not to pin
    "CharSet": (lambda: CharSet.from_text("ab"), set()),
    "Checkpoint": (None, set()),
    "DataSet": (lambda: DataSet.from_text("ab", CharSet.from_text("ab")), set()),
    "HyperParams": (None, set()),
    "Sample": (lambda: Sample("ab"), set(dir(str))),
    "Score": (None, set()),
}
BARE = {"layers": 1, "state_size": 3, "seq_len": 4, "init_checkpoint": False}


def signature(function, bound):
    """Return the arguments of a function as text; without the first, of a method."""
    parameters = [p.replace(annotation=Parameter.empty) for p in inspect.signature(function).parameters.values()]
    return str(inspect.Signature(parameters[1:] if bound else parameters))


def member(owner, name):
    """Return the line of a member of a class, or of a value that only its instances have."""
    static = inspect.getattr_static(owner, name, None)
    if inspect.isfunction(static):
        return f"{name}{signature(static, bound=True)}"
    if isinstance(static, classmethod | staticmethod):
        return f"{name}{signature(getattr(owner, name), bound=False)}"
    return name


def names(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def members(owner, found):
    return {f"{owner.__name__}.{member(owner, name)}" for name in found}


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """A model of a text, and one of music with a part for testing."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "text.txt").write_text("to be or not to be, " * 9)
    parts = {"train": 5, "valid": 4, "test": 4}
    rolls = {name: np.eye(n, 88, dtype=np.uint8) for name, n in parts.items()}
    np.savez(folder / "rolls.npz", **rolls, **{f"{name}_len": [n] for name, n in parts.items()})
    return [ModelState.initfromsrcfile(folder / file, folder / file[0], **BARE) for file in ("text.txt", "rolls.npz")]


def surface(text, music):
    """Return a line for each name; of the class of a model of music only those that one of text lacks."""
    lines = members(type(text), names(text)) | {
        line.replace(type(music).__name__, "ModelState", 1)
        for line in members(type(music), names(type(music)) - names(text))
    }
    lines |= members(charrnn.Cell, names(charrnn.Cell))
    for name, (example, inherited) in VALUES.items():
        owner = getattr(charrnn, name)
        fields = {field.name for field in dataclasses.fields(owner)} if dataclasses.is_dataclass(owner) else set()
        lines.add(f"{name}{signature(owner, bound=False)}")
        lines |= members(owner, (names(owner if example is None else example()) | fields) - inherited)
    lines |= {f"{name}{signature(getattr(charrnn, name), bound=False)}" for name in ("advise", "generatestring")}
    for name in ("corpora", "recipes"):
        module = getattr(charrnn, name)
        functions = inspect.getmembers(module, lambda f, m=module: inspect.isfunction(f) and f.__module__ == m.__name__)
        lines |= {f"{name}.{key}{signature(f, bound=False)}" for key, f in functions if not key.startswith("_")}
    return lines


def test_names_arguments_and_defaults_are_as_pinned(states):
    pinned = PINNED.read_text(encoding="utf-8").splitlines()
    found = surface(*states)
    assert sorted(found) == sorted(pinned), f"gone: {set(pinned) - found}; new: {found - set(pinned)}"
