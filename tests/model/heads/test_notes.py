"""Notes drawn from distributions over sets of notes, as they are and under conditions."""

import itertools

import numpy as np
import pytest

from charrnn.errors import InvalidValue
from charrnn.model.heads.notes import Conditions, Estimator, draw_notes, marginals
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import need

V, K = 5, 4
SETS = np.array(list(itertools.product([0, 1], repeat=V)))


def estimator(R=1, units=K, seed=0):
    rng = np.random.default_rng(seed)
    c, a, W, U = (rng.normal(size=shape) for shape in ((1, V), (1, units), (V, units), (V, units)))
    return Estimator(c.repeat(R, axis=0), a.repeat(R, axis=0), 2 * W, U)


def one_by_one(of, uniforms, temp=1.0, given=None, most=None):
    """Draw by the formula, pitch after pitch."""
    notes = np.zeros(of.c.shape, int)
    for r in range(len(notes)):
        hidden = of.a[r].copy()
        for i in reversed(range(V)):
            wanted = -1 if given is None else given[r, i]
            to_come = 0 if given is None else (given[r, :i] == 1).sum()
            full = most is not None and notes[r].sum() + to_come >= most
            chance = 1 / (1 + np.exp(-(of.c[r, i] + np.tanh(hidden) @ of.U[i]) / temp))
            notes[r, i] = wanted if wanted >= 0 else uniforms[r, i] < chance and not full
            hidden += notes[r, i] * of.W[i]
    return notes


def probability(of, notes, temp=1.0):
    """Return the probability of a set of notes."""
    hidden, product = of.a[0].copy(), 1.0
    for i in reversed(range(V)):
        chance = 1 / (1 + np.exp(-(of.c[0, i] + np.tanh(hidden) @ of.U[i]) / temp))
        product *= chance if notes[i] else 1 - chance
        hidden += notes[i] * of.W[i]
    return product


@pytest.mark.parametrize("units", [0, K])
@pytest.mark.parametrize("temp", [1.0, 0.3])
@pytest.mark.parametrize("most", [None, 0, 2])
def test_the_same_notes_as_one_by_one(units, temp, most):
    rng = np.random.default_rng(1)
    of, uniforms = estimator(60, units), rng.random((60, V))
    notes, _ = draw_notes(of, uniforms, temp, most=most)
    np.testing.assert_array_equal(notes, one_by_one(of, uniforms, temp, most=most))
    given = rng.integers(-1, 2, (60, V)).astype("int8")
    notes, _ = draw_notes(of, uniforms, temp, given, most)
    np.testing.assert_array_equal(notes, one_by_one(of, uniforms, temp, given, most))
    np.testing.assert_array_equal(notes[given >= 0], given[given >= 0])


def test_sets_come_as_often_as_they_should():
    n = 40_000
    of = estimator(n)
    notes, _ = draw_notes(of, np.random.default_rng(2).random((n, V)))
    often = np.bincount(notes @ (1 << np.arange(V))[::-1], minlength=len(SETS)) / n
    wanted = np.array([probability(of, notes) for notes in SETS])
    np.testing.assert_allclose(wanted.sum(), 1, atol=1e-12)
    np.testing.assert_allclose(often, wanted, atol=5 * np.sqrt(0.25 / n))


@pytest.mark.parametrize(("units", "tolerance"), [(0, 1e-12), (K, 0.1)])
def test_marginals(units, tolerance):
    of = estimator(1, units)
    wanted = sum(probability(of, notes, 0.7) * notes for notes in SETS)
    np.testing.assert_allclose(marginals(of, 0.7)[0], wanted, atol=tolerance)


def test_drawing_leaves_its_arguments_alone():
    of, uniforms = estimator(3), np.full((3, V), 0.2)
    before = [array.copy() for array in of]
    draw_notes(of, uniforms, given=np.full((3, V), -1, "int8"))
    for array, was in zip(of, before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_conditions():
    scale = np.array([True, False, True, True, False])
    melody = np.full((2, 1, V), -1)
    melody[0, 0, 1] = 1
    pitches = Conditions(given=melody, allowed=scale).pitches(2, 3, V)
    assert pitches.shape == (2, 3, V)
    np.testing.assert_array_equal(pitches[0, 2], [-1, 1, -1, -1, 0])  # what is given sounds, allowed or not
    np.testing.assert_array_equal(pitches[1, 0], [-1, 0, -1, -1, 0])
    assert (Conditions().pitches(1, 1, V) == -1).all()


def models(head):
    hyper = HyperParams(layers=1, state_size=6, dtype="float64", head=head, note_units=K)
    return {engine: Model(hyper, "GRUEncode", V, engine=engine, threads=1) for engine in ("cpu", "jax")}


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_frames_are_written_alike_on_all_engines(head):
    need("jax")
    on = models(head)
    rng = np.random.default_rng(4)
    arrays = {name: rng.normal(size=array.shape) for name, array in on["cpu"].arrays().items()}
    uniforms, start = rng.random((7, 2, V)), np.zeros((2, V))
    conditions = Conditions(allowed=np.array([1, 1, 0, 1, 1]), most=3)
    written = {}
    for engine, model in on.items():
        model.load_arrays(arrays)
        written[engine] = model.generate_frames(start, model.freshstate(2), uniforms, 0.8, conditions)
    np.testing.assert_array_equal(written["cpu"][0], written["jax"][0])
    np.testing.assert_allclose(written["cpu"][1], written["jax"][1], atol=1e-12)


@pytest.mark.parametrize("head", ["bernoulli", "nade"])
def test_writing_goes_on_where_it_stopped(head):
    hyper = HyperParams(layers=2, state_size=6, head=head, note_units=K)
    model = Model(hyper, "LSTMResize", V, engine="cpu", threads=1)
    rng = np.random.default_rng(5)
    model.load_arrays({name: rng.normal(size=a.shape).astype(a.dtype) for name, a in model.arrays().items()})
    uniforms, start = rng.random((9, 2, V)), (rng.random((2, V)) < 0.5).astype("uint8")
    whole, end = model.generate_frames(start, model.freshstate(2), uniforms)
    first, middle = model.generate_frames(start, model.freshstate(2), uniforms[:4])
    rest, last = model.generate_frames(first[-1], middle, uniforms[4:])
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)
    np.testing.assert_array_equal(last, end)
    assert 0 < whole.mean() < 1
    assert whole.dtype == np.uint8


def test_a_given_melody_is_what_the_notes_below_it_depend_on():
    """Top notes that are given lead to chords that differ from those of other top notes."""
    model = Model(HyperParams(layers=1, state_size=6, head="nade", note_units=8), "GRUEncode", V, engine="cpu")
    rng = np.random.default_rng(6)
    model.load_arrays({name: 2 * rng.normal(size=a.shape).astype(a.dtype) for name, a in model.arrays().items()})
    uniforms = np.repeat(rng.random((6, 1, V)), 2, axis=1)
    given = np.full((6, 2, V), -1)
    given[:, 0, V - 1], given[:, 1, V - 1] = 1, 0
    frames, _ = model.generate_frames(np.zeros((2, V)), model.freshstate(2), uniforms, conditions=Conditions(given))
    np.testing.assert_array_equal(frames[:, 0, V - 1], 1)
    np.testing.assert_array_equal(frames[:, 1, V - 1], 0)
    assert (frames[0, 0, :-1] != frames[0, 1, :-1]).any()


def test_symbols_and_notes_are_not_mistaken_for_each_other():
    text = Model(HyperParams(layers=1, state_size=6), "GRUEncode", V, engine="cpu")
    with pytest.raises(InvalidValue, match="generate_frames needs a head of notes"):
        text.generate_frames(np.zeros((2, V)), text.freshstate(2), np.zeros((6, 2, V)))
    music = Model(HyperParams(layers=1, state_size=6, head="nade"), "GRUEncode", V, engine="cpu")
    with pytest.raises(InvalidValue, match="generate needs a head of symbols"):
        music.generate(np.zeros(2, "int32"), music.freshstate(2), np.zeros((6, 2)))
