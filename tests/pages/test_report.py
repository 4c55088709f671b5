"""The report of a model."""

import json
import math
import re

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.pages.passages import coloured
from charrnn.pages.report import along_the_way
from charrnn.pages.svg import Line, chart, decades, ticks
from tests.model.cells_of_users import Peephole
from tests.pages.browser import Element, opened


@pytest.fixture
def trained(ms):
    ms.train(num_rounds=8, batchsize=3, train_len=5, valid_len=2, print_every=0)
    return ms


def text_of(content, id_="page"):
    return Element(content, id_).text


def test_a_report_tells_how_the_model_came_to_be(trained, tmp_path):
    page = trained.report(tmp_path / "report.html").read_text(encoding="utf-8")
    text = text_of(page)
    for fact in (
        trained.checkpoint.name,
        f"{trained.num_parameters:,}",
        f"{trained.checkpoint.loss:.3f} nats/char",
        trained.corpus.sha256,
        "state_size",
        "ms.train(num_rounds=8, batchsize=3, train_len=5, valid_len=2)",
        "numbers.txt",
    ):
        assert fact in text, fact
    assert not re.search(r"https?:|\bsrc=|@import|url\(|<script", page)


def test_its_commands_make_the_same_model_again(trained, srcfile, tmp_path, monkeypatch):
    page = trained.report(tmp_path / "report.html").read_text(encoding="utf-8")
    commands = text_of(page, "commands")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workdirs").mkdir()
    exec(commands, again := {})
    for name, array in trained.model.arrays().items():
        np.testing.assert_array_equal(again["ms"].model.arrays()[name], array)


def test_a_cell_of_ones_own_is_shown_and_named_in_the_commands(make, tmp_path):
    page = make(modeltype=Peephole).report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "class Peephole(Cell):" in text_of(page)
    assert "modeltype=Peephole," in text_of(page, "commands")


def test_samples_are_of_a_few_checkpoints_along_the_way(ms):
    ms.train(num_rounds=3, batchsize=3, train_len=5, print_every=0)
    assert [checkpoint.step for checkpoint in along_the_way(ms)] == [0, 5, 10, 15]
    ms.checkout(1).train(batchsize=3, train_len=1, print_every=0)
    assert [checkpoint.step for checkpoint in along_the_way(ms)] == [0, 5, 6]


def test_samples_are_few_where_there_are_many_checkpoints_and_some_are_gone(trained):
    trained.train(num_rounds=4, batchsize=3, train_len=5, valid_len=2, print_every=0)
    steps = [checkpoint.step for checkpoint in along_the_way(trained)]
    assert len(steps) == 6
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (trained.checkpoints[0].step, 60)


def test_the_model_stays_as_it_was(trained, tmp_path):
    before = {name: array.tobytes() for name, array in trained.model.arrays().items()}
    checkpoints = list(trained.checkpoints)
    trained.report(tmp_path / "report.html")
    assert {name: array.tobytes() for name, array in trained.model.arrays().items()} == before
    assert trained.checkpoints == checkpoints


def test_an_untrained_model_without_a_checkpoint_has_a_report(make, tmp_path):
    page = make(init_checkpoint=False).report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "It has not been trained yet" in page


def test_a_model_without_its_text_has_a_report(trained, tmp_path):
    trained.export(tmp_path / "model.zip")
    alone = ModelState.import_(tmp_path / "model.zip", tmp_path / "alone")
    page = alone.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The beginning of a text that the model wrote" in page


def test_documents_are_scored_one_by_one(tmp_path):
    source = tmp_path / "poems.jsonl"
    poems = [{"text": text, "author": author} for text, author in [("abba", "A&A"), ("ba\nb", "B"), ("cab", "A&A")] * 9]
    source.write_text("\n".join(map(json.dumps, poems)), encoding="utf-8")
    ms = ModelState.initfromsrcfile(source, tmp_path / "m", labels="author", layers=1, state_size=3, seq_len=9)
    ms.train(batchsize=2, print_every=0)
    page = ms.report(tmp_path / "report.html").read_text(encoding="utf-8")
    text = text_of(page)
    valid = [ms.chars.decode(ms.valid_data[i]) for i in range(len(ms.valid_data))]
    nats = np.concatenate([ms.score(poem).per_char[: len(poem)] for poem in valid]).mean()
    assert f"The beginning of the validation text: {nats:.3f} nats" in text
    assert "A&A, B" in text
    assert "labels='author'" in text


def test_a_model_of_music_has_a_report_with_piano_rolls(tmp_path):
    pieces = [np.eye(88, dtype=np.uint8)[30 + number : 42 + number] for number in range(8)]
    small = {"layers": 1, "state_size": 3, "seq_len": 5, "head": "bernoulli"}
    ms = ModelState.initfromsrcfile(pieces, tmp_path / "m", dt=0.5, transpose=2, **small)
    ms.train(batchsize=2, print_every=0)
    page = ms.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{ms.checkpoint.loss:.3f} nats/frame" in text_of(page)
    for option in ("dt=0.5", "transpose=2", "head='bernoulli'"):
        assert f"    {option}," in text_of(page, "commands")
    assert page.count("<svg") == 4  # two curves and a piece of either checkpoint
    assert "characters" not in text_of(page)


def test_names_and_texts_are_escaped(tmp_path):
    source = tmp_path / "<b>&.txt"
    source.write_text("<script>alert(1)</script> & \"'\n" * 20, encoding="utf-8")
    ms = ModelState.initfromsrcfile(source, tmp_path / "m", layers=1, state_size=4, seq_len=10)
    page = ms.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert "<b>&.txt" in text_of(page)


def test_a_browser_shows_it(trained, tmp_path):
    shown = opened(trained.report(tmp_path / "report.html"))
    assert text_of(shown, "commands") == text_of((tmp_path / "report.html").read_text(encoding="utf-8"), "commands")


def test_charts_draw_what_is_within_limits():
    line = Line(np.array([0, 5, 10, 20]), np.array([9.0, 2.0, math.nan, 1.0]), "train")
    drawn = chart([line], (1.0, 2.0), 'a "chart"')
    assert 'd="M250.0 0.0L1000.0 1000.0"' in drawn
    assert 'aria-label="a &quot;chart&quot;"' in drawn
    single = chart([Line(np.array([3]), np.array([0.01]), "rate")], (0.001, 0.1), "one point", log=True)
    assert "M0.0 500.0h0" in single


def test_ticks_are_round_and_within():
    assert ticks(-0.7, 0.4) == [-0.6, -0.4, -0.2, 0.0, 0.2, 0.4]
    assert ticks(3, 3) == [3]
    assert decades(1e-5, 1e-4) == [1e-5, 2e-5, 5e-5, 1e-4]


def test_what_cannot_be_seen_is_shown():
    html = coloured("e\u0301\n\u202e", np.array([1, np.nan, -2, 0.04]), "abcd")
    assert html == (
        '<i class="w10" title="a">e</i><i class="w0" title="b">\u0301</i>'
        '<i class="c10" title="c">⏎</i>\n<i class="w0" title="d">␦</i>'
    )
