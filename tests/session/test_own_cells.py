"""Cells of one's own, from the prompt to the next session."""

import functools
import importlib
import shutil
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt
import pytest

from charrnn import Cell, ModelState
from charrnn.errors import CellNeeded, InvalidCell, InvalidValue, ModelExists
from charrnn.model.cells import GRU, RNN
from charrnn.model.cells.modeltypes import ModelType
from tests.sessions import everything

FILE = '''\
import pytensor.tensor as pt
from charrnn import Cell


class MGU(Cell):
    """Zhou et al. 2016."""

    def shapes(self, n_in, n_units):
        x, h, b = (n_in, n_units), (n_units, n_units), (n_units,)
        return {"Uf": x, "Wf": h, "bf": b, "Uc": x, "Wc": h, "bc": b}

    def step(self, x, h, *, p):
        f = pt.sigmoid(x @ p.Uf + h @ p.Wf + p.bf)
        c = pt.tanh(x @ p.Uc + (f * h) @ p.Wc + p.bc)
        return (1 - f) * h + f * c
'''


@pytest.fixture
def MGU(tmp_path, monkeypatch):
    """The class above, from a file of its own."""
    (tmp_path / "gated.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield importlib.import_module("gated").MGU
    del sys.modules["gated"]


@dataclass
class Leaky(Cell):
    """Two states, an argument, and a parameter with a name that Python would read otherwise."""

    rate: float
    states = ("h", "slow")

    def shapes(self, n_in, n_units):
        return {"U": (n_in, n_units), "W_h-slow": (n_units, n_units), "λ": (n_units,)}

    def step(self, x, h, slow, *, p):
        h = pt.tanh(x @ p.U + slow @ getattr(p, "W_h-slow"))
        return h + 0 * p.λ, (1 - self.rate) * slow + self.rate * h


class Gentle(Leaky):
    """One that inherits, and takes nothing."""

    def __init__(self):
        super().__init__(rate=0.25)


def run(tmp_path, code):
    """Run code in a process of its own, which finds modules in tmp_path."""
    code = f"import sys; sys.path.append({str(tmp_path)!r}); path = {str(tmp_path / 'model')!r}\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_a_cell_goes_through_all_of_a_model_s_life(make, MGU, tmp_path):
    ms = make(modeltype=MGU, layers=2)
    assert ms.modeltype == "MGUEncode"
    before = ms.calc_loss()
    ms.train(num_rounds=2, batchsize=4)
    assert ms.calc_loss() < before
    assert len(ms.score("1 t").per_char) == 3
    assert ms.trackneurons("1 times 1").shape == (2, 5, 9)
    again = ModelState.load(ms.path, cell=MGU)
    assert everything(again) == everything(ms)
    copied = shutil.copytree(ms.path, tmp_path / "copied")
    written = ms.generate(40, rng=1)
    code = (
        "from gated import MGU; from charrnn import ModelState\n"
        "ms = ModelState.load(path, cell=MGU)\n"
        "print(repr(str(ms.generate(40, rng=1)))); ms.train(batchsize=4, print_every=0)"
    )
    other = run(tmp_path, f"path = {str(copied)!r}\n{code}")
    assert other.returncode == 0, other.stderr
    assert repr(str(written)) in other.stdout
    ms.train(batchsize=4, print_every=0)
    assert ModelState.load(copied, cell=MGU).checkpoint.loss == ms.checkpoint.loss


def test_without_the_class_the_error_shows_how_it_was_written(make, MGU, tmp_path):
    path = make(modeltype=MGU).path
    with pytest.raises(CellNeeded, match=r"(?s)MGU.*cell=MGU.*class MGU\(Cell\)") as caught:
        ModelState.load(path)
    assert caught.value.source == FILE[FILE.index("class") :]
    (tmp_path / "gated.py").unlink()
    other = run(tmp_path, "from charrnn import ModelState; ModelState.load(path)")
    assert other.returncode == 1
    assert "CellNeeded" in other.stderr
    assert "cell=MGU" in other.stderr


def test_an_exported_model_needs_it_too(make, MGU, tmp_path):
    file = make(modeltype=MGU).export(tmp_path / "model.zip")
    with pytest.raises(CellNeeded):
        ModelState.import_(file, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    ms = ModelState.import_(file, tmp_path / "copy", cell=MGU)
    assert len(ms.generate(10)) == 11
    assert ms.cell_source.startswith("class MGU")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (Gentle, "GentleEncode"),
        (Leaky(0.5), "LeakyEncode"),
        (functools.partial(Leaky, rate=0.5), "LeakyEncode"),
        (ModelType("Slow (half)", lambda: Leaky(0.5), "embed"), "Slow (half)"),
        (ModelType("LeakyResize", functools.partial(Leaky, 0.5), "resize"), "LeakyResize"),
        (ModelType("OfHyper", lambda hyper: Leaky(hyper.decay), "resize"), "OfHyper"),
    ],
    ids=str,
)
def test_whatever_makes_a_cell(make, given, name):
    ms = make(modeltype=given)
    ms.train(batchsize=4, train_len=5, valid_len=1, print_every=0)
    assert ms.modeltype == name
    again = ModelState.load(ms.path, cell=given)
    assert everything(again) == everything(ms)
    assert "class Leaky(Cell):" in again.cell_source


def test_a_class_of_charrnn_is_a_model_type_by_itself(make):
    ms = make(modeltype=GRU)
    assert ms.modeltype == ModelState.load(ms.path).modeltype == "GRUEncode"
    with pytest.raises(InvalidValue, match="needs none"):
        ModelState.load(ms.path, cell=GRU)


def test_a_class_of_the_same_name_as_one_of_charrnn_s(make):
    def defined():
        class RNN(Cell):
            def shapes(self, n_in, n_units):
                return {"A": (n_in, n_units), "W": (n_units, n_units)}

            def step(self, x, h, *, p):
                return pt.sin(x @ p.A + h @ p.W)

        return RNN

    ms = make(modeltype=defined())
    assert set(ModelState.load(ms.path, cell=defined()).model.parameters) >= {"1.A", "1.W"}
    with pytest.raises(CellNeeded):
        ModelState.load(ms.path)
    with pytest.raises(InvalidCell, match=r"A: expected \(5, 5\), got none; U: expected none, got"):
        ModelState.load(ms.path, cell=RNN)


def test_an_edited_step_is_told(make):
    ms = make(modeltype=Leaky(0.5))
    with pytest.warns(UserWarning, match="not written as that of the Leaky"):
        ModelState.load(ms.path, cell=Leaky(0.25))
    with pytest.raises(InvalidCell, match="input stage is 'encode'"):
        ModelState.load(ms.path, cell=ModelType("LeakyResize", Leaky(0.5), "resize"))
    with pytest.raises(CellNeeded, match=r"an instance with rate=0\.5"):
        ModelState.load(ms.path)


def test_a_cell_of_a_notebook_is_edited_and_run_again(make, tmp_path):
    shell_module = pytest.importorskip("IPython.core.interactiveshell")
    shell = shell_module.InteractiveShell()
    shell.run_cell("%precision 3\n" + FILE, store_history=True)
    first = make("first", modeltype=shell.user_ns["MGU"])
    assert first.cell_source == FILE[FILE.index("class") :]
    edited = FILE.replace("pt.tanh(", "pt.sin(")
    shell.run_cell(edited, store_history=True)
    second = make("second", modeltype=shell.user_ns["MGU"])
    assert second.cell_source == edited[edited.index("class") :]
    text = np.zeros((4, 2), "int32") + 1
    errors = [ms.model.errors(text, text, ms.model.freshstate(2))[0] for ms in (first, second)]
    assert not np.array_equal(*errors)
    with pytest.warns(UserWarning, match="not written as"):
        ModelState.load(first.path, cell=shell.user_ns["MGU"])


def test_a_source_that_cannot_be_found_is_told(make):
    namespace = {"__name__": "__main__"}
    exec(compile(FILE, "<stdin>", "exec"), namespace)
    with pytest.warns(UserWarning, match="source of MGU cannot be found"):
        ms = make(modeltype=namespace["MGU"])
    assert ms.cell_source is None
    with pytest.raises(CellNeeded, match="not recorded"):
        ModelState.load(ms.path)


def test_a_cell_in_disorder_leaves_nothing_behind(make, tmp_path):
    class Short(Gentle):
        def step(self, x, h, slow, *, p):
            return super().step(x, h, slow, p=p)[0]

    before = sorted(tmp_path.iterdir())
    with pytest.raises(InvalidCell, match=r"Short\.step returned one value, expected 2: the new h, slow"):
        make(modeltype=Short)
    assert sorted(tmp_path.iterdir()) == before
    make(modeltype=Gentle)
    with pytest.raises(ModelExists):
        make(modeltype=Gentle)
