"""The compiled functions of a model, by name."""

import threading

import numpy as np

from charrnn.model.model import Model
from charrnn.settings.hyper import HyperParams


def small(announce=None):
    return Model(HyperParams(layers=1, state_size=3), "RNNEncode", 4, engine="cpu", threads=1, announce=announce)


def test_each_is_compiled_once_and_announced():
    lines, x = [], np.zeros((2, 3), "int32")
    model = small(lines.append)
    for _ in range(2):
        model.errors(x, x)
        model.predict(x)
        model.function("bias", lambda network, p: ([], [p["c"]]))()
    assert [what for what, _ in model.compilations] == ["losses", "predictions", "bias"]
    assert [line.partition(" in ")[0] for line in lines] == [
        f"Compiled {what} for cpu" for what in ("losses", "predictions", "bias")
    ]


def test_another_engine_compiles_all_of_them_again():
    model, x = small(), np.zeros((2, 3), "int32")
    model.predict(x)
    model.use_engine("cpu")
    model.predict(x)
    assert [what for what, _ in model.compilations] == ["predictions", "predictions"]


def test_threads_that_ask_at_once_get_the_same_function():
    model, built, got = small(), [], []

    def build(network, p):
        built.append(network)
        return [], [p["c"]]

    threads = [threading.Thread(target=lambda: got.append(model.function("bias", build))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert len({id(function) for function in got}) == 1
