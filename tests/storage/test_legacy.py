import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from charrnn.errors import CorruptFile, NotAModelDirectory
from charrnn.storage.legacy import read_legacy


class Trap:
    """Raises when unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def parameters(modeltype, V=11, S=7, L=2):
    rng = np.random.default_rng(0)
    if modeltype == "GRUEncode":
        shapes = {"E": (V, S), "a": (S,), "U": (3 * L, S, S), "W": (3 * L, S, S), "b": (3 * L, S)}
    else:
        rest = 3 * (L - 1)
        shapes = {"E": (3, V, S), "F": (3, S, S), "a": (3, S), "U": (rest, S, S), "W": (rest, S, S), "b": (rest, S)}
    shapes |= {"V": (S, V), "c": (V,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def saved(path, arrays):
    np.savez_compressed(path, p=np.frombuffer(pickle.dumps(Trap()), dtype=np.uint8), **arrays)
    return path


@pytest.mark.parametrize("modeltype", ["GRUEncode", "GRUResize"])
@pytest.mark.parametrize("layers", [1, 3])
def test_sizes_are_told_by_the_shapes_and_nothing_is_unpickled(tmp_path, modeltype, layers):
    arrays = parameters(modeltype, V=5, S=3, L=layers)
    found = read_legacy(saved(tmp_path / "model.npz", arrays))
    assert (found.modeltype, found.vocab_size, found.state_size, found.layers) == (modeltype, 5, 3, layers)
    assert found.arrays.keys() == arrays.keys()
    for name in arrays:
        np.testing.assert_array_equal(found.arrays[name], arrays[name])


def test_arrays_of_objects_are_refused_without_unpickling(tmp_path):
    arrays = parameters("GRUEncode") | {"c": np.array([Trap()], dtype=object)}
    with pytest.raises(CorruptFile, match=r"model\.npz is not an intact"):
        read_legacy(saved(tmp_path / "model.npz", arrays))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("U", np.zeros((6, 7, 6))),
        ("c", np.zeros(11, int)),
        ("V", np.zeros(7)),
        ("b", np.zeros((5, 7))),
        ("a", np.zeros(())),
    ],
)
def test_odd_shapes_are_told(tmp_path, name, wrong):
    with pytest.raises(CorruptFile, match=r"model\.npz: .*expected"):
        read_legacy(saved(tmp_path / "model.npz", parameters("GRUEncode") | {name: wrong}))


def test_other_files_are_refused(tmp_path):
    arrays = parameters("GRUEncode")
    del arrays["W"]
    np.save(array := io.BytesIO(), np.zeros(3))
    whole = saved(tmp_path / "whole.npz", parameters("GRUEncode")).read_bytes()
    contents = [b"", b"text", array.getvalue(), pickle.dumps(Trap()), whole[: len(whole) // 2]]
    for content in contents:
        (tmp_path / "model.npz").write_bytes(content)
        with pytest.raises(CorruptFile):
            read_legacy(tmp_path / "model.npz")
    with pytest.raises(CorruptFile, match="W"):
        read_legacy(saved(tmp_path / "less.npz", arrays))
    with pytest.raises(NotAModelDirectory):
        read_legacy(tmp_path / "none.npz")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("E.npy", b"no array")
    with pytest.raises(CorruptFile):
        read_legacy(tmp_path / "other.zip")
    assert os.listdir(tmp_path)
