"""Parameter files of the Theano program: the same logits, nothing unpickled."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import CorruptFile, InvalidValue, NotAModelDirectory, SourceNotFound, UnknownName
from tests.model import numpy_reference
from tests.storage.test_legacy import parameters, saved

CHARS = "\nabcdefghi"  # 11 with U+FFFD
SYMBOLS = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 0, 10])


def named(arrays):
    """Return the ancestor's arrays, layer by layer, under the names of the numpy reference; one set for every step."""
    layers = [[arrays[kind][at : at + 3] for kind in "UWb"] for at in range(0, len(arrays["b"]), 3)]
    result = {name: arrays[name] for name in "Vc"}
    if "F" in arrays:
        layers = [[arrays["E"], arrays["F"], arrays["a"]], *layers]
    else:
        result |= {name: arrays[name] for name in "Ea"}
    for n, kinds in enumerate(layers, 1):
        result |= {
            f"{n}.{kind}{gate}": array[row]
            for kind, array in zip("UWb", kinds, strict=True)
            for row, gate in enumerate("zrc")
        }
    return numpy_reference.each_step(result, len(SYMBOLS))


def reference(arrays, layers):
    def cell(*args):
        return numpy_reference.gru(*args, gate="hard_sigmoid")

    state = np.zeros((layers, 1, len(arrays["V"])))
    logits, states = numpy_reference.network(cell, 1, named(arrays), SYMBOLS[:, np.newaxis], state)
    return np.exp(numpy_reference.log_softmax(logits))[:, 0], states[:, :, 0].transpose(1, 0, 2)


@pytest.mark.parametrize(
    ("modeltype", "layers"), [("GRUEncode", 2), ("GRUEncode", 1), ("GRUResize", 1), ("GRUResize", 3)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_are_those_of_the_formulas(tmp_path, modeltype, layers, dtype):
    arrays = {name: array.astype(dtype) for name, array in parameters(modeltype, V=11, S=7, L=layers).items()}
    ms = ModelState.fromancestor(saved(tmp_path / "a-model.npz", arrays), tmp_path / "m", CHARS, engine="cpu")
    assert (ms.modeltype, ms.hyper.layers, ms.hyper.state_size, ms.hyper.dtype) == (
        modeltype,
        layers,
        7,
        dtype.__name__,
    )
    probabilities, states = ms.model.process(SYMBOLS)
    expected, expected_states = reference(arrays, layers)
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype is np.float32 else {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(probabilities, expected, **tolerance)
    np.testing.assert_allclose(states, expected_states, **tolerance)


def test_with_an_average_they_are_the_same(tmp_path):
    arrays = parameters("GRUEncode", V=11, S=7, L=1)
    ms = ModelState.fromancestor(saved(tmp_path / "a-model.npz", arrays), tmp_path / "m", CHARS, average=0.9)
    np.testing.assert_allclose(ms.model.process(SYMBOLS)[0], reference(arrays, 1)[0], rtol=1e-4, atol=1e-6)


def test_the_ancestors_own_predictions(tmp_path):
    with np.load(Path(__file__).parents[1] / "model" / "golden.npz", allow_pickle=False) as golden:
        arrays = {name: golden[f"param0_{name}"] for name in ("E", "a", "U", "W", "b", "V", "c")}
        ms = ModelState.fromancestor(saved(tmp_path / "a-model.npz", arrays), tmp_path / "m", CHARS)
        probabilities, states = ms.model.process(golden["x"][:, 0], golden["state0"][:, 0], temp=0.5)
        np.testing.assert_allclose(probabilities, golden["seq_out"], rtol=1e-9)
        np.testing.assert_allclose(states, golden["seq_states"], rtol=1e-9)


def test_it_is_a_model_as_any_that_has_no_text(tmp_path):
    file = saved(tmp_path / "a-model.npz", parameters("GRUEncode"))
    ms = ModelState.fromancestor(file, tmp_path / "m", list("\ufffd" + CHARS), learnrate=0.5)
    again = ModelState.load(tmp_path / "m")
    assert again.hyper.learnrate == 0.5
    assert again.hyper.gate == "hard_sigmoid"
    assert again.generate(20, prompt="abc", rng=1) == ms.generate(20, prompt="abc", rng=1)
    assert again.score("abc").nats > 0
    assert again.verify().ok
    assert "a-model.npz: not here" in repr(again)
    with pytest.raises(SourceNotFound):
        again.train()


@pytest.mark.parametrize(
    ("chars", "options", "error", "words"),
    [
        ("abc", {}, InvalidValue, "4 characters.* 11"),
        (CHARS[:-1] + "b", {}, InvalidValue, "once"),
        (CHARS, {"layers": 3}, InvalidValue, "layers=2"),
        (CHARS, {"state": 3}, UnknownName, "state_size"),
        (CHARS, {"engine": "abacus"}, UnknownName, "abacus"),
    ],
)
def test_what_does_not_fit_leaves_nothing_behind(tmp_path, chars, options, error, words):
    file = saved(tmp_path / "a-model.npz", parameters("GRUEncode"))
    with pytest.raises(error, match=words):
        ModelState.fromancestor(file, tmp_path / "m", chars, **options)
    assert list(tmp_path.iterdir()) == [file]


def test_other_files_are_refused(tmp_path):
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"E": 1}))
    with pytest.raises(CorruptFile):
        ModelState.fromancestor(tmp_path / "pickle.npz", tmp_path / "m", CHARS)
    with pytest.raises(NotAModelDirectory):
        ModelState.fromancestor(tmp_path / "none.npz", tmp_path / "m", CHARS)
