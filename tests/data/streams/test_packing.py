import numpy as np
import pytest

from charrnn.data.streams.packing import Line, Packing

LENGTHS = [[1], [5], [1, 1, 1], [3, 1, 2], [50, 1, 1, 1], [7, 7, 7, 7], list(range(1, 40)), [1000, 3, 400, 2]]
batchsizes = pytest.mark.parametrize("B", [1, 2, 3, 16])
cases = pytest.mark.parametrize("lengths", LENGTHS, ids=str)


def walked(packing: Packing, line: Line, T: int = 7) -> list[list[tuple[int, int, bool]]]:
    """Each stream as (document, offset, first), step by step."""
    times = range(0, packing.length, T)
    blocks = [line.steps(start + np.arange(T)[:, np.newaxis]) for start in times]
    document, offset, first, real = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    for b in range(real.shape[1]):
        assert not np.diff(real[:, b].astype(int)).max(initial=0) > 0  # padding is at the end only
    return [
        list(zip(*(array[real[:, b], b].tolist() for array in (document, offset, first)), strict=True))
        for b in range(real.shape[1])
    ]


@cases
@batchsizes
@pytest.mark.parametrize("uncut", [1, 10, 10_000])
@pytest.mark.parametrize("rng", [None, 0, 1])
def test_every_step_of_every_document_once(lengths, B, uncut, rng):
    packing = Packing(np.array(lengths), B, uncut)
    streams = walked(packing, Line(packing, None if rng is None else np.random.default_rng(rng)))
    seen = sorted((document, offset) for stream in streams for document, offset, _ in stream)
    assert seen == [(document, offset) for document, length in enumerate(lengths) for offset in range(length)]
    for stream in streams:
        for before, after in zip([None, *stream], stream, strict=False):
            goes_on = before is not None and after[:2] == (before[0], before[1] + 1)
            assert goes_on or after[2]  # whatever does not go on begins with a blank state
    begun = sum(first for stream in streams for *_, first in stream)
    assert begun == packing.parts


@cases
@batchsizes
def test_documents_stay_whole_unless_they_are_long(lengths, B):
    packing = Packing(np.array(lengths), B, uncut=10)
    share = max(-(-sum(lengths) // B), 10)
    assert packing.parts == sum(-(-length // share) for length in lengths)
    assert packing.length <= max(2 * share, max(lengths) if packing.parts == len(lengths) else 0)


def test_streams_are_evenly_loaded():
    lengths = np.random.default_rng(0).integers(5, 300, 2000)
    for B in (2, 16, 50):
        assert Packing(lengths, B, 10_000).length - lengths.sum() / B < 5
    assert Packing(np.array([1_000_003]), 16, 3200).length == 62_501


def test_order_is_that_of_the_generator_and_documents_keep_their_stream():
    packing = Packing(np.full(60, 3), 4, 100)
    orders = [walked(packing, Line(packing, np.random.default_rng(seed))) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    for one, other in zip(orders[0], orders[2], strict=True):
        assert {document for document, *_ in one} == {document for document, *_ in other}
