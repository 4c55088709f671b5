import contextlib

import pytest

from charrnn.errors import CorruptFile
from charrnn.storage import datacheck
from charrnn.storage.datacheck import DataCheck


def damage(workdir, where):
    path = workdir.data / "train.npy"
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("where", [0, 9, 40, 127, -1])  # in the header too
@pytest.mark.parametrize("at_once", [0, 10**6])
def test_damage_is_found_before_or_beside_training(workdir, monkeypatch, where, at_once):
    monkeypatch.setattr(datacheck, "AT_ONCE", at_once)
    damage(workdir, where)
    check = DataCheck(workdir)
    with contextlib.suppress(CorruptFile):
        check.begin()
    with pytest.raises(CorruptFile, match=r"train\.npy does not match its checksum.*Put back"):
        check.wait()
    with pytest.raises(CorruptFile):
        check.require_intact()


def test_a_missing_file_is_named(workdir):
    (workdir.data / "train.npy").unlink()
    with pytest.raises(CorruptFile, match=r"train\.npy is missing"):
        DataCheck(workdir).begin()


def test_intact_data_is_read_once_a_session(workdir, monkeypatch):
    read = []
    file_facts = datacheck.file_facts
    monkeypatch.setattr(datacheck, "file_facts", lambda path: read.append(path.name) or file_facts(path))
    check = DataCheck(workdir)
    check.begin()
    check.begin()
    check.wait()
    assert read == ["train.npy"]


def test_after_the_file_was_put_back_training_may_begin(workdir):
    damage(workdir, 40)
    check = DataCheck(workdir)
    with pytest.raises(CorruptFile):
        check.begin()
    damage(workdir, 40)
    check.begin()
