import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn.data.documents import document
from charrnn.data.documents.source import Document, Documents
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName

POEMS = [
    ("Blake", "Tyger", 'Tyger Tyger, "burning" bright,\nIn the forests of the night;'),
    ("Lear", "Beard", "There was an Old Man with a beard,\nWho said, 'It is just as I feared!'"),
    ("Blake", "Sick; Rose", "O Rose thou art sick;\n\n  The invisible worm,"),
    ("吳", "詩", "寥落古行宮，\n宮花寂寞紅。"),
]
TEXTS = [text for _, _, text in POEMS]
AUTHORS = [author for author, _, _ in POEMS]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as CSV the way the standard library does."""

    def write(rows, name: str = "poems.csv", encoding: str = "utf-8", **dialect) -> Path:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, **dialect).writerows(rows)
        path = tmp_path / name
        path.write_bytes(buffer.getvalue().encode(encoding))
        return path

    return write


def texts(documents) -> list[str]:
    return [item.text for item in documents]


def labels(documents, name: str) -> list[str | None]:
    return [item.labels.get(name) for item in documents]


@pytest.mark.parametrize("dialect", [{}, {"lineterminator": "\n"}, {"quoting": csv.QUOTE_ALL}])
@pytest.mark.parametrize(
    ("separator", "name"), [(",", "a.csv"), (";", "a.csv"), ("|", "a.csv"), ("\t", "a.csv"), ("\t", "a.tsv")]
)
def test_columns_by_name_whatever_separates_them(written, dialect, separator, name):
    path = written([("author", "title", "text"), *POEMS], name, delimiter=separator, **dialect)
    documents = Documents.open(path, text="text", labels=["author", "title"])
    assert texts(documents) == TEXTS
    assert labels(documents, "author") == AUTHORS
    assert labels(documents, "title") == [title for _, title, _ in POEMS]
    assert documents.label_names == ("author", "title")
    assert texts(documents) == TEXTS  # and again


def test_columns_by_number_with_and_without_a_header(written):
    path = written(POEMS)
    documents = Documents.open(path, text=2, labels={"author": 0})
    assert (texts(documents), labels(documents, "author")) == (TEXTS, AUTHORS)
    assert "header=True" in documents.notes[-1]
    assert labels(Documents.open(path, 2, labels=[0]), "0") == AUTHORS
    assert texts(Documents.open(path, 2, header=True)) == TEXTS[1:]
    with_header = written([("who", "what", "poem"), *POEMS])
    assert texts(Documents.open(with_header, 2, header=False)) == ["poem", *TEXTS]
    for text, header in (("poem", None), (2, True), (2, None)):
        assert texts(Documents.open(with_header, text, header=header)) == TEXTS


def test_the_only_column_and_one_called_text_need_no_name(written):
    assert texts(Documents.open(written([[text] for text in TEXTS]))) == TEXTS
    assert texts(Documents.open(written([("text", "author"), ("one", "A"), ("two", "B")]))) == ["one", "two"]
    with pytest.raises(UnknownName, match=r"poems\.csv has 3 columns: Blake, Tyger, Tyger Tyger.*text="):
        Documents.open(written(POEMS))


def test_a_missing_column_is_named_with_what_was_meant(written):
    path = written([("author", "title", "text"), *POEMS])
    with pytest.raises(UnknownName, match=r"poems\.csv has no column 'autor'\. Did you mean: author\?"):
        Documents.open(path, labels="autor")
    with pytest.raises(UnknownName, match=r"no column 3.*from 0 to 2"):
        Documents.open(path, text=3)
    with pytest.raises(UnknownName, match=r"no column 'poem'\. Known: Blake, Tyger"):
        Documents.open(written(POEMS), text="poem")


@pytest.mark.parametrize("delimiter", ["", ", ", '"', "\n"])
def test_fields_are_separated_by_one_character(written, delimiter):
    with pytest.raises(InvalidValue, match=r"delimiter=.*expected the one character"):
        Documents.open(written(POEMS), 2, delimiter=delimiter)
    assert texts(Documents.open(written(POEMS, delimiter="#"), 2, delimiter="#")) == TEXTS


def test_ragged_rows_are_left_out_and_reported(written):
    path = written(
        [("author", "text"), ("A", "one"), ("B",), ("C", "two\nlines"), ("D", "three", "four"), ("E", "five")]
    )
    documents = Documents.open(path, labels="author")
    assert texts(documents) == ["one", "two\nlines", "five"]
    assert documents.notes[-1] == "Left out 2 rows with more or fewer than 2 fields, the first at line 3."


def test_empty_fields(written):
    path = written([("author", "text"), ("A", "one"), ("B", " \n"), (" ", "two"), ("", "")])
    documents = Documents.open(path, labels="author")
    assert (texts(documents), labels(documents, "author")) == (["one", "two"], ["A", None])
    assert documents.notes[-1] == "Left out 2 documents without text, the first at line 3."


@pytest.mark.parametrize("content", ['text\n"one\ntwo\n', 'text\n"one "two" three"\n'])
def test_quotes_that_make_no_sense(tmp_path, content):
    path = tmp_path / "poems.csv"
    path.write_text(content)
    with pytest.raises(SourceUnusable, match=r"poems\.csv, line 2: .*Close every quoted field"):
        Documents.open(path)


def test_very_long_fields(written, monkeypatch):
    usual = csv.field_size_limit()
    long = "long line\n" * 30_000
    assert texts(Documents.open(written([["text"], [long], ["short"]]))) == [long.strip("\n"), "short"]
    monkeypatch.setattr(document, "LONGEST", 200_000)
    with pytest.raises(SourceUnusable, match="line 2: field larger than field limit"):
        Documents.open(written([["text"], [long], ["short"]]))
    assert csv.field_size_limit() == usual


@pytest.mark.parametrize("block", [3, 1000])
def test_encoding_and_blocks_change_nothing(written, monkeypatch, block):
    monkeypatch.setattr("charrnn.data.text.decoding.BLOCK", block)
    path = written([("author", "text"), *((author, text) for author, _, text in POEMS * 20)], encoding="utf-16")
    documents = Documents.open(path, labels="author")
    assert (texts(documents), labels(documents, "author")) == (TEXTS * 20, AUTHORS * 20)
    assert "utf-16" in documents.notes[0]


def test_no_rows(written):
    with pytest.raises(SourceUnusable, match=r"poems\.csv holds no document"):
        Documents.open(written([("author", "text")]))
    with pytest.raises(SourceUnusable, match="holds no row"):
        Documents.open(written([[], [], []]))


def test_json_lines(tmp_path):
    path = tmp_path / "poems.jsonl"
    records = [
        {"text": text, "author": author, "year": 1800 + n, "extra": [n]} for n, (author, _, text) in enumerate(POEMS)
    ]
    records[1]["author"] = None
    del records[2]["year"]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n\n".join(lines) + '\n{"text": "torn', encoding="utf-8")
    documents = Documents.open(path, labels=["author", "year"])
    assert texts(documents) == TEXTS
    assert labels(documents, "author") == ["Blake", None, "Blake", "吳"]
    assert labels(documents, "year") == ["1800", "1801", None, "1803"]
    assert documents.notes[-1] == "Left out 1 line without a JSON object, at line 8."
    with pytest.raises(UnknownName, match=r"no column 'writer'\. Known: author, extra, text, year"):
        Documents.open(path, labels="writer")
    with pytest.raises(SourceUnusable, match="At line 1 there is a list where a text or label should be"):
        Documents.open(path, labels="extra")


def test_json_lines_that_are_none(tmp_path):
    path = tmp_path / "poems.jsonl"
    path.write_text('["text"]\n3\n' + "[" * 100_000)
    with pytest.raises(SourceUnusable, match="holds no row"):
        Documents.open(path)


class Frame:
    """What data frames have in common."""

    def __init__(self, columns: dict):
        self.columns = list(columns)
        self._columns = columns

    def __getitem__(self, name):
        return self._columns[name]


class NA:
    """Like pandas' missing value, which cannot be compared."""

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError


def test_any_data_frame():
    frame = Frame({"year": [1794.0, float("nan"), 1846.0], "author": ["Blake", NA(), None], "text": ["a", "b", None]})
    documents = Documents.open(frame, labels=["year", "author"])
    assert list(documents) == [Document("a", {"year": "1794", "author": "Blake"}), Document("b", {})]
    assert documents.notes[-1] == "Left out 1 document without text, at row 2."
    assert texts(Documents.open(frame, text=1)) == ["Blake"]
    with pytest.raises(UnknownName, match="frame has no column 'x'"):
        Documents.open(frame, text="x")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_of(library):
    module = pytest.importorskip(library)
    data = {"author": [*AUTHORS, None], "text": [*TEXTS, "anonymous"], "year": [1, 2, 3, 4, None]}
    documents = Documents.open(module.DataFrame(data), labels=["author", "year"])
    assert texts(documents) == [*TEXTS, "anonymous"]
    assert labels(documents, "author") == [*AUTHORS, None]
    assert labels(documents, "year") == ["1", "2", "3", "4", None]


def test_a_frame_with_two_columns_of_one_name_is_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([["a poem", "x", "y"]], columns=["text", "form", "form"])
    with pytest.raises(SourceUnusable, match="several columns 'form'"):
        Documents.open(frame, labels="form")


@pytest.mark.parametrize("cell", [b"bytes", bytearray(b"x"), ("a", "b"), {"a"}, [1, 2], {"a": 1}])
def test_cells_that_are_not_texts_are_refused(cell):
    with pytest.raises(SourceUnusable, match=r"At row 0 there (is|are) .* where a text or label should be"):
        Documents.open(Frame({"text": [cell, cell]}))
    documents = Documents.open(Frame({"text": [cell, *["poem"] * 20]}))
    assert documents.count == 20
    assert documents.notes[-1] == "Left out 1 row that holds something else than texts, at row 0."


def test_columns_of_a_frame_that_are_numbers():
    frame = Frame({2: ["c"], 0: ["a"], 1: ["b"]})
    with pytest.raises(SourceUnusable, match="a column called '2' that is not its number 2"):
        Documents.open(frame, text=2)
    assert texts(Documents.open(frame, text="2")) == ["c"]
    assert texts(Documents.open(Frame({0: ["a"], 1: ["b"]}), text=1)) == ["b"]
    assert labels(Documents.open(Frame({"text": ["a"], "\ufeffartist": ["B"]}), labels="artist"), "artist") == ["B"]


def test_labels_of_one_name_are_refused():
    with pytest.raises(InvalidValue, match="give columns of the same name others"):
        Documents.open(Frame({"text": ["a"], "2": ["b"], "x": ["c"]}), labels=["2", 2])
