import hashlib
import json
import tracemalloc

import numpy as np
import pytest

from charrnn.data.text import decoding
from charrnn.data.text import source as reading
from charrnn.data.text.charset import CharSet
from charrnn.data.text.corpus import TextCorpus, encode
from charrnn.data.text.source import TextSource
from charrnn.errors import CorruptFile, InvalidValue, SaveFailed, SourceUnusable
from tests.data.conftest import ARABIC, CHINESE, JAPANESE, RUSSIAN


def ancestors_split(text: str, trainfrac: float) -> int:
    """The rule in the words of the ancestor, for texts that are not tiny."""
    index, window = int(len(text) * trainfrac), max(1, int(len(text) * 0.005))
    if (newline := text.find("\n", index, index + window)) >= 0:
        return newline + 1
    if (newline := text.rfind("\n", index - window, index)) >= 0:
        return newline + 1
    return index


@pytest.mark.parametrize("block", [5, 1 << 18])
@pytest.mark.parametrize("text", [RUSSIAN * 30, JAPANESE * 30, CHINESE * 30, ARABIC * 30, "to be\r\nor not\r\n" * 99])
def test_both_parts_are_the_text(opened, tmp_path, monkeypatch, text, block):
    monkeypatch.setattr(decoding, "BLOCK", block)
    corpus = encode(opened(text.encode()), tmp_path, seq_len=7)
    train, valid, _ = corpus.open(tmp_path)
    text = text.replace("\r", "")
    split = ancestors_split(text, 0.9)
    assert corpus.charset.decode(train.symbols) == text[:split]
    assert corpus.charset.decode(valid.symbols) == text[split:]
    assert (corpus.length, corpus.train_len, corpus.valid_len) == (len(text), split, len(text) - split)
    assert train.symbols.dtype == np.uint8
    assert not (tmp_path / "symbols.tmp").exists()


@pytest.mark.parametrize(
    "newlines_at",
    [[], [500], [505], [497], [494], [510, 999], [495, 497, 498], [496, 499, 501, 504], [330, 332, 334, 336]],
)
@pytest.mark.parametrize("trainfrac", [0.5, 0.3333])
def test_split_moves_to_a_newline_nearby(opened, tmp_path, newlines_at, trainfrac):
    letters = ["ab"[i % 2] for i in range(1000)]
    for position in newlines_at:
        letters[position] = "\n"
    text = "".join(letters)
    assert encode(opened(text.encode()), tmp_path, trainfrac=trainfrac).split == ancestors_split(text, trainfrac)


@pytest.mark.parametrize("length", [2, 3, 4, 5, 9, 20])
@pytest.mark.parametrize("trainfrac", [0.01, 0.5, 0.9, 0.999, 1])
@pytest.mark.parametrize("text", ["abcdefghijklmnopqrst", "\n" * 20])
def test_tiny_texts_can_be_learned(opened, tmp_path, text, length, trainfrac):
    corpus = encode(opened(text[:length].encode()), tmp_path, trainfrac=trainfrac)
    train, valid, _ = corpus.open(tmp_path)
    assert min(len(train), len(valid)) >= 2
    assert corpus.seq_len == len(train) - 1
    assert corpus.notes[-1].endswith("instead of 100.")
    if length < 4 or trainfrac == 1:
        assert corpus.valid_len == corpus.train_len == length
    else:
        assert len(train) + len(valid) == length


def test_rare_characters_are_folded_and_reported(opened, tmp_path):
    corpus = encode(opened(("common words\n" * 50 + "é ß é\n").encode()), tmp_path, min_count=3)
    assert not {"é", "ß"} & set(corpus.charset.chars)
    text = corpus.charset.decode(np.load(tmp_path / corpus.filename))
    assert text == "common words\n" * 50 + "\ufffd \ufffd \ufffd\n"
    assert "Folded 2 rare characters (3 occurrences) into U+FFFD." in corpus.notes


def test_record_and_checksums(opened, tmp_path):
    content = "été\r\n".encode() * 40
    corpus = encode(opened(content), tmp_path, seq_len=9)
    assert TextCorpus.from_json(json.loads(json.dumps(corpus.to_json()))) == corpus
    assert corpus.sha256 == hashlib.sha256(content).hexdigest()
    assert corpus.file_sha256 == hashlib.sha256((tmp_path / corpus.filename).read_bytes()).hexdigest()
    assert (corpus.source, corpus.notes) == ("text.txt", ("Converted 40 CRLF line ends to LF.",))
    with pytest.raises(CorruptFile, match="lacks split"):
        TextCorpus.from_json({key: value for key, value in corpus.to_json().items() if key != "split"})


def test_more_than_256_characters_take_two_bytes(opened, tmp_path):
    text = "".join(map(chr, range(0x4E00, 0x4F80))) * 2
    corpus = encode(opened(text.encode()), tmp_path)
    symbols = np.load(tmp_path / corpus.filename)
    assert symbols.dtype == np.uint16
    assert corpus.charset.decode(symbols) == text


@pytest.mark.parametrize(
    "arguments",
    [
        {"trainfrac": 0},
        {"trainfrac": 1.5},
        {"trainfrac": float("nan")},
        {"seq_len": 0},
        {"min_count": -1},
        {"min_count": float("nan")},
        {"min_count": 1000},
    ],
)
def test_nonsense_changes_nothing(opened, tmp_path, arguments):
    source = opened(b"some text\n" * 9)
    with pytest.raises(InvalidValue, match=next(iter(arguments))):
        encode(source, tmp_path, **arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize("content", [b"some text, longer than before\n", b"some"])
def test_a_source_that_changes_is_noticed(tmp_path, content):
    path = tmp_path / "text.txt"
    path.write_bytes(b"some text\n")
    source = TextSource.open(path)
    path.write_bytes(content)
    with pytest.raises(SourceUnusable, match="changed while it was read"):
        encode(source, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_directory_that_cannot_be_written(opened, tmp_path):
    with pytest.raises(SaveFailed, match="nowhere"):
        encode(opened(b"some text\n"), tmp_path / "nowhere")


def test_missing_or_shortened_symbols_are_noticed(opened, tmp_path):
    corpus = encode(opened(b"some text\n" * 9), tmp_path)
    np.save(tmp_path / corpus.filename, np.zeros(85, np.uint8))
    with pytest.raises(CorruptFile, match="too short: expected 90"):
        corpus.open(tmp_path)
    (tmp_path / corpus.filename).unlink()
    with pytest.raises(CorruptFile, match="missing"):
        corpus.open(tmp_path)


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "HEAD", 1 << 16)

    def peak(repeats: int) -> int:
        path = tmp_path / "big.txt"
        path.write_bytes(RUSSIAN.encode() * repeats)
        source = TextSource.open(path)
        tracemalloc.start()
        encode(source, tmp_path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(15_000), peak(150_000)
    assert large < small + 1_000_000


def test_known_characters_keep_their_indices(opened, tmp_path):
    known = CharSet.from_text("xyzab\n")
    text = "abcab\ncabba\n" * 20
    corpus = encode(opened(text.encode()), tmp_path, known=known, trainfrac=1)
    assert corpus.charset.chars == (*known.chars, "c")
    train, _, _ = corpus.open(tmp_path)
    assert train.symbols.tolist() == [corpus.charset.chars.index(ch) for ch in text]
    assert train.vocab_size == len(known) + 1
