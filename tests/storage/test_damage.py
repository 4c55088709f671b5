"""Truncated, altered, swapped and foreign files are found and named, and the last good checkpoint is offered."""

import random
import shutil

import pytest

from charrnn.errors import CorruptFile, DamageWarning, NewerFormat
from charrnn.storage import checkpointfile
from charrnn.storage.timetravel import checkout, note
from charrnn.storage.workdir import WorkDir
from tests.storage.damage import FOUND, HARMLESS, contents, judge
from tests.storage.states import new_workdir, save

LAST = "e0004-s00000040-v1.100"
FILES = ["model.json", "refs.json", "history.jsonl", "data/train.npy", f"checkpoints/{LAST}.safetensors"]


@pytest.mark.parametrize("file", FILES)
def test_flipped_bits_are_found(workdir, file):
    note(workdir, "ä")
    intact = contents(workdir.path)
    path = workdir.path / file
    content = path.read_bytes()
    rng = random.Random(file)
    verdicts = []
    for _ in range(60):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        verdicts.append(judge(workdir.path, intact))
    assert set(verdicts) <= {FOUND, HARMLESS}
    # What changes no value: the letter case of an escape or an exponent in JSON. Arrays have nothing of the kind.
    assert verdicts.count(HARMLESS) <= (0 if file.startswith(("data", "checkpoints")) else 3)


@pytest.mark.parametrize("file", FILES)
def test_truncations_are_found(workdir, file):
    intact = contents(workdir.path)
    path = workdir.path / file
    content = path.read_bytes()
    for length in {0, 1, 7, 8, 9, len(content) // 2, len(content) - 2, len(content) - 1}:
        path.write_bytes(content[:length])
        verdict = judge(workdir.path, intact)
        if length == len(content) - 1 and file in ("model.json", "refs.json"):
            assert verdict == HARMLESS  # the last line end
        elif length > 0 or file != "history.jsonl":  # an empty history is one not yet begun
            assert verdict == FOUND


def test_a_damaged_last_checkpoint_is_named_and_the_last_good_one_offered(workdir):
    path = workdir.find().path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    message = rf"{LAST}\.safetensors is damaged: array .* The last good checkpoint is e0003-s00000030-v1\.000"
    with pytest.raises(CorruptFile, match=message):
        workdir.read()
    path.write_bytes(content[:100])
    with pytest.raises(CorruptFile, match=rf"{LAST}\.safetensors is damaged.*last good checkpoint is e0003-s00000030"):
        workdir.read()
    with pytest.warns(DamageWarning, match=f"{LAST}.*left out"):
        assert len(workdir.checkpoints) == 3


def test_a_damaged_best_is_not_passed_over_in_silence(workdir):
    workdir.find("best").path.write_bytes(b"")
    with pytest.raises(CorruptFile, match=r"e0003-s00000030-v1\.000\.safetensors is damaged"):
        workdir.find("best")
    assert workdir.find().step == 40


def test_going_on_from_a_good_one_sets_the_damaged_aside(workdir):
    workdir.find().path.write_bytes(b"damaged")
    with pytest.warns(DamageWarning, match=f"set aside a damaged checkpoint as .*{LAST}.safetensors.damaged"):
        checkout(workdir, 2)
    assert workdir.find().step == 30
    save(workdir, 31)
    assert WorkDir.open(workdir.path).find().step == 31


def test_when_none_is_good_that_is_said(workdir):
    for checkpoint in workdir.checkpoints:
        checkpoint.path.write_bytes(b"")
    with pytest.raises(CorruptFile, match="No other checkpoint is good"):
        workdir.find()


def test_swapped_and_foreign_checkpoints_are_found(workdir, tmp_path):
    first, last = workdir.checkpoints[0].path, workdir.checkpoints[-1].path
    shutil.copy(first, last)
    with pytest.raises(CorruptFile, match=r"holds another checkpoint, e0001-s00000010-v1\.200"):
        workdir.find()
    other = new_workdir(tmp_path / "other", (40,))
    shutil.copy(other.find().path, last)
    with pytest.raises(CorruptFile, match="belongs to another model"):
        workdir.find()


def test_other_files_among_the_checkpoints_are_no_hindrance(workdir):
    folder = workdir.path / "checkpoints"
    (folder / "README.txt").write_text("mine")
    (folder / ".e0009-s00000090-v0.100.safetensors").write_bytes(b"a file system's shadow")
    (folder / "bert.safetensors").write_bytes(b"no checkpoint's name")
    assert workdir.find().step == 40
    with pytest.warns(DamageWarning, match="bert"):
        assert len(workdir.checkpoints) == 4


def test_a_newer_checkpoint_is_refused_where_it_is_meant(workdir, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(checkpointfile, "VERSION", 2)
        last = save(workdir, 50)
    with pytest.raises(NewerFormat, match=rf"{last.name}\.safetensors has version 2"):
        workdir.read()
    assert workdir.read("e0004-s00000040-v1.100")[1]["step"] == 40
