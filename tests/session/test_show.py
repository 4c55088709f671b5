"""What a model and its parts show in a notebook, and what IPython completes."""

import re
import shutil

import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from charrnn import ModelState, Sample, Score
from charrnn.session import completion
from charrnn.session import session as keeping

EVIL = "<script>alert('&')</script>"


@pytest.fixture
def trained(ms):
    ms.train(num_rounds=2, train_len=3, print_every=0, verbose=0)
    return ms


def completions(shell, line):
    """Return what IPython offers at the end of a line."""
    with provisionalcompleter():
        return [completion.text for completion in shell.Completer.completions(line, len(line))]


def words(page):
    """Return what is seen of a page."""
    return re.sub(r"<[^>]*>", "", page).replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'")


def test_a_model_is_the_same_on_a_page_and_at_the_prompt(trained):
    page = words(trained._repr_html_())
    for line in repr(trained).splitlines():
        assert line.strip()[14:] in page or line.strip() in page
    assert trained.checkpoint.name in page


def test_a_directory_nearby_is_shown_as_one_would_type_it(ms, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(ms).count(f"{ms.checkpoint.name}, in {ms.path.name}\n") == 1
    monkeypatch.chdir(tmp_path.anchor)
    assert len(str(ms.path)) > len(re.search(r", in (.*)\n", repr(ms))[1])


def test_a_notebook_keeps_no_lines_about_compiling(ms, monkeypatch, capsys):
    ModelState.load(ms.path).score("1 times")
    assert "Compiled" in capsys.readouterr().err
    monkeypatch.setattr(keeping, "in_notebook", lambda: True)
    ModelState.load(ms.path).score("1 times")
    assert capsys.readouterr().err == ""


def test_checkpoints_are_a_table_on_a_page(trained):
    page = trained.checkpoints._repr_html_()
    assert page.count("<tr>") == len(trained.checkpoints) + 1
    assert trained.checkpoints[1].name in page
    assert trained.history._repr_html_().count("<tr>") == 3
    assert trained.log()._repr_html_().count("<tr>") == 4


def test_a_text_cannot_smuggle_anything_into_a_page(ms):
    for shown in (
        Score(EVIL, np.ones(len(EVIL))),
        Sample("So: " + EVIL, prompt="So: ", rng_seed=1, state=None),
        Sample(EVIL, prompt=EVIL),
    ):
        page = shown._repr_html_()
        assert "<script" not in page
        assert EVIL.replace("&", "&amp;") in words(page)
    ms.note(EVIL)
    assert "<script" not in ms.log()._repr_html_()


def test_a_score_is_the_darker_the_more_surprising():
    page = Score("ab\nd", np.array([0.0, 4.0, 8.0, 99.0]))._repr_html_()
    assert re.findall(r"31, ([\d.]+)\)", page) == ["0.00", "0.50", "1.00", "1.00"]
    assert 'title="4.00 nats"' in page
    assert "⏎\n" not in words(page)
    assert "\n⏎" in words(page)


def test_what_is_said_of_a_score_stands_in_two_lines():
    assert "pre-line" in Score("ab", np.array([0.0, 4.0]))._repr_html_().split("most surprising")[0]


def test_a_samples_prompt_is_bold():
    sample = Sample("Once upon", prompt="Once", rng_seed=1, state=None)
    assert "<b>Once</b> upon" in sample._repr_html_()


@pytest.fixture
def shell(trained, monkeypatch):
    """An IPython that holds a model."""
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    shell.user_ns.update(ms=trained, other={})
    completion.register()
    completion.register()
    return shell


@pytest.mark.parametrize(
    "line", ['ms.restore("', "x = ms.checkout('", "print(ms.diff('main', \"", "ms.pin( '", "[ms.restore('"]
)
def test_names_of_checkpoints_are_completed(shell, line):
    matches = completions(shell, line)
    trained = shell.user_ns["ms"]
    assert matches[:4] == ["best", "last", "main", trained.checkpoints[-1].name]
    assert len([match for match in matches if match.startswith("e0")]) == 3
    assert trained.checkpoints[0].name in completions(shell, line + "e0000-s0000")


@pytest.mark.parametrize("line", ['other.restore("', 'ms.generate("', 'ms.score("', 'missing.restore("', "ms.restore("])
def test_nothing_else_is_completed_so(shell, line):
    matches = completions(shell, line)
    assert "best" not in matches
    assert not [match for match in matches if "-s0000" in match]


def test_outside_of_ipython_nothing_happens(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    completion.register()


@pytest.mark.slow
def test_a_notebook_shows_progress_and_curves_in_one_output_each(template, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    path = shutil.copytree(template, tmp_path / "model")
    cells = [
        f"from charrnn import ModelState\nms = ModelState.load({str(path)!r})",
        "ms.train(num_rounds=2, train_len=3, plot=True)",
        "ms.plot()",
        "ms",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    training, plot, shown = (cell.outputs for cell in notebook.cells[1:])
    displays = [output.data for output in training if output.output_type == "display_data"]
    assert len([data for data in displays if "image/png" in data]) == 1
    lines = [data["text/plain"] for data in displays if "image/png" not in data]
    assert [line[:15] for line in lines] == ["round 1/2 100% ", "round 2/2 100% "]
    assert "image/png" in plot[0].data
    assert "<table>" in shown[0].data["text/html"]
