import json
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from charrnn.data.documents.corpus import DocumentCorpus, encode_documents
from charrnn.data.documents.source import Document, Documents
from charrnn.data.sources import corpus_from_json
from charrnn.data.text import source as reading
from charrnn.data.text.corpus import TextCorpus, encode
from charrnn.errors import CorruptFile, InvalidValue, SaveFailed, SourceUnusable

POEMS = [
    Document(
        f"{'Tyger ' * (n % 4 + 1)}{n}", {"author": "ABBCCCDDDD"[n % 10]} | ({"form": "xy"[n % 2]} if n % 3 else {})
    )
    for n in range(100)
]


def read_back(corpus: DocumentCorpus, directory: Path) -> tuple[list[Document], list[Document]]:
    """The documents for training and for validation, decoded from the files."""
    parts = []
    for data in corpus.open(directory)[:2]:
        found = []
        for number in range(len(data)):
            ids = [] if data.labels is None else data.labels[number]
            labels = {table.name: table.labelof(i) for table, i in zip(corpus.tables, ids, strict=True) if i}
            found.append(Document(corpus.charset.decode(data[number]), labels))
        parts.append(found)
    return parts[0], parts[1]


def order(documents) -> list:
    return sorted((item.text, *item.labels.items()) for item in documents)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("trainfrac", [0.5, 0.9])
def test_both_parts_are_the_documents(tmp_path, trainfrac, seed):
    corpus = encode_documents(Documents.open(POEMS), tmp_path, 7, trainfrac, random_seed=seed)
    train, valid = read_back(corpus, tmp_path)
    assert order(train + valid) == order(POEMS)
    assert (corpus.documents, corpus.train_documents, corpus.valid_documents) == (100, len(train), len(valid))
    assert len(valid) == round(100 * (1 - trainfrac))
    assert corpus.train_len == sum(len(item.text) for item in train)
    assert corpus.valid_len == sum(len(item.text) for item in valid)
    assert corpus.length == corpus.train_len + corpus.valid_len
    assert corpus.firsts == {"T": len(train)}
    assert [table.counts for table in corpus.tables] == [
        Counter(item.labels["author"] for item in POEMS),
        Counter(item.labels["form"] for item in POEMS if "form" in item.labels),
    ]


def test_the_seed_divides_differently(tmp_path):
    parts = []
    for seed in (0, 0, 1):
        (tmp_path / str(len(parts))).mkdir()
        corpus = encode_documents(Documents.open(POEMS), tmp_path / str(len(parts)), random_seed=seed)
        parts.append(order(read_back(corpus, tmp_path / str(len(parts)))[1]))
    assert parts[0] == parts[1] != parts[2]


def test_documents_are_shuffled_by_the_corpus_seed(tmp_path):
    corpus = encode_documents(Documents.open(POEMS), tmp_path, random_seed=5)
    assert {data.random_seed for data in corpus.open(tmp_path)[:2]} == {5}


def test_a_document_alone_is_for_training_and_validation(tmp_path):
    corpus = encode_documents(Documents.open(["just one"]), tmp_path)
    assert read_back(corpus, tmp_path) == ([Document("just one")], [Document("just one")])
    assert (corpus.train_len, corpus.valid_len, corpus.seq_len) == (8, 8, 9)
    assert corpus.notes == (
        "1 document cannot be divided: validation is on the training documents.",
        "1 document with 9 predictions in all, so sequences have 9 steps instead of 100.",
    )
    assert not (tmp_path / "labels.npy").exists()


def test_a_label_for_each_of_many_documents(tmp_path):
    documents = [Document(f"poem {n}", {"author": f"author {n % 9_999}"}) for n in range(10_000)]
    corpus = encode_documents(Documents.open(documents), tmp_path)
    assert (corpus.tables[0].size, corpus.train_documents, corpus.valid_documents) == (10_000, 9_999, 1)
    _, valid = read_back(corpus, tmp_path)
    assert valid[0].labels["author"] == "author 0"


def test_record(tmp_path):
    corpus = encode_documents(Documents.open(POEMS), tmp_path)
    record = json.loads(json.dumps(corpus.to_json()))
    assert corpus_from_json(record) == DocumentCorpus.from_json(record) == corpus
    with pytest.raises(CorruptFile, match="lacks firsts, tables"):
        DocumentCorpus.from_json({key: value for key, value in record.items() if key not in ("tables", "firsts")})


def test_a_record_of_a_continuous_text_is_told_apart(opened, tmp_path):
    corpus = encode(opened(b"continuous text\n" * 9), tmp_path)
    assert corpus_from_json(json.loads(json.dumps(corpus.to_json()))) == corpus
    assert isinstance(corpus_from_json(corpus.to_json()), TextCorpus)


def test_rare_characters_are_folded_and_reported(tmp_path):
    corpus = encode_documents(Documents.open(["words"] * 20 + ["wörds"]), tmp_path, min_count=2)
    assert "Folded 1 rare character (1 occurrence) into U+FFFD." in corpus.notes
    assert Counter(item.text for part in read_back(corpus, tmp_path) for item in part)["w\ufffdrds"] == 1


def test_special_symbols_in_a_text_are_text(tmp_path):
    texts = ["⟨begin⟩", "⟨end⟩\x02\x03", "\ufffe\uffff\t\0"] * 3
    corpus = encode_documents(Documents.open(texts), tmp_path, trainfrac=1)
    train, valid = read_back(corpus, tmp_path)
    assert [item.text for item in train] == [item.text for item in valid] == texts
    assert not np.isin(np.concatenate([data[1:-1] for data in corpus.open(tmp_path)[0]]), [1, 2]).any()


def test_first_characters_follow_the_documents(tmp_path):
    corpus = encode_documents(Documents.open(["ax", "ay", "az", "bx"] * 10), tmp_path, trainfrac=1)
    assert corpus.firsts == {"a": 30, "b": 10}
    drawn = Counter(corpus.random_first(np.random.default_rng(seed)) for seed in range(400))
    assert set(drawn) == {"a", "b"}
    assert 270 < drawn["a"] < 330
    assert corpus.random_first(3) == corpus.random_first(3)
    unknown = encode_documents(Documents.open(["\ufffdx", "\ufffdy"]), tmp_path, trainfrac=1)
    assert unknown.firsts == {}
    assert unknown.random_first(0) in "xy"


@pytest.mark.parametrize("arguments", [{"trainfrac": 0}, {"seq_len": 0}, {"min_count": -1}])
def test_nonsense_changes_nothing(tmp_path, arguments):
    with pytest.raises(InvalidValue, match=next(iter(arguments))):
        encode_documents(Documents.open(POEMS), tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", ["author,text\nA,one\n", "author,text\nA,one\nC,two\n", "author,text\nA,one\nB,two!\n"]
)
def test_a_source_that_changes_is_noticed(tmp_path, content):
    path = tmp_path / "poems.csv"
    path.write_text("author,text\nA,one\nB,two\n")
    documents = Documents.open(path, labels="author")
    path.write_text(content)
    with pytest.raises(SourceUnusable, match="changed while it was read"):
        encode_documents(documents, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["poems.csv"]


def test_files_that_are_missing_or_others(tmp_path):
    corpus = encode_documents(Documents.open(POEMS), tmp_path)
    with pytest.raises(SaveFailed, match="nowhere"):
        encode_documents(Documents.open(POEMS), tmp_path / "nowhere")
    for name in ("symbols.npy", "starts.npy", "valid.npy", "labels.npy"):
        content = (tmp_path / name).read_bytes()
        for damaged in (np.load(tmp_path / name)[:-1], np.zeros(3)):
            np.save(tmp_path / name, damaged)
            with pytest.raises(CorruptFile):
                corpus.open(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(CorruptFile, match=rf"{name} is missing"):
            corpus.open(tmp_path)
        (tmp_path / name).write_bytes(content)
    corpus.open(tmp_path)


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "HEAD", 1 << 16)

    def peak(repeats: int) -> int:
        path = tmp_path / "big.csv"
        path.write_text("author,text\n" + f'A,"{"some lines of a poem" * 50}"\n' * repeats)
        documents = Documents.open(path, labels="author")
        tracemalloc.start()
        encode_documents(documents, tmp_path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(6_000) < peak(1_000) + 1_500_000


def test_real_poems(real_data, tmp_path):
    path = real_data / "poems/poems_short_by_author.csv"
    corpus = encode_documents(Documents.open(path, labels="author"), tmp_path)
    assert corpus.documents == 1117
    assert corpus.tables[0].counts["Dickinson"] == 442
    train, valid, _ = corpus.open(tmp_path)
    shares = np.bincount(valid.labels[:, 0]) / np.bincount(train.labels[:, 0], minlength=8).clip(1)
    assert 0.07 < shares[1:].min() <= shares.max() < 0.15
    masks = [train.batch(pos, 16).mask for pos in range(train.batchepoch(16))]
    assert np.mean(masks) > 0.99
    assert np.sum(masks) == corpus.train_len + corpus.train_documents
