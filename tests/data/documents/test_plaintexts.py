import random
import re
from pathlib import Path

import pytest

from charrnn.data.documents import document, plaintexts
from charrnn.data.documents.plaintexts import split
from charrnn.data.documents.source import Document, Documents
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, SourceNotFound, SourceUnusable, UnknownName
from tests.data.conftest import FRENCH, JAPANESE, RUSSIAN

PATTERNS = [
    plaintexts.BLANK_LINES,
    r"^---$",
    r"^-+\n",
    r"(?=^CHAPTER)",
    r"(?<=\n)\n",
    r"x*",
    "\n",
    r"(a)|b",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("width", [1, 7, 64])
def test_pieces_are_those_of_the_standard_library(monkeypatch, pattern, width):
    monkeypatch.setattr(plaintexts, "LONGEST_DELIMITER", 16)
    draw = random.Random(0)
    text = "".join(draw.choices(["a", "b", "x", "\n", "\n\n", "---\n", "-", " ", "CHAPTER"], k=1500))
    delimiter = re.compile(pattern, re.MULTILINE)
    chunks = [text[i : i + width] for i in range(0, len(text), width)]
    ends = [(match.start(), match.end()) for match in delimiter.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    assert list(split(chunks, delimiter)) == [text[i:j] for i, j in zip(starts, stops, strict=True)]


def test_nothing_is_one_empty_piece():
    assert list(split([], re.compile("x"))) == list(split([""], re.compile("x"))) == [""]


def open_text(tmp_path: Path, text: str, **options) -> list[str]:
    path = tmp_path / "poems.txt"
    path.write_text(text, encoding="utf-8", newline="")
    return [item.text for item in Documents.open(path, **options)]


def test_blank_lines_divide(tmp_path):
    text = "\n\n  one\nstill one  \r\n \t \r\n\r\ntwo\n\n\n\n\nthree"
    assert open_text(tmp_path, text) == ["  one\nstill one  ", "two", "three"]
    assert open_text(tmp_path, "only\none\n") == ["only\none"]


def test_any_delimiter_divides(tmp_path):
    text = "%\none\n\n more\n%\n%\ntwo 100%\n"
    assert open_text(tmp_path, text, delimiter=re.compile("^%$")) == ["one\n\n more", "two 100%"]
    stories = "CHAPTER I. Down\nCHAPTER II. Up\n"
    assert open_text(tmp_path, stories, delimiter=re.compile("^(?=CHAPTER)")) == ["CHAPTER I. Down", "CHAPTER II. Up"]
    lowered = open_text(
        tmp_path, stories, delimiter=re.compile("^(?=CHAPTER)"), options=ReadOptions(lower=True, strip_punctuation=True)
    )
    assert lowered == ["chapter i down", "chapter ii up"]
    assert open_text(tmp_path, "one(two", delimiter="(") == ["one", "two"]


def test_plain_texts_have_no_labels_and_no_documents_too_long(tmp_path, monkeypatch):
    with pytest.raises(UnknownName, match=r"poems\.txt is a plain text, without author"):
        open_text(tmp_path, "one\n\ntwo\n", labels="author")
    monkeypatch.setattr(document, "LONGEST", 1000)
    monkeypatch.setattr("charrnn.data.text.decoding.BLOCK", 100)
    monkeypatch.setattr(plaintexts, "LONGEST_DELIMITER", 16)
    with pytest.raises(SourceUnusable, match=r"poems\.txt holds a document of more than 1,000 characters"):
        open_text(tmp_path, "one\n\n" + "word " * 250)
    assert len(open_text(tmp_path, ("word " * 150 + "\n\n") * 5)) == 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "Blake/songs/tyger.txt": b"Tyger Tyger\r\n",
        "Blake/rose.txt": b"\xef\xbb\xbfO Rose\n",
        "Pushkin/onegin/1.txt": (RUSSIAN * 9).encode("koi8-r"),
        "Soseki/cat.md": (JAPANESE * 9).encode("shift_jis"),
        "anonymous": FRENCH.encode("utf-16"),
        "Blake/cover.png": b"\x89PNG\r\n\x1a\n\0\0\0",
        "Blake/empty.txt": b"",
        "Blake/blank.txt": b" \n\n",
        ".git/config": b"hidden",
        "Blake/.DS_Store": b"hidden",
    }
    for name, content in files.items():
        path = tmp_path / "poets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "poets"


def test_files_of_a_folder_each_in_its_encoding(folder):
    documents = Documents.open(folder, labels=["author", "book"])
    assert (
        list(documents)
        == list(documents)
        == [
            Document("O Rose", {"author": "Blake"}),
            Document("Tyger Tyger", {"author": "Blake", "book": "songs"}),
            Document((RUSSIAN * 9).strip(), {"author": "Pushkin", "book": "onegin"}),
            Document((JAPANESE * 9).strip(), {"author": "Soseki"}),
            Document(FRENCH.strip()),
        ]
    )
    assert documents.name == "poets"
    assert [item.place for item in documents][-1] == "anonymous"
    notes = "\n".join(documents.notes)
    assert "Left out 2 files that cannot be used, the first at Blake/cover.png (cover.png is a binary file" in notes
    assert "Left out 1 document without text, at Blake/blank.txt." in notes
    assert "Read 1 file as koi8_r, at Pushkin/onegin/1.txt." in notes
    assert "Read 1 file as utf-16, at anonymous." in notes


def test_levels_of_a_folder_by_number(folder):
    documents = Documents.open(folder, labels={"book": 1}, only={"book": "songs"})
    assert list(documents) == [Document("Tyger Tyger", {"book": "songs"})]
    assert [len(item.labels) for item in Documents.open(folder)] == [0] * 5


def test_folders_without_texts(tmp_path):
    with pytest.raises(SourceUnusable, match="holds no document"):
        Documents.open(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    with pytest.raises(SourceUnusable, match=r"holds no document\. Left out 1 file that cannot be used, at a\.bin"):
        Documents.open(tmp_path)
    with pytest.raises(SourceNotFound):
        Documents.open(tmp_path / "nowhere")


def test_lists_of_strings_and_documents():
    items = ["one", Document("two", {"author": "B"}), "", Document("three", {"form": "haiku", "author": "A"}, "page 3")]
    documents = Documents.open(items)
    assert list(documents) == [Document("one"), items[1], items[3]]
    assert documents.label_names == ("author", "form")
    assert [item.place for item in documents] == ["item 1", "item 2", "page 3"]
    assert Documents.open(items, labels="form").label_names == ("form",)
    assert [item.text for item in Documents.open(str(n) for n in range(3))] == ["0", "1", "2"]
    numbered = Documents.open([Document("a", {"year": 1794, "author": None})], only={"year": [1794]})
    assert list(numbered) == [Document("a", {"year": "1794"})]
    with pytest.raises(InvalidValue, match="Item 2 is of type int"):
        Documents.open(["a", 3])
    with pytest.raises(SourceUnusable, match="list holds no document"):
        Documents.open([])


@pytest.mark.parametrize("delimiter", ["", re.compile("x*"), re.compile(b"x"), 5])
def test_a_delimiter_must_be_something(tmp_path, delimiter):
    path = tmp_path / "poems.txt"
    path.write_text("one\n\ntwo")
    with pytest.raises(InvalidValue, match="delimiter="):
        Documents.open(path, delimiter=delimiter)


def test_a_delimiter_that_divides_nothing_is_told(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("one\n\ntwo")
    assert "The delimiter '@@@' divides nothing." in Documents.open(path, delimiter="@@@").notes
    assert not any("divides" in note for note in Documents.open(path).notes)


def test_zero_width_delimiters_divide_where_they_match(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("CHAPTER 1\none\nCHAPTER 2\ntwo\n")
    assert Documents.open(path, delimiter=re.compile("(?=^CHAPTER)")).count == 2


@pytest.mark.parametrize("delimiter", ["<|endoftext|>", "***", "|", "---\n", ".", "[end]", "\\n", "$", "a+"])
def test_a_string_is_literal(tmp_path, delimiter):
    poems = [f"poem {n}|\nby + nobody" for n in range(60)]
    assert open_text(tmp_path, delimiter.join(poems), delimiter=delimiter) == (
        poems if delimiter != "|" else [part.strip("\n") for poem in poems for part in poem.split("|")]
    )


def test_a_string_that_divides_only_as_a_pattern_is_told(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("one\n---\ntwo\n-----\nthree")
    documents = Documents.open(path, delimiter="^-+$")
    assert documents.count == 1
    assert documents.notes == [
        "The delimiter '^-+$' divides nothing as it is written; as a pattern it gives 3 documents: "
        "delimiter=re.compile('^-+$')."
    ]
    assert Documents.open(path, delimiter=re.compile("^-+$")).count == 3
    assert Documents.open(path, delimiter="(").notes == ["The delimiter '(' divides nothing."]


def test_a_list_of_files_is_their_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in {"b.txt": "two", "a.txt": "one\n\nstill one", "c.md": FRENCH}.items():
        Path(name).write_bytes(content.encode("cp1252"))
    for files in (["b.txt", "a.txt", "c.md"], [Path("b.txt"), Path("a.txt"), Path("c.md")], Path().glob("[abc].*")):
        found = {item.text for item in Documents.open(files)}
        assert found == {"two", "one\n\nstill one", FRENCH.strip()}
    documents = Documents.open(["b.txt", "a.txt"])
    assert [item.text for item in documents] == ["two", "one\n\nstill one"]
    assert [item.place for item in documents] == ["b.txt", "a.txt"]
    with pytest.raises(SourceUnusable, match=r"Of a list of 2, b\.txt is a file, and no\.txt is not"):
        Documents.open(["b.txt", "no.txt"])
    with pytest.raises(SourceNotFound, match=r"x\.txt, y\.txt"):
        Documents.open(["x.txt", "y.txt"])
    with pytest.raises(InvalidValue, match="labels="):
        Documents.open(["b.txt", "a.txt"], labels="author")
    Path("d.txt").write_bytes(b"\x89PNG\0")
    with pytest.raises(SourceUnusable, match=r"d\.txt is a binary file"):
        Documents.open(["b.txt", "d.txt"])


def test_several_tables_are_one(tmp_path):
    (tmp_path / "a.csv").write_text("author,text\nBlake,one\n")
    (tmp_path / "b.csv").write_text("text;author\ntwo;Keats\n")
    (tmp_path / "c.json").write_text('[{"text": "three", "author": "Lear"}]')
    for source in (sorted(tmp_path.iterdir()), tmp_path):
        documents = Documents.open(source, labels="author")
        assert list(documents) == [
            Document("one", {"author": "Blake"}),
            Document("two", {"author": "Keats"}),
            Document("three", {"author": "Lear"}),
        ]
        assert [item.place for item in documents] == ["a.csv, line 2", "b.csv, line 2", "c.json, item 1"]


def test_working_directories_are_not_documents(folder):
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text("{}")
    documents = Documents.open(folder)
    assert documents.count == 5
    assert documents.notes[0] == "Passed over a working directory of models."
    with pytest.raises(InvalidValue, match="is not a path"):
        Documents.open("")
    with pytest.raises(SourceUnusable, match="is a text, not a path"):
        Documents.open("Tyger Tyger,\nburning bright")


WRAPPED = (
    "Title\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n{}\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\nLicence\n"
)


def test_gutenberg_is_cut_from_each_document(tmp_path):
    (tmp_path / "a.txt").write_text(WRAPPED.format("one"))
    (tmp_path / "b.txt").write_text("two")
    for source in (tmp_path, [WRAPPED.format("one"), "two"]):
        documents = Documents.open(source)
        assert [item.text for item in documents] == ["one", "two"]
        assert "outside of Project Gutenberg's markers" in documents.notes[0]
        kept = Documents.open(source, options=ReadOptions(gutenberg=False))
        assert [item.text for item in kept] == [WRAPPED.format("one").strip(), "two"]


def test_line_ends_of_a_delimiter_are_those_of_the_text(tmp_path):
    assert open_text(tmp_path, "one\r\n---\r\ntwo", delimiter="\r\n---\r\n") == ["one", "two"]
    raw = ReadOptions(newlines=False)
    assert open_text(tmp_path, "one\r\n---\r\ntwo", delimiter="\r\n---\r\n", options=raw) == ["one", "two"]
