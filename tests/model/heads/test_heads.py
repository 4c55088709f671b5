"""Networks of notes: losses, gradients and states beside numpy, on every engine."""

import itertools

import numpy as np
import pytest

from charrnn.errors import InvalidValue
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams
from tests.helpers import ENGINES, need
from tests.model import numpy_reference as reference
from tests.model.models import cell

V, K = 7, 3
HEADS = ["bernoulli", "nade"]


def model(head, modeltype="GRUEncode", engine="cpu", **hyper):
    need(engine)
    settings = {"layers": 2, "state_size": 5, "dtype": "float64", "note_units": K, "regcost": 0.0} | hyper
    made = Model(HyperParams(head=head, **settings), modeltype, V, engine=engine, threads=1, documents=True)
    rng = np.random.default_rng(3)
    arrays = made.arrays()
    for name, array in arrays.items():
        if name.startswith("param/"):
            arrays[name] = (0.5 * rng.normal(size=array.shape)).astype(array.dtype)
    made.load_arrays(arrays)
    return made


def batch(made, T=4, B=3):
    rng = np.random.default_rng(T)
    x, y = (rng.random((2, T, B, V)) < 0.4).astype(made.hyper.dtype)
    keep = (rng.random((T, B, 1)) < 0.7).astype(made.hyper.dtype)
    mask = (rng.random((T, B)) < 0.7).astype(made.hyper.dtype)
    return x, y, rng.normal(size=made.freshstate(B).shape).astype(made.hyper.dtype), mask, keep


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def expected(made, p, x, y, state, keep):
    """Return the errors (T, B), the logits (T, B, V) and the last state by numpy, step after step."""
    run, H, n = cell(made), made.hyper.state_size, len(made.network.cell.states)
    states = [[layer[:, k * H : (k + 1) * H] for k in range(n)] for layer in state]
    errors, logits = [], []
    for t in range(len(x)):
        inputs = np.tanh(x[t] @ p["E"] + p["a"]) if "a" in p else x[t] @ p["E"] if "E" in p else x[t]
        for layer in range(len(states)):
            own = {name.partition(".")[2]: v for name, v in p.items() if name.startswith(f"{layer + 1}.")}
            states[layer] = list(run(inputs, [s * keep[t] for s in states[layer]], own))
            inputs = states[layer][0]
        outputs = inputs @ (p["V"] if "V" in p else p["E"].T) + p["c"]
        logit, hidden = {}, outputs[:, V:]
        for i in reversed(range(V)):
            logit[i] = outputs[:, i] + (np.tanh(hidden) @ p["U"][i] if "U" in p else 0)
            hidden = hidden + y[t, :, i, None] * p["W"][i] if "W" in p else hidden
        logits.append(np.stack([logit[i] for i in range(V)], axis=1))
        errors.append(-np.log(np.where(y[t] == 1, sigmoid(logits[-1]), sigmoid(-logits[-1]))).sum(axis=1))
    return np.stack(errors), np.stack(logits), np.stack([np.concatenate(layer, axis=1) for layer in states])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("modeltype", ["GRUEncode", "LSTMEmbed", "GRUResize"])
def test_errors_accuracy_and_state(head, modeltype, engine):
    made = model(head, modeltype, engine)
    x, y, state, _, keep = batch(made)
    errors, logits, last = expected(made, made.parameters, x, y, state, keep)
    got, accuracy, got_last = made.assess(x, y, state, keep)
    np.testing.assert_allclose(got, errors, atol=1e-12)
    np.testing.assert_allclose(got_last, last, atol=1e-13)
    both, either = ((logits > 0) & (y == 1)).sum(axis=2), ((logits > 0) | (y == 1)).sum(axis=2)
    np.testing.assert_allclose(accuracy, np.where(either > 0, both / np.maximum(either, 1), 1), atol=1e-13)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("head", "modeltype", "hyper"),
    [
        ("nade", "GRUEncode", {"regcost": 0.3}),
        ("nade", "LSTMEmbed", {"cost": "mean"}),
        ("bernoulli", "GRUEncode", {"tied": True}),
        ("bernoulli", "RNNResize", {"layers": 1}),
    ],
)
def test_gradients(head, modeltype, hyper, engine):
    made = model(head, modeltype, engine, **hyper)
    x, y, state, mask, keep = batch(made)

    def cost(p):
        errors = (expected(made, p, x, y, state, keep)[0] * mask).sum()
        errors = errors + made.hyper.regcost / 2 * sum((v**2).sum() for v in p.values() if v.ndim > 1)
        return errors / mask.sum() if made.hyper.cost == "mean" else errors

    wanted = reference.gradient(cost, made.parameters)
    for name, gradient in made.gradients(x, y, state, mask, keep).items():
        np.testing.assert_allclose(gradient, wanted[name], atol=1e-11, err_msg=name)


@pytest.mark.parametrize("head", HEADS)
def test_clipping_at_each_step_and_truncation(head):
    """A clip that no value exceeds changes nothing; only the last n steps have a gradient."""
    whole, clipped = (model(head, clip=clip, clip_at=1e3) for clip in ("value", "step"))
    last = model(head, bptt_truncate=2)
    x, y, state, mask, keep = batch(whole, T=5)
    wanted = whole.gradients(x, y, state, mask, keep)
    for name, gradient in clipped.gradients(x, y, state, mask, keep).items():
        np.testing.assert_allclose(gradient, wanted[name], atol=1e-12, err_msg=name)
    _, middle = whole.errors(x[:3], y[:3], state, keep[:3])
    wanted = whole.gradients(x[3:], y[3:], middle, mask[3:], keep[3:])
    for name, gradient in last.gradients(x, y, state, mask, keep).items():
        np.testing.assert_allclose(gradient, wanted[name], atol=1e-12, err_msg=name)


@pytest.mark.parametrize("head", HEADS)
def test_learns(head):
    """Every piece repeats two chords, which a model soon knows."""
    made = model(head, dtype="float32", optimizer="adam", learnrate=0.03, cost="mean", dropout=0.1, note_units=8)
    chords = np.array([[1, 0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0, 1]], "float32")
    piece = np.tile(chords, (9, 1))[:, None].repeat(2, axis=1)
    for _ in range(120):
        result = made.step(piece[:-1], piece[1:])
    assert result.loss < 0.5
    assert result.accuracy > 0.95
    errors, _ = made.errors(piece[:-1], piece[1:])
    assert errors.shape == (17, 2)
    assert errors[2:].max() < 0.5
    frames, _ = made.generate_frames(chords[:1], made.freshstate(1), np.full((4, 1, V), 0.5))
    np.testing.assert_array_equal(frames[:, 0], chords[[1, 0, 1, 0]])


def test_notes_are_rare_to_a_new_model():
    made = Model(HyperParams(layers=1, state_size=4, head="nade", note_units=5), "GRUEncode", 88, engine="cpu")
    assert made.parameters["c"].shape == (93,)
    errors, _ = made.errors(np.zeros((2, 1, 88)), np.zeros((2, 1, 88)))
    assert (errors < 10).all()  # 61 where every note is as likely as not


@pytest.mark.parametrize("head", HEADS)
def test_bad_frames_are_refused(head):
    made = model(head)
    x = np.zeros((2, 1, V))
    for bad in (np.zeros((2, 1)), np.zeros((2, 1, V - 1)), np.zeros((2, V)), np.full((2, 1, V), 0.5), x * np.nan):
        with pytest.raises(InvalidValue):
            made.step(bad, x)
        with pytest.raises(InvalidValue):
            made.errors(x, bad)


def test_a_head_with_further_outputs_cannot_be_tied():
    with pytest.raises(InvalidValue, match="bernoulli"):
        model("nade", tied=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("head", HEADS)
def test_process(head, engine):
    """Probabilities beside those of every set of notes; those of the estimator are means of draws."""
    made = model(head, engine=engine)
    x, _, state, *_ = batch(made, T=3, B=1)
    probabilities, states = made.process(x[:, 0], state[:, 0], temp=1.0)
    assert states.shape == (3, 2, 5)
    total, open_ = np.zeros((3, V)), np.ones((3, 1, 1))
    for notes in itertools.product([0.0, 1.0], repeat=V):
        y = np.broadcast_to(notes, x.shape)
        errors, _, last = expected(made, made.parameters, x, y, state, open_)
        total += np.exp(-errors) * notes
    np.testing.assert_allclose(states[-1], last[:, 0], atol=1e-12)
    np.testing.assert_allclose(probabilities, total, atol=1e-12 if head == "bernoulli" else 0.08)
