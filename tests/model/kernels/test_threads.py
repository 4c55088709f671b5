import threading

import pytest
import threadpoolctl

from charrnn.errors import InvalidValue
from charrnn.model.kernels import threads


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_only_whole_numbers_of_threads(wrong):
    with pytest.raises(InvalidValue, match="threads="):
        threads.resolve(wrong)


def test_every_core_unless_told():
    assert threads.resolve(None) == threads.available() >= 1
    assert threads.resolve(3) == 3


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 23])
def test_parts_cover_everything_once(n, n_threads):
    parts, lock = [], threading.Lock()

    def work(first, last):
        with lock:
            parts.append((first, last))

    with threads.using(n_threads):
        threads.split(n, work)
    covered = sorted(i for first, last in parts for i in range(first, last))
    assert covered == list(range(n))
    assert len(parts) == max(1, min(n, n_threads))


def test_small_work_is_not_split():
    parts = []
    with threads.using(4):
        threads.split(25, lambda *part: parts.append(part), least=10)
    assert sorted(parts) == [(0, 12), (12, 25)]


def test_a_failing_part_is_heard_of():
    def work(first, last):
        if first:
            raise ZeroDivisionError

    with threads.using(3), pytest.raises(ZeroDivisionError):
        threads.split(9, work)


def test_the_number_of_threads_holds_inside_only():
    used = []

    def count():
        used.append(0)
        threads.split(8, lambda first, last: used.append(1))
        return used[::-1].index(0)

    assert count() == 1
    with threads.using(2):
        assert count() == 2
        with threads.using(4):
            assert count() == 4
        assert count() == 2
    assert count() == 1


def blas_threads():
    """Return the number of threads of numpy's BLAS; scipy may have another BLAS."""
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    return max((pool["num_threads"] for pool in pools if "numpy" in pool["filepath"]), default=1)


def test_blas_is_held_to_one_thread():
    before = blas_threads()
    with threads.using(2):
        assert blas_threads() == 1
    assert blas_threads() == before


def test_blas_stays_held_until_the_last_of_several_threads_is_done():
    entered, leave = threading.Event(), threading.Event()

    def other():
        with threads.using(1):
            entered.set()
            leave.wait()

    with threadpoolctl.threadpool_limits(2, "blas"):
        before = blas_threads()
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait()
        assert blas_threads() == 1
        with threads.using(1):
            leave.set()
            thread.join()
            assert blas_threads() == 1
        assert blas_threads() == before


def test_work_is_done_even_when_python_is_closing(monkeypatch):
    class Closed:
        def submit(self, *args):
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(threads, "_pool", lambda workers: Closed())
    parts = []
    with threads.using(3):
        threads.split(9, lambda *part: parts.append(part))
    assert sorted(parts) == [(0, 3), (3, 6), (6, 9)]
