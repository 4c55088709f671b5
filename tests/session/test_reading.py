"""How a source is read belongs to the model: kept, shown, and used for whatever the model is asked."""

import json
import os
import re
import unicodedata
import warnings

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue, UnknownName
from charrnn.pages.commands import commands
from tests.data.smf import off, on, smf
from tests.sessions import SMALL

TINY = {**SMALL, "init_checkpoint": False}
BOOK = "The Owl said, \u00c9t\u00e9!\r\nand the Otter: no.\r\n" * 40
GUTENBERG = (
    "Legal words\n*** START OF THE PROJECT GUTENBERG EBOOK OWLS ***\n"
    + "an owl\n" * 60
    + "*** END OF THE PROJECT GUTENBERG EBOOK OWLS ***\nMore of them\n"
)


def made(tmp_path, source, name="model", **options):
    return ModelState.initfromsrcfile(source, tmp_path / name, **{**TINY, **options})


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(BOOK.encode())
    return path


@pytest.fixture
def lowered(tmp_path, book):
    return made(tmp_path, book, lower=True)


def test_a_lower_cased_model_reads_lower_cased_texts_with_its_own_line_ends(lowered):
    text, same = "The OWL: \u00c9t\u00e9\r\n", "the owl: \u00e9t\u00e9\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for form in ("NFC", "NFD"):
            given = unicodedata.normalize(form, text)
            assert lowered.score(given).text == same
            np.testing.assert_array_equal(lowered.score(given).per_char, lowered.score(same).per_char)
            assert lowered.generate(9, prompt=given, rng=1) == lowered.generate(9, prompt=same, rng=1)
            assert "".join(lowered.stream(9, prompt=given, rng=1)).startswith(same)
            np.testing.assert_array_equal(lowered.trackneurons(given), lowered.trackneurons(same))
            np.testing.assert_array_equal(lowered.vectors([given]), lowered.vectors([same]))
            assert lowered.neurons(given, unit=1).text == same
            assert lowered.saliency(given, target="A").target == "a"


def test_texts_of_decomposed_characters_are_found_in_a_model_of_such(tmp_path):
    (tmp_path / "a.txt").write_text(
        unicodedata.normalize("NFD", "\u00e9t\u00e9 \u00e0 la mer\n" * 40), encoding="utf-8"
    )
    ms = made(tmp_path, tmp_path / "a.txt")
    assert ms.score("\u00e9t\u00e9").text == unicodedata.normalize("NFD", "\u00e9t\u00e9")


def test_documents_are_asked_alike(tmp_path):
    ms = made(tmp_path, ["An Owl", "An Otter", "A Newt"] * 5, lower=True, strip_punctuation=True)
    assert ms.score("An Owl!").text == "an owl"
    assert ms.generate(prompt="An O", rng=1).startswith("an o")


def test_a_model_that_has_no_record_reads_texts_as_they_are(lowered, monkeypatch):
    monkeypatch.setattr(lowered.task, "reading", None)
    with pytest.warns(UserWarning, match="Unknown to the model"):
        assert lowered.score("The owl").text == "\ufffdhe owl"


def test_it_is_kept_and_shown(lowered):
    again = ModelState.load(lowered.path) if lowered.checkpoints else ModelState.unrestored(lowered.path)
    assert again.facts.reading == lowered.facts.reading
    assert "read with   lower=True\n" in repr(again)


def same_corpus(ms, again):
    for name in sorted(path.name for path in ms.workdir.data.iterdir()):
        assert (again.workdir.data / name).read_bytes() == (ms.workdir.data / name).read_bytes(), name
    ours, theirs = ms.corpus.to_json(), again.corpus.to_json()
    assert theirs == ours
    assert again.facts.reading == ms.facts.reading


CASES = {
    "a text": ("book.txt", {"lower": True, "min_count": 50, "strip_punctuation": True, "trainfrac": 0.333}),
    "an encoding": ("latin.txt", {"encoding": "iso8859-15", "newlines": False}),
    "a kept header": ("gutenberg.txt", {"gutenberg": False}),
    "a header that must be there": ("gutenberg.txt", {"gutenberg": True}),
    "a literal delimiter": ("parts.txt", {"delimiter": "|"}),
    "a pattern": ("parts.txt", {"delimiter": re.compile("A *[|]" + "x?" * 150, re.IGNORECASE)}),
    "paragraphs": ("book.txt", {"documents": True}),
    "a table": (
        "poems.csv",
        {"text": "poem", "labels": {"who": "author"}, "only": {"who": ["A", "B"]}, "min_documents": 2,
         "trainfrac": 0.6, "random_seed": 4},
    ),
    "a table without a header": ("bare.csv", {"text": 1, "labels": [0], "header": False, "delimiter": ";"}),
    "a table by another name": ("poems.dat", {"kind": "csv", "text": "poem"}),
    "files": (["book.txt", "gutenberg.txt"], {}),
    "files as one text": (["book.txt", "gutenberg.txt"], {"documents": False}),
    "a folder as one text": ("folder", {"kind": "text"}),
    "music": (
        "folder",
        {"kind": "music", "dt": 0.1, "onsets": True, "transpose": 3, "pedal": False, "head": "bernoulli"},
    ),
    "music by its head": ("folder", {"head": "nade", "trainfrac": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_printed_call_reads_the_same_again(case, book, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.txt").write_bytes(BOOK.encode("iso8859-15"))
    (tmp_path / "gutenberg.txt").write_text(GUTENBERG)
    (tmp_path / "parts.txt").write_text("an owl|a newt|an otter a | a fox|" * 9)
    rows = "".join(f"{'ABC'[n % 3]},{'an owl ' * (n % 4 + 1)}\n" for n in range(25))
    (tmp_path / "poems.csv").write_text("author,poem\n" + rows)
    (tmp_path / "poems.dat").write_text("author,poem\n" + rows)
    (tmp_path / "bare.csv").write_text(rows.replace(",", ";"))
    (tmp_path / "folder").mkdir()
    for n in range(4):
        tune = smf([event for key in range(5) for event in (on(0, 60 + key + n), off(48, 60 + key + n))])
        (tmp_path / "folder" / f"{n}.mid").write_bytes(tune)
    (tmp_path / "folder" / "a.txt").write_text("a text\n" * 20)
    source, options = CASES[case]
    ms = made(tmp_path, source, **options)
    (tmp_path / "workdirs").mkdir()
    exec(commands(ms).replace("modeltype=", "init_checkpoint=False, modeltype="), again := {})
    same_corpus(ms, again["ms"])
    assert again["ms"].hyper == ms.hyper


def test_what_has_no_path_is_asked_for(tmp_path):
    printed = commands(made(tmp_path, ["an owl", "a newt"] * 5, "m", validfile=["an owl"]))
    assert printed.splitlines()[3].startswith("validfile = ...  # list")
    assert "    validfile=validfile," in printed
    assert printed.splitlines()[2].startswith("source = ...  # list")
    assert "initfromsrcfile(\n    source, " in printed


def test_finetune_reads_another_source_in_the_same_way(lowered, tmp_path):
    other = tmp_path / "other.txt"
    other.write_bytes(b"An OWL\r\n" * 50)
    tuned = lowered.finetune(other, tmp_path / "tuned")
    assert set(tuned.corpus.charset.characters) == set(lowered.corpus.charset.characters)
    assert tuned.facts.reading.arguments == {"lower": True}
    assert tuned.score("AN owl").text == "an owl"
    cased = lowered.finetune(other, tmp_path / "cased", lower=False)
    assert "W" in cased.chars
    assert cased.score("An Owl").text == "An Owl"


def test_an_encoding_that_was_given_is_that_of_files_that_are_not_utf8(tmp_path):
    for name, encoding in (("a.txt", "mac-cyrillic"), ("b.txt", "mac-cyrillic"), ("c.txt", "utf-8")):
        (tmp_path / name).write_bytes("ветер\n".encode(encoding) * 60)
    ms = made(tmp_path, tmp_path / "a.txt", encoding="mac-cyrillic")
    for name in ("b.txt", "c.txt"):
        assert ms.finetune(tmp_path / name, tmp_path / f"of-{name}").chars == ms.chars


def test_finetune_finds_documents_as_they_were_found(tmp_path):
    for name in ("a", "b"):
        rows = "".join(f"{n};{name} poem;{n}\n" for n in range(30))
        (tmp_path / f"{name}.csv").write_text("no;poem;text\n" + rows)
    ms = made(tmp_path, tmp_path / "a.csv", text="poem", delimiter=";")
    tuned = ms.finetune(tmp_path / "b.csv", tmp_path / "b")
    assert tuned.excerpt(6) in "b poem"
    assert tuned.facts.reading.arguments == {"text": "poem", "delimiter": ";"}
    assert ms.finetune(tmp_path / "b.csv", tmp_path / "c", text="no", header=True).excerpt(2).isdigit()
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"poem": "a poem", "no": n}) + "\n" for n in range(30)))
    assert ms.finetune(tmp_path / "c.jsonl", tmp_path / "d").excerpt(6) in "a poem"
    (tmp_path / "d.txt").write_text("a poem\n\n" * 30)
    assert ms.finetune(tmp_path / "d.txt", tmp_path / "e").corpus.documents == 30
    assert ms.finetune(tmp_path / "d.txt", tmp_path / "f", delimiter="poem").corpus.documents == 30
    with pytest.raises(UnknownName, match="verse"):
        ms.finetune(tmp_path / "b.csv", tmp_path / "g", text="verse")


def test_finetune_refuses_another_kind(lowered, tmp_path, book):
    with pytest.raises(InvalidValue, match="kind='music': the model learned from text"):
        lowered.finetune(book, tmp_path / "a", kind="music")
    with pytest.raises(InvalidValue, match="delimiter is about documents, and the model learned from text"):
        lowered.finetune(book, tmp_path / "a", delimiter="|")
    with pytest.raises(InvalidValue, match="not a path"):
        lowered.finetune("", tmp_path / "a")


def test_gutenberg_is_cut_and_told_unless_it_is_to_be_kept(tmp_path, capsys):
    (tmp_path / "a.txt").write_text(GUTENBERG)
    ms = made(tmp_path, tmp_path / "a.txt", "a")
    assert ms.corpus.length == 420
    assert "outside of Project Gutenberg's markers. gutenberg=False keeps them." in capsys.readouterr().out
    assert made(tmp_path, tmp_path / "a.txt", "b", gutenberg=False).corpus.length == len(GUTENBERG)
    assert ms.finetune(tmp_path / "a.txt", tmp_path / "c").corpus.length == 420
    assert ms.finetune(tmp_path / "a.txt", tmp_path / "d", gutenberg=False).corpus.length == len(GUTENBERG)


def test_names_that_are_no_text_are_kept(tmp_path):
    source = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")
    with open(source, "w") as file:
        file.write("an owl\n" * 50)
    ms = made(tmp_path, source)
    assert ModelState.unrestored(ms.path).facts.reading.source == source
    assert ms.finetune(source, tmp_path / "tuned").corpus.length == 350
