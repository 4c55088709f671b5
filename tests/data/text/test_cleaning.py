import unicodedata

import pytest

from charrnn.data.text import cleaning

BOOK = "Title\n\n*** START OF THIS PROJECT GUTENBERG EBOOK A VERY\nLONG TITLE ***\n\nText\n{end}\nLicence\n"


@pytest.mark.parametrize(
    "end",
    [
        "*** END OF THIS PROJECT GUTENBERG EBOOK A VERY\nLONG TITLE ***",
        "***END OF THE PROJECT GUTENBERG EBOOK***",
        "End of the Project Gutenberg EBook of a Very Long Title\n\n*** END OF THIS PROJECT GUTENBERG EBOOK ***",
        "End of Project Gutenberg's Title",
    ],
)
def test_forms_of_gutenberg_markers(end):
    assert "".join(cleaning.inside_gutenberg_markers([BOOK.format(end=end)])) == "\nText\n"


def test_asterisks_are_no_markers():
    verse = "* * *\n*** Start of a chapter ***\nEnd of the line\n"
    assert list(cleaning.inside_gutenberg_markers([BOOK.format(end=verse)])) == ["\nText\n" + verse + "\nLicence\n"]


def test_lines_longer_than_the_limit_pass_in_pieces(monkeypatch):
    monkeypatch.setattr(cleaning, "LONGEST_LINE", 10)
    chunks = list(cleaning.whole_lines(["abcd"] * 10 + ["\nx"]))
    assert "".join(chunks) == "abcd" * 10 + "\nx"
    assert max(map(len, chunks)) == 12


def test_normalising_leaves_plain_chunks_alone():
    chunks = ["plain\n", "", "ünïcödé"]
    assert all(kept is chunk for kept, chunk in zip(cleaning.normalise_newlines(chunks), chunks, strict=True))


def test_punctuation_of_every_script_goes_and_nothing_else():
    text = "«Ça, c'est — oui!»\t國破山河在，城春。 $5+3=8 <b> ¿Qué? a_b\n"
    kept = "".join(ch for ch in text if not unicodedata.category(ch).startswith("P"))
    assert "".join(cleaning.strip_punctuation([text[:7], text[7:]])) == kept
    assert kept == "Ça cest  oui\t國破山河在城春 $5+3=8 <b> Qué ab\n"
