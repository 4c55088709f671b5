import json
import multiprocessing
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from charrnn.errors import SaveFailed, WorkdirLocked
from charrnn.storage.lock import LOCK, OWNER, WriterLock

HOLDER = """
import sys
from pathlib import Path
from charrnn.storage.lock import WriterLock
with WriterLock(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_told_who_writes(tmp_path, holder):
    with pytest.raises(WorkdirLocked, match=rf"written by process {holder.pid} on .+ since 20\d\d-.*wait for it"):
        WriterLock(tmp_path).held().__enter__()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert WriterLock(tmp_path).owner()["pid"] == holder.pid
    lock = WriterLock(tmp_path)
    with lock.held():
        assert lock.owner()["pid"] == os.getpid()
    assert lock.owner() is None


def test_two_locks_in_one_process_exclude_each_other(tmp_path):
    first, second = WriterLock(tmp_path), WriterLock(tmp_path)
    with first.held():
        with pytest.raises(WorkdirLocked, match="this very process"):
            second.held().__enter__()
        assert second.owner()["pid"] == os.getpid()
    with second.held():
        pass


def test_it_may_be_taken_again_by_its_holder_and_is_free_after_an_error(tmp_path):
    taken = []
    lock = WriterLock(tmp_path, on_acquire=lambda: taken.append(1))

    def fail():
        with lock.held(), lock.held():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with WriterLock(tmp_path).held():
        pass
    assert taken == [1]


def test_an_unreadable_card_hinders_nobody(tmp_path, holder):
    (tmp_path / OWNER).write_text("{")
    with pytest.raises(WorkdirLocked, match="an unknown process"):
        WriterLock(tmp_path).held().__enter__()


def test_the_directory_is_gone(tmp_path):
    lock = WriterLock(tmp_path / "gone")
    with pytest.raises(SaveFailed, match="gone"):
        lock.held().__enter__()
    assert not (tmp_path / "gone").exists()


def test_the_card_is_plain_json(tmp_path):
    with WriterLock(tmp_path).held():
        assert set(json.loads(Path(tmp_path, OWNER).read_text())) == {"pid", "host", "since"}


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no lock that is held")
def test_removing_the_lock_file_admits_no_second_writer(tmp_path, holder):
    (tmp_path / LOCK).unlink()
    with pytest.raises(WorkdirLocked, match=f"written by process {holder.pid}"):
        WriterLock(tmp_path).held().__enter__()


@pytest.mark.parametrize(
    "card", [b"5", b"[]", b"{}", b'{"pid": "x"}', b'{"pid": 1, "host": [], "since": 2}', b"[" * 9000, b"\xff", b"null"]
)
def test_odd_cards_hinder_nobody(tmp_path, holder, card):
    (tmp_path / OWNER).write_bytes(card)
    with pytest.raises(WorkdirLocked, match="an unknown process"):
        WriterLock(tmp_path).held().__enter__()
    holder.kill()
    holder.wait()
    (tmp_path / OWNER).write_bytes(card)
    with WriterLock(tmp_path).held():
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_is_somebody_else(tmp_path):
    lock = WriterLock(tmp_path)

    def child_may_write():
        child = multiprocessing.get_context("fork").Process(target=attempt, args=(lock,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forking beside threads
            child.start()
        child.join()
        return {0: True, 1: False}[child.exitcode]

    with lock.held():
        assert not child_may_write()
        with lock.held():
            pass
    assert child_may_write()
    with lock.held():
        pass


def attempt(lock):
    """Take the lock; exit with 1 where somebody else has it."""
    try:
        with lock.held():
            pass
    except WorkdirLocked:
        os._exit(1)
    os._exit(0)


def test_another_thread_is_somebody_else(tmp_path):
    lock = WriterLock(tmp_path)
    with lock.held(), ThreadPoolExecutor(1) as pool, pytest.raises(WorkdirLocked, match="this very process"):
        pool.submit(lambda: lock.held().__enter__()).result()
