"""Models from the parameter files of the Theano GRU program that charrnn succeeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.data.text.charset import UNKNOWN, CharSet
from charrnn.data.text.corpus import FILENAME, TextCorpus
from charrnn.errors import InvalidValue
from charrnn.settings.hyper import HyperParams
from charrnn.storage.legacy import LegacyParameters

GATES = "zrc"  # update, reset, candidate: the order of the file's arrays


def facts(file: Path, found: LegacyParameters, chars: Sequence[str], changes: dict[str, Any]) -> dict[str, Any]:
    """Return what a working directory keeps of such a model.

    Parameters
    ----------
    file : pathlib.Path
        The parameter file.
    found : LegacyParameters
        What it holds.
    chars : sequence of str
        The V characters in the order of their indices; U+FFFD, the first, may be left out.
    changes : dict
        Hyperparameters other than the ancestor's defaults.

    Raises
    ------
    InvalidValue, UnknownName
        If the number of characters differs from the file's, or a hyperparameter contradicts it or is out of range.
    """
    sizes = {"layers": found.layers, "state_size": found.state_size}
    dtype = np.result_type(found.arrays["V"], np.float32).name
    hyper = HyperParams.preset("rngru").replace(**sizes, dtype=dtype).replace(**changes)
    for name, size in sizes.items():
        if getattr(hyper, name) != size:
            raise InvalidValue(f"{name}={getattr(hyper, name)}: {file} holds a model with {name}={size}.")
    corpus = TextCorpus(
        charset=_charset(file, found.vocab_size, chars),
        filename=FILENAME,
        length=0,
        split=0,
        seq_len=100,
        source=file.name,
        sha256="",
        file_sha256="",
    )
    return {"modeltype": found.modeltype, "hyper": hyper.to_json(), "corpus": corpus.to_json(), "never_written": 0}


def parameters(found: LegacyParameters) -> dict[str, np.ndarray]:
    """Return the parameters under charrnn's names.

    Examples
    --------
    >>> arrays = {name: np.zeros((3, 2, 2)) for name in "UW"} | {"b": np.arange(6.0).reshape(3, 2)}
    >>> arrays |= {"E": np.zeros((5, 2)), "a": np.zeros(2), "V": np.zeros((2, 5)), "c": np.zeros(5)}
    >>> parameters(LegacyParameters("GRUEncode", 5, 2, 1, arrays))["1.bc"]
    array([4., 5.])
    """
    arrays = found.arrays
    layers = [{kind: arrays[kind][at : at + 3] for kind in "UWb"} for at in range(0, len(arrays["b"]), 3)]
    named = {name: arrays[name] for name in "Vc"}
    if found.modeltype == "GRUResize":
        layers.insert(0, {"U": arrays["E"], "W": arrays["F"], "b": arrays["a"]})
    else:
        named |= {name: arrays[name] for name in "Ea"}
    for number, layer in enumerate(layers, 1):
        for kind, gates in layer.items():
            named |= {f"{number}.{kind}{gate}": array for gate, array in zip(GATES, gates, strict=True)}
    return named


def _charset(file: Path, vocab_size: int, chars: Sequence[str]) -> CharSet:
    characters = list(chars)
    if characters[:1] != [UNKNOWN]:
        characters.insert(0, UNKNOWN)
    if len(characters) != vocab_size:
        raise InvalidValue(
            f"chars: {len(characters)} characters, U+FFFD included; the model in {file} has {vocab_size}. Give all in "
            "the order of their indices: in the ancestor, [chars.charatidx(i) for i in range(chars.vocab_size)]."
        )
    return CharSet(characters)
