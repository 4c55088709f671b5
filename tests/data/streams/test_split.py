import numpy as np
import pytest

from charrnn.data.streams.split import validation, validation_by_size


def column(*sizes: int) -> np.ndarray:
    """Labels of one column, shuffled, with so many documents of each."""
    ids = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    return np.random.default_rng(5).permutation(ids)[:, np.newaxis]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("trainfrac", [0.5, 0.8, 0.9])
def test_every_label_gives_its_share(trainfrac, seed):
    labels = column(200, 100, 40, 20, 10)
    valid = validation(labels, trainfrac, seed)
    assert valid.sum() == round(370 * (1 - trainfrac))
    taken = np.bincount(labels[valid, 0], minlength=6)[1:]
    assert np.abs(taken - np.array([200, 100, 40, 20, 10]) * (1 - trainfrac)).max() <= 2


@pytest.mark.parametrize("trainfrac", [0.01, 0.5, 0.95])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 5), (1, 30), (2, 2, 2), (1,) * 10_000 + (3,)])
def test_training_knows_every_label(sizes, trainfrac):
    labels = column(*sizes)
    valid = validation(labels, trainfrac, 0)
    assert set(labels[~valid, 0]) == set(labels[:, 0])
    assert 1 <= valid.sum() <= sum(sizes) - len(sizes)


def test_training_knows_every_label_of_every_column():
    rng = np.random.default_rng(0)
    labels = np.stack([rng.integers(0, 4, 60), rng.integers(0, 30, 60), rng.integers(0, 2, 60)], axis=1)
    valid = validation(labels, 0.3, 0)
    for values in labels.T:
        assert set(values[~valid]) == set(values)
    assert 10 <= valid.sum() <= 42


@pytest.mark.parametrize(
    ("count", "trainfrac", "expected"), [(1, 0.9, 0), (2, 0.9, 1), (2, 0.01, 1), (20, 1, 0), (20, 0.95, 1)]
)
def test_few_documents_without_labels(count, trainfrac, expected):
    assert validation(np.zeros((count, 0), np.int32), trainfrac, 0).sum() == expected


def test_labels_with_one_document_each_leave_nothing():
    assert not validation(column(1, 1, 1), 0.5, 0).any()


def test_the_seed_decides():
    labels = column(100, 50)
    first, again, other = (validation(labels, 0.8, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def by_size(sizes, trainfrac=0.9, labels=None, seed=0):
    sizes = np.array(sizes)
    labels = np.zeros((len(sizes), 0), np.int32) if labels is None else np.array(labels)[:, None]
    chosen, note = validation_by_size(labels, sizes, trainfrac, seed, "character")
    return chosen, note, sizes[chosen].sum() / sizes.sum()


@pytest.mark.parametrize("seed", range(5))
def test_documents_of_like_length_are_drawn_by_their_number(seed):
    sizes = np.random.default_rng(seed).integers(50, 100, 83)
    chosen, note, _ = by_size(sizes, seed=seed)
    assert not note
    np.testing.assert_array_equal(chosen, validation(np.zeros((83, 0), int), 0.9, seed))


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize(
    "sizes",
    [[100_000] * 3 + [7] * 300, [50_000, 20_000, 9_000, 4_000] + [3] * 96, [10**6] + [5000] * 40, [9, 10**6, 800]],
)
def test_documents_of_very_different_length_are_divided_by_their_characters(sizes, seed):
    chosen, note, share = by_size(sizes, seed=seed)
    assert 0 < chosen.sum() < len(sizes)
    assert 0.01 <= share <= 0.5 or (len(sizes) == 3 and "very different" in note)


def test_every_label_is_learned_where_sizes_decide_too():
    sizes, labels = [100_000] * 3 + [7] * 100, [0, 1, 1] + [2] * 99 + [3]
    for seed in range(9):
        chosen, note, share = by_size(sizes, labels=labels, seed=seed)
        assert set(np.array(labels)[~chosen]) == {0, 1, 2, 3}
        assert share > 0.01
        assert "divided by characters" in note or 0.01 < share < 0.5


def test_a_small_part_that_was_asked_for_is_as_asked():
    chosen, note, _ = by_size([100] * 400, trainfrac=0.995)
    assert (chosen.sum(), note) == (2, "")
    assert not by_size([5, 5000], trainfrac=1)[0].any()
