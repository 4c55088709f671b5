"""Models of every kind, made by earlier versions, still load, write and learn, as directories and as bundles.

`fixtures/v<n>` was made by the code of its time, with its results in `expected.json`. To add one when a format changes:
`python -m tests.test_fixtures tests/fixtures/v<n>`. The models' predictions are so certain that rounding does not
change the texts.
"""

import functools
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import CellNeeded
from tests.cells_of_fixtures import Fading

VERSIONS = sorted(Path(__file__).with_name("fixtures").iterdir())
KINDS = ("text", "documents", "music", "owncell")
CELL = functools.partial(Fading, rate=0.25)
FACTS = (  # those of these that a corpus has
    *("length", "seq_len", "train_len", "valid_len", "documents", "train_documents", "valid_documents"),
    *("pieces", "train_pieces", "valid_pieces", "test_pieces", "onsets", "dt", "transpose", "source", "sha256"),
)
SMALL = {"layers": 1, "learnrate": 0.05, "regcost": 0.0, "seq_len": 9, "threads": 1, "engine": "numba"}
QUIET = {"batchsize": 3, "print_every": 0, "verbose": 0}


def load(kind, path, **options):
    return ModelState.load(path, **options, **({"cell": CELL} if kind == "owncell" else {}))


def written(kind, ms):
    """Return the text or piece of a model that always takes the likeliest symbol or notes."""
    if kind == "documents":
        return {
            label: str(ms.generate(argmax=True, prompt="", label={"author": label}, rng=1)) for label in ("A", "Bö")
        }
    if kind == "music":
        piece = ms.generate(12, prompt=[48, 60], temp=0.01, rng=1)
        return [np.flatnonzero(frame).tolist() for frame in piece.frames]
    return str(ms.generate(40, prompt="the ", argmax=True, rng=1))


def found(kind, ms):
    """Return the expected results: facts of the text, sums of the parameters, and the model's scores."""
    corpus = {name: getattr(ms.corpus, name) for name in FACTS if hasattr(ms.corpus, name)}
    return {
        "modeltype": ms.modeltype,
        "hyper": ms.hyper.to_json(),
        "corpus": corpus,
        "chars": None if kind == "music" else ms.chars.to_json(),
        "labels": {table.name: dict(table.counts) for table in ms.label_tables},
        "steps": ms.steps,
        "sums": {name: float(array.sum(dtype=float)) for name, array in ms.model.parameters.items()},
        "loss": ms.calc_loss(),
        "written": written(kind, ms),
    }


def poems():
    """Two authors who share no letter, in two years."""
    texts = (("A", 1890, "abba\ncab"), ("A", 1891, "abc abc"), ("Bö", 1890, "xyz\nxö"), ("Bö", 1891, "zyx zyx"))
    return [{"author": author, "year": year, "text": text} for author, year, text in texts * 4]


def rolls():
    """Pieces that walk up and down a triad, over a held bass."""
    for number in range(8):
        frames = np.zeros((9 + number % 3, 88), np.uint8)
        frames[np.arange(len(frames)), np.resize(np.roll([39, 43, 46, 43], number), len(frames))] = 1
        frames[:, 27] = 1
        yield frames


def sources(folder):
    """Write a source of each kind; return its path and the options of training."""
    (folder / "poems.jsonl").write_text("".join(json.dumps(poem) + "\n" for poem in poems()), encoding="utf-8")
    (folder / "cat.txt").write_text("the cat sat on the mat.\n" * 12, encoding="utf-8")
    pieces = list(rolls())
    parts = {"train": pieces[:4], "valid": pieces[4:6], "test": pieces[6:]}
    lengths = {f"{name}_len": [len(piece) for piece in part] for name, part in parts.items()}
    np.savez(folder / "rolls.npz", **lengths, **{name: np.concatenate(part) for name, part in parts.items()})
    labelled = {"text": "text", "labels": ("author", "year")}
    return {
        "text": ("cat.txt", {"modeltype": "GRUResize", "state_size": 6}),
        "documents": ("poems.jsonl", {"modeltype": "LSTMEncode", "state_size": 5, "optimizer": "adam", **labelled}),
        "music": ("rolls.npz", {"modeltype": "GRUEncode", "state_size": 4, "head": "nade", "note_units": 2}),
        "owncell": ("cat.txt", {"modeltype": CELL, "state_size": 5, "optimizer": "adam"}),
    }


def make(folder: Path) -> None:
    """Write a directory and a bundle of every kind, and their expected results."""
    expected = {}
    with tempfile.TemporaryDirectory() as scratch:
        for kind, (name, options) in sources(Path(scratch)).items():
            source = Path(scratch, name)
            ms = ModelState.initfromsrcfile(source, folder / kind, init_checkpoint=False, **SMALL, **options)
            ms.train(1, train_len=200, **QUIET)
            ms.note("schön")
            ms.export(folder / f"{kind}.zip")
            (ms.path / ".lock").unlink()
            expected[kind] = found(kind, ms)
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (folder / "expected.json").write_text(f"{text}\n", encoding="utf-8")


@pytest.fixture(params=[(path, kind) for path in VERSIONS for kind in KINDS], ids=lambda p: f"{p[0].name}-{p[1]}")
def fixture(request, tmp_path):
    """A kind, copies of its directory and its bundle, and their expected results."""
    folder, kind = request.param
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))[kind]
    for number, total in expected["sums"].items():
        expected["sums"][number] = pytest.approx(total, rel=1e-12)  # a sum may be taken in another order
    expected["loss"] = pytest.approx(expected["loss"], rel=1e-5)
    path, bundle = tmp_path / "model", tmp_path / "model.zip"
    shutil.copytree(folder / kind, path)
    shutil.copy(folder / f"{kind}.zip", bundle)
    return kind, path, bundle, expected


def test_a_model_loads_writes_and_learns(fixture, tmp_path):
    kind, path, bundle, expected = fixture
    assert b'"engine": "numba"' in next(path.glob("checkpoints/*")).read_bytes().replace(b"\\", b"")
    ms = load(kind, path, engine="numba", threads=1)
    now = found(kind, ms)
    now["hyper"] = {name: now["hyper"][name] for name in expected["hyper"]}  # there may be more of them by now
    assert now == expected
    assert [ms.verify().ok, len(ms.history), len(ms.checkpoints)] == [True, 1, 1]

    imported = load(kind, import_(kind, bundle, tmp_path / "imported").path, threads=1)
    assert not imported.has_text
    assert imported.hyper == ms.hyper
    assert written(kind, imported) == expected["written"]
    assert {name: array.tobytes() for name, array in imported.model.arrays().items()} == {
        name: array.tobytes() for name, array in ms.model.arrays().items()
    }

    ms.train(1, train_len=7, **QUIET)
    again = load(kind, path)
    assert again.steps == expected["steps"] + 7
    assert again.checkpoint.name == ms.checkpoint.name
    assert len(again.history) == 2


def import_(kind, bundle, path):
    return ModelState.import_(bundle, path, **({"cell": CELL} if kind == "owncell" else {}))


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda path: path.name)
def test_the_source_of_a_cell_is_shown_and_the_cell_is_needed(folder, tmp_path):
    path = shutil.copytree(folder / "owncell", tmp_path / "model")
    with pytest.raises(CellNeeded, match=r"class Fading\(Cell\)"):
        ModelState.load(path)
    assert "self.rate * h" in load("owncell", path).cell_source


if __name__ == "__main__":
    make(Path(sys.argv[1]))
