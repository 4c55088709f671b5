import math

import numpy as np
import pytest

from charrnn.errors import CorruptFile, InvalidValue, NewerFormat
from charrnn.storage import checkpointfile
from charrnn.storage.checkpoint import checkpoint_name, place_of
from charrnn.storage.checkpointfile import read_arrays, read_header, write_checkpoint
from tests.storage.states import same

FACTS = {"name": "c", "model": "m", "serial": 1, "branch": "main", "parent": None, "history": 0}
FACTS |= {"time": "2024-02-29T12:00:00+00:00", "record": {"epoch": 0, "step": 1, "valid_loss": 2.5}}

AWKWARD = {
    "zero-dimensional": np.array(2.5, np.float32),
    "scalar": np.float64(0.1),
    "empty": np.zeros((0, 3), np.float32),
    "one": np.ones((1, 1, 1), np.int8),
    "odd": np.arange(7, dtype=np.uint32),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(20, dtype=np.int64)[::3],
    "reversed": np.arange(5, dtype=np.float32)[::-1],
    "bool": np.array([True, False, True]),
    "half": np.array([np.inf, -0.0, 6e-8], np.float16),
    "nan with payload": np.array([0x7FC01234, 0xFF800001], np.uint32).view(np.float32),
    "näme/中": np.array([2**63], np.uint64),
}


def test_arrays_return_bit_for_bit_and_writable(tmp_path):
    write_checkpoint(tmp_path / "c.safetensors", AWKWARD, FACTS)
    arrays = read_arrays(tmp_path / "c.safetensors")
    assert list(arrays) == list(AWKWARD)
    assert same(arrays, AWKWARD)
    for array in arrays.values():
        array[...] = 0


def test_other_byte_order_keeps_the_values(tmp_path):
    write_checkpoint(tmp_path / "c.safetensors", {"W": np.array([1.5, -2], ">f4")}, FACTS)
    assert read_arrays(tmp_path / "c.safetensors")["W"].tolist() == [1.5, -2]


def test_no_arrays_at_all(tmp_path):
    write_checkpoint(tmp_path / "c.safetensors", {}, FACTS)
    assert read_arrays(tmp_path / "c.safetensors") == {}


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([None]), np.array([1j]), np.zeros(2, np.longdouble)])
def test_other_dtypes_are_refused_by_name(tmp_path, array):
    with pytest.raises(InvalidValue, match=f"array W has dtype {array.dtype}"):
        write_checkpoint(tmp_path / "c.safetensors", {"W": array}, FACTS)
    assert not list(tmp_path.iterdir())


def test_record_and_facts_are_in_the_header(tmp_path):
    record = {"epoch": 3, "step": 7, "pos": 5, "valid_loss": 1 / 3, "text": "ü\n\x01\ud800", "rng": {"state": 2**127}}
    write_checkpoint(tmp_path / "c.safetensors", AWKWARD, FACTS | {"record": record})
    found, _ = read_header(tmp_path / "c.safetensors")
    assert found.record == record
    assert (found.epoch, found.step, found.pos, found.loss, found.serial) == (3, 7, 5, 1 / 3, 1)
    assert found.time.isoformat() == FACTS["time"]
    assert hash(found) == hash(read_header(tmp_path / "c.safetensors")[0])


def test_printstats(tmp_path, capsys):
    write_checkpoint(
        tmp_path / "c.safetensors", {}, FACTS | {"record": {"epoch": 0, "step": 1, "valid_loss": math.log(2)}}
    )
    found, _ = read_header(tmp_path / "c.safetensors")
    found.printstats()
    assert "0.6931 nats/char (1.0000 bits, perplexity 2.00)" in capsys.readouterr().out
    assert "0.6931 nats/char" in repr(found)


def test_a_newer_version_is_refused(tmp_path, monkeypatch):
    write_checkpoint(tmp_path / "c.safetensors", {}, FACTS)
    monkeypatch.setattr(checkpointfile, "VERSION", 0)
    with pytest.raises(NewerFormat, match=r"c\.safetensors has version 1"):
        read_header(tmp_path / "c.safetensors")


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"W": np.zeros(3)}, tmp_path / "c.safetensors")
    with pytest.raises(CorruptFile, match=r"c\.safetensors is damaged or no charrnn checkpoint"):
        read_header(tmp_path / "c.safetensors")


@pytest.mark.parametrize("loss", [None, 0.0, 1.5119, 12.0, 1e30, math.inf, math.nan])
def test_names_are_legal_everywhere_and_tell_step_and_loss(loss):
    name = checkpoint_name(3, 12034, loss)
    assert not set(name) & set('<>:"/\\|?* ')
    assert not name.endswith(".")
    place = place_of(name + "-2")
    assert place is not None
    assert place.step == 12034
    expected = math.inf if loss is None or math.isnan(loss) else loss
    assert place.loss == pytest.approx(expected, abs=5e-4)


def test_names_sort_by_time():
    names = [checkpoint_name(step // 9999, step, 9.0 / (step + 1)) for step in range(0, 20_000_000, 999_999)]
    assert names == sorted(names)
