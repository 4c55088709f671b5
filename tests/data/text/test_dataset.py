import numpy as np
import pytest

from charrnn.data.text.charset import CharSet
from charrnn.data.text.dataset import DataSet
from charrnn.errors import CorruptFile, InvalidValue

SHAPES = [
    (2, 1, 1),
    (2, 5, 3),
    (3, 1, 2),
    (10, 3, 4),
    (17, 4, 2),
    (101, 10, 1),
    (101, 10, 7),
    (102, 10, 16),
    (1000, 7, 13),
]
shapes = pytest.mark.parametrize(("N", "T", "B"), SHAPES)


def numbered(N: int, T: int) -> DataSet:
    """A text in which every symbol tells its position."""
    return DataSet(np.arange(N, dtype=np.uint16), vocab_size=N, seq_len=T)


@shapes
def test_batches_by_the_definition(N, T, B):
    data = numbered(N, T)
    rows = range(0, N - 1, T)
    assert data.data_len == len(rows)
    E = -(-len(rows) // B)
    assert data.batchepoch(B) == E
    for pos in range(E):
        batch = data.batch(pos, B)
        assert (batch.x.shape, batch.x.dtype, batch.y.dtype, batch.mask.dtype) == ((T, B), "int32", "int32", "float32")
        assert type(batch.x) is np.ndarray
        for b in range(B):
            start = rows[(b * E + pos) % len(rows)]
            assert batch.x[:, b].tolist() == [(start + t) % N for t in range(T)]
            assert batch.y[:, b].tolist() == [(start + t + 1) % N for t in range(T)]


@shapes
def test_an_epoch_predicts_each_character_once(N, T, B):
    data = numbered(N, T)
    batches = [data.batch(pos, B) for pos in range(data.batchepoch(B))]
    predicted = np.concatenate([batch.y[batch.mask == 1] for batch in batches])
    assert sorted(predicted.tolist()) == list(range(1, N))
    assert set(np.unique([batch.mask for batch in batches])) <= {0, 1}


@shapes
def test_streams_in_order_are_the_text(N, T, B):
    data = numbered(N, T)
    epoch = [data.batch(pos, B) for pos in range(data.batchepoch(B))]
    streams = [np.concatenate([batch.x[batch.mask[:, b] == 1, b] for batch in epoch]) for b in range(B)]
    assert np.concatenate(streams).tolist() == list(range(N - 1))


@shapes
def test_stream_b_goes_on_where_stream_b_plus_1_began(N, T, B):
    data = numbered(N, T)
    E = data.batchepoch(B)
    first, last = data.batch(0, B), data.batch(E - 1, B)
    for b in range(B - 1):
        if (b + 1) * E < data.data_len:  # beyond the text, streams begin anew
            assert last.y[-1, b] == np.roll(first.x[0], -1)[b]


def test_symbols_of_every_width_come_back():
    for size, dtype in [(256, np.uint8), (257, np.uint16), (70_000, np.uint32)]:
        symbols = np.array([size - 1, 0, size - 1], dtype=dtype)
        assert DataSet(symbols, size, 2).batch(0, 1).x.ravel().tolist() == [size - 1, 0]


def test_memory_map_reads_only_what_it_shows(tmp_path):
    path = tmp_path / "symbols.npy"
    np.save(path, np.arange(1000, dtype=np.uint16))
    data = DataSet.load(path, vocab_size=1000, seq_len=9, start=100, stop=901)
    assert isinstance(data.symbols, np.memmap)
    assert len(data) == 801
    assert data.batch(2, 5).x[0].tolist() == [100 + 9 * (b * 18 + 2) for b in range(5)]
    assert type(data.batch(2, 5).x) is np.ndarray


def test_from_text():
    chars = CharSet.from_text("abc")
    data = DataSet.from_text("abcab", chars, seq_len=2, name="letters")
    assert (data.data_len, data.vocab_size) == (2, 4)
    assert repr(data) == "<DataSet letters: 5 characters of 4 kinds, 2 sequences of 2>"
    assert data.fit(16).batchsize == 2


def test_nonsense_is_refused():
    for symbols in (np.zeros(1, np.uint8), np.zeros((2, 2), np.uint8)):
        with pytest.raises(InvalidValue, match="at least 2 symbols"):
            DataSet(symbols, 2)
    with pytest.raises(InvalidValue, match="seq_len=0"):
        DataSet(np.zeros(5, np.uint8), 2, seq_len=0)
    with pytest.raises(InvalidValue, match="batchsize=0"):
        numbered(10, 2).batch(0, 0)


def test_files_that_hold_no_symbols(tmp_path):
    path = tmp_path / "symbols.npy"
    np.save(path, np.arange(1000, dtype=np.uint16))
    whole = path.read_bytes()
    for content in (b"", whole[:50], whole[:-1], b"text " * 100):
        path.write_bytes(content)
        with pytest.raises(CorruptFile, match=r"symbols\.npy"):
            DataSet.load(path, 1000)
    for other in (np.zeros(9), np.zeros((3, 3), np.uint8)):
        np.save(path, other)
        with pytest.raises(CorruptFile, match="expected unsigned integers"):
            DataSet.load(path, 1000)


def test_a_continuous_text_has_no_documents():
    data = numbered(17, 4)
    batch = data.batch(1, 2)
    assert (batch.keep, batch.labels) == (None, None)
    for field, again in zip(batch[:3], data.batch(1, 2, epoch=5)[:3], strict=True):
        assert (field == again).all()


def test_an_excerpt_is_a_piece_from_anywhere():
    data = DataSet(np.arange(10, dtype="u1"), vocab_size=10)
    excerpts = {tuple(data.excerpt(8, rng=seed)) for seed in range(50)}
    assert excerpts == {tuple(range(start, start + 8)) for start in range(3)}
    assert data.excerpt(99).tolist() == list(range(10))
    assert data.excerpt(4, rng=3).tolist() == data.excerpt(4, np.random.default_rng(3)).tolist()
