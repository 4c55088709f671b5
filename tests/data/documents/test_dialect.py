import pytest

from charrnn.data.documents.dialect import Dialect, infer, names_columns, rows
from charrnn.data.documents.source import Document, Documents
from charrnn.errors import SourceUnusable, UnknownName


@pytest.fixture
def opened(tmp_path):
    def open_text(content, name="poems.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode())
        return Documents.open(path, **options)

    return open_text


def pairs(documents):
    return [(item.labels.get("author"), item.text) for item in documents]


BLAKE = [("Blake", "O Rose, thou"), ("Keats", "it is; so")]


@pytest.mark.parametrize(
    "text",
    [
        'no;author;text\n1;Blake;O Rose, thou\n2;Keats;"it is; so"\n',
        "no\tauthor\ttext\n1\tBlake\tO Rose, thou\n2\tKeats\tit is; so\n",
        "no|author|text\n1|Blake|O Rose, thou\n2|Keats|it is; so\n",
        'sep=;\nno;author;text\n1;Blake;O Rose, thou\n2;Keats;"it is; so"\n',
        '"sep=|"\r\nno|author|text\r\n1|Blake|O Rose, thou\r\n2|Keats|it is; so\r\n',
        "sep=^\nno^author^text\n1^Blake^O Rose, thou\n2^Keats^it is; so\n",
        'no, author, text\n1, Blake, "O Rose, thou"\n2, Keats, "it is; so"\n',
        "'no','author','text'\n'1','Blake','O Rose, thou'\n'2','Keats','it is; so'\n",
        'author;score;text;\nBlake;1,5;O Rose, thou;\nKeats;2,5;"it is; so";\n',
    ],
)
@pytest.mark.parametrize("options", [{}, {"labels": "author"}, {"text": "text", "labels": ["author"]}])
def test_dialects_are_inferred_from_header_and_rows(opened, text, options):
    documents = opened(text, **options)
    assert pairs(documents) == (BLAKE if options else [(None, text) for _, text in BLAKE])
    assert documents.notes[-2].startswith("Read with ")


def test_what_was_inferred_is_told(opened):
    assert opened("no;author;text\n1;Blake;x\n").notes == [
        "Read with semicolons between fields.",
        "Took the text from column 'text'; the others are 'no', 'author'.",
    ]


def test_backslashes_before_quotes(opened):
    documents = opened('author,text\nA,"he said \\"no\\", yes"\nB,"a, b"\n', labels="author")
    assert pairs(documents) == [("A", 'he said "no", yes'), ("B", "a, b")]


def test_quotes_in_tabbed_files_are_characters(opened):
    documents = opened('author\ttext\nA\t"O Rose" he said\nB\t"Q\nC\tplain\n', "poems.tsv", labels="author")
    assert pairs(documents) == [("A", '"O Rose" he said'), ("B", '"Q'), ("C", "plain")]
    assert "quotes taken as they stand" in documents.notes[0]


@pytest.mark.parametrize(
    "text",
    ["1,5;O Rose, thou\n2,5;it is\n", "score;poem\n1,5;O Rose, thou art sick\n2,5;it is so and so\n"],
)
def test_decimal_commas_are_not_separators(opened, text):
    assert [item.text.split()[0] for item in opened(text, text=1)] == ["O", "it"]


def test_embedded_line_ends_and_separators(opened):
    rows = "".join(f'A{n};"line; one\nline ""two"" of {n}\n\nlast"\n' for n in range(30))
    documents = opened("author;text\n" + rows, labels="author")
    assert pairs(documents) == [(f"A{n}", f'line; one\nline "two" of {n}\n\nlast') for n in range(30)]


def test_lines_with_commas_under_one_name_are_one_column(opened):
    assert [item.text for item in opened("text\nO Rose, thou art\nsick\nThat, flies, in\n")] == [
        "O Rose, thou art",
        "sick",
        "That, flies, in",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a,b,text\n1,2\n3,4,5,6\n7\n8,9,10,11,12\n",
        "author,text\n" + "".join(f"A,one, two{', three' * (n % 3)}\n" for n in range(40)),
        "author;text\n" + "A;one\n" * 30 + "A;one;two\n" * 4,
    ],
)
def test_doubtful_readings_are_refused_and_name_rows(opened, text):
    with pytest.raises(SourceUnusable, match=r"poems\.csv, line \d+: It has \d fields? instead of \d.*cannot be read"):
        opened(text)


STRAY = {
    "in a field": 'A20,"poem "20" of all"\n',
    "over lines": 'A20,"poem, "20" x\nline, two\nthree, four"\n',
    "unclosed": 'A20,"poem 20\n',
    "behind": 'A20,"poem" 20\n',
}


@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
@pytest.mark.parametrize("form", ['A{0},"poem, {0}\nline, two of {0}"\n', "A{0},poem {0}\n", '"A{0}","poem {0}"\n'])
def test_a_stray_quote_costs_its_row(opened, form, stray):
    rows = [form.format(n) for n in range(60)]
    line = sum(row.count("\n") for row in rows[:20]) + 2
    rows[20] = stray
    documents = opened("author,text\n" + "".join(rows), labels="author")
    assert [item.labels["author"] for item in documents] == [f"A{n}" for n in range(60) if n != 20]
    assert documents.notes[-1] == f"Left out 1 row that cannot be read, at line {line}."


def test_many_stray_quotes_are_refused(opened):
    rows = [f'A,"po"em {n}"\n' if n % 7 == 0 else f'A,"poem {n}"\n' for n in range(60)]
    with pytest.raises(SourceUnusable, match=r"line 2: .*Close every quoted field.* 9 of 60 rows .*10 % are refused"):
        opened("author,text\n" + "".join(rows))


def test_rows_that_repeat_the_header_are_dropped_and_counted(opened):
    table = 'author,text\nBlake,"O Rose"\nKeats,Autumn\n'
    for text in (table + "\ufeff" + table + table, "\ufeff" + table + "\ufeff" + table + "\ufeff" + table):
        documents = opened(text, labels="author")
        assert pairs(documents) == [("Blake", "O Rose"), ("Keats", "Autumn")] * 3
        assert documents.notes[-1] == "Left out 2 rows like the first, which names the columns, the first at line 4."
        assert any("from the middle of the text" in note for note in documents.notes)
    by_number = opened(table.replace("text", "poem") * 3, text=1, labels={"author": 0})
    assert pairs(by_number) == [("Blake", "O Rose"), ("Keats", "Autumn")] * 3


def test_columns_of_one_name_are_refused_unless_a_number_tells(opened):
    with pytest.raises(SourceUnusable, match=r"several columns 'text', numbers 0, 2: give the number"):
        opened("text,author,text\na,b,c\n")
    assert pairs(opened("text,author,text\na,b,c\n", text=2, labels="author")) == [("b", "c")]


def test_a_column_called_by_a_number(opened):
    text = "2,author,text\nfirst,B,third\n"
    assert [item.text for item in opened(text, text="2")] == ["first"]
    with pytest.raises(SourceUnusable, match="a column called '2' that is not its number 2, which is 'text'"):
        opened(text, text=2)
    assert [item.text for item in opened("0,1\nx,y\nz,w\n", text=1)] == ["y", "w"]


def test_one_column_hints_at_the_separator(opened):
    with pytest.raises(UnknownName, match=r"no column 'author'.*delimiter="):
        opened("author^text\nBlake^one\n", labels="author")


def test_rows_know_their_lines():
    text = ['a,"b\n', 'c"\n', "\n", 'd,"e" f\n', "g,h\n"]
    found = list(rows(text, Dialect(","), 2))
    assert [(row.line, row.cells, bool(row.error)) for row in found] == [
        (1, ["a", "b\nc"], False),
        (4, [], True),
        (5, ["g", "h"], False),
    ]


def test_tabs_are_preferred_where_the_name_says_so():
    assert infer(["a\tb,c\td\n"] * 3, [], tabbed=True).separator == "\t"


@pytest.mark.parametrize(
    ("first", "others", "expected"),
    [
        (["author", "year"], [["Blake", "1794"], ["Keats", "1820"]], True),
        (["Blake", "1794"], [["Keats", "1820"], ["Lear", "1846"]], False),
        (["a", "a"], [["a", "1"], ["b", "2"]], False),
        (["author", ""], [["Blake", "1794"], ["Keats", "1820"]], False),
        (["poem"], [["O Rose thou art sick"], ["Tyger Tyger burning"]], True),
        (["O Rose"], [["Tyger Tyger burning"], ["Tyger Tyger burning bright"]], False),
        (["name"], [["Blake"], ["Keats"]], False),
        (["a", "b"], [], False),
    ],
)
def test_first_rows_that_name_columns(first, others, expected):
    assert names_columns(first, others) is expected


def test_documents_of_both_forms_are_equal(opened):
    assert list(opened("text;author\nx;A\n", labels="author")) == [Document("x", {"author": "A"})]


def test_the_name_of_an_only_column_that_is_repeated(opened):
    documents = opened("text\none, 1\ntext\ntwo\n")
    assert [item.text for item in documents] == ["one, 1", "two"]
