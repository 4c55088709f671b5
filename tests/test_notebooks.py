"""The notebooks run from top to bottom, and are kept with their outputs."""

import re
import shutil
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHORTER = 20  # times, than what the notebooks are kept with
SECONDS = 120  # for one cell


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_eight():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"0{n}" for n in range(1, 9)]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Jupyter about itself
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    if "piano" in path.stem:
        pytest.importorskip("mido")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "workdirs").mkdir()
    copy = read(shutil.copy(path, folder))
    (budget,) = (cell for cell in copy.cells if "budget" in cell.metadata.get("tags", ()))
    budget.source = re.sub(r"= (\d+)", lambda number: f"= {max(int(number[1]) // SHORTER, 8)}", budget.source)
    nbclient.NotebookClient(copy, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    for cell, kept in zip(code(copy), code(read(path)), strict=True):
        assert bool(cell.outputs) == bool(kept.outputs), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_fit_to_be_read(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert path.stat().st_size < 400_000
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    complaints = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not [text for text in complaints if not text.startswith("\nStopping after this batch")]
    assert not re.search(r"/tmp\b|/home/|/Users/|/root/|[A-Z]:\\\\|(?<!\.)/workdirs", path.read_text(encoding="utf-8"))
