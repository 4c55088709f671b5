import contextlib
import os
import sys

import numpy as np
import pytest

from charrnn.errors import DamageWarning, InvalidValue, NewerFormat, NotInstalled, SaveFailed
from charrnn.storage import rows
from charrnn.storage.history import History


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.jsonl"


def opened(path, model="m"):
    return History(path, model, contextlib.nullcontext)


def filled(path, rows=4):
    history = opened(path)
    for step in range(rows):
        history.append({"step": step})
    return history


def steps(history):
    return [row["step"] for row in history]


def test_rows_return_in_a_new_process_as_they_were(path):
    rows = [{"step": 1, "loss": 0.1 + 0.2, "note": "ä\n"}, {"step": np.int64(2)}, {"loss": None}, {}]
    history = opened(path)
    for row in rows:
        history.append(row)
    assert list(opened(path)) == list(history) == rows[:3]
    assert len(history) == 3


def test_columns_have_nan_where_a_row_lacks_them(path):
    history = opened(path)
    history.append({"step": 1, "loss": 2.5})
    history.append({"step": 2, "event": "halved", "loss": None})
    columns = history.columns()
    assert list(columns) == ["step", "loss", "event"]
    assert columns["step"].dtype == np.int64
    np.testing.assert_array_equal(columns["loss"], [2.5, np.nan])
    assert columns["event"].tolist() == [None, "halved"]
    assert opened(path.with_name("none")).columns() == {}


def test_another_reader_sees_new_rows_but_no_half_ones(path):
    history, reader = filled(path, 1), opened(path)
    assert steps(reader) == [0]
    history.append({"step": 1})
    with open(path, "a") as file:
        file.write('{"n": 3, "che')
    assert steps(reader) == [0, 1]


def test_a_torn_row_is_told_and_cut_off_by_the_next_append(path):
    filled(path)
    os.truncate(path, path.stat().st_size - 1)
    history = opened(path)
    assert steps(history) == [0, 1, 2]
    with pytest.warns(DamageWarning, match="discarded the last .* bytes"):
        history.append({"step": 30})
    assert steps(opened(path)) == [0, 1, 2, 30]


def test_going_back_leaves_the_other_rows_on_disk_but_aside(path):
    history = filled(path, 2)
    early = history.mark
    history.append({"step": 20})
    late = history.mark
    history.goto(early)
    history.goto(early)  # once is enough
    history.append({"step": 21})
    assert steps(history) == steps(opened(path)) == [0, 1, 21]
    history.goto(late)  # and forward again, to the way that was left
    history.append({"step": 22})
    assert steps(opened(path)) == [0, 1, 20, 22]
    assert path.read_text().count("goto") == 2
    assert b'"step": 21' in path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines[:2], lines[2].replace(b'"step": 1', b'"step": 7'), *lines[3:]],
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [*lines[:2], b"\xff\x00\n", *lines[3:]],
        lambda lines: [*lines[:2], lines[2].replace(b" ", b"\n", 1), *lines[3:]],
        lambda lines: [*lines[:2], lines[2][:-1] + b" ", *lines[3:4], *lines[4:]],
    ],
    ids=["altered", "missing", "garbage", "split", "joined"],
)
def test_damage_costs_only_the_rows_it_hits(path, damage):
    filled(path, 6)
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    history = opened(path)
    with pytest.warns(DamageWarning, match="damaged rows"):
        assert set(steps(history)) >= {0, 3, 4}
    assert history.damaged
    assert 1 not in steps(history)


def test_a_repeated_or_foreign_row_is_no_row(path):
    history = filled(path, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    other = opened(path.with_name("other"), "another model")
    for step in range(5):
        other.append({"step": 100 + step})
    path.write_bytes(b"".join([*lines, lines[1], other.path.read_bytes().splitlines(keepends=True)[3]]))
    with pytest.warns(DamageWarning, match="2 damaged rows"):
        assert steps(history) == [0, 1]
    history.append({"step": 2})
    with pytest.warns(DamageWarning, match="2 damaged rows"):
        assert steps(opened(path)) == [0, 1, 2]


def test_a_newer_version_is_refused(path, monkeypatch):
    filled(path)
    monkeypatch.setattr(rows, "VERSION", 0)
    with pytest.raises(NewerFormat, match=r"history\.jsonl has version 1"):
        len(opened(path))


def test_the_name_of_the_marker_is_refused(path):
    with pytest.raises(InvalidValue, match="__goto__"):
        opened(path).append({"__goto__": 3})


def test_it_prints_its_last_rows(path):
    assert repr(filled(path, 12)).splitlines()[:3] == ["History: 12 rows, the last 10:", "step", "   2"]
    assert "training writes them" in repr(opened(path.with_name("none")))


def test_to_pandas(path):
    pandas = pytest.importorskip("pandas")
    assert isinstance(filled(path).to_pandas(), pandas.DataFrame)


def test_without_pandas_it_is_said_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotInstalled, match="pip install pandas"):
        filled(path).to_pandas()


def test_steps_follow_the_rows_through_time(path):
    def some(first, last, loss):
        return {"step": np.arange(first, last), "loss": np.full(last - first, loss)}

    history = opened(path)
    history.append({"round": 1}, some(1, 4, 3.0))
    mark = history.mark
    history.append({}, some(4, 6, 2.0))
    history.append({"round": 2}, some(6, 7, 1.0))
    assert opened(path).steps()["loss"].tolist() == [3, 3, 3, 2, 2, 1]
    history.goto(mark)
    history.append({"round": 2}, some(4, 5, 0.5))
    again = opened(path)
    assert again.steps()["step"].tolist() == [1, 2, 3, 4]
    assert again.steps()["loss"].tolist() == [3, 3, 3, 0.5]
    assert list(again) == [{"round": 1}, {"round": 2}]  # a row of nothing but steps is none
    assert list(again.columns()) == ["round"]


def test_without_steps_there_are_no_columns_of_them(path):
    assert filled(path).steps() == {}
    with pytest.raises(InvalidValue, match="__steps__"):
        opened(path).append({"__steps__": 1})


def fail_to_save(history, *rows):
    """Append rows that belong to a save, which fails."""

    def save():
        with history.provisional():
            for step in rows:
                history.append({"step": step}, {"step": np.array([step]), "loss": np.array([1.0])})
            raise SaveFailed("disk full")

    with pytest.raises(SaveFailed):
        save()


def test_rows_of_a_failed_save_are_left_aside_and_may_be_appended_again(path):
    history = filled(path, 2)
    mark = history.mark
    fail_to_save(history, 2, 3)
    assert (steps(history), history.mark) == ([0, 1], mark)
    fail_to_save(history, 2, 3)
    with history.provisional():
        for step in (2, 3):
            history.append({"step": step}, {"step": np.array([step]), "loss": np.array([2.0])})
    assert steps(history) == steps(opened(path)) == [0, 1, 2, 3]
    assert opened(path).steps()["loss"].tolist() == [2, 2]


def test_after_a_failed_save_training_may_go_on_from_elsewhere(path):
    history = filled(path, 3)
    fail_to_save(history, 3)
    history.goto(2)
    history.append({"step": 10})
    assert steps(history) == steps(opened(path)) == [0, 10]


def test_a_failure_before_anything_was_appended_leaves_nothing_aside(path):
    history = filled(path, 2)
    fail_to_save(history)
    history.append({"step": 2})
    assert path.read_text().count("goto") == 0


def test_an_exchanged_file_is_read_again(path):
    history = filled(path, 2)
    assert steps(history) == [0, 1]
    filled(path.with_name("new"), 5).path.replace(path)
    assert steps(history) == [0, 1, 2, 3, 4]
