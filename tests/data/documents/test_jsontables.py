import json
import tracemalloc

import pytest

from charrnn.data.documents import jsontables
from charrnn.data.documents.source import Documents
from charrnn.data.text import source
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName

RECORDS = [{"author": "Blake", "text": "O Rose,\nthou"}, {"author": "Keats", "text": "Autumn"}]
PAIRS = [(record["author"], record["text"]) for record in RECORDS]


@pytest.fixture
def opened(tmp_path):
    def open_text(content, name="poems.json", **options):
        path = tmp_path / name
        path.write_bytes(content.encode())
        return Documents.open(path, **options)

    return open_text


def pairs(documents):
    return [(item.labels.get("author"), item.text) for item in documents]


@pytest.mark.parametrize("block", [3, 1 << 18])
@pytest.mark.parametrize("name", ["poems.json", "poems.jsonl"])
@pytest.mark.parametrize("indent", [None, 0, 2])
def test_arrays_of_objects(opened, monkeypatch, block, name, indent):
    monkeypatch.setattr("charrnn.data.text.decoding.BLOCK", block)
    if name == "poems.jsonl" and indent is None:
        pytest.skip("that is one line")
    documents = opened(json.dumps(RECORDS, indent=indent), name, labels="author")
    assert pairs(documents) == pairs(documents) == PAIRS
    assert documents.notes == ["Took the text from 'text'."]


@pytest.mark.parametrize("name", ["poems.json", "poems.jsonl"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_lines_whatever_the_name(opened, name, end):
    text = end.join(map(json.dumps, RECORDS))
    assert pairs(opened(text, name, labels="author")) == PAIRS
    assert pairs(opened(text + end, name, labels="author")) == PAIRS


def test_arrays_of_lists(opened):
    lists = [list(record.values()) for record in RECORDS]
    for text in (json.dumps(lists), "\n".join(map(json.dumps, lists))):
        assert pairs(opened(text, text=1, labels={"author": 0})) == PAIRS
    named = [["author", "text"], *lists]
    assert pairs(opened(json.dumps(named), labels="author")) == PAIRS
    assert pairs(opened("\n".join(map(json.dumps, named)), labels="author")) == PAIRS


def test_arrays_of_strings(opened):
    for text in (json.dumps(["one", "two\n\nstill two"]), '"one"\n"two\\n\\nstill two"\n'):
        assert [item.text for item in opened(text)] == ["one", "two\n\nstill two"]
    with pytest.raises(UnknownName, match="no column 'author'"):
        opened('["one", "two"]', labels="author")


def test_nested_keys_and_lists_of_lines(opened):
    record = {"title": "Rose", "meta": {"author": {"name": "Blake"}}, "lines": ["O Rose,", "thou"]}
    for text in (json.dumps([record]), json.dumps(record) + "\n" + json.dumps(record)):
        documents = opened(text, text="lines", labels={"author": "meta.author.name"})
        assert pairs(documents)[0] == PAIRS[0]
    with pytest.raises(UnknownName, match=r"3 columns: title, meta\.author\.name, lines\. Name the one .*text='lines'"):
        opened(json.dumps([record]))
    with pytest.raises(SourceUnusable, match="A key is there twice"):
        opened('[{"a": {"b": "x"}, "a.b": "y", "text": "t"}]', labels="a.b")


@pytest.mark.parametrize(
    "record",
    [
        {"poems": RECORDS},
        {"version": 1, "poems": RECORDS},
        {"author": ["Blake", "Keats"], "text": ["O Rose,\nthou", "Autumn"]},
        {"author": {"0": "Blake", "1": "Keats"}, "text": {"0": "O Rose,\nthou", "1": "Autumn"}},
        {"rose": RECORDS[0], "autumn": RECORDS[1]},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_within_an_object(opened, record, indent):
    documents = opened(json.dumps(record, indent=indent), labels="author")
    assert pairs(documents) == PAIRS
    assert documents.notes[0].startswith("Took the items of ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prose", "not JSON that holds rows.*kind='text'"),
        ('[{"text": "a"}', "line 1, item 2 of the array, the file ends within the array"),
        ('[{"text": "a"}\n {"text": "b"}]', "a comma is missing"),
        ('[{"text": "a"},\n {"text" "b"}]', "line 2, item 2 of the array, expecting ':' delimiter"),
        ('[{"text": "a"}] x', "something follows the array"),
        ('["' + "a" * 100, "unterminated string"),
        ("[" * 100_000, "nested too deeply"),
        ("[1, 2, 3]", "holds no row that is an object, a list or a string"),
        ("[[]]", "holds no row"),
        ("[]", "holds no row"),
        ('{"a": [1], "b": [2], "c": 3}', "one JSON object of a, b, c: expected an array"),
    ],
)
def test_what_is_not_rows(opened, text, message):
    with pytest.raises(SourceUnusable, match=message):
        opened(text)
    assert opened(text, kind="text").count


def test_options_that_mean_nothing(opened):
    with pytest.raises(InvalidValue, match="delimiter=';' means nothing for JSON"):
        opened(json.dumps(RECORDS), delimiter=";")


def test_one_bad_value_costs_itself(opened):
    lines = [json.dumps({"text": f"poem {n}"}) for n in range(60)]
    lines[20] = '{"text": "torn'
    documents = opened("\n".join(lines), "poems.jsonl")
    assert documents.count == 59
    assert documents.notes[-1] == "Left out 1 line without a JSON object, at line 21."
    lines[30:40] = ["3"] * 10
    with pytest.raises(SourceUnusable, match=r"poems\.jsonl, line 21: .* 11 of 60 rows .*10 %"):
        opened("\n".join(lines), "poems.jsonl")
    items = [{"text": f"poem {n}"} for n in range(60)]
    items[7] = {"text": {"not": "a text"}}
    items[9] = 5
    documents = opened(json.dumps(items))
    assert documents.count == 58
    assert documents.notes[-2:] == [
        "Left out 1 document without text, at item 8.",
        "Left out 1 item without a JSON object, at item 10.",
    ]


def test_keys_that_are_there_twice(opened):
    lines = ['{"text": "a", "text": "b"}', *['{"text": "c", "year": 1, "year": 2}'] * 5]
    documents = opened("\n".join(lines), "poems.jsonl")
    assert [item.text for item in documents] == ["c"] * 5
    assert documents.notes[-1] == "Left out 1 line with a key twice, at line 1."


def test_a_large_file_is_never_whole_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "HEAD", 1 << 16)

    def peak(number):
        path = tmp_path / "big.json"
        path.write_text(json.dumps([{"text": "some lines of a poem " * 50}] * number))
        tracemalloc.start()
        assert sum(1 for _ in Documents.open(path)) == number
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(8_000) < peak(2_000) + 1_500_000


def test_values_that_are_too_large_are_refused(opened, monkeypatch):
    monkeypatch.setattr(jsontables, "LARGEST", 1000)
    monkeypatch.setattr("charrnn.data.text.decoding.BLOCK", 100)
    with pytest.raises(SourceUnusable, match="one JSON value of more than 1,000 characters"):
        opened(json.dumps({"a": 1, "b": ["x" * 2000]}))
    with pytest.raises(SourceUnusable, match="not JSON"):
        opened(json.dumps([{"text": "x" * 200_000}]))


@pytest.mark.parametrize("block", [5, 1 << 18])
def test_arrays_that_were_put_together(opened, monkeypatch, block):
    monkeypatch.setattr("charrnn.data.text.decoding.BLOCK", block)
    text = json.dumps(RECORDS, indent=1)
    assert pairs(opened(f"{text}\n\ufeff{text}[]{text}", labels="author")) == PAIRS * 3


def test_objects_over_several_lines_that_follow_each_other(opened):
    assert pairs(opened("\n".join(json.dumps(record, indent=1) for record in RECORDS), labels="author")) == PAIRS
