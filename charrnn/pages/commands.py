"""The commands that reproduce a model, reconstructed from its history."""

from __future__ import annotations

import importlib.metadata
import itertools
import platform
import re
from typing import TYPE_CHECKING, Any

import charrnn
from charrnn.settings.hyper import HyperParams

if TYPE_CHECKING:
    from charrnn.session.session import Session

PACKAGES = ("pytensor", "numpy", "llvmlite", "jax")


def commands(ms: Session) -> str:
    """Return Python that makes a model of the same text, and trains it as this one was."""
    creation = _creation(ms)
    imports = ["import re", ""] if "re.compile(" in creation else []
    return "\n".join([*imports, "from charrnn import ModelState", "", creation, *_trainings(ms)])


def versions(ms: Session) -> str:
    """Return the versions of the packages that the model runs on, its engine and threads."""
    found = [f"charrnn {charrnn.__version__}", f"Python {platform.python_version()}"]
    found += [f"{package} {version}" for package in PACKAGES if (version := _version(package))]
    return f"{', '.join(found)}; engine {ms.model.engine}, threads {ms.model.threads}."


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _creation(ms: Session) -> str:
    usual = HyperParams().to_json()
    hyper = {name: value for name, value in ms.hyper.to_json().items() if value != usual[name]}
    reading = ms.facts.reading
    if reading is None:  # made by a version that did not record it
        source, options = repr(ms.corpus.source), ms.corpus.arguments()
    else:
        source = "source" if reading.source is None else repr(reading.source)
        options = {"seq_len": ms.corpus.seq_len} | reading.arguments
    parts = {"source": ms.corpus, **{f"{part}file": corpus for part, corpus in ms.corpus.apart.items()}}
    nameless = [name for name in parts if reading is not None and getattr(reading, name) is None]
    before = [f"{name} = ...  # {parts[name].source}, which has no path: put it here" for name in nameless]
    given = [f"{source}, {f'workdirs/{ms.path.name}'!r}", f"modeltype={_modeltype(ms)}"]
    given += [f"{name}={_written(value)}" for name, value in (options | hyper).items()]
    given += [f"{name}={name}" for name in nameless if name != "source"]
    lines = ["ms = ModelState.initfromsrcfile(", *(f"    {part}," for part in given), ")"]
    return "\n".join([*before, *lines])


def _written(value: Any) -> str:
    """Return an argument as Python.

    >>> _written(re.compile("^-+$", re.MULTILINE)), _written("-")
    ("re.compile('^-+$', 8)", "'-'")
    """
    if isinstance(value, re.Pattern):  # whose own repr leaves out what is long
        flags = value.flags & ~re.UNICODE
        return f"re.compile({value.pattern!r}{f', {int(flags)}' if flags else ''})"
    return repr(value)


def _modeltype(ms: Session) -> str:
    """Return the code of the argument `modeltype`: a name, or the user's own cell."""
    if ms.cell_source is None:
        return repr(ms.modeltype)
    cell, stage = type(ms.model.network.cell).__name__, ms.model.network.stage
    return cell if stage == "encode" else f"ModelType({ms.modeltype!r}, {cell}, {stage!r})"


def _trainings(ms: Session) -> list[str]:
    """Return the calls of `train` that repeat the rounds of the history."""
    calls = []
    for call, rounds in itertools.groupby(_call(ms, row) for row in ms.history if row.get("batches")):
        given = "".join(f", {name}={value}" for name, value in call)
        calls.append(f"ms.train(num_rounds={len(list(rounds))}{given})")
    return calls


def _call(ms: Session, row: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    """Return the arguments of `train` that made a round."""
    measured = ms.checkpoint.record.get("measured", {}) if ms.checkpoint else {}
    batchsize = round(row["characters"] / row["batches"] / ms.corpus.seq_len) or measured.get("batchsize", 16)
    whole = ms.has_text and row["batches"] == ms.train_data.batchepoch(batchsize)
    length = {} if whole else {"train_len": row["batches"]}
    valid = {"valid_len": measured["valid_len"]} if measured.get("valid_len") else {}
    return tuple({"batchsize": batchsize, **length, **valid}.items())
