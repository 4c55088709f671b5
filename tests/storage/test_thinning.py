import itertools
from types import SimpleNamespace

import pytest

from charrnn.storage.thinning import superfluous, thin
from charrnn.storage.timetravel import branch, checkout, note, pin
from tests.storage.states import new_workdir, record_of, save


def made(serials):
    return [SimpleNamespace(name=str(n), serial=n) for n in serials]


def survivors(serials, keep=()):
    gone = {checkpoint.serial for checkpoint in superfluous(made(serials), keep)}
    return [n for n in serials if n not in gone]


def test_thinning_after_each_save_leaves_what_thinning_once_leaves():
    often = []
    for n in range(1, 300):
        often = survivors([*often, n])
    assert often == survivors(list(range(1, 300)))


@pytest.mark.parametrize("newest", [1, 7, 8, 100, 1000, 4096, 30_001])
def test_what_stays_is_few_recent_and_spread_over_all_time(newest):
    left = survivors(list(range(1, newest + 1)))
    assert left[-8:] == list(range(max(1, newest - 7), newest + 1))
    assert len(left) <= 8 + 4 * newest.bit_length()
    ages = [newest - n for n in left] + [newest]
    assert all(
        older <= 2 * younger + 1 for older, younger in zip(ages[-1:0:-1], ages[-2::-1], strict=False) if younger > 16
    )
    gaps = [b - a for a, b in itertools.pairwise(left)]
    assert gaps == sorted(gaps, reverse=True)


def test_what_has_to_stay_stays(tmp_path):
    workdir = new_workdir(tmp_path / "model", (30, 1, 2, 3))  # the first is the best
    pin(workdir, 1)
    note(workdir, "dear to me", 2)
    branch(workdir, "side", 3)
    for step in range(50, 80):
        save(workdir, step)
    checkout(workdir, "main")
    for step in range(50, 80):
        save(workdir, step)
    removed = thin(workdir, max_bytes=0)
    left = workdir.checkpoints
    assert [checkpoint.serial for checkpoint in left] == [1, 2, 3, 4, 5, 34, 64]  # the fifth began the branch
    assert len(removed) + len(left) == 64
    assert workdir.find("best").serial == 1
    assert save(workdir, 100).serial == 65


def test_the_budget_takes_the_most_dispensable_first(tmp_path):
    workdir = new_workdir(tmp_path / "model")
    sizes = [workdir.save_checkpoint({}, record_of(step)).path.stat().st_size for step in range(1, 9)]
    assert thin(workdir, sum(sizes)) == []
    assert [checkpoint.serial for checkpoint in thin(workdir, sum(sizes) - 1)] == [3]  # the first stays
    assert [checkpoint.serial for checkpoint in thin(workdir, 3 * max(sizes))] == [2, 5, 4, 6]


def test_without_a_budget_young_runs_keep_everything(workdir):
    assert thin(workdir) == []
    assert len(workdir.checkpoints) == 4
