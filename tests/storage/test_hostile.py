"""Received directories and files: nothing is followed out of them, opened that is no file, or let take much memory."""

import json
import os
import struct
import warnings

import pytest

from charrnn.errors import CharRNNError, CorruptFile, DamageWarning
from charrnn.storage import jsonfile, rows
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.modelfile import ModelFile
from charrnn.storage.timetravel import branch, log, note
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.states import save

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

    for row in [*WRONG, {"__goto__": -5}, {"__goto__": 10**30}, {"__goto__": "x"}, {"__steps__": {"step": "?"}},
                {"__steps__": {"loss": "AAA="}}, {"__steps__": 5}, {"step": {"a": [1]}}, {"step": 2**80}]:  # fmt: skip
        for n in (5, 4, 10**12, -1):
            workdir.history.path.write_bytes(content + rows.written(workdir.id, n, json.dumps(row)))
            look(workdir)


def look(workdir):
    """Read all that there is; every problem must be one of charrnn's errors."""

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
