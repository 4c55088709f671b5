import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from charrnn.data.music import matfile
from charrnn.data.music.rollsets import read_rollset
from charrnn.data.music.source import Pieces
from charrnn.errors import InvalidValue, NotInstalled, SourceNotFound, SourceUnusable

LENGTHS = {"train": [3, 5], "valid": [2], "test": [4, 1, 2]}


def pieces(width=88):
    rng = np.random.default_rng(0)
    return {part: [rng.random((n, width)) < 0.1 for n in lengths] for part, lengths in LENGTHS.items()}


def assert_same(got, want):
    assert {part: list(map(len, found)) for part, found in got.items()} == {
        part: list(map(len, found)) for part, found in want.items()
    }
    for part in want:
        for a, b in zip(got[part], want[part], strict=True):
            assert a.dtype == bool
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("width", [88, 176])
@pytest.mark.parametrize("packed", [False, True])
def test_npz(tmp_path, width, packed):
    arrays = {}
    for part, found in pieces(width).items():
        frames = np.concatenate(found)
        arrays[part] = np.packbits(frames, axis=1) if packed else frames.astype(np.float32)
        arrays[f"{part}_len"] = np.array(LENGTHS[part], np.int32)
    np.savez(tmp_path / "set.npz", **arrays)
    assert_same(read_rollset(tmp_path / "set.npz").parts, pieces(width))


def test_mat(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    arrays = {}
    for part, found in pieces().items():
        cells = np.empty((1, len(found)), object)
        cells[0] = [piece.astype(float) for piece in found] if len(found) > 1 else None
        if len(found) == 1:
            cells[0, 0] = found[0].astype(float)
        arrays[f"{part}data"] = cells
    scipy_io.savemat(tmp_path / "set.mat", arrays)
    assert_same(read_rollset(tmp_path / "set.mat").parts, pieces())


def as_lists(found, lowest):
    return [[(np.flatnonzero(frame) + lowest).tolist() for frame in piece] for piece in found]


@pytest.mark.parametrize("lowest", [0, 21])
@pytest.mark.parametrize("names", [("train", "valid", "test"), ("training", "dev", "testing")])
def test_json_of_pitches_or_keys(tmp_path, lowest, names):
    record = {name: as_lists(found, lowest) for name, found in zip(names, pieces().values(), strict=True)}
    (tmp_path / "set.json").write_text(json.dumps(record))
    assert_same(read_rollset(tmp_path / "set.json").parts, pieces())


def test_json_undivided_with_rests_and_timing(tmp_path):
    (tmp_path / "list.json").write_text("[[[60, -1], [], [62, 62, 200]]]")
    found = read_rollset(tmp_path / "list.json")
    assert [np.flatnonzero(frame).tolist() for frame in found.parts["all"][0]] == [[39], [], [41]]
    assert (found.dt, found.beats) == (None, None)
    (tmp_path / "timed.json").write_text('{"dt": 0.3, "beats": 0.5, "train": [[[60]]]}')
    assert read_rollset(tmp_path / "timed.json")[1:] == (0.3, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"poems": []}', "no part called train: it holds poems"),
        ('{"train": [[60]]}', "expected lists of pieces, of frames, of pitches, not '60'"),
        ('["a"]', "expected lists"),
        ("[[[[60]]]]", "a frame must be a list of pitches, whole numbers"),
        ("[[[60.5]]]", "whole numbers"),
        ("[[[true]]]", "whole numbers"),
        ('"train"', "expected lists"),
    ],
)
def test_json_of_something_else(tmp_path, text, message):
    (tmp_path / "set.json").write_text(text)
    with pytest.raises(SourceUnusable, match=message):
        read_rollset(tmp_path / "set.json")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, "no part called train: it holds x"),
        ({"train": np.zeros((4, 88))}, "train_len must hold lengths"),
        ({"train": np.zeros((4, 88)), "train_len": np.array([3])}, "make up 4 frames"),
        ({"train": np.zeros((4, 88)), "train_len": np.array([5, -1])}, "make up 4 frames"),
        ({"train": np.zeros((4, 88)), "train_len": np.array(4)}, "make up 4 frames"),
        ({"train": np.zeros((4, 90)), "train_len": np.array([4])}, r"train has shape \(4, 90\): expected"),
        ({"train": np.full((4, 88), 2), "train_len": np.array([4])}, "other values than 0 and 1"),
        ({"train": np.array([{}, {}])}, "pickled Python objects"),
    ],
)
def test_npz_of_something_else(tmp_path, arrays, message):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(SourceUnusable, match=message):
        read_rollset(tmp_path / "set.npz")


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
@pytest.mark.parametrize("content", [b"", b"PK\3\4 no archive", b"\x80\x04K\x01."])
def test_damaged(tmp_path, suffix, content):
    if suffix == ".mat":
        pytest.importorskip("scipy.io")
    path = tmp_path / f"set{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceUnusable, match=rf"set\{suffix} "):
        read_rollset(path)


def test_absent(tmp_path, monkeypatch):
    with pytest.raises(SourceNotFound, match="no file"):
        read_rollset(tmp_path / "none.npz")
    (tmp_path / "set.mat").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(NotInstalled, match="This needs scipy"):
        read_rollset(tmp_path / "set.mat")


def test_sets_that_would_take_too_much_memory(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", train=np.zeros((50_000, 88)), train_len=np.array([50_000]))
    assert (tmp_path / "a.npz").stat().st_size < 1_000_000
    (tmp_path / "b.json").write_text("[[" + ",".join(["[]"] * 50_000) + "]]")
    for name, limit, size in (("a.npz", 0.02, "0.1"), ("b.json", 0.001, "0.0")):
        tracemalloc.start()
        with pytest.raises(SourceUnusable, match=rf"{name} would take {size} GB of memory, more than the {limit} GB"):
            read_rollset(tmp_path / name, limit)
        assert tracemalloc.get_traced_memory()[1] < 2e6
        tracemalloc.stop()
    assert len(read_rollset(tmp_path / "a.npz").parts["train"][0]) == 50_000


def test_a_mat_file_that_takes_too_much_memory(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    pytest.importorskip("resource")
    cells = np.empty((1, 1), object)
    cells[0, 0] = np.zeros((120_000, 88))
    scipy_io.savemat(tmp_path / "set.mat", {"traindata": cells}, do_compression=True)
    assert (tmp_path / "set.mat").stat().st_size < 1_000_000
    with pytest.raises(SourceUnusable, match=r"set\.mat.*memory"):
        read_rollset(tmp_path / "set.mat", 0.001)


def test_what_ends_the_process_that_reads_is_said(tmp_path, monkeypatch):
    pytest.importorskip("scipy.io")
    (tmp_path / "set.mat").write_bytes(b"x" * 200)
    monkeypatch.setattr(matfile.sys, "executable", "/bin/false-that-is-not-there")
    with pytest.raises(SourceUnusable, match=r"set\.mat cannot be read"):
        read_rollset(tmp_path / "set.mat")
    monkeypatch.setattr(matfile.subprocess, "run", lambda *args, **options: subprocess.CompletedProcess([], -11))
    with pytest.raises(SourceUnusable, match="reading it ended the process that tried"):
        read_rollset(tmp_path / "set.mat")


def test_every_altered_byte_of_a_set_is_read_or_refused(tmp_path):
    np.savez(tmp_path / "a.npz", train=np.zeros((4, 11), np.uint8), train_len=np.array([4]))
    whole = np.frombuffer((tmp_path / "a.npz").read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    path = tmp_path / "b.npz"
    refused = []
    for _ in range(400):
        altered = whole.copy()
        altered[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(altered.tobytes())
        try:
            read_rollset(path)
        except SourceUnusable as error:
            refused.append(str(error))
    assert all("b.npz" in message for message in refused)


def test_a_byte_order_mark_before_json(tmp_path):
    (tmp_path / "set.json").write_bytes(b"\xef\xbb\xbf[[[60], [62]]]")
    assert len(read_rollset(tmp_path / "set.json").parts["all"][0]) == 2


def test_step_of_no_sense(tmp_path):
    (tmp_path / "set.json").write_text('{"dt": "x", "train": [[[60], [60]]]}')
    with pytest.raises(InvalidValue, match="dt='x'"):
        Pieces.open(tmp_path / "set.json")


def test_published_sets(real_data):
    parts = read_rollset(real_data / "music" / "jsb.npz").parts
    assert {part: len(found) for part, found in parts.items()} == {"train": 229, "valid": 76, "test": 77}
    assert sum(map(len, parts["test"])) == 4725
    parts = read_rollset(real_data / "music" / "nottingham.npz").parts
    assert {part: len(found) for part, found in parts.items()} == {"train": 694, "valid": 173, "test": 170}
