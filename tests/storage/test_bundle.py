import os
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from charrnn.errors import CheckpointNotFound, CorruptFile, ModelExists, NewerFormat, NotAModelDirectory, SaveFailed
from charrnn.storage import jsonfile, modelfile
from charrnn.storage.bundle import export_bundle, import_bundle, is_bundle
from charrnn.storage.timetravel import branch, checkout, note
from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir, same, save, state_after
from tests.storage.test_formats import VERSIONS


@pytest.fixture
def bundle(workdir, tmp_path):
    return export_bundle(workdir, tmp_path / "model.zip")


def repacked(bundle, change, compression=zipfile.ZIP_STORED):
    """Write `bundle` anew with its dict of members changed."""
    with zipfile.ZipFile(bundle) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(bundle, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return bundle


def test_a_bundle_holds_last_best_history_and_no_text(workdir, bundle, tmp_path):
    copy = import_bundle(bundle, tmp_path / "copy")
    assert [checkpoint.step for checkpoint in copy.checkpoints] == [30, 40]
    assert same(copy.read()[0], state_after(40))
    assert copy.read("best")[1] == workdir.read("best")[1]
    assert copy.model == workdir.model
    assert list(copy.history) == list(workdir.history)
    assert not copy.data.exists()


def test_training_goes_on_from_an_imported_branch(workdir, tmp_path):
    branch(workdir, "side", 0)
    note(workdir, "the beginning")
    copy = import_bundle(export_bundle(workdir, tmp_path / "side.zip"), tmp_path / "copy")
    assert copy.find() == workdir.find()
    assert copy.refs.notes == {"e0001-s00000010-v1.200": "the beginning"}
    checkout(copy)
    assert (save(copy, 11).parent, copy.find().branch) == ("e0001-s00000010-v1.200", "side")


def test_a_bundle_replaces_a_former_one_whole(workdir, bundle):
    former = bundle.read_bytes()
    workdir.find().path.write_bytes(b"damaged")
    with pytest.raises(CorruptFile):
        export_bundle(workdir, bundle)
    assert bundle.read_bytes() == former
    assert sorted(os.listdir(bundle.parent)) == ["model", "model.zip"]


def test_there_must_be_something_to_export_and_a_place_for_it(workdir, tmp_path):
    with pytest.raises(CheckpointNotFound):
        export_bundle(new_workdir(tmp_path / "new"), tmp_path / "new.zip")
    with pytest.raises(SaveFailed):
        export_bundle(workdir, tmp_path / "nowhere" / "model.zip")


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt", "/tmp/evil.txt", "C:\\evil.txt", "checkpoints/../../evil.safetensors", "evil/", ".lock",
        "model.json/x", "checkpoints/evil.safetensors", "checkpoints\\evil.safetensors", "data/train.npy",
        "checkpoints/sub/e0000-s00000000-vnone.safetensors", "checkpoints/e0000-s00000000-vnone.safetensors\x00.py",
    ],
)  # fmt: skip
def test_members_with_other_names_are_refused(bundle, tmp_path, name):
    repacked(bundle, lambda members: members.update({name: b"evil"}))
    if "\x00" in name:  # as a hostile program, not Python's, would write it
        bundle.write_bytes(bundle.read_bytes().replace(b"vnone.safetensors", b"vnone.safetensor\x00"))
    with pytest.raises(CorruptFile, match="refused"):
        import_bundle(bundle, tmp_path / "copy")
    assert sorted(os.listdir(tmp_path)) == ["model", "model.zip"]


def test_a_member_that_could_swell_is_refused(bundle, tmp_path):
    repacked(bundle, lambda members: members.update({"history.jsonl": bytes(10**6)}), zipfile.ZIP_DEFLATED)
    with pytest.raises(CorruptFile, match=r"is compressed.*Unpack it"):
        import_bundle(bundle, tmp_path / "copy")


def test_members_that_overlap_are_refused(bundle, tmp_path):
    with zipfile.ZipFile(bundle, "a") as file:
        first = file.getinfo("checkpoints/e0003-s00000030-v1.000.safetensors")
        for step in range(100, 150):  # the directory points to one stretch of bytes again and again
            twin = zipfile.ZipInfo(f"checkpoints/e0003-s{step:08d}-v1.000.safetensors")
            twin.header_offset, twin.CRC = first.header_offset, first.CRC
            twin.file_size = twin.compress_size = first.file_size
            file.filelist.append(twin)
            file._didModify = True
    with pytest.raises(CorruptFile, match="more than its own size"):
        import_bundle(bundle, tmp_path / "copy")


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_or_altered_bundle_makes_no_directory(bundle, tmp_path, where):
    whole = bundle.read_bytes()
    at = int(len(whole) * where)
    altered = whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :]
    for content in (whole[:at], altered, b"", b"no zip at all"):
        bundle.write_bytes(content)
        with pytest.raises(CorruptFile, match=r"model\.zip"):
            import_bundle(bundle, tmp_path / "copy")
        assert sorted(os.listdir(tmp_path)) == ["model", "model.zip"]


@pytest.mark.parametrize("missing", ["model.json", "all"])
def test_a_bundle_without_a_model_is_refused(bundle, tmp_path, missing):
    repacked(bundle, lambda members: members.clear() if missing == "all" else members.pop(missing))
    with pytest.raises(CorruptFile, match=r"lacks model\.json"):
        import_bundle(bundle, tmp_path / "copy")


def test_a_checkpoint_of_another_model_is_refused(bundle, tmp_path):
    other = new_workdir(tmp_path / "other", (50,)).find()

    def exchange(members):
        del members["checkpoints/e0003-s00000030-v1.000.safetensors"]
        members[f"checkpoints/{other.path.name}"] = other.path.read_bytes()

    repacked(bundle, exchange)
    with pytest.raises(CorruptFile, match="belongs to another model"):
        import_bundle(bundle, tmp_path / "copy")


def test_existing_models_and_missing_files(workdir, bundle, tmp_path):
    with pytest.raises(ModelExists):
        import_bundle(bundle, workdir.path)
    with pytest.raises(NotAModelDirectory, match="is not a file"):
        import_bundle(tmp_path / "none.zip", tmp_path / "copy")
    assert [checkpoint.step for checkpoint in import_bundle(bundle, workdir.path, overwrite=True).checkpoints] == [
        30,
        40,
    ]


def test_a_bundle_of_a_newer_charrnn_is_refused(bundle, tmp_path):
    newer = jsonfile.to_bytes("model", modelfile.VERSION + 1, {})
    repacked(bundle, lambda members: members.update({"model.json": newer}))
    with pytest.raises(NewerFormat):
        import_bundle(bundle, tmp_path / "copy")
    assert isinstance(WorkDir.open(tmp_path / "model"), WorkDir)


def test_an_export_replaces_bundles_only(workdir, tmp_path):
    (tmp_path / "alice.txt").write_text("dear")
    (tmp_path / "other.zip").write_bytes(b"PK\x03\x04" + bytes(26) + b"letter.txt")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    targets = ["alice.txt", "other.zip", "model/model.json", "model/checkpoints/e0004-s00000040-v1.100.safetensors"]
    for target in targets:
        with pytest.raises(SaveFailed, match=r"did not write .*not a bundle made by export"):
            export_bundle(workdir, tmp_path / target)
    with pytest.raises(SaveFailed, match="did not write"):
        export_bundle(workdir, workdir.path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    bundle = export_bundle(workdir, tmp_path / "model.zip")
    save(workdir, 50)
    assert import_bundle(export_bundle(workdir, bundle), tmp_path / "copy").find().step == 50


def test_bundles_of_older_charrnns_are_replaced_too(workdir):
    for version in VERSIONS:
        assert is_bundle(version / "model.zip")


def test_parallel_exports_to_one_file_all_succeed(workdir, tmp_path):
    def export(_):
        return export_bundle(WorkDir.open(workdir.path), tmp_path / "model.zip")

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(export, range(24)))) == 24
    assert import_bundle(tmp_path / "model.zip", tmp_path / "copy").find().step == 40
    assert sorted(os.listdir(tmp_path)) == ["copy", "model", "model.zip"]


def test_the_leftover_of_a_killed_export_is_removed_by_the_next(workdir, tmp_path):
    (tmp_path / ".tmp-0123abcd-model.zip").write_bytes(b"half")
    (tmp_path / ".tmp-0123abcd-letter.txt").write_bytes(b"another program's")
    export_bundle(workdir, tmp_path / "model.zip")
    assert sorted(os.listdir(tmp_path)) == [".tmp-0123abcd-letter.txt", "model", "model.zip"]
