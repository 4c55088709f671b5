"""Names that people bring from other programs: taken where they mean the same, else answered with the right one."""

import numpy as np
import pytest

from charrnn import HyperParams
from charrnn.errors import InvalidValue, UnknownName
from charrnn.session.othernames import ATTRIBUTES
from charrnn.training.job import Job
from tests.sessions import everything


def test_other_names_of_arguments_mean_the_same(ms):
    ms.train(rounds=2, batch_size=3, train_len=2, verbose=0)
    assert ms.steps == 4
    ms.restore(0)
    assert ms.train(epochs=1, batch_size=100, verbose=0).batches == ms.train_data.batchepoch(100)
    plain = ms.generate(20, temp=0.9, prompt="1 and", rng=3)
    assert ms.generate(max_new_tokens=20, temperature=0.9, start="1 and", rng=3) == plain
    assert len(ms.generate(5, num_samples=2)) == 2
    assert "".join(ms.stream(20, temperature=0.9, prefix="1 and", rng=3)) == plain


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda ms: ms.train(epochs=2, train_len=3), "rounds are not epochs"),
        (lambda ms: ms.train(rounds=2, num_rounds=3), "rounds is num_rounds"),
        (lambda ms: ms.train(lr=0.1), r"ms\.learnrate = "),
        (lambda ms: ms.train(callbacks=[]), "callback is one function"),
        (lambda ms: ms.generate(seed=3), "rng the seed"),
        (lambda ms: ms.generate(top_k=3), "temp alone"),
        (lambda ms: ms.generate(max_length=3), "numchars"),
    ],
)
def test_what_means_something_else_is_explained(ms, call, words):
    before = everything(ms)
    with pytest.raises(InvalidValue, match=words):
        call(ms)
    assert everything(ms) == before


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_other_names_of_methods_are_told_the_right_one(ms, name):
    with pytest.raises(AttributeError, match=rf"^A ModelState has no {name}: ") as raised:
        getattr(ms, name)
    assert "Session" not in str(raised.value)
    named = [word.partition("(")[0] for word in str(raised.value).split() if word.startswith("ms.")]
    for path in named:
        found = ms
        for part in path.removeprefix("ms.").rstrip(";,.").split("."):
            found = Job if part == "job" else getattr(found, part)  # there is none yet
            assert found is not None


def test_slips_are_told_the_nearest_name_and_no_internal_one(ms):
    for name, hint in {"generat": "generate", "chekpoint": "checkpoint", "_save": "", "_learner": ""}.items():
        with pytest.raises(
            AttributeError, match=rf"^A ModelState has no {name}\.( Did you mean: .*{hint}.*\?)?$"
        ) as raised:
            getattr(ms, name)
        assert "Session" not in str(raised.value)
        assert ("Did you mean" in str(raised.value)) == bool(hint)


def test_a_property_that_fails_shows_its_own_error(ms, monkeypatch):
    monkeypatch.setattr(type(ms), "epochs", property(lambda self: self.nothing.there))
    with pytest.raises(AttributeError, match="has no nothing"):
        _ = ms.epochs


def test_a_column_of_the_history_is_had_by_its_name(ms):
    ms.train(2, train_len=3, batchsize=3, verbose=0)
    losses = [row["train_loss"] for row in ms.history]
    np.testing.assert_array_equal(ms.history["loss"], losses)
    np.testing.assert_array_equal(ms.history["train_loss"], losses)
    np.testing.assert_array_equal(ms.history["val_loss"], [row["valid_loss"] for row in ms.history])
    with pytest.raises(UnknownName, match="valid_loss"):
        ms.history["valid_los"]


@pytest.mark.parametrize(
    ("name", "cell"), [("gru", "GRUEncode"), ("LSTM", "LSTMEncode"), ("rnn", "RNNEncode"), ("Gru", "GRUEncode")]
)
def test_a_cell_alone_names_a_model_type(make, name, cell):
    assert make(modeltype=name, init_checkpoint=False).modeltype == cell


def test_other_names_of_hyperparameters_are_told():
    with pytest.raises(UnknownName, match="It is called state_size here"):
        HyperParams().replace(hidden_size=3)
