"""Whatever system call fails: one of charrnn's errors names the file, nothing saved is lost, and all goes on after."""

import errno
import itertools
import os
import shutil
import warnings

import pytest

from charrnn.errors import CharRNNError, CorruptFile, FileUnreadable, SaveFailed, TooLarge
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.faults import reading, writing
from charrnn.storage.thinning import thin
from charrnn.storage.timetravel import branch, checkout, note
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.failing import failing
from tests.storage.states import new_workdir, save
from tests.storage.test_crash import recovered

ACTS = {
    "open": lambda path: WorkDir.open(path),
    "load": lambda path: WorkDir.open(path).load(),
    "history": lambda path: list(WorkDir.open(path).history),
    "save": lambda path: save(WorkDir.open(path), 50),
    "checkout": lambda path: checkout(WorkDir.open(path), 1),
    "branch": lambda path: branch(WorkDir.open(path), "side", 0),
    "note": lambda path: note(WorkDir.open(path), "good"),
    "thin": lambda path: thin(WorkDir.open(path), max_bytes=0),
    "export": lambda path: export_bundle(WorkDir.open(path), path.parent / "m.zip"),
    "import": lambda path: import_bundle(path.parent / "given.zip", path.parent / "copy"),
    "create": lambda path: WorkDir.create(path.parent / "new", {"modeltype": "new"}),
    "replace": lambda path: WorkDir.create(path, {"modeltype": "new"}, overwrite=True),
    "verify": lambda path: verify(WorkDir.open(path)),
}


@pytest.mark.slow
@pytest.mark.parametrize("act", list(ACTS))
def test_every_failing_call_is_one_of_our_errors_and_costs_nothing(tmp_path, monkeypatch, act):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nothing here is about power cuts
    code = errno.EIO
    original = new_workdir(tmp_path / "original", (10, 20))
    export_bundle(original, tmp_path / "bundle.zip")
    for turn in itertools.count(1):
        parent = tmp_path / "turn"
        shutil.copytree(original.path, parent / "model")
        shutil.copy(tmp_path / "bundle.zip", parent / "given.zip")
        with warnings.catch_warnings(), failing(turn, code, str(parent)) as count:
            warnings.simplefilter("ignore")
            unnamed = None
            try:
                ACTS[act](parent / "model")
            except CharRNNError as error:
                unnamed = str(parent) not in str(error) and error
        assert not unnamed
        if act != "replace":
            assert recovered(parent / "model")[0].model == original.model
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert WorkDir.open(parent / "model").model in (original.model, {"modeltype": "new"})
        shutil.rmtree(parent)
        if count[0] < turn:
            break
    assert turn > 3


def test_errors_are_told_by_their_kind(tmp_path):
    path = tmp_path / "a.json"
    kinds = {
        OSError(errno.EIO, "Input/output error"): FileUnreadable,
        MemoryError(): TooLarge,
        SyntaxError("x"): CorruptFile,
        RecursionError(): CorruptFile,
        UnicodeDecodeError("ascii", b"", 0, 1, "x"): CorruptFile,
        OverflowError("x"): CorruptFile,
    }
    for raised, expected in kinds.items():
        with pytest.raises(expected, match=r"a\.json"), reading(path):
            raise raised
    with pytest.raises(SaveFailed, match=r"a\.json: Input/output error.*untouched"), writing(path):
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(FileNotFoundError) as caught, reading(path):
        path.read_bytes()
    assert not isinstance(caught.value, CharRNNError)
    with pytest.raises(KeyboardInterrupt), reading(path):
        raise KeyboardInterrupt


def test_what_could_not_be_read_this_time_is_not_set_aside(workdir):
    last = workdir.find()
    with failing(0, errno.EIO, last.path.name), pytest.raises(FileUnreadable, match="could not read"):
        WorkDir.open(workdir.path).find()
    assert WorkDir.open(workdir.path).find() == last
    session = WorkDir.open(workdir.path)
    session.history.mark  # noqa: B018
    with failing(0, errno.EIO, last.path.name):
        checkout(session, 0)
    assert os.path.exists(last.path)


def test_a_save_that_fails_at_its_end_leaves_no_checkpoint(workdir):
    from unittest import mock

    from charrnn.storage import atomic

    refuse = mock.Mock(side_effect=OSError(errno.EIO, "Input/output error"))
    with workdir.lock(), mock.patch.object(atomic, "sync_directory", refuse), pytest.raises(SaveFailed):
        workdir.save_checkpoint({}, {"epoch": 5, "step": 50, "valid_loss": None})
    assert WorkDir.open(workdir.path).find().step == 40
    assert save(workdir, 50).serial == 5
