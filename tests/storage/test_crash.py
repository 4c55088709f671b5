"""Killed, without power, or with a full disk at any instant: the last complete checkpoint is there, bit for bit."""

import os
import random
import sys
import warnings
from contextlib import closing

import pytest

from charrnn.errors import CharRNNError, DamageWarning, SaveFailed
from charrnn.storage.thinning import thin
from charrnn.storage.timetravel import branch, checkout, note, pin
from charrnn.storage.verify import verify
from charrnn.storage.workdir import WorkDir
from tests.storage.crash import Camera
from tests.storage.states import new_workdir, same, save, state_after
from tests.storage.writer import after_kill, run_and_kill

resource = pytest.importorskip("resource")


def recovered(path):
    """Open what a crash left, as a writer; return it with the step of its last checkpoint, found right in every bit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        workdir = WorkDir.open(path)
        checkpoint = checkout(workdir)
    assert same(workdir.read(checkpoint)[0], state_after(checkpoint.step))
    assert verify(workdir).ok
    return workdir, checkpoint.step


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at Linux's /proc")
def test_every_instant_of_a_kill_or_a_power_cut(tmp_path, monkeypatch):
    workdir = new_workdir(tmp_path / "model", (1,))
    acts = {
        "first save": (lambda: save(workdir, 2), 2),
        "second save": (lambda: save(workdir, 3), 3),
        "note": (lambda: note(workdir, "good", "best"), 3),
        "pin": (lambda: pin(workdir, 0), 3),
        "back": (lambda: checkout(workdir, 1), 2),
        "save after going back": (lambda: save(workdir, 4), 4),
        "branch": (lambda: branch(workdir, "side", 0), 1),
        "save on the branch": (lambda: save(workdir, 5), 5),
        "thinning": (lambda: thin(workdir, max_bytes=0), 5),
        "save after thinning": (lambda: save(workdir, 6), 6),
    }
    expected = {}  # by picture: the steps of which one must be the last
    before = 1
    with closing(Camera(workdir.path, tmp_path / "album", monkeypatch)) as camera:
        for act, after in acts.values():
            first = camera.pictures + 1
            act()
            camera.take()
            expected.update({picture: {before, after} for picture in range(first, camera.pictures)})
            expected[camera.pictures] = {after}  # once the call has returned, nothing takes it back
            before = after
        monkeypatch.undo()
    assert camera.pictures > 30
    for picture, steps in expected.items():
        for crash in ("killed", "unpowered"):
            left, step = recovered(tmp_path / "album" / crash / str(picture))
            assert step in steps, (crash, picture)
            rows = [row["step"] for row in left.history]
            assert rows[-1] == step
            assert save(left, 7).step == left.find().step == 7
            assert not list(left.path.rglob(".tmp-*"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at Linux's /proc")
def test_the_first_checkpoint_and_row_of_all_survive_a_power_cut(tmp_path, monkeypatch):
    workdir = new_workdir(tmp_path / "model")
    with closing(Camera(workdir.path, tmp_path / "album", monkeypatch)) as camera:
        save(workdir, 1)
        camera.take()
        monkeypatch.undo()
    left, step = recovered(tmp_path / "album" / "unpowered" / str(camera.pictures))
    assert (step, [row["step"] for row in left.history]) == (1, [1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at Linux's /proc")
@pytest.mark.parametrize("overwrite", [False, True])
def test_every_instant_of_a_creation(tmp_path, monkeypatch, overwrite):
    (tmp_path / "parent").mkdir()
    if overwrite:
        new_workdir(tmp_path / "parent" / "model", (1,))

    with closing(Camera(tmp_path / "parent", tmp_path / "album", monkeypatch)) as camera:
        WorkDir.create(tmp_path / "parent" / "model", {"modeltype": "new"}, overwrite=overwrite)
        camera.take()
        monkeypatch.undo()
    for crash in ("killed", "unpowered"):
        for picture in range(1, camera.pictures + 1):
            target = tmp_path / "album" / crash / str(picture) / "model"
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DamageWarning)
                    found = WorkDir.open(target)
            except CharRNNError:
                assert not overwrite
                assert not target.exists()
                assert picture < camera.pictures
            else:
                assert verify(found).ok
                whole = found.model == {"modeltype": "new"} or same(found.read()[0], state_after(1))
                assert whole
                assert picture < camera.pictures or found.model == {"modeltype": "new"}
            WorkDir.create(target, {"modeltype": "again"}, overwrite=True)
            assert os.listdir(target.parent) == ["model"]


@pytest.mark.parametrize("room", [0, 1, 60, 300])
def test_a_full_disk_is_told_and_costs_nothing_that_was_saved(tmp_path, room):
    workdir = new_workdir(tmp_path / "model", (1,))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    acts = [lambda: save(workdir, 2), lambda: note(workdir, "long" * 100), lambda: branch(workdir, "side")]
    for act in acts:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))  # no file may grow beyond
        try:
            with pytest.raises(SaveFailed, match="could not write"):
                act()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        found, step = recovered(workdir.path)
        assert step == 1
        assert found.refs.branches.keys() == {"main"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        save(workdir, 2)
    assert recovered(workdir.path)[1] == 2


def test_killed_writers(tmp_path):
    """A few real kills; `benchmarks/durability.py` does hundreds."""
    rng = random.Random(0)
    workdir = new_workdir(tmp_path / "model")
    reached = 0
    for _ in range(8):
        reached = after_kill(workdir.path, run_and_kill(workdir.path, after=rng.uniform(0, 0.05)), reached)
    assert reached > 0
