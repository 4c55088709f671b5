import io
import os
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from charrnn.data.text import decoding
from charrnn.data.text import source as reading
from charrnn.data.text.source import ReadOptions, TextSource
from charrnn.errors import CorruptFile, InvalidValue, SourceNotFound, SourceUnusable, UnknownName
from tests.data.conftest import ARABIC, CHINESE, FRENCH, JAPANESE, RUSSIAN


def read(source: TextSource) -> str:
    return "".join(source.chunks())


@pytest.mark.parametrize("text", [RUSSIAN, JAPANESE, CHINESE, ARABIC, FRENCH, "a🙂\n\u200d𝒳", "ab"])
@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 18])
def test_utf8_comes_back_whatever_the_block_size(opened, monkeypatch, text, block):
    monkeypatch.setattr(decoding, "BLOCK", block)
    source = opened(text.encode())
    assert read(source) == read(source) == text
    assert (source.encoding, source.notes, source.survey.length) == ("utf-8", [], len(text))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 64])
@pytest.mark.parametrize("newlines", [True, False])
def test_line_ends_are_normalised_across_block_borders(opened, monkeypatch, block, newlines):
    monkeypatch.setattr(decoding, "BLOCK", block)
    raw = "a\r\nb\r\rc\n\r\nд\r"
    source = opened(raw.encode(), newlines=newlines)
    assert read(source) == ("a\nb\n\nc\n\nд\n" if newlines else raw)
    expected = ["Converted 2 CRLF line ends to LF.", "Converted 3 CR line ends to LF."]
    assert source.notes == (expected if newlines else [])


def test_carriage_returns_alone(opened):
    source = opened(b"one\rtwo\rthree")
    assert read(source) == "one\ntwo\nthree"
    assert source.survey.linestarts_by_character == {"t": 2}


def test_byte_order_mark_is_dropped_and_reported(opened):
    source = opened("\ufeffété".encode())
    assert read(source) == "été"
    assert source.notes == ["Dropped a byte order mark."]
    assert read(opened("\ufeffété".encode(), encoding="UTF8")) == "été"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("text", [RUSSIAN, "ab\r\n"])
def test_wide_encodings_without_the_mark_are_refused(opened, monkeypatch, encoding, text):
    monkeypatch.setattr(decoding, "BLOCK", 3)
    with pytest.raises(SourceUnusable, match=f"not valid {encoding}"):
        opened(text.encode(f"{encoding}-le"), encoding=encoding)
    assert read(opened(text.encode(f"{encoding}-le"), encoding=f"{encoding}-le")) == text.replace("\r", "")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("text", [RUSSIAN, "ab\r\n"])
def test_wide_encodings_are_known_by_their_mark(opened, monkeypatch, encoding, text):
    monkeypatch.setattr(decoding, "BLOCK", 3)
    source = opened(text.encode(encoding))
    assert read(source) == text.replace("\r", "")
    assert encoding in source.notes[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5"),
        (ARABIC, "cp1256"),
        (FRENCH, "cp1252"),
    ],
)
def test_other_encodings_are_guessed_and_reported(opened, text, encoding):
    source = opened((text * 20).encode(encoding))
    assert read(source) == text * 20
    assert source.encoding in source.notes[0]
    assert "guess" in source.notes[0]
    assert read(opened(text.encode(encoding), encoding=encoding)) == text


def test_first_invalid_byte_late_in_the_file_still_counts(opened, monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK", 1000)
    monkeypatch.setattr(decoding, "SAMPLE", 2000)
    plain = "plain words\r\n" * 5000
    source = opened((plain + "café “x”\n").encode("cp1252"))
    assert read(source) == plain.replace("\r", "") + "café “x”\n"
    assert f"byte {len(plain) + 3:,} is invalid" in source.notes[0]
    assert source.notes[1:] == ["Converted 5,000 CRLF line ends to LF."]


def test_damaged_utf8_stays_utf8(opened, monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK", 1000)
    source = opened((RUSSIAN * 100).encode() + b"\xff\n" + RUSSIAN.encode() + "Ж".encode()[:1])
    assert read(source) == RUSSIAN * 100 + "\ufffd\n" + RUSSIAN + "\ufffd"
    assert source.notes == ["2 places are not valid utf-8 and were read as U+FFFD."]


def test_surrogates_in_a_file_are_no_characters(opened):
    assert set(read(opened((RUSSIAN * 9 + "\ud800").encode("utf-8", "surrogatepass")))) == {*RUSSIAN, "\ufffd"}


def test_what_no_encoding_explains_is_kept_as_cp1252_with_escapes(opened):
    source = opened(b"words " * 100 + b"\x93quoted\x94 \x81\n")
    assert read(source) == "words " * 100 + "“quoted” \\x81\n"


@pytest.mark.parametrize("block", [1, 2, 11, 1 << 18])
def test_lower_case_does_not_depend_on_blocks(opened, monkeypatch, block):
    monkeypatch.setattr(decoding, "BLOCK", block)
    text = "ΟΔΥΣΣΕΥΣ ΣΤΗ ΘΑΛΑΣΣΑ\nİSTANBUL Ⅷ\n"
    assert read(opened(text.encode(), lower=True)) == text.lower()


GUTENBERG = (
    "The Project Gutenberg eBook\r\n\r\n*** START OF THE PROJECT GUTENBERG EBOOK {0} ***\r\n"
    "{1}*** END OF THE PROJECT GUTENBERG EBOOK {0} ***\r\nLicence\r\n"
)


@pytest.mark.parametrize("block", [1, 13, 1 << 18])
def test_gutenberg_trimming(opened, monkeypatch, block):
    monkeypatch.setattr(decoding, "BLOCK", block)
    books = GUTENBERG.format("ALICE", "Down the\r\nrabbit-hole\r\n") + GUTENBERG.format("LONG", "Once\r\n*** more\r\n")
    source = opened(books.encode(), gutenberg=True)
    assert read(source) == "Down the\nrabbit-hole\nOnce\n*** more\n"
    outside = len(books.replace("\r", "")) - len("Down the\nrabbit-hole\nOnce\n*** more\n")
    outside -= sum(
        len(line) + 1 for line in books.replace("\r", "").split("\n") if line.startswith("*** ") and "OF" in line
    )
    assert source.notes[-1] == f"Left out {outside} characters outside of Project Gutenberg's markers."


def test_text_without_markers(opened):
    with pytest.raises(SourceUnusable, match="no text between Project Gutenberg's markers"):
        opened(b"just words\n", gutenberg=True)


def test_streams_and_pipes_are_read_once_and_kept(tmp_path, monkeypatch):
    source = TextSource.open(io.BytesIO(RUSSIAN.encode()))
    assert read(source) == read(source) == RUSSIAN
    kept = source._path
    del source
    assert not kept.exists()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from standard input")))
    source = TextSource.open("-")
    assert (source.name, read(source)) == ("stdin", "from standard input")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of Unix")
def test_named_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=[b"through a pipe"]).start()
    source = TextSource.open(pipe)
    assert read(source) == read(source) == "through a pipe"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no text"),
        (b"a", "one character"),
        (b"\xef\xbb\xbf", "no text"),
        ("é".encode(), "one character"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary"),
        (b"all ASCII but \x00", "binary"),
        (bytes(range(1, 256)), "binary"),
        (b"\x01\x02\x03\x04", "binary"),
    ],
)
def test_unusable_content(opened, content, message):
    with pytest.raises(SourceUnusable, match=rf"text\.txt .*{message}"):
        opened(content)


@pytest.mark.parametrize("late", [b"\0", b"\xff\0"])
def test_binary_content_late_in_the_file(opened, monkeypatch, late):
    monkeypatch.setattr(reading, "HEAD", 100)
    monkeypatch.setattr(decoding, "BLOCK", 100)
    with pytest.raises(SourceUnusable, match="binary"):
        opened(b"plain words\n" * 50 + late)


def test_unusable_paths(tmp_path):
    with pytest.raises(SourceNotFound, match=r"nothing\.txt"):
        TextSource.open(tmp_path / "nothing.txt")
    with pytest.raises(SourceUnusable, match="directory"):
        TextSource.open(tmp_path)
    with pytest.raises(SourceUnusable, match="cannot be read: it is a text, not a path"):
        TextSource.open("x" * 5000)
    with pytest.raises(InvalidValue, match="is not a path"):
        TextSource.open("")


@pytest.mark.parametrize("source", [None, 5, b"the text itself"])
def test_what_is_neither_path_nor_stream_is_refused(source):
    with pytest.raises(SourceUnusable, match="expected the path"):
        TextSource.open(source)


def test_unusable_streams_leave_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SourceUnusable, match="stream holds no text"):
        TextSource.open(io.BytesIO(b""))
    assert list(tmp_path.iterdir()) == []


def test_encoding_asked_for_is_not_second_guessed(opened):
    with pytest.raises(SourceUnusable, match="byte 3 has no meaning"):
        opened("abcé".encode("cp1252"), encoding="utf-8")
    with pytest.raises(UnknownName, match="latin-99"):
        ReadOptions(encoding="latin-99")
    with pytest.raises(UnknownName, match="not a text encoding"):
        ReadOptions(encoding="hex")


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "HEAD", 1 << 16)

    def peak(repeats: int) -> int:
        path = tmp_path / "big.txt"
        path.write_bytes(RUSSIAN.encode() * repeats)
        tracemalloc.start()
        for _ in TextSource.open(path).chunks():
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(150_000) < peak(15_000) + 1_000_000


def test_real_texts(real_data: Path):
    for path in [*real_data.glob("text/*.txt"), *real_data.glob("unicode/*")]:
        expected = path.read_text(encoding="utf-8-sig")  # universal newlines
        source = TextSource.open(path, ReadOptions(gutenberg=False))
        assert read(source) == expected
        assert source.survey.length == len(expected)
    alice = TextSource.open(real_data / "text/alice_pg11_full.txt")
    assert read(alice).strip().startswith("ALICE'S ADVENTURES IN WONDERLAND")
    assert read(alice).strip().endswith("THE END")


@pytest.mark.parametrize("block", [1, 1 << 18])
def test_punctuation_is_left_out_of_text_and_survey(opened, monkeypatch, block):
    monkeypatch.setattr(decoding, "BLOCK", block)
    source = opened("“Off!”, said\r\nÁlice.\n".encode(), strip_punctuation=True, lower=True)
    assert read(source) == "off said\nálice\n"
    assert source.survey.length == len("off said\nálice\n")


@pytest.mark.parametrize("block", [7, 1 << 18])
@pytest.mark.parametrize(
    ("text", "foreign", "encoding"),
    [
        (FRENCH, "café noir\n", "cp1252"),
        (FRENCH, FRENCH, "cp1252"),
        (RUSSIAN, RUSSIAN, "cp1251"),
        (RUSSIAN, RUSSIAN, "koi8_r"),
        (JAPANESE, JAPANESE, "cp932"),
        (CHINESE, CHINESE, "gb18030"),
        ("“Tyger”, it’s\n", "‘Tyger’ – it’s\n", "cp1252"),
    ],
)
def test_lines_in_another_encoding_cost_no_other_line(opened, monkeypatch, block, text, foreign, encoding):
    monkeypatch.setattr(decoding, "BLOCK", block)
    source = opened((text * 20).encode() + foreign.encode(encoding) + text.encode())
    assert read(source) == read(source) == text * 20 + foreign + text
    beyond = sum(byte > 127 for byte in foreign.encode(encoding))
    assert f"UTF-8 but for {beyond} byte" in source.notes[0]
    assert f"read there as {encoding}, a guess of" in source.notes[0]
    assert source.encoding == "utf-8"


def test_a_foreign_byte_within_a_line_of_accents(opened):
    source = opened(
        (FRENCH * 5).encode() + "été à la ".encode() + b"caf\xe9 d'\xc9t\xe9, " + "là-bas, déjà, à l'été\n".encode()
    )
    assert read(source).splitlines()[-1] == "été à la café d'Été, là-bas, déjà, à l'été"
    assert "but for 3 bytes on 1 line" in source.notes[0]


def test_marks_of_lines_in_the_middle_of_a_file_with_two_encodings(opened):
    source = opened((FRENCH * 9).encode() + b"\xef\xbb\xbf" + "déjà à l'été\n".encode("cp1252"))
    assert read(source) == FRENCH * 9 + "déjà à l'été\n"
    assert "Removed 1 byte order mark from the middle of the text." in source.notes


def test_confidence_of_a_guess_is_told(opened):
    note = opened((FRENCH * 9).encode("mac_roman")).notes[0]
    assert "read as mac_roman, a guess of 100 % confidence" in note
    assert "Give encoding= if it is another" in note


def test_text_that_was_encoded_twice_is_marked(opened):
    source = opened((FRENCH * 20).encode() + "CafÃ©, dÃ©jÃ\xa0, Ã©tÃ©\n".encode())
    assert source.notes == [
        "5 characters look encoded twice, such as 'Ã©' for 'é'; they are learned as they stand. "
        "Mend the file first, for instance with the package ftfy."
    ]
    assert opened("Ãngela e Ângela, Ã©\n".encode()).notes == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_byte_order_marks_of_encodings_given_by_name(opened, encoding):
    source = opened("\ufeffété".encode(encoding), encoding=encoding)
    assert (read(source), source.notes) == ("été", ["Dropped a byte order mark."])


def test_byte_order_marks_within_a_text(opened):
    source = opened("\ufeffone\n\ufefftwo\n\ufeffthree\n".encode())
    assert read(source) == "one\ntwo\nthree\n"
    assert source.notes == ["Dropped a byte order mark.", "Removed 2 byte order marks from the middle of the text."]


def test_a_nul_costs_that_nul(opened):
    source = opened(b"plain words\n" * 10_000 + b"with\0 a NUL\n")
    assert read(source).endswith("words\nwith a NUL\n")
    assert source.notes == ["Left out 1 NUL character."]


def test_text_in_escapes_of_jis(opened):
    source = opened((JAPANESE * 3).encode("iso2022_jp"))
    assert read(source) == JAPANESE * 3
    assert "iso2022_jp" in source.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_gutenberg_is_cut_where_both_markers_are(opened, encoding):
    book = "Préface\n" + GUTENBERG.format("ALICE", "Down the\r\nrabbit-hole\r\n").replace("\r", "")
    source = opened(book.encode(encoding))
    assert read(source) == "Down the\nrabbit-hole\n"
    assert source.notes[-1].endswith("outside of Project Gutenberg's markers. gutenberg=False keeps them.")
    assert read(opened(book.encode(encoding), gutenberg=False)) == book


@pytest.mark.parametrize(
    "text",
    [
        "Title\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\nno end\n",
        "no begin\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\nLicence\n",
        "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\nLicence\n",
    ],
)
def test_gutenberg_is_kept_where_a_marker_or_the_book_is_missing(opened, text):
    source = opened(text.encode())
    assert (read(source), source.notes) == (text, [])


def test_several_files_are_one_text(tmp_path):
    for name, content in {"b.txt": FRENCH.encode("cp1252"), "a.txt": b"no line end", "c.png": b"\x89PNG\0"}.items():
        (tmp_path / name).write_bytes(content)
    source = TextSource.open([tmp_path / "b.txt", str(tmp_path / "a.txt"), tmp_path / "b.txt"])
    assert read(source) == FRENCH + "no line end\n" + FRENCH
    assert source.survey.length == len(read(source))
    assert source.notes[0] == "Read 3 files as one text."
    assert source.notes[1].startswith("b.txt: Not UTF-8")
    with pytest.raises(SourceUnusable, match=r"c\.png is a binary file"):
        TextSource.open([tmp_path / "a.txt", tmp_path / "c.png"])


def test_a_folder_is_one_text(tmp_path):
    for name, content in {"b.txt": b"two", "a/1.txt": b"one\n", "c.png": b"\x89PNG\0", "m/model.json": b"{}"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    source = TextSource.open(tmp_path)
    assert read(source) == "one\ntwo"
    assert source.notes[1] == "Passed over a working directory of models."
    assert "Left out 1 file that cannot be used, the first being c.png" in source.notes[2]
    checksum = source.sha256
    (tmp_path / "b.txt").write_bytes(b"three")
    assert TextSource.open(tmp_path).sha256 != checksum


def test_a_list_of_texts_is_not_one_text():
    with pytest.raises(SourceUnusable, match="Texts in a list are documents"):
        TextSource.open(["a poem", "another"])


def test_errors_while_reading_name_the_file(opened, monkeypatch):
    source = opened(b"a text\n" * 9)

    def fail(*args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(SourceUnusable, match=r"text\.txt cannot be read: Input/output error"):
        read(source)


@pytest.mark.parametrize("options", [{}, {"encoding": "cp1252", "newlines": False, "lower": True, "gutenberg": True}])
def test_options_and_back(options):
    made = ReadOptions(**options)
    assert ReadOptions.from_json(made.to_json()) == made


def test_records_of_options():
    assert ReadOptions.from_json({}).gutenberg is False  # models from before there was a choice kept all
    for record in ({"lower": "no"}, {"colour": 1}, {"encoding": "latin-99"}):
        with pytest.raises(CorruptFile, match="record of how a text is read"):
            ReadOptions.from_json(record)


def test_control_codes_of_a_wrong_encoding_are_marked(opened):
    source = opened("it\u0092s \u0093fine\u0094, isn\u0092t it\n".encode())
    assert source.notes == [
        "4 control codes such as '\\x92', which is '’' in cp1252: the text was read in another encoding before it was "
        "saved as it is."
    ]
