import itertools

import numpy as np
import pytest

from charrnn.data.documents.dataset import SPECIALS, DocumentSet
from charrnn.data.documents.document import Document
from charrnn.data.documents.labels import LabelTable
from charrnn.data.text.charset import CharSet
from charrnn.errors import InvalidValue, UnknownName

BEGIN, END = 1, 2
COLLECTIONS = {
    "one character": ["a"],
    "one": ["only this poem"],
    "two": ["a", "a much longer poem\nof two lines"],
    "equal": ["abc"] * 5,
    "some": [f"poem number {n}" * (n % 5 + 1) for n in range(23)],
    "one very long": ["tiny", "long " * 900, "small"],
}
documents_and_shapes = pytest.mark.parametrize(
    ("texts", "T", "B"),
    [
        pytest.param(texts, T, B, id=f"{name}-{T}-{B}")
        for name, texts in COLLECTIONS.items()
        for T, B in [(1, 1), (3, 2), (10, 1), (7, 5), (100, 16)]
    ],
)


def made(texts, T, **options) -> tuple[DocumentSet, CharSet]:
    chars = CharSet.from_text("".join(texts), specials=SPECIALS)
    return DocumentSet.from_documents(texts, chars, T, **options), chars


def streams(data: DocumentSet, B: int, epoch: int = 0):
    """Each stream of an epoch as x, y and keep (steps,), without padding."""
    batches = [data.batch(pos, B, epoch) for pos in range(data.batchepoch(B))]
    x, y, mask, keep = (np.concatenate(arrays) for arrays in zip(*(batch[:4] for batch in batches), strict=True))
    for b in range(B):
        real = mask[:, b] == 1
        yield x[real, b].tolist(), y[real, b].tolist(), keep[real, b, 0].tolist()


@documents_and_shapes
@pytest.mark.parametrize("epoch", [0, 3])
def test_streams_are_whole_documents_one_after_another(texts, T, B, epoch):
    data, chars = made(texts, T)
    seen = []
    for x, y, keep in streams(data, B, epoch):
        assert [k == 0 for k in keep] == [symbol == BEGIN for symbol in x] or max(map(len, texts)) >= 32 * T
        starts = [i for i, k in enumerate(keep) if k == 0] + [len(x)]
        assert starts[0] == 0
        for start, stop in itertools.pairwise(starts):
            assert x[start + 1 : stop] == y[start : stop - 1]
            seen.append((x[start], chars.decode(x[start:stop]), y[stop - 1]))
    if max(map(len, texts)) < 32 * T:
        assert all(first == BEGIN and last == END for first, _, last in seen)
        assert sorted(text for _, text, _ in seen) == sorted(texts)


@documents_and_shapes
def test_an_epoch_predicts_each_character_and_each_end_once(texts, T, B):
    data, chars = made(texts, T)
    targets = np.concatenate([y for _, y, _ in streams(data, B)]).astype(int)
    expected = np.concatenate([[*chars.encode(text), END] for text in texts])
    assert (np.bincount(targets, minlength=9) == np.bincount(expected, minlength=9)).all()
    assert data.predictions == len(expected)
    assert data.data_len == -(-len(expected) // T)
    inputs = np.concatenate([x for x, _, _ in streams(data, B)]).astype(int)
    assert (inputs == BEGIN).sum() == len(texts)
    assert END not in inputs


@documents_and_shapes
def test_shapes_types_and_padding(texts, T, B):
    data, _ = made(texts, T)
    for pos in range(data.batchepoch(B)):
        x, y, mask, keep, labels = data.batch(pos, B)
        assert (x.shape, y.shape, mask.shape, keep.shape, labels) == ((T, B), (T, B), (T, B), (T, B, 1), None)
        assert (x.dtype, y.dtype, mask.dtype, keep.dtype) == ("int32", "int32", "float32", "float32")
        for array in (x, y, keep[..., 0]):
            assert not array[mask == 0].any()
    assert mask.any()  # the last batch of an epoch is not empty


def test_a_long_document_is_shared_among_streams():
    data, chars = made(["tiny", "long " * 900, "small"], T=10)
    parts = ["", "", ""]
    for b, (x, _, keep) in enumerate(streams(data, 3)):
        assert 1500 <= len(x) <= 1520
        assert keep.count(0) <= 3
        parts[b] = chars.decode(x)
    joined = "".join(parts)
    assert joined.count("long ") >= 898
    assert data.batchepoch(3) <= 152


def test_order_depends_on_seed_and_epoch_alone():
    texts = [f"{n:03}" for n in range(50)]

    def order(seed: int, epoch: int) -> list[int]:
        data, _ = made(texts, 8, random_seed=seed)
        for other in (7, 0):  # what was asked for before changes nothing
            data.batch(1, 3, other)
        return [symbol for x, _, _ in streams(data, 2, epoch) for symbol in x]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1, 2)}) == 6
    assert len({made(texts, 8, random_seed=seed)[0].batchepoch(3) for seed in range(3)}) == 1


def test_labels_go_with_their_documents():
    tables = [LabelTable("author", {"A": 1, "B": 1}), LabelTable("form", {"f": 1, "g": 1, "h": 1})]
    documents = [
        Document("aaaa", {"author": "A", "form": "h"}),
        Document("bb", {"author": "B"}),
        Document("c", {"form": "g"}),
        Document("ddd"),
    ]
    chars = CharSet.from_text("abcd", specials=SPECIALS)
    data = DocumentSet.from_documents(documents, chars, seq_len=3, tables=tables)
    expected = {"a": [1, 3], "b": [2, 0], "c": [0, 2], "d": [0, 0]}
    seen = set()
    for pos in range(data.batchepoch(2)):
        batch = data.batch(pos, 2)
        assert batch.labels.dtype == np.int32
        assert batch.labels.shape == (3, 2, 2)
        assert not batch.labels[batch.mask == 0].any()
        for t, b in np.argwhere(batch.mask == 1):
            letter = chars.decode([batch.x[t, b]]) or chars.decode([batch.y[t, b]])
            assert batch.labels[t, b].tolist() == expected[letter]
            seen.add(letter)
    assert seen == set("abcd")
    with pytest.raises(UnknownName, match="No document has the author 'C'"):
        DocumentSet.from_documents([Document("a", {"author": "C"})], chars, tables=tables)


def test_documents_by_number():
    texts = ["one", "two\n", "x"]
    data, chars = made(texts, 4)
    assert len(data) == 3
    for number, text in enumerate(texts):
        assert data[number].tolist() == [BEGIN, *chars.encode(text), END]
        assert data[number].dtype == np.int32
    assert repr(data) == "<DocumentSet : 3 documents, 8 characters of 10 kinds, sequences of 4>"


def test_a_few_documents_fill_fewer_streams():
    data, _ = made(["ab", "c", "d"], 50)
    fitted = data.fit(16)
    assert (fitted.seq_len, fitted.batchsize, fitted.batchepoch) == (7, 1, 1)
    assert fitted.note.startswith("3 documents with 7 predictions in all, so sequences have 7 steps instead of 50, so")
    data, _ = made(["ab", "c", "d"], 2)
    assert data.fit(16).note == "3 documents with 7 predictions in all, so batches have 3 rows instead of 16."
    assert made(["poem"] * 100, 10)[0].fit(16).note == ""
    assert made(["long " * 2000], 10)[0].fit(16).batchsize == 16


def test_unknown_characters_and_missing_symbols():
    chars = CharSet.from_text("ab", specials=SPECIALS)
    assert DocumentSet.from_documents(["axb"], chars)[0].tolist() == [BEGIN, 3, 0, 4, END]
    with pytest.raises(UnknownName, match="no special symbol 'begin'"):
        DocumentSet.from_documents(["ab"], CharSet.from_text("ab"))


def test_nonsense_is_refused():
    chars = CharSet.from_text("ab", specials=SPECIALS)
    with pytest.raises(InvalidValue, match="no document"):
        DocumentSet.from_documents([], chars)
    with pytest.raises(InvalidValue, match="seq_len=0"):
        DocumentSet.from_documents(["a"], chars, seq_len=0)
    data = DocumentSet.from_documents(["a"], chars)
    for call in (data.batch, data.fit):
        with pytest.raises(InvalidValue, match="batchsize=0"):
            call(batchsize=0)
