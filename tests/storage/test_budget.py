"""How much memory a file of a stranger may take is decided before it is read, and can be raised."""

import contextlib
import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from charrnn.errors import CorruptFile, TooLarge
from charrnn.storage import rows
from charrnn.storage.bundle import import_bundle
from charrnn.storage.checkpointfile import read_arrays
from charrnn.storage.history import History
from charrnn.storage.legacy import read_legacy
from charrnn.storage.npyfile import read_npy
from charrnn.storage.workdir import WorkDir
from tests.storage.test_legacy import parameters, saved


def peak(act):
    """Return the most bytes that were allocated at once."""
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFile) as caught:
            act()
        return tracemalloc.get_traced_memory()[1], caught.value
    finally:
        tracemalloc.stop()


def test_json_that_would_swell_is_refused_before_it_is_parsed(workdir):
    content = b'{"format": "charrnn model", "version": 1, "body": [' + b"[]," * 10_000_000 + b"[]]}"
    (workdir.path / "model.json").write_bytes(content)
    most, error = peak(lambda: WorkDir.open(workdir.path))
    assert most < 3 * len(content)
    assert isinstance(error, TooLarge)
    assert "MB of memory, and 1,000 MB are allowed" in str(error)
    assert "max_memory" in str(error)


def test_the_budget_can_be_raised_and_lowered(workdir):
    with pytest.raises(TooLarge):
        WorkDir.open(workdir.path, max_memory=1000)
    assert WorkDir.open(workdir.path, max_memory=10**10).find().step == 40


def test_history_in_many_rows_has_one_budget(tmp_path):
    lines = [rows.written("m", 0, rows.header("m"))]
    lines += [rows.written("m", n, '{"a": [' + "[], " * 1000 + "[]]}") for n in range(1, 200)]
    (tmp_path / "history.jsonl").write_bytes(b"".join(lines))
    history = History(tmp_path / "history.jsonl", "m", contextlib.nullcontext, max_memory=10_000_000)
    most, error = peak(lambda: list(history))
    assert isinstance(error, TooLarge)
    assert most < 10_000_000


def test_compressed_arrays_that_would_swell_are_refused_before_they_are_read(tmp_path):
    arrays = parameters("GRUEncode")
    path = saved(tmp_path / "model.npz", arrays | {"U": np.zeros((6, 5000, 5000), np.float32)})
    assert path.stat().st_size < 1_000_000
    most, error = peak(lambda: read_legacy(path))
    assert most < 2_000_000
    assert isinstance(error, TooLarge)


def test_a_checkpoint_whose_header_claims_much_is_refused(workdir):
    path = workdir.find().path
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])
    most, _ = peak(lambda: read_arrays(path))
    assert most < 1_000_000


def test_a_bundle_with_very_many_members_is_refused_at_once(tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for n in range(3000):
            bundle.writestr(f"checkpoints/e0000-s{n:08d}-v1.000.safetensors", b"")
    most, error = peak(lambda: import_bundle(path, tmp_path / "copy"))
    assert most < 500_000
    assert "lists its members in" in str(error)


def npy(header, data=b""):
    text = header.encode("latin1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", bytes(8)),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} \x00", bytes(8)),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps(1)),
        npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", bytes(4)),
        npy("(" * 9000),
        npy("'" * 3),
        npy("{1: 2}"),
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_odd_arrays_are_corrupt(tmp_path, content):
    with pytest.raises(CorruptFile, match=r"a\.npy"):
        read_npy(io.BytesIO(content), len(content), tmp_path / "a.npy")


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.ones(())]
)
def test_arrays_are_read_as_numpy_reads_them(tmp_path, array):
    np.save(file := io.BytesIO(), array)
    found = read_npy(io.BytesIO(file.getvalue()), len(file.getvalue()), tmp_path / "a.npy")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
