"""Received directories and files: nothing is followed out of them, opened that is no file, or let take much memory."""

import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from charrnn.errors import CharRNNError, CorruptFile, DamageWarning, TooLarge
from charrnn.storage import jsonfile
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.checkpointfile import read_arrays
from charrnn.storage.history import History
from charrnn.storage.legacy import read_legacy
from charrnn.storage.modelfile import ModelFile
from charrnn.storage.npyfile import read_npy
from charrnn.storage.timetravel import branch, log, note
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import save
from tests.storage.test_legacy import parameters, saved

LAST = "checkpoints/e0004-s00000040-v1.100.safetensors"
PLACES = ["model.json", "refs.json", "inventory.json", "history.jsonl", "data/train.npy", LAST]

needs_posix = pytest.mark.skipif(os.name == "nt", reason="makes links and pipes")


def link(path):
    """Put a link to a copy elsewhere in the place of a file."""
    outside = path.parents[2] / "outside"
    os.rename(path, outside)
    path.symlink_to(outside)


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path):
    path.unlink()
    path.mkdir()


@needs_posix
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("harm", [link, pipe, device, folder])
def test_what_is_no_plain_file_is_named_and_neither_followed_nor_opened(workdir, place, harm):
    harm(workdir.path / place)
    problems = verify(workdir).problems
    assert [problem.split(":")[0] for problem in problems] == [place]
    assert "is a " in problems[0] or "another history" in problems[0]
    if place not in ("inventory.json", "history.jsonl"):
        with pytest.raises(CharRNNError, match=place.split("/")[-1] if place != "model.json" else "model"):
            WorkDir.open(workdir.path).load()
    if place == "history.jsonl":
        with pytest.raises(CorruptFile, match=r"history\.jsonl is a"):
            WorkDir.open(workdir.path).history.append({})
    outside = workdir.path.parent / "outside"
    if outside.exists():
        assert outside.stat().st_nlink == 1


@needs_posix
@pytest.mark.parametrize("name", ["data", "checkpoints"])
def test_folders_that_are_links_are_named(workdir, tmp_path, name):
    os.rename(workdir.path / name, tmp_path / "outside")
    (workdir.path / name).symlink_to(tmp_path / "outside")
    with pytest.raises(CorruptFile, match=f"{name} is a symbolic link"):
        WorkDir.open(workdir.path)
    problems = verify(workdir).problems
    assert problems
    assert all(problem.startswith(name) for problem in problems)


@needs_posix
def test_cards_and_locks_that_are_links_lead_nowhere(workdir, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    (workdir.path / ".lock-owner.json").symlink_to(tmp_path / "letter.txt")
    save(workdir, 50)
    assert (tmp_path / "letter.txt").read_text() == "dear"
    (workdir.path / ".lock").unlink()
    (workdir.path / ".lock").symlink_to(tmp_path / "letter.txt")
    with pytest.raises(CorruptFile, match=r"\.lock is a symbolic link"):
        save(WorkDir.open(workdir.path), 60)


@pytest.mark.parametrize("name", ["../../alice.txt", "/etc/passwd", "..", "C:x", "a\\b", ""])
def test_data_files_cannot_be_elsewhere(workdir, name):
    body = dict(vars(ModelFile.read(workdir.path))) | {"data": {name: {"size": 1, "sha256": ""}}}
    (workdir.path / "model.json").write_bytes(jsonfile.to_bytes("model", 1, body))
    with pytest.raises(CorruptFile, match="leads out of its folder"):
        WorkDir.open(workdir.path)
    body |= {"data": {}, "model": {"corpus": {"filename": name}}}
    (workdir.path / "model.json").write_bytes(jsonfile.to_bytes("model", 1, body))
    with pytest.raises(CorruptFile, match="leads out of its folder"):
        WorkDir.open(workdir.path)


# Right checksums and wrong content

WRONG = [None, 5, -1, 2**70, 1.5, "x", [], {}, [[]], True, float("nan")]


@pytest.mark.parametrize("kind", ["model", "refs", "inventory"])
def test_wrong_content_with_a_right_checksum_is_corrupt(workdir, kind):
    file = workdir.path / f"{kind}.json"
    content = file.read_bytes()
    body = json.loads(content)["body"]
    for key in body:
        for value in [*WRONG, "absent"]:
            changed = {k: v for k, v in (body | {key: value}).items() if v != "absent"}
            file.write_bytes(jsonfile.to_bytes(kind, 1, changed))
            look(workdir)
    file.write_bytes(content)
    assert verify(workdir).ok


def test_wrong_records_with_right_checksums_are_corrupt(workdir):
    path = workdir.path / LAST
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["charrnn"])
    for key in [*facts, "record.epoch", "record.step", "record.valid_loss", "record.pos"]:
        for value in WRONG:
            changed = json.loads(json.dumps(facts))
            if key.startswith("record."):
                changed["record"][key.removeprefix("record.")] = value
            else:
                changed[key] = value
            text = json.dumps(changed)
            new = {**header, "__metadata__": {"charrnn": text, "sha256": jsonfile.sha256(text)}}
            packed = json.dumps(new).encode()
            packed += b" " * (-len(packed) % 8)
            path.write_bytes(struct.pack("<Q", len(packed)) + packed + content[8 + length :])
            look(workdir)


def test_wrong_rows_with_right_checksums_do_no_harm(workdir):
    content = workdir.history.path.read_bytes()
    from charrnn.storage import rows

    for row in [*WRONG, {"__goto__": -5}, {"__goto__": 10**30}, {"__goto__": "x"}, {"__steps__": {"step": "?"}},
                {"__steps__": {"loss": "AAA="}}, {"__steps__": 5}, {"step": {"a": [1]}}, {"step": 2**80}]:  # fmt: skip
        for n in (5, 4, 10**12, -1):
            workdir.history.path.write_bytes(content + rows.written(workdir.id, n, json.dumps(row)))
            look(workdir)


def look(workdir):
    """Read all that there is; every problem must be one of charrnn's errors."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        assert not [problem for problem in verify(workdir).problems if "could not be checked" in problem]
        try:
            opened = WorkDir.open(workdir.path)
            opened.load()
            repr(opened.checkpoints)
            repr(log(opened))
            repr(opened.history)
            opened.history.columns()
            opened.history.steps()
        except CharRNNError:
            pass


# Budgets


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
    import contextlib

    from charrnn.storage import rows

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
    path = workdir.path / LAST
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


# Escapes

ESCAPE = "\x1b[31mred\x07\x9b2J"


def test_escapes_in_notes_labels_and_cards_are_shown_not_sent(workdir, capsys):
    note(workdir, ESCAPE)
    refs = workdir.refs
    refs.branches[ESCAPE] = refs.branches["main"]
    refs.branch = ESCAPE
    (workdir.path / "refs.json").write_bytes(refs.to_bytes())
    workdir.history.append({"what": ESCAPE})
    checkpoint = save(workdir, 50)
    checkpoint.printstats()
    card = {"pid": 1, "host": ESCAPE, "since": ESCAPE}
    with workdir.lock():
        (workdir.path / ".lock-owner.json").write_text(json.dumps(card))
        with pytest.raises(CharRNNError) as caught:
            save(WorkDir.open(workdir.path), 60)
    shown = [repr(log(workdir)), repr(checkpoint), repr(workdir), repr(workdir.history), str(caught.value)]
    shown.append(capsys.readouterr().out)
    for text in shown:
        assert not set(text) & {"\x1b", "\x07", "\x9b"}
    assert "\\x1b[31mred" in shown[0]


def test_names_of_branches_take_no_escapes(workdir):
    with pytest.raises(CharRNNError, match="cannot name a branch"):
        branch(workdir, ESCAPE)


def test_a_bundle_keeps_escapes_apart_too(workdir, tmp_path):
    note(workdir, ESCAPE)
    copy = import_bundle(export_bundle(workdir, tmp_path / "m.zip"), tmp_path / "copy")
    assert copy.refs.notes == {"e0004-s00000040-v1.100": ESCAPE}
