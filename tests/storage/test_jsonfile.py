import json

import numpy as np
import pytest

from charrnn.errors import CorruptFile, InvalidValue, NewerFormat
from charrnn.storage import jsonfile
from charrnn.storage.jsonfile import dump_json

BODY = {"z": [1, 2.5e-300, None], "a": {"text": "naïve 中\n", "huge": 2**130}, "tiny": float(np.nextafter(0, 1))}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(jsonfile.to_bytes("model", 3, BODY))
    return path


def test_what_was_written_is_read_in_the_same_order(path):
    assert list(jsonfile.read(path, "model", 3).items()) == list(BODY.items())


def test_line_ends_may_be_converted_on_the_way(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert jsonfile.read(path, "model", 3) == BODY


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"\x00" * 40, "damaged"),
        (b"[1, 2]", "damaged"),
        (b'{"format": "charrnn model"}', "damaged"),
        (b'{"format": "charrnn model", "version": 0, "sha256": "", "body": {}}', "version is 0"),
        (b'{"format": "charrnn refs", "version": 1, "sha256": "", "body": {}}', "not a charrnn model file"),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_other_content_is_refused_by_name(path, content, message):
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=rf"model\.json.*{message}"):
        jsonfile.read(path, "model", 3)


def test_a_changed_value_is_found(path):
    path.write_text(path.read_text().replace("2.5e-300", "2.5e-301"))
    with pytest.raises(CorruptFile, match=r"model\.json is damaged: its content does not match"):
        jsonfile.read(path, "model", 3)


def test_a_newer_version_is_refused_whatever_else_changed_in_it(path):
    path.write_text(json.dumps({"format": "charrnn model", "version": 4, "content": "?"}))
    with pytest.raises(NewerFormat, match=r"version 4 .* reads up to 3.*Upgrade"):
        jsonfile.read(path, "model", 3)


@pytest.mark.parametrize("value", [np.zeros(2), object(), b"bytes", {1, 2}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(InvalidValue, match=f"a record holds a {type(value).__name__}"):
        dump_json({"key": value}, "a record")


def test_a_generator_state_survives():
    state = np.random.default_rng(7).bit_generator.state
    assert json.loads(dump_json(state, "a record")) == state


def test_every_flipped_bit_is_corrupt_or_changes_no_value(path):
    content = path.read_bytes()
    harmless = 0
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert jsonfile.read(path, "model", 3) == BODY
        except CorruptFile:  # and not NewerFormat, where the digit of the version flips
            continue
        harmless += 1
    assert harmless <= 12  # the letter case of an escape or an exponent, the kind of white space


def test_files_of_the_first_charrnn_are_read_and_their_flipped_versions_found(path):
    head = {"format": "charrnn model", "version": 3, "sha256": jsonfile.sha256(dump_json(BODY, ""))}
    path.write_text(json.dumps({**head, "body": BODY}))
    assert jsonfile.read(path, "model", 3) == BODY
    path.write_text(json.dumps({**head, "version": 7, "body": BODY}))
    with pytest.raises(CorruptFile, match="version is 7, without a checksum"):
        jsonfile.read(path, "model", 3)


def test_a_newer_file_says_which_version_it_needs(path, monkeypatch):
    monkeypatch.setattr("charrnn.__version__", "12.5")
    path.write_bytes(jsonfile.to_bytes("model", 4, BODY))
    monkeypatch.undo()
    with pytest.raises(NewerFormat, match=r"charrnn 12\.5 wrote it\. Upgrade charrnn to that version"):
        jsonfile.read(path, "model", 3)
