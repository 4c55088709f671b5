import json
import re

import pytest

from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import Documents
from charrnn.errors import CorruptFile, InvalidValue


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"documents": False},
        {"text": 2, "labels": ["author", 3], "header": True, "kind": "csv", "delimiter": ";"},
        {"text": "2", "labels": {"author": 0, "form": "Form"}},
        {"labels": "author", "only": {"author": ["Blake", "Keats"]}, "min_documents": {"author": 3}},
        {"only": {"author": {"Keats", "Blake"}, "form": "ode"}, "min_documents": 2},
        {"delimiter": "<|endoftext|>"},
        {"delimiter": re.compile("^-+$")},
        {"delimiter": re.compile("^chapter.*$", re.IGNORECASE | re.MULTILINE)},
    ],
)
def test_options_and_back(options):
    made = DocumentOptions(**options)
    assert DocumentOptions.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_delimiters_are_marked():
    assert DocumentOptions(delimiter="|").to_json()["delimiter"] == {"literal": "|"}
    assert DocumentOptions(delimiter=re.compile("a|b")).to_json()["delimiter"]["pattern"] == "a|b"
    assert DocumentOptions.from_json({"delimiter": "^%$"}).delimiter == re.compile("^%$", re.MULTILINE)


def test_a_delimiter_that_was_recorded_as_a_pattern_divides_as_it_did(tmp_path):
    (tmp_path / "a.txt").write_text("one\n%\ntwo\n")
    (tmp_path / "a.csv").write_text("author|text\nB|one\n")
    options = DocumentOptions.from_json({"delimiter": "^%$"})
    assert [item.text for item in Documents.open(tmp_path / "a.txt", delimiter=options.delimiter)] == ["one", "two"]
    options = DocumentOptions.from_json({"delimiter": "|"})
    assert [item.text for item in Documents.open(tmp_path / "a.csv", delimiter=options.delimiter)] == ["one"]
    with pytest.raises(InvalidValue, match="separated by one character"):
        Documents.open(tmp_path / "a.csv", delimiter=re.compile("a|b"))


@pytest.mark.parametrize(
    "record",
    [{"colour": 1}, {"delimiter": "("}, {"delimiter": {}}, {"delimiter": 5}, {"only": 5}, {"header": "no"}],
)
def test_damaged_records(record):
    with pytest.raises(CorruptFile, match="record of how documents are found"):
        DocumentOptions.from_json(record)
