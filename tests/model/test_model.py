import itertools
import threading

import numpy as np
import pytest

from charrnn.errors import CorruptFile, InvalidValue, UnknownName
from charrnn.model.cells import modeltypes
from charrnn.model.model import Model
from charrnn.model.optimizers import OPTIMIZERS
from charrnn.model.sampling import Choice
from charrnn.settings.hyper import HyperParams
from tests.helpers import ENGINES, need
from tests.model import numpy_reference as reference
from tests.model.models import V, batch, contributions, forward, model

VARIANTS = [
    {"modeltype": "GRUEncode", "gate": "hard_sigmoid"},
    {"modeltype": "GRUResize", "reset": "after"},
    {"modeltype": "LSTMEncode"},
    {"modeltype": "LSTMResize", "gate": "hard_sigmoid"},
    {"modeltype": "RNNEncode", "layers": 1},
    {"modeltype": "RNNResize", "layers": 3},
    {"modeltype": "GRUEmbed", "tied": True},
    {"modeltype": "LSTMEmbed"},
    {"modeltype": "RNNEmbed", "layers": 1},
]
SIZES = [(4, 3), (1, 1), (1, 4), (6, 1)]


def identity(variant):
    return "-".join(str(value) for value in variant.values())


# -- forward ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS, ids=identity)
def test_errors_and_states_are_numpys(variant):
    m = model(**variant)
    for T, B in SIZES:
        x, y, state = batch(m, T, B)
        errors, last = m.errors(x, y, state)
        logits, states = forward(m, reference.each_step(m.parameters, T), x, state)
        np.testing.assert_allclose(errors, reference.errors(logits, y), atol=1e-12)
        np.testing.assert_allclose(last, states[:, -1], atol=1e-12)


@pytest.mark.parametrize("modeltype", ["GRUEncode", "LSTMResize"])
def test_float32_to_a_millionth(modeltype):
    m = model(modeltype, dtype="float32", state_size=33)
    x, y, state = batch(m, 5, 9)
    errors, last = m.errors(x, y, state)
    logits, states = forward(
        m, {k: a.astype("float64") for k, a in reference.each_step(m.parameters, 5).items()}, x, state
    )
    assert errors.dtype == last.dtype == "float32"
    np.testing.assert_allclose(errors, reference.errors(logits, y), rtol=2e-6, atol=2e-5)
    np.testing.assert_allclose(last, states[:, -1], atol=3e-6)


def test_the_loss_is_a_sum_over_what_is_not_masked():
    m = model()
    x, y, state = batch(m)
    errors, last = m.errors(x, y, state)
    assert errors.shape == (4, 3)
    mask = np.random.default_rng(0).integers(0, 2, x.shape).astype("float64")
    loss, after = m.loss(x, y, state, mask)
    np.testing.assert_allclose(loss, (errors * mask).sum())
    np.testing.assert_array_equal(after, last)
    assert isinstance(loss, float)
    np.testing.assert_allclose(m.loss(x, y, state)[0], errors.sum())
    np.testing.assert_array_equal(m.errors(x, y)[0], m.errors(x, y, m.freshstate(3))[0])


def test_one_sequence():
    m = model("LSTMEncode")
    x, y, state = batch(m, 7, 1)
    _, last = m.errors(x, y, state)
    for temp in (1.0, 0.5):
        probabilities, states = m.process(x[:, 0], state[:, 0], temp=temp)
        logits, every = forward(m, reference.each_step(m.parameters, 7), x, state)
        np.testing.assert_allclose(probabilities, np.exp(reference.log_softmax(logits[:, 0] / temp)), atol=1e-12)
        np.testing.assert_allclose(states, every[:, :, 0].transpose(1, 0, 2), atol=1e-12)
        np.testing.assert_allclose(states[-1], last[:, 0], atol=1e-12)
    np.testing.assert_array_equal(m.process(x[:, 0])[0], m.process(x[:, 0], m.freshstate())[0])


@pytest.mark.parametrize("modeltype", ["GRUEncode", "RNNResize"])
def test_two_symbols_and_one_unit(modeltype):
    m = Model(HyperParams(layers=1, state_size=1, dtype="float64"), modeltype, 2, engine="cpu")
    x = np.array([[0, 1], [1, 1], [1, 0]])
    errors, _ = m.errors(x, 1 - x)
    logits, _ = forward(m, reference.each_step(m.parameters, 3), x, m.freshstate(2))
    np.testing.assert_allclose(errors, reference.errors(logits, 1 - x), atol=1e-13)
    assert np.isfinite(m.step(x, 1 - x, m.freshstate(2)).loss)
    assert set(np.unique(m.generate([0], m.freshstate(1), np.linspace(0, 0.99, 20)[:, None])[0])) <= {0, 1}


# -- gradients --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "clip"), [(VARIANTS[0], "step"), (VARIANTS[1], "value"), (VARIANTS[3], "step"), (VARIANTS[4], "value")]
)
def test_gradients_are_numpys(variant, clip):
    """Without a clip and with each step's contribution clipped to ±0.05, by derivatives of the numpy form."""
    m = model(**{"layers": 2, "state_size": 3} | variant, clip=clip, clip_at=0.05, regcost=0.3)
    x, y, state = batch(m, 3, 2)
    gradients = m.gradients(x, y, state)
    for name, each in contributions(m, x, y, state).items():
        held = np.clip(each, -0.05, 0.05) if clip == "step" else each
        penalty = 0.3 * m.parameters[name] if m.parameters[name].ndim > 1 else 0
        np.testing.assert_allclose(gradients[name], held.sum(axis=0) + penalty, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("n", "engine"), [(1, "cpu"), (2, "jax"), (3, "cpu")])
def test_back_propagation_through_the_last_steps_only(n, engine):
    """As Theano's scan: whatever comes before the last n steps is a constant."""
    m = model(engine=engine, state_size=3, layers=2, bptt_truncate=n, regcost=0.0)
    x, y, state = batch(m, 3, 2)
    gradients = m.gradients(x, y, state)
    early = max(3 - n, 0)
    if early:
        state = m.errors(x[:early], y[:early], state)[1]
    for name, each in contributions(m, x[early:], y[early:], state).items():
        np.testing.assert_allclose(gradients[name], each.sum(axis=0), atol=1e-12, err_msg=name)


def test_the_truncated_loss_is_of_all_steps():
    m, truncated = model(), model(bptt_truncate=2)
    x, y, state = batch(m)
    np.testing.assert_allclose(truncated.step(x, y, state).loss, m.step(x, y, state).loss, rtol=1e-12)


def test_the_mean_cost_is_the_sum_divided_by_the_number_of_predictions():
    by_sum, by_mean = model(), model(cost="mean")
    x, y, state = batch(by_sum)
    for name, gradient in by_sum.gradients(x, y, state).items():
        np.testing.assert_allclose(by_mean.gradients(x, y, state)[name], gradient / x.size, rtol=1e-10, atol=1e-14)


# -- training ---------------------------------------------------------------------------------------------------------


def moved(m, *args):
    """Take one step of plain descent and return by how much each parameter fell, in learning rates."""
    before = m.parameters
    result = m.step(*args)
    return result, {name: (before[name] - array) / m.learnrate for name, array in m.parameters.items()}


@pytest.mark.parametrize("clip", [None, "value", "norm"])
def test_clipping_and_what_a_step_tells(clip):
    plain, m = model(), model(optimizer="sgd", clip=clip, clip_at=0.2)
    x, y, state = batch(m)
    errors, last = plain.errors(x, y, state)
    gradients = plain.gradients(x, y, state)
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    result, fell = moved(m, x, y, state)
    np.testing.assert_allclose(result.loss, errors.mean())
    np.testing.assert_allclose(result.grad_norm, norm)
    np.testing.assert_allclose(result.state, last, atol=1e-13)
    assert type(result.loss) is type(result.grad_norm) is float
    assert m.steps == 1
    assert norm > 0.2
    for name, gradient in gradients.items():
        wanted = {None: gradient, "value": np.clip(gradient, -0.2, 0.2), "norm": gradient * 0.2 / norm}[clip]
        np.testing.assert_allclose(fell[name], wanted, atol=1e-10)


def test_masked_positions_count_nowhere():
    m = model(optimizer="sgd", clip=None, regcost=0.0, layers=1, state_size=3)
    x, y, state = batch(m, 3, 2)
    mask = np.array([[1, 1], [0, 1], [1, 0.0]])
    errors, _ = m.errors(x, y, state)
    wanted = contributions(m, x, y, state, mask)
    result, fell = moved(m, x, y, state, mask)
    np.testing.assert_allclose(result.loss, (errors * mask).sum() / 4)
    for name, each in wanted.items():
        np.testing.assert_allclose(fell[name], each.sum(axis=0), atol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
def test_everything_stays_float32(engine):
    m = model(engine=engine, dtype="float32")
    x, y, state = batch(m)
    state = m.step(x, y, state.astype("float64")).state
    assert state.dtype == "float32"
    assert {array.dtype.name for array in m.arrays().values()} == {"float32"}
    assert all(type(array) is np.ndarray for array in m.arrays().values())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_has_its_slots(name):
    m = Model(HyperParams(layers=1, state_size=3, optimizer=name), "GRUEncode", V, engine="cpu")
    names = {slot.split("/")[0] for slot in m.slots}
    assert names == {"rmsprop": {"square"}, "momentum": {"velocity"}, "nesterov": {"velocity"}, "sgd": set(),
                     "adagrad": {"total"}, "adam": {"mean", "square"}, "adamw": {"mean", "square"}}[name]  # fmt: skip
    assert all(array.dtype == "float32" and not array.any() for array in m.slots.values())


def test_the_step_number_reaches_adam():
    """Its first two steps of a constant gradient are each one learning rate long; without its count they would not."""
    m = model(optimizer="adam", clip=None, regcost=0.0, learnrate=1e-6)
    x, y, state = batch(m)
    for _ in range(2):
        gradients, (_, fell) = m.gradients(x, y, state), moved(m, x, y, state)
        for name, change in fell.items():
            large = np.abs(gradients[name]) > 1e-3
            np.testing.assert_allclose(change[large], np.sign(gradients[name][large]), rtol=1e-2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pattern_is_learned(engine):
    need(engine)
    m = Model(HyperParams(layers=1, state_size=16, learnrate=0.02), "GRUResize", 3, engine=engine, threads=2)
    text = np.tile([0, 1, 2, 1], 20)
    x, y = text[:-1].reshape(-1, 1), text[1:].reshape(-1, 1)
    losses = [m.step(x, y, m.freshstate(1)).loss for _ in range(40)]
    assert losses[0] > 0.9
    assert losses[-1] < 0.1
    symbols, _ = m.generate([0], m.freshstate(1), np.zeros((8, 1)), Choice(argmax=True))
    np.testing.assert_array_equal(symbols[:, 0], [1, 2, 1, 0, 1, 2, 1, 0])


def test_the_learning_rate_may_change_between_steps():
    m = model(optimizer="sgd", clip=None)
    x, y, state = batch(m)
    m.learnrate = 0.0
    before = m.parameters
    m.step(x, y, state)
    for name, array in m.parameters.items():
        np.testing.assert_array_equal(array, before[name])
    m.learnrate = 0.25
    assert m.learnrate == 0.25
    assert any(change.any() for change in moved(m, x, y, state)[1].values())


def test_a_step_that_diverges_says_so():
    m = model(dtype="float32")
    arrays = m.arrays()
    arrays["param/V"][0, 0] = np.nan
    m.load_arrays(arrays)
    assert np.isnan(m.step(*batch(m)).loss)


# -- engines, threads, sizes ------------------------------------------------------------------------------------------


def test_engines_may_be_switched_at_any_time():
    m = model("LSTMEncode", "cpu", optimizer="adam")
    batches = [batch(m, seed=seed) for seed in range(5)]
    wanted = [m.step(*b) for b in batches]
    parameters = m.parameters
    m = model("LSTMEncode", "cpu", optimizer="adam")
    need("jax")
    for b, want, engine in zip(batches, wanted, ["cpu", "jax", "jax", "cpu", "jax"], strict=True):
        if m.engine != engine:
            m.use_engine(engine)
        got = m.step(*b)
        np.testing.assert_allclose([got.loss, got.grad_norm], [want.loss, want.grad_norm], rtol=1e-9)
        np.testing.assert_allclose(got.state, want.state, atol=1e-9)
    for name, array in m.parameters.items():
        np.testing.assert_allclose(array, parameters[name], atol=1e-8)
    m.use_engine("cpu")
    assert m.steps == 5
    assert all(type(a) is np.ndarray and a.flags.writeable for a in m.arrays().values())


def test_the_same_bits_for_the_same_number_of_threads():
    def train(n_threads):
        m = model(n_threads=n_threads, dtype="float32", state_size=37)
        state = batch(m, 6, 23)[2]
        for seed in range(3):
            result = m.step(*batch(m, 6, 23, seed)[:2], state)
            state = result.state
        return [np.float32(result.loss), state, *m.parameters.values()]

    one, three, again = train(1), train(3), train(3)
    for a, b, c in zip(one, three, again, strict=True):
        np.testing.assert_array_equal(b, c)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_any_sizes_without_compiling_again_and_nothing_given_is_changed():
    m = model(n_threads=2)
    compilations = None
    for T, B in SIZES:
        x, y, state = batch(m, T, B)
        mask = np.ones((T, B))
        given = [a.copy() for a in (x, y, state, mask)]
        m.step(x, y, state, mask)
        m.errors(x, y, state)
        m.gradients(x, y, state)
        m.process(x[:, 0], state[:, 0])
        compilations = compilations or len(m.compilations)
        for before, after in zip(given, (x, y, state, mask), strict=True):
            np.testing.assert_array_equal(before, after)
    assert len(m.compilations) == compilations


def test_what_is_returned_is_the_callers():
    """A state may be kept and changed: the next call neither changes it nor sees the change."""
    m = model()
    x, y, state = batch(m)
    first, again = (m.errors(x, y, state) for _ in range(2))
    kept = first[1].copy()
    again[1][:] = 7
    m.step(x, y, state)
    np.testing.assert_array_equal(first[1], kept)


def test_models_in_several_threads():
    """Each caller has its own number of threads and its own results."""
    models = [model(n_threads=n) for n in (1, 2, 3)]
    x, y, state = batch(models[0], 6, 8)
    wanted, results = models[0].errors(x, y, state)[0], {}

    def work(k):
        results[k] = [models[k].errors(x, y, state)[0] for _ in range(20)]

    for m in models:
        m.errors(x, y, state)
    workers = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 3
    for errors in itertools.chain(*results.values()):
        np.testing.assert_allclose(errors, wanted, atol=1e-12)


# -- values -----------------------------------------------------------------------------------------------------------


def test_initial_parameters():
    first, again, other = (
        Model(HyperParams(layers=1, state_size=40, random_seed=seed), "GRUEncode", 9, engine="cpu").parameters
        for seed in (0, 0, 1)
    )
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
        if array.ndim == 1:
            assert not array.any()
            continue
        assert not np.array_equal(array, other[name])
        bound = np.sqrt(1 / (9 if name == "E" else 40))
        assert 0.9 * bound < np.abs(array).max() <= bound
        assert abs(array.mean()) < 0.1 * bound


def test_loading_what_was_saved():
    m = model()
    m.step(*batch(m))
    saved = m.arrays()
    wanted = m.step(*batch(m, seed=1))
    m.load_arrays(saved)
    got = m.step(*batch(m, seed=1))
    assert (got.loss, got.grad_norm) == (wanted.loss, wanted.grad_norm)
    saved["param/V"][:] = 0
    assert m.parameters["V"].any(), "what was given stays the giver's"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("slot/square/E"), "slot/square/E is missing"),
        (lambda a: a.update(more=np.zeros(2)), "more is unexpected"),
        (lambda a: a.update({"param/V": a["param/V"].T}), r"param/V: expected float64 \(5, 6\), got float64 \(6, 5\)"),
        (lambda a: a.update({"param/c": a["param/c"].astype("float32")}), "param/c: expected float64 .*, got float32"),
        (lambda a: a.update({"param/c": np.full(6, object())}), "param/c: expected float64 .*, got object"),
    ],
)
def test_arrays_that_do_not_belong_change_nothing(change, message):
    m = model()
    before = m.arrays()
    arrays = {name: array + 1 for name, array in before.items()}
    change(arrays)
    with pytest.raises(CorruptFile, match=message):
        m.load_arrays(arrays)
    for name, array in m.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_penalty_state_and_repr():
    m = model("LSTMEncode", regcost=0.3)
    weights = sum((a**2).sum() for a in m.parameters.values() if a.ndim > 1)
    np.testing.assert_allclose(m.regularization(), 0.15 * weights)
    assert m.freshstate().shape == (2, 10)
    assert m.freshstate(3).shape == (2, 3, 10)
    assert not m.freshstate(3).any()
    n = sum(a.size for a in m.parameters.values())
    assert repr(m) == f"<Model LSTMEncode 2x5, {n:,} parameters, engine cpu>"


def test_bad_arguments_are_told():
    with pytest.raises(UnknownName, match="Did you mean: GRUEncode"):
        Model(HyperParams(), "GRUEncoder", V)
    with pytest.raises(UnknownName, match="cpu"):
        Model(HyperParams(), "GRUEncode", V, engine="torch")
    with pytest.raises(InvalidValue, match="threads=0"):
        Model(HyperParams(), "GRUEncode", V, threads=0)


# -- cells of users ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modeltype", ["PeepholeEncode", "NormalisedResize"])
def test_cells_of_users_train(modeltype):
    m = model(modeltype, layers=1, dtype="float32", learnrate=0.01)
    x, y, state = batch(m)
    losses = [m.step(x, y, state).loss for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]
    assert m.modeltype == modeltype


def test_names_are_what_modeltypes_lists():
    assert {variant["modeltype"] for variant in VARIANTS} == set(modeltypes.names())


@pytest.mark.parametrize("wrong", [-1, 7])
def test_symbols_outside_the_vocabulary(wrong):
    m = Model(HyperParams(layers=1, state_size=3), "GRUEncode", 7, engine="cpu")
    x, before = np.zeros((3, 2), "int32"), m.arrays()
    bad = x.copy()
    bad[1, 1] = wrong
    for call in (
        lambda: m.step(bad, x, m.freshstate(2)),
        lambda: m.step(x, bad, m.freshstate(2)),
        lambda: m.errors(bad, x),
        lambda: m.process(bad[:, 1]),
        lambda: m.generate([wrong], m.freshstate(1), np.zeros((2, 1))),
    ):
        with pytest.raises(InvalidValue, match="expected 0 to 6"):
            call()
    for name, value in before.items():
        np.testing.assert_array_equal(value, m.arrays()[name])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3, 3), (1, 2, 2), (2, 2, 3), (2, 3)])
def test_states_of_other_shapes_are_refused(shape):
    m = Model(HyperParams(layers=1, state_size=3), "GRUEncode", 7, engine="cpu")
    x, state = np.zeros((3, 2), "int32"), np.zeros(shape)
    for call in (
        lambda: m.step(x, x, state),
        lambda: m.errors(x, x, state),
        lambda: m.gradients(x, x, state),
        lambda: m.process(x[:, 0], state),
        lambda: m.generate(x[0], state, np.zeros((4, 2))),
    ):
        with pytest.raises(InvalidValue, match="freshstate"):
            call()


def test_a_refused_state_is_told_by_its_parts():
    lstm = Model(HyperParams(layers=2, state_size=3), "LSTMEncode", 7, engine="cpu")
    with pytest.raises(InvalidValue, match=r"shape \(2, 3\): expected h \(2, 3\) and c \(2, 3\), side by side"):
        lstm.process(np.zeros(4, "int32"), np.zeros((2, 3)))
    with pytest.raises(InvalidValue, match=r"init_state has .*: expected h \(2, 3\) and c \(2, 3\)"):
        lstm.checked_state(np.zeros((2, 2, 3)), "init_state")
    x = np.zeros((4, 5), "int32")
    with pytest.raises(InvalidValue, match=r"expected h \(2, 5, 3\) and c \(2, 5, 3\), side by side"):
        lstm.step(x, x, np.zeros((2, 5, 3)))
    both = np.concatenate([np.ones((2, 3)), np.zeros((2, 3))], axis=1)
    np.testing.assert_array_equal(lstm.checked_state(both), both)
    gru = Model(HyperParams(layers=2, state_size=3), "GRUEncode", 7, engine="cpu")
    with pytest.raises(InvalidValue, match=r"expected h \(2, 3\), as freshstate returns it"):
        gru.checked_state(np.zeros((2, 6)))


def test_batches_of_other_shapes_are_refused():
    m = Model(HyperParams(layers=1, state_size=3), "GRUEncode", 7, engine="cpu")
    x = np.zeros((3, 2), "int32")
    for one, other in ((x, x[:, :1]), (x, x.T), (x[:, 0], x[:, 0])):
        with pytest.raises(InvalidValue, match="expected one"):
            m.step(one, other)
