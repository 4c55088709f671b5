import io
import tracemalloc
from collections import Counter

import pytest

from charrnn.data.documents.source import Document, Documents
from charrnn.data.text import source as reading
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, SourceUnusable, UnknownName

POEMS = [Document(f"poem {n}", {"author": "ABBCCCDDDD"[n % 10], "form": "xy"[n % 2]}) for n in range(10)]


def test_only_some_labels():
    documents = Documents.open(POEMS, only={"author": ["A", "D"], "form": "x"})
    assert list(documents) == [poem for poem in POEMS if poem.labels["author"] in "AD" and poem.labels["form"] == "x"]
    assert documents.label_counts == {"author": Counter(A=1, D=2), "form": Counter(x=3)}
    with pytest.raises(UnknownName, match=r"No document has the author 'E'\. Known: A, B, C, D"):
        Documents.open(POEMS, only={"author": ["A", "E"]})
    with pytest.raises(UnknownName, match="No document has the autor 'A'"):
        Documents.open(POEMS, only={"autor": "A"})


def test_labels_with_enough_documents():
    assert Documents.open(POEMS, min_documents=3).label_counts["author"] == Counter(C=3, D=4)
    assert Documents.open(POEMS, min_documents={"author": 4}).label_counts["author"] == Counter(D=4)
    documents = Documents.open([*POEMS, "unlabelled"], min_documents=2)
    assert documents.count == 9
    assert documents.notes == ["Left out 2 documents for their author, the first at item 1."]
    with pytest.raises(SourceUnusable, match=r"holds no document\. Left out 10 documents for"):
        Documents.open(POEMS, min_documents=5)
    for wrong in (0, 2.5, {"author": -1}):
        with pytest.raises(InvalidValue, match="min_documents="):
            Documents.open(POEMS, min_documents=wrong)
        with pytest.raises(InvalidValue, match="min_documents="):
            Documents.open(["no label"], min_documents=0)


def test_columns_that_only_choose_are_no_labels(tmp_path):
    path = tmp_path / "songs.csv"
    path.write_text("artist,text\nABBA,one\nQueen,two\nABBA,three\n")
    for choice in ({"only": {"artist": "ABBA"}}, {"min_documents": {"artist": 2}}):
        documents = Documents.open(path, **choice)
        assert list(documents) == [Document("one"), Document("three")]
        assert documents.label_names == ()


def test_cleaning_is_of_texts_and_not_of_labels():
    documents = [Document("Don't — STOP!\r\n", {"author": "St. Vincent"}), Document("...", {"author": "E.E."})]
    opened = Documents.open(documents, options=ReadOptions(lower=True, strip_punctuation=True))
    assert list(opened) == [Document("dont  stop", {"author": "St. Vincent"})]


def test_survey_of_all_texts():
    texts = ["one\ntwo", "été", "\nthree\n"] * 5_000
    documents = Documents.open(texts)
    kept = [text.strip("\n") for text in texts]
    assert documents.count == 15_000
    assert documents.survey.length == sum(map(len, kept))
    assert documents.survey.counts_by_character == Counter("".join(kept))
    assert documents.survey.linestarts_by_character == {"o": 5_000, "t": 10_000, "é": 5_000}


def test_checksum_tells_texts_and_labels():
    variants = [["ab", "c"], ["a", "bc"], ["abc"], [Document("ab", {"x": "y"}), "c"], [Document("ab", {"x": "z"}), "c"]]
    assert len({Documents.open(variant).sha256 for variant in variants}) == len(variants)
    assert Documents.open(["ab", "c"]).sha256 == Documents.open(["ab\n", "", "c"]).sha256


def test_kinds_of_files(tmp_path, monkeypatch):
    path = tmp_path / "poems.data"
    path.write_text('text,author\n"one\n\nstill one",A\n')
    assert [item.text for item in Documents.open(path, kind="csv")] == ["one\n\nstill one"]
    assert Documents.open(path).count == 2
    path.write_text('{"text": "one"}\n')
    assert [item.text for item in Documents.open(str(path), kind="jsonl")] == ["one"]
    assert [item.text for item in Documents.open(io.BytesIO(b"one\n\ntwo\n"))] == ["one", "two"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\none\ntwo\n")))
    assert [item.text for item in Documents.open("-", kind="csv")] == ["one", "two"]
    with pytest.raises(UnknownName, match=r"kind='cvs'.*Did you mean: csv"):
        Documents.open(path, kind="cvs")


def test_gutenberg_is_trimmed_before_dividing(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text(
        "Title\n\n*** START OF THE PROJECT GUTENBERG EBOOK POEMS ***\n\none\n\ntwo\n\n"
        "*** END OF THE PROJECT GUTENBERG EBOOK POEMS ***\n\nLicence\n"
    )
    assert [item.text for item in Documents.open(path, options=ReadOptions(gutenberg=True))] == ["one", "two"]


def test_repr():
    assert repr(Documents.open(POEMS)) == "<Documents list: 10 documents, 4 authors, 2 forms, 60 characters>"


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "HEAD", 1 << 16)

    def peak(repeats: int) -> int:
        path = tmp_path / "big.csv"
        path.write_text("author,text\n" + f'A,"{"some lines of a poem" * 50}"\n' * repeats)
        tracemalloc.start()
        for _ in Documents.open(path, labels="author"):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(6_000) < peak(1_000) + 1_000_000


@pytest.mark.parametrize(
    ("source", "options", "named"),
    [
        (7, {}, "7 is nothing to learn from"),
        (None, {}, "None is nothing to learn from"),
        ({"a poem": "Blake"}, {}, "is nothing to learn from"),
        (["a poem"], {"labels": 1.5}, "labels=1.5"),
        (["a poem"], {"labels": True}, "labels=True"),
        (["a poem"], {"labels": [None]}, "labels="),
        (["a poem"], {"only": "Blake"}, "only='Blake'"),
        (["a poem"], {"delimiter": "-"}, "delimiter='-' means nothing for a list"),
        (io.BytesIO(b"a poem"), {"text": "poem"}, "text='poem' means nothing for a plain text"),
        (io.BytesIO(b"a poem"), {"header": True}, "header=True means nothing"),
        (io.BytesIO(b'{"text": "a poem"}'), {"kind": "jsonl", "header": True}, "header=True means nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(source, options, named):
    with pytest.raises(InvalidValue, match=named):
        Documents.open(source, **options)


def test_labels_to_keep_may_be_numbers():
    poems = [Document("a", {"year": "1794"}), Document("b", {"year": "1820"})]
    assert [document.text for document in Documents.open(poems, only={"year": 1794})] == ["a"]


def test_a_column_in_which_nothing_has_a_label_is_told():
    assert "No document has a label in 'author'." in Documents.open(["a poem"], labels="author").notes


def test_options_of_reading_are_flags():
    with pytest.raises(InvalidValue, match="lower='no': expected True or False"):
        ReadOptions(lower="no")
    with pytest.raises(UnknownName, match="encoding=5"):
        ReadOptions(encoding=5)
