import errno
import os

import pytest

from charrnn.errors import SaveFailed
from charrnn.storage.atomic import TEMPORARY, discard_temporaries, replacing, write_atomically


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_refusal_of_the_system_leaves_the_former_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "refs.json"
    write_atomically(path, b"former")

    def refuse(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, refuse)
    with pytest.raises(SaveFailed, match=r"refs\.json: No space left on device.*untouched"):
        write_atomically(path, b"new")
    assert os.listdir(tmp_path) == ["refs.json"]
    assert path.read_bytes() == b"former"


def test_an_interruption_leaves_the_former_file(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"former")

    def interrupted():
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == b"former"


def test_the_directory_is_gone(tmp_path):
    with pytest.raises(SaveFailed, match="No such file"):
        write_atomically(tmp_path / "gone" / "a", b"")


def test_leftovers_are_found_by_name_and_removed(tmp_path):
    (tmp_path / f"{TEMPORARY}b.json").write_text("half")
    (tmp_path / "a.json").write_text("whole")
    assert discard_temporaries(tmp_path) == ["b.json"]
    assert os.listdir(tmp_path) == ["a.json"]
