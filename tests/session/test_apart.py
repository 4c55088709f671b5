"""Parts for validation and testing: of the source, from files of their own, and whatever a loss is measured on."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.data.documents.document import Document
from charrnn.errors import InvalidValue, SourceNotFound
from charrnn.training.validate import validation_loss
from tests.data.smf import off, on, smf
from tests.pages.test_report import text_of
from tests.sessions import SMALL

TINY = {**SMALL, "init_checkpoint": False}
LEARNED = "".join(f"{n} owls and {n} newts\n" for n in range(60))
OTHERS = "".join(f"{n} \u00e9lans and {n} owls; \u00e9\n" for n in range(23))
TESTED = "7 otters, 9 newts\n" * 9


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"a.txt": LEARNED, "b.txt": OTHERS, "c.txt": TESTED}.items():
        Path(name).write_bytes(text.encode())
    for name, labels in {"a": "XY", "b": "XZ"}.items():
        rows = "".join(f"{labels[n % 2]},{'owl ' * (n % 5 + 1)}{name}\n" for n in range(20))
        Path(f"{name}.csv").write_text("who,poem\n" + rows)
    return tmp_path


def made(source, name="m", **options):
    return ModelState.initfromsrcfile(source, name, **{**TINY, **options})


def by_hand(ms, text):
    """Return the loss on a text read by one stream from a blank state, one character after the other."""
    symbols = ms.chars.indices(text).astype(np.int32)
    predictions, _ = ms.model.process(symbols[:-1])
    return -np.log(predictions[np.arange(len(symbols) - 1), symbols[1:]]).mean()


def documents_by_hand(ms, texts):
    begin, end = (ms.chars.idxofspecial(name) for name in ("begin", "end"))
    nats = []
    for text in texts:
        symbols = np.array([begin, *ms.chars.indices(text), end], np.int32)
        predictions, _ = ms.model.process(symbols[:-1])
        nats.append(-np.log(predictions[np.arange(len(symbols) - 1), symbols[1:]]))
    return np.concatenate(nats).mean()


def test_a_text_is_validated_and_tested_on_files_of_their_own(capsys):
    ms = made("a.txt", validfile="b.txt", testfile=Path("c.txt"))
    assert (ms.corpus.train_len, ms.corpus.valid_len, ms.corpus.test_len) == (len(LEARNED), len(OTHERS), len(TESTED))
    assert ms.calc_loss(batchsize=1) == pytest.approx(by_hand(ms, OTHERS), rel=1e-5)
    assert ms.test_loss(batchsize=1) == pytest.approx(by_hand(ms, TESTED), rel=1e-5)
    assert ms.calc_loss(batchsize=1, on="train") == pytest.approx(by_hand(ms, LEARNED), rel=1e-5)
    assert ms.calc_loss(on="test") == ms.test_loss()
    said = capsys.readouterr().out
    assert "To validate on: b.txt" in said
    assert (
        "b.txt, to validate on: 69 characters of 2 kinds not in the text learned read as U+FFFD: '\u00e9', ';'." in said
    )
    again = ModelState.unrestored("m")
    assert again.corpus == ms.corpus
    assert again.facts.reading.arguments["testfile"] == "c.txt"
    assert ms.workdir.model["corpus"]["apart"]["valid"]["charset"] is None
    assert ms.verify().ok
    ms.train(train_len=3, print_every=0, verbose=0)
    assert ModelState.load("m").checkpoint.loss == pytest.approx(ms.calc_loss(), rel=1e-5)


def test_documents_are_validated_on_whole_documents_of_another_file(capsys):
    ms = made("a.csv", validfile="b.csv", testfile="b.csv", text="poem", labels="who")
    assert (ms.corpus.train_documents, ms.corpus.valid_documents, ms.corpus.test_documents) == (20, 20, 20)
    said = capsys.readouterr().out
    assert "1 label (10 documents) not among those learned, read as no label." in said
    assert "20 characters of 1 kind not in the text learned read as U+FFFD: 'b'." in said
    assert "Learning from 20, validating on 20 others, testing on 20." in said
    assert ModelState.unrestored("m").corpus == ms.corpus
    ids = [ms.label_tables[0].ids.get(label, 0) for label in "XZ" * 10]
    np.testing.assert_array_equal(np.sort(ms.valid_data.labels[:, 0]), np.sort(ids))
    assert ms.calc_loss() == pytest.approx(ms.test_loss())


def test_pieces_are_validated_on_other_files(folder):
    for name, keys in {"one": range(6), "two": range(4)}.items():
        (folder / name).mkdir()
        for key in keys:
            events = [event for step in range(8) for event in (on(0, 50 + key + step), off(48, 50 + key + step))]
            (folder / name / f"{key}.mid").write_bytes(smf(events))
    ms = made("one", validfile="two", testfile="two/1.mid", head="bernoulli", transpose=2)
    assert (ms.corpus.train_pieces, ms.corpus.valid_pieces, ms.corpus.test_pieces) == (6, 4, 1)
    assert ms.calc_loss() == pytest.approx(ms.calc_loss(on=Path("two")))
    assert ms.test_loss() == pytest.approx(ms.calc_loss(on="two/1.mid")) == pytest.approx(ms.score("two/1.mid").nats)
    assert ModelState.unrestored("m").corpus == ms.corpus
    divided = {"train": [[[60], [62], [64]]] * 3, "valid": [[[60], [62]]], "test": [[[60], [62]]]}
    Path("set.json").write_text(json.dumps(divided))
    for option in ("validfile", "testfile"):
        with pytest.raises(InvalidValue, match=f"of its own: leave {option} out"):
            made("set.json", "n", **{option: "two"})


@pytest.mark.parametrize("options", [{"documents": True, "delimiter": "\n"}, {}])
def test_a_part_of_the_source_is_for_testing(options):
    ms = made("a.txt", testfrac=0.2, **options)
    documents = bool(options)
    amounts = [ms.corpus.train_len, ms.corpus.valid_len, ms.corpus.test_len]
    shares = np.array(amounts) / sum(amounts)
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.02)
    assert sum(amounts) == ms.corpus.length
    if not documents:
        assert ms.test_loss(batchsize=1) == pytest.approx(by_hand(ms, LEARNED[-ms.corpus.test_len :]), rel=1e-5)
    else:
        parts = [ms.train_data, ms.valid_data, ms.test_data]
        found = [ms.chars.decode(part[n]) for part in parts for n in range(len(part))]
        assert sorted(found) == sorted(LEARNED.split("\n")[:-1])
    assert "testing on" in ms.corpus.summary()
    again = made("a.txt", "n", testfrac=0.2, trainfrac=0.8, **options)
    assert again.corpus.train_len / again.corpus.length == pytest.approx(0.8, abs=0.02)
    assert again.corpus.valid_len == again.corpus.train_len


def test_pieces_too(folder):
    ms = made([np.eye(88)[n : n + 9] for n in range(20)], testfrac=0.2)
    assert (ms.corpus.train_pieces, ms.corpus.valid_pieces, ms.corpus.test_pieces) == (14, 2, 4)
    assert ms.test_loss() > 0


def test_what_contradicts_is_refused():
    for options, words in [
        ({"validfile": "b.txt", "trainfrac": 0.8}, "both say what to validate on"),
        ({"testfile": "b.txt", "testfrac": 0.1}, "both say what to test on"),
        ({"trainfrac": 0.9, "testfrac": 0.2}, "more than the whole source"),
        ({"testfrac": 1}, "testfrac"),
        ({"validfile": ""}, "not a path"),
    ]:
        with pytest.raises(InvalidValue, match=words):
            made("a.txt", **options)
    with pytest.raises(SourceNotFound):
        made("a.txt", testfile="nowhere.txt")
    assert not Path("m").exists()


def test_a_loss_on_a_text_a_file_or_a_part():
    ms = made("a.txt", lower=True)
    text = "7 Owls\r\nand newts"
    assert ms.calc_loss(on=text) == pytest.approx(by_hand(ms, "7 owls\nand newts"), rel=1e-5)
    Path("d.txt").write_bytes(text.encode())
    assert ms.calc_loss(on=Path("d.txt")) == pytest.approx(ms.calc_loss(on=text))
    assert ms.calc_loss(on=["d.txt"]) == pytest.approx(ms.calc_loss(on=text))
    with pytest.warns(UserWarning, match="U.FFFD"):
        ms.calc_loss(on=Path("b.txt"))
    with pytest.raises(InvalidValue, match=r"names a file.*give Path\('d\.txt'\)"):
        ms.calc_loss(on="d.txt")
    with pytest.raises(InvalidValue, match="no part for testing"):
        ms.calc_loss(on="test")
    for nothing in ("", "a"):
        with pytest.raises(InvalidValue, match="too short"):
            ms.calc_loss(on=nothing)
    with pytest.raises(SourceNotFound):
        ms.calc_loss(on=Path("nowhere.txt"))
    with pytest.raises(TypeError):
        ms.calc_loss(0, 16, "valid")


def test_a_loss_on_documents_is_of_whole_ones():
    ms = made(["an owl", "a newt", "an otter and a newt"] * 9)
    texts = ["an owl and a newt" * 40, "a newt", "an otter"]
    wanted = documents_by_hand(ms, texts)
    assert ms.calc_loss(on=texts) == pytest.approx(wanted, rel=1e-5)
    assert ms.calc_loss(on=[Document(text) for text in texts]) == pytest.approx(wanted, rel=1e-5)
    assert ms.calc_loss(on=iter(texts)) == pytest.approx(wanted, rel=1e-5)
    assert ms.calc_loss(on="a newt") == pytest.approx(documents_by_hand(ms, ["a newt"]), rel=1e-5)
    Path("d.txt").write_text("\n\n".join(texts))
    assert ms.calc_loss(on=Path("d.txt")) == pytest.approx(wanted, rel=1e-5)
    assert validation_loss(ms.model, ms.valid_data, 16) == ms.calc_loss()


def test_a_loss_on_pieces():
    pieces = [np.eye(88)[n : n + 9] for n in range(20)]
    ms = made(pieces)
    for n in (3, 7):
        assert ms.calc_loss(on=pieces[n]) == pytest.approx(ms.score(pieces[n]).nats, rel=1e-5)
        assert ms.calc_loss(on=[pieces[n]]) == ms.calc_loss(on=pieces[n])


def test_finetune_has_parts_too():
    ms = made("a.txt", testfile="c.txt")
    tuned = ms.finetune("b.txt", "t", validfile="a.txt", testfrac=0.1)
    assert tuned.corpus.valid_len == len(LEARNED)
    assert 0 < tuned.corpus.test_len < 0.2 * len(OTHERS)
    assert ms.finetune("b.txt", "u").corpus.test_len == 0


def test_the_report_names_them(folder):
    ms = made("a.txt", validfile="b.txt", testfrac=0.1)
    page = ms.report("report.html").read_text(encoding="utf-8")
    printed = text_of(page, "commands")
    assert "validfile='b.txt'" in printed
    Path("workdirs").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(printed.replace("modeltype=", "init_checkpoint=False, modeltype="), again := {})
    assert again["ms"].corpus == ms.corpus
