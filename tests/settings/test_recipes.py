"""Recipes of the ancestors; the simplest of them against a separate program."""

import numpy as np
import pytest

from charrnn import recipes
from charrnn.data.text.charset import CharSet
from charrnn.data.text.dataset import DataSet
from charrnn.errors import UnknownName
from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams

VERSES = "".join(f"{n} green bottles hanging on the wall, and {n * n} falling.\n" for n in range(60))


def min_char_rnn_step(p, memory, h, x, y):
    """One step by the gist's description: h = tanh(x U + h W + b), y = h V + c, clipping, Adagrad; in place.

    Returns the loss in nats per character, and the state after.
    """
    before, after, odds, loss = [], [], [], 0.0
    for now, then in zip(x, y, strict=True):
        before.append(h)
        h = np.tanh(p["1.U"][now] + h @ p["1.W"] + p["1.b"])
        logits = h @ p["V"] + p["c"]
        after.append(h)
        odds.append(np.exp(logits) / np.exp(logits).sum())
        loss -= np.log(odds[-1][then])
    g = {name: np.zeros_like(array) for name, array in p.items()}
    dh = np.zeros_like(h)
    for t in reversed(range(len(x))):
        dy = odds[t].copy()
        dy[y[t]] -= 1
        g["V"] += np.outer(after[t], dy)
        g["c"] += dy
        da = (dh + p["V"] @ dy) * (1 - after[t] ** 2)
        g["1.U"][x[t]] += da
        g["1.W"] += np.outer(before[t], da)
        g["1.b"] += da
        dh = p["1.W"] @ da
    for name, array in p.items():
        clipped = np.clip(g[name], -5, 5)
        memory[name] += clipped**2
        array -= 0.1 * clipped / np.sqrt(memory[name] + 1e-8)
    return loss / len(x), h


def test_min_char_rnn_learns_as_the_gist_does():
    # At its rate of 0.1 the first steps are chaos, in which rounding grows to everything within some twenty of them.
    # So the gist makes each of a hundred steps from the numbers that the model makes it from.
    recipe = recipes.get("min-char-rnn")
    chars = CharSet.from_text(VERSES)
    data = DataSet.from_text(VERSES, chars, recipe.seq_len)
    model = Model(recipe.hyper.replace(dtype="float64"), recipe.modeltype, len(chars), engine="cpu")
    state, losses = model.freshstate(recipe.batchsize), []
    for pos in range(100):
        x, y = data.batch(pos, recipe.batchsize)[:2]
        p, memory = model.parameters, {name.removeprefix("total/"): array for name, array in model.slots.items()}
        loss, h = min_char_rnn_step(p, memory, state[0, 0], x[:, 0], y[:, 0])
        result = model.step(x, y, state)
        state = result.state
        losses.append(loss)
        assert result.loss == pytest.approx(loss, rel=1e-8)
        np.testing.assert_allclose(state[0, 0], h, atol=1e-8)
        for name, array in model.parameters.items():
            np.testing.assert_allclose(array, p[name], atol=1e-8, err_msg=f"{name} after step {pos + 1}")
    assert losses[-1] < max(losses) / 2


def test_min_char_rnn_is_the_gists():
    recipe, hyper = recipes.get("min-char-rnn"), HyperParams.preset("min-char-rnn")
    assert (recipe.modeltype, recipe.seq_len, recipe.batchsize) == ("RNNResize", 25, 1)
    assert (hyper.layers, hyper.state_size, hyper.learnrate, hyper.regcost, hyper.cost) == (1, 100, 0.1, 0, "sum")


def test_poetrnn_is_its_command_lines_defaults():
    recipe, hyper = recipes.get("poetrnn"), HyperParams.preset("poetrnn")
    assert (recipe.modeltype, recipe.batchsize, recipe.trainfrac, recipe.num_rounds) == ("LSTMResize", 52, 0.95, 50)
    assert (hyper.layers, hyper.state_size, hyper.learnrate, hyper.dropout) == (2, 128, 1e-3, 0.5)
    assert (hyper.optimizer, hyper.decay, hyper.epsilon, hyper.clip, hyper.regcost) == ("rmsprop", 0.95, 1e-8, None, 0)
    assert (hyper.policy, hyper.decay_rate, hyper.decay_after, hyper.cost) == ("exponential", 0.999, 1, "mean")
    assert (hyper.init, hyper.forget_bias) == ("normal", 0)


def test_the_notebooks_two_sizes():
    small, big = recipes.get("alice"), recipes.get("alice-bigger")
    assert (small.hyper.layers, small.batchsize, small.num_rounds) == (1, 128, 20)
    assert (big.hyper.layers, big.batchsize, big.num_rounds) == (2, 64, 50)
    for recipe in (small, big):
        assert (recipe.modeltype, recipe.seq_len, recipe.lower, recipe.trainfrac) == ("LSTMResize", 100, True, 1)
        hyper = recipe.hyper
        assert (hyper.state_size, hyper.dropout, hyper.optimizer, hyper.learnrate) == (256, 0.2, "adam", 1e-3)


def test_the_lyrics_projects():
    for name in ("lyrics", "lyrics-conditional"):
        recipe, hyper = recipes.get(name), HyperParams.preset(name)
        assert (recipe.modeltype, recipe.batchsize, recipe.num_rounds) == ("LSTMEmbed", 50, 1000)
        assert (hyper.layers, hyper.state_size, hyper.optimizer, hyper.learnrate) == (2, 512, "adam", 1e-3)
        assert (hyper.cost, hyper.clip, hyper.policy) == ("mean", None, "constant")


def test_the_piano_project():
    recipe, hyper = recipes.get("piano"), HyperParams.preset("piano")
    assert (recipe.modeltype, recipe.batchsize, hyper.head) == ("LSTMEmbed", 120, "bernoulli")
    assert (hyper.layers, hyper.state_size, hyper.optimizer, hyper.learnrate) == (2, 512, "adam", 1e-3)
    assert (hyper.cost, hyper.clip, hyper.clip_at) == ("mean", "norm", 1.0)


@pytest.mark.parametrize("name", recipes.names())
def test_settings_make_the_recipe(name):
    recipe = recipes.get(name)
    settings = dict(recipe.settings)
    made = {what: settings.pop(what, None) for what in ("modeltype", "seq_len", "trainfrac", "lower", "labels")}
    assert HyperParams(**settings) == recipe.hyper
    assert all((getattr(recipe, what) or None) == value for what, value in made.items())
    assert recipe.about in repr(recipe).replace("\n    ", " ")
    assert max(map(len, repr(recipe).splitlines())) <= 100


def test_an_unknown_recipe_names_its_neighbour():
    with pytest.raises(UnknownName, match="Did you mean: poetrnn"):
        recipes.get("poetrn")


def test_a_preset_makes_the_model_and_its_training(make):
    ms = make(preset="min-char-rnn", state_size=8, seq_len=None, trainfrac=None)
    assert (ms.modeltype, ms.corpus.seq_len, ms.corpus.train_len) == ("RNNResize", 25, ms.corpus.length)
    assert ms.hyper == HyperParams.preset("min-char-rnn").replace(state_size=8, learnrate=0.01)
    batches = []
    ms.train(train_len=3, print_every=0, callback=lambda step: batches.append(ms.place.state.shape[1]))
    assert batches == [1, 1, 1]


def test_arguments_come_before_the_preset(make):
    ms = make(preset="alice", modeltype="GRUResize", seq_len=7, trainfrac=0.5, lower=False, learnrate=0.5, state_size=4)
    assert (ms.modeltype, ms.corpus.seq_len, ms.hyper.learnrate, ms.hyper.dropout) == ("GRUResize", 7, 0.5, 0.2)
    assert ms.corpus.split < ms.corpus.length
    assert make("lower", preset="alice", state_size=4).chars.chars == tuple(ch for ch in ms.chars.chars if ch != "A")
    ms.train(batchsize=3, train_len=1, print_every=0)
    assert ms.place.state.shape[1] == 3


def test_an_unknown_preset_makes_no_directory(make, tmp_path):
    with pytest.raises(UnknownName, match="Did you mean: alice"):
        make("nowhere", preset="alica")
    assert not (tmp_path / "nowhere").exists()


def test_an_epoch_of_haikus_has_as_many_updates_as_in_poetrnn():
    recipe = recipes.get("poetrnn")
    poems, length = 7900, 52  # of the training part of its haikus, and characters of one, its end included
    packed = poems * length / (recipe.batchsize * recipe.seq_len)
    assert round(packed) == poems // 100 == 79
