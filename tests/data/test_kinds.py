"""The three kinds of data behind one interface: recognised, encoded, described, recorded and opened alike."""

import json

import numpy as np
import pytest

from charrnn.data.documents.document import Document
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.music.options import MusicOptions
from charrnn.data.reading import Reading
from charrnn.data.recognise import recognise, source_like
from charrnn.data.sources import corpus_from_json
from charrnn.data.streams.batch import Streams
from charrnn.data.text.source import ReadOptions
from charrnn.errors import CorruptFile, InvalidValue

READING, DOCUMENTS, MUSIC = ReadOptions(), DocumentOptions(), MusicOptions()
POEMS = [Document("ab" * (n % 3 + 1) + "c" * (n == 4), {"author": "XY"[n % 2]}) for n in range(20)]
ROLLS = [np.eye(88)[n : n + 20] for n in range(7)]


@pytest.fixture(params=["text", "documents", "music"])
def kind(request):
    return request.param


@pytest.fixture
def source(kind, tmp_path):
    (tmp_path / "text.txt").write_text("abba\n" * 41)
    given = {"text": tmp_path / "text.txt", "documents": POEMS, "music": ROLLS}[kind]
    return recognise(given, READING, DocumentOptions(labels="author") if kind == "documents" else DOCUMENTS, MUSIC)


@pytest.fixture
def corpus(source, tmp_path):
    return source.encode(tmp_path, seq_len=7, trainfrac=0.7, random_seed=3)[0]


def test_a_source_is_recognised(kind, source, corpus):
    assert source.corpus.kind == corpus.kind == kind
    assert isinstance(corpus, source.corpus)
    assert source_like(corpus, source.given, Reading()).corpus is source.corpus


def test_records_name_their_kind_and_old_ones_are_read(kind, corpus):
    record = json.loads(json.dumps(corpus.to_json()))
    assert record["kind"] == kind
    assert corpus_from_json(record) == corpus
    del record["kind"]
    assert corpus_from_json(record) == corpus
    with pytest.raises(CorruptFile, match="'film': expected text, documents, music"):
        corpus_from_json({**record, "kind": "film"})
    with pytest.raises(CorruptFile, match=f"record of the {kind} lacks sha256"):
        corpus_from_json({name: value for name, value in record.items() if name != "sha256"})


def test_parts_are_streams_of_the_same_unit(kind, corpus, tmp_path):
    parts = corpus.open(tmp_path)
    assert parts.test is None
    for part in parts[:2]:
        assert isinstance(part, Streams)
        assert (part.unit, part.noun) == (corpus.unit, corpus.noun)
        batch = part.batch(0, 2)
        assert batch.x.shape[:2] == (7, 2)
        assert (batch.keep is not None) == corpus.shape().resets
        assert len(part.excerpt(3, rng=1)) == 3 if kind != "documents" else len(part.excerpt(3, rng=1)) <= 3
        assert sum(map(len, part.first(4))) >= 4
    assert part.batch().x.max() < corpus.shape().vocab_size


def test_the_first_steps_are_those_of_the_beginning(kind, corpus, tmp_path):
    train = corpus.open(tmp_path).train
    every = train.first(10**6)
    if kind == "text":
        np.testing.assert_array_equal(every[0], train.symbols)
        np.testing.assert_array_equal(train.first(5)[0], train.symbols[:5])
    else:
        assert len(every) == len(train)
        few = train.first(9)
        assert sum(map(len, few)) >= 9 > sum(map(len, few[:-1]))
        for number, one in enumerate(few):
            whole = train[number]
            np.testing.assert_array_equal(one, whole if kind == "music" else whole[1:-1])


def test_what_is_said_of_characters_agrees(kind, corpus):
    number, name = {"text": (3, "character"), "documents": (3, "character"), "music": (88, "key")}[kind]
    assert corpus.kinds() == f"{number} {name}s"
    facts = dict(corpus.facts())
    if kind != "music":
        assert f"of {number} kinds" in corpus.summary()
        assert len(facts["kinds of characters"]) == number
    assert facts["to learn from"].startswith(f"{corpus.train_len:,} {corpus.noun}")
    assert facts["to validate on"].startswith(f"{corpus.valid_len:,} {corpus.noun}")


def test_label_columns_are_part_of_the_summary(tmp_path):
    source = recognise(POEMS, READING, DocumentOptions(labels="author"), MUSIC)
    assert "\n  author: X (10), Y (10)" in source.encode(tmp_path, 7, 0.7)[0].summary()


def test_arguments_tell_what_was_chosen(kind, corpus):
    arguments = corpus.arguments()
    assert arguments["seq_len"] == 7
    assert {"text": "trainfrac", "documents": "labels", "music": "dt"}[kind] in arguments


def test_options_of_another_kind_are_refused():
    with pytest.raises(InvalidValue, match="is about documents"):
        recognise(ROLLS, READING, DocumentOptions(labels="author"), MUSIC)
    with pytest.raises(InvalidValue, match=r"transpose is for music, which a\.txt is not"):
        recognise("a.txt", READING, DOCUMENTS, MusicOptions(transpose=3))


def test_characters_of_a_source(kind, source):
    if kind == "music":
        with pytest.raises(InvalidValue, match="is music, which has no characters: take preset='piano'"):
            source.characters()
    else:
        length = 41 * 5 if kind == "text" else sum(len(poem.text) for poem in POEMS)
        assert source.characters()[1:] == (length, 3, 0 if kind == "text" else 20)
