"""Reading the parameter files of the Theano GRU program that charrnn succeeds, without unpickling anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED

import numpy as np

from charrnn.errors import CorruptFile, FileUnreadable, NotAModelDirectory, TooLarge
from charrnn.storage import budget
from charrnn.storage.creation import resolve
from charrnn.storage.npyfile import read_npy
from charrnn.storage.zipguard import opened_zip

_NAMES = {"GRUEncode": ("E", "a", "U", "W", "b", "V", "c"), "GRUResize": ("E", "F", "a", "U", "W", "b", "V", "c")}


@dataclass(frozen=True)
class LegacyParameters:
    """The model in such a file; its characters and hyperparameters are not in it (or only as a pickle).

    Attributes
    ----------
    modeltype : str
        "GRUEncode" or "GRUResize".
    vocab_size, state_size, layers : int
        V, H and L.
    arrays : dict of str to numpy.ndarray
        As named there. Of GRUEncode: E (V, H), a (H), U and W (3L, H, H), b (3L, H), V (H, V), c (V). Of GRUResize: the
        first layer in E (3, V, H), F (3, H, H), a (3, H), the others in U and W (3(L-1), H, H), b (3(L-1), H). Each
        layer's three are update, reset, candidate; vectors are rows, x·W.
    """

    modeltype: str
    vocab_size: int
    state_size: int
    layers: int
    arrays: dict[str, np.ndarray]


def read_legacy(file: str | os.PathLike[str], max_memory: int = budget.MEMORY) -> LegacyParameters:
    """Read a parameter file (`...-model.npz`) of the ancestor.

    Parameters
    ----------
    file : str or os.PathLike
        Its path.
    max_memory : int
        Bytes that its arrays may take. They are compressed: a small file may hold large ones.

    Raises
    ------
    NotAModelDirectory
        If it does not exist.
    CorruptFile, FileUnreadable, TooLarge
        If it is not a parameter file, is damaged, cannot be read, or would take too much memory.
    """
    path = resolve(file)
    try:
        with opened_zip(path, "parameter file of the ancestor") as content:
            members = {member.filename.removesuffix(".npy"): member for member in content.infolist()}
            modeltype = "GRUResize" if "F" in members else "GRUEncode"
            wanted = {name: members[name] for name in _NAMES[modeltype]}  # `p`, a pickle, is never touched
            budget.require_memory(path, 2 * sum(member.file_size for member in wanted.values()), max_memory)
            if odd := {member.compress_type for member in wanted.values()} - {ZIP_STORED, ZIP_DEFLATED}:
                raise CorruptFile(f"{path} is compressed with method {odd.pop()}, as NumPy writes none.")
            arrays = {}
            for name, member in wanted.items():
                with content.open(member) as stream:
                    arrays[name] = read_npy(stream, member.file_size, path, kinds="fiu")
    except FileNotFoundError:
        raise NotAModelDirectory(f"{path} does not exist: expected a parameter file, ...-model.npz.") from None
    except (FileUnreadable, TooLarge):
        raise
    except CorruptFile as error:
        # NumPy's words are left to the traceback: of other files they advise to unpickle them.
        raise CorruptFile(
            f"{path} is not an intact parameter file of the ancestor. Give its ...-model.npz, which holds the arrays "
            f"{', '.join(_NAMES['GRUEncode'])}."
        ) from error
    if arrays["V"].ndim != 2 or arrays["b"].ndim != 2:
        raise CorruptFile(
            f"{path}: V has shape {arrays['V'].shape}, b {arrays['b'].shape}; expected (H, V) and (3L, H)."
        )
    state_size, vocab_size = arrays["V"].shape
    gates = len(arrays["b"])
    _check_shapes(path, modeltype, arrays, gates)
    layers = gates // 3 + (modeltype == "GRUResize")
    return LegacyParameters(modeltype, vocab_size, state_size, layers, arrays)


def _check_shapes(path: Path, modeltype: str, arrays: dict[str, np.ndarray], gates: int) -> None:
    H, V = arrays["V"].shape
    expected = {"U": (gates, H, H), "W": (gates, H, H), "b": (gates, H), "c": (V,)}
    if modeltype == "GRUEncode":
        expected |= {"E": (V, H), "a": (H,)}
    else:
        expected |= {"E": (3, V, H), "F": (3, H, H), "a": (3, H)}
    for name, shape in expected.items():
        if arrays[name].shape != shape or arrays[name].dtype.kind != "f" or gates % 3:
            raise CorruptFile(
                f"{path}: array {name} is {arrays[name].dtype} of shape {arrays[name].shape}; "
                f"expected floats of shape {shape} for a {modeltype} of width {H} with {V} characters."
            )
