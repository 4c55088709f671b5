import pytest

from charrnn.errors import DamageWarning
from charrnn.storage import verify as module
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.verify import verify, worth_measuring
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, record_of


def test_an_intact_directory_is_ok(workdir):
    report = verify(workdir)
    assert report.ok
    assert [row["file"].split("/")[0] for row in report] == [
        "model.json", "refs.json", "inventory.json", "history.jsonl", "data", *["checkpoints"] * 4,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model.json", "damaged"),
        ("refs.json", "damaged"),
        ("history.jsonl", "1 rows are damaged"),
        ("data/train.npy", "does not match its checksum"),
        ("checkpoints/e0003-s00000030-v1.000.safetensors", "damaged"),
    ],
)
def test_one_changed_byte_anywhere_is_named(workdir, file, message):
    path = workdir.path / file
    content = bytearray(path.read_bytes())
    where = len(content) * 3 // 4
    content[where] = content[where] ^ 1 if content[where] not in b" \n" else ord("x")
    path.write_bytes(content)
    report = verify(workdir)
    assert not report.ok
    assert len(report.problems) == 1
    assert report.problems[0].startswith(f"{file}: ")
    assert message in report.problems[0]
    assert path.read_bytes() == content


def test_a_torn_row_is_named_until_a_writer_discards_it(workdir):
    with open(workdir.history.path, "ab") as file:
        file.write(b'{"n": 5, "ch')
    assert verify(workdir).problems == [
        "history.jsonl: the last 12 bytes are no whole row: the next writer will discard them"
    ]
    with pytest.warns(DamageWarning, match="discarded the last 12 bytes"), workdir.lock():
        pass
    assert verify(workdir).ok


def test_missing_data_is_damage_unless_the_model_was_imported_without(workdir, tmp_path):
    (workdir.data / "train.npy").unlink()
    assert verify(workdir).problems == ["data/train.npy: is missing"]
    workdir.data.rmdir()
    assert verify(WorkDir.open(workdir.path)).problems == ["data/train.npy: is missing"]
    imported = import_bundle(export_bundle(workdir, tmp_path / "model.zip"), tmp_path / "copy")
    assert verify(imported).ok


def test_whatever_a_check_raises_is_what_it_found(workdir, monkeypatch):
    def fail(*args):
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(module, "read_arrays", fail)
    problems = verify(workdir).problems
    assert len(problems) == 4
    assert problems[0].endswith("could not be checked: ZeroDivisionError: odd")


def test_losses_worth_computing_again_are_the_newest_the_best_and_some_between(tmp_path):
    workdir = new_workdir(tmp_path / "model", (10,))
    for step in range(1, 20):
        workdir.save_checkpoint({}, record_of(step, 1 + abs(step - 7) / 10, measured={"batchsize": 1}))
    workdir.checkpoints[-3].path.write_bytes(b"")
    chosen = [checkpoint.step for checkpoint in worth_measuring(workdir, 5)]
    assert chosen[:2] == [19, 7]
    assert len(chosen) == len(set(chosen)) == 5
    assert 17 not in chosen
    assert [checkpoint.step for checkpoint in worth_measuring(workdir, 1)] == [19]
