"""What IPython completes in calls of a model: checkpoints, labels, columns."""

import os
import re
import subprocess
import sys

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from charrnn import ModelState
from charrnn.session import completion
from tests.sessions import SMALL

LABELS = {"author": ["Ann", "Emily D.", "O'Hara"], "form": ["ode", "song"]}


@pytest.fixture(scope="module")
def poems(tmp_path_factory):
    """A model of documents with two columns of labels, and one with a single column."""
    folder = tmp_path_factory.mktemp("poems")
    rows = [
        f'{author},{form},"{"ab" * n}"' for author in LABELS["author"] for form in LABELS["form"] for n in (1, 2, 3)
    ]
    (folder / "poems.csv").write_text("\n".join(["author,form,text", *rows]))
    options = {**SMALL, "init_checkpoint": False}
    both = ModelState.initfromsrcfile(folder / "poems.csv", folder / "both", labels=["author", "form"], **options)
    one = ModelState.initfromsrcfile(folder / "poems.csv", folder / "one", labels="author", **options)
    return {"both": both, "one": one}


@pytest.mark.parametrize(
    ("text", "typed", "expected"),
    [
        ('one.generate(label="', "", LABELS["author"]),
        ('one.generate(100, 0.5, label = "Emily D', "Emily D", LABELS["author"]),
        ("one.score('a text', label='", "", ["Ann", "Emily D."]),  # the other has this quotation mark
        ('one.generate(label={"Ann": 0.6, "', "", ["author", *LABELS["author"]]),
        ('both.generate(label="', "", []),
        ('both.generate(n=2, label={"', "", ["author", "form"]),
        ('both.generate(label={"author": "Ann", "', "", ["author", "form"]),
        ('both.generate(label={"author": "O\'', "O'", LABELS["author"]),
        ('both.generate(label={"author": "Ann", "form": "s', "s", LABELS["form"]),
        ('both.generate(label={"author": {"Ann": 0.5, "', "", LABELS["author"]),
        ('both.generate(label={"nobody": "', "", []),
        ('one.generate(prompt="', "", []),
        ('one.generate("', "", []),
        ('one.note("', "", []),
        ('one.restore("', "", ["best", "last", "main"]),
        ('one.note("good", checkpoint="', "", ["best", "last", "main"]),
        ('one.restore(cpfile="', "", ["best", "last", "main"]),
        ('one.train(3, monitor="', "", ["validation", "training", *(f"author={name}" for name in LABELS["author"])]),
        ('both.classify("a text", column="', "", ["author", "form"]),
    ],
)
def test_what_may_be_meant(poems, text, typed, expected):
    found = completion.names(text, poems)
    assert found[1] == expected
    assert found[0] == (typed if expected else found[0])


def offered(shell, line):
    with provisionalcompleter():
        return [f"{line[: one.start]}{one.text}" for one in shell.Completer.completions(line, len(line))]


def test_a_label_of_several_words_is_completed_as_a_whole(poems, monkeypatch):
    shell = InteractiveShell()
    shell.user_ns.update(poems)
    completion.load_ipython_extension(shell)
    assert offered(shell, 'one.generate(label="emily d') == ['one.generate(label="Emily D.']


def test_a_model_loaded_before_ipython_starts_is_completed(template, tmp_path):
    lines = """print("offered", get_ipython().complete("", line := 'ms.restore("', len(line))[1])\n"""
    command = [sys.executable, "-m", "charrnn", "shell", template]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(command, input=lines, env=environment, capture_output=True, text=True, check=True)
    (line,) = re.findall("offered.*", done.stdout)
    assert line.startswith("offered ['best', 'last', 'main', 'e0000-")
