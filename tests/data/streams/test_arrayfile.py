import contextlib
import hashlib

import numpy as np
import pytest

from charrnn.data.streams import arrayfile
from charrnn.errors import CorruptFile, SaveFailed


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u4", "<i4", "?"])
def test_blocks_are_joined_and_mapped(tmp_path, dtype):
    path = tmp_path / "array.npy"
    whole = np.arange(12).reshape(6, 2) % 2
    checksum = arrayfile.write(path, [whole[:1], whole[1:1], whole[1:].astype("f8")], (6, 2), np.dtype(dtype))
    array = arrayfile.load(path, np.dtype(dtype).kind, ndim=2)
    assert isinstance(array, np.memmap)
    assert array.dtype == np.dtype(dtype).newbyteorder("<")
    assert array.tolist() == whole.tolist()
    assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "array.npy"
    arrayfile.write(path, [np.arange(3)], (3,), np.dtype("u1"))

    def failing():
        yield np.arange(9)
        raise OSError("No space left")

    with pytest.raises(SaveFailed, match="No space left"):
        arrayfile.write(path, failing(), (9,), np.dtype("u1"))
    assert [file.name for file in tmp_path.iterdir()] == ["array.npy"]
    assert arrayfile.load(path, "u").tolist() == [0, 1, 2]


def test_what_is_no_such_array(tmp_path):
    with pytest.raises(CorruptFile, match=r"array\.npy is missing"):
        arrayfile.load(tmp_path / "array.npy", "u")
    np.save(tmp_path / "array.npy", np.zeros((2, 2), np.int64))
    with pytest.raises(CorruptFile, match="expected booleans on one axis"):
        arrayfile.load(tmp_path / "array.npy", "b")
    with pytest.raises(CorruptFile, match="expected unsigned integers on 2 axes"):
        arrayfile.load(tmp_path / "array.npy", "u", ndim=2)
    (tmp_path / "array.npy").write_bytes(np.lib.format.MAGIC_PREFIX)
    with pytest.raises(CorruptFile, match="not a whole file"):
        arrayfile.load(tmp_path / "array.npy", "i")


def test_every_flip_in_a_header_is_harmless_or_corrupt(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(5, dtype=np.uint8))
    content = path.read_bytes()
    for bit in range(8 * 128):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with contextlib.suppress(CorruptFile):
            arrayfile.load(path, "u")
