"""What the library says, in the shell's words."""

from pathlib import Path

import pytest
import typer

from charrnn import cli
from charrnn.cli import hints
from charrnn.errors import InvalidValue, UnknownName
from tests.cli.conftest import SMALL

KNOWN = hints.options(typer.main.get_command(cli.app).commands["new"])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("layers=0: expected", "--layers 0: expected"),
        ("dropout=1: expected", "--set dropout=1: expected"),
        ("documents=False, yet", "--no-documents, yet"),
        ("gutenberg=False keeps it.", "--no-gutenberg keeps it."),
        ("take preset='piano' for it", "take --preset piano for it"),
        ("as in delimiter=';'.", "as in --delimiter ';'."),
        ("delimiter=re.compile('a|b').", "--delimiter-regex 'a|b'."),
        ("name one, such as labels=['author'].", "name one, such as --label author."),
        ("text='poem', or its number", "--text poem, or its number"),
        ("with overwrite=True.", "with --overwrite."),
        ("ms.restore('best') goes back", "--checkpoint best goes back"),
        ("use ms.log(), which", "use charrnn log my/dir, which"),
        ("ms.checkout('slow') goes on", "charrnn checkout my/dir slow goes on"),
        ("ms.neurons is for models of texts", "neurons is for models of texts"),
        ("loss=3.5 and x=y", "loss=3.5 and x=y"),
    ],
)
def test_words_of_python_become_words_of_the_shell(said, expected):
    assert hints.in_shell(said, KNOWN, Path("my/dir")) == expected


def test_a_temperature_of_zero_names_the_option(run, model):
    with pytest.raises(InvalidValue, match=r"^--temp 0\.0: .* pass --argmax\.$"):
        run("sample", model, "-t", 0)


def test_an_argument_is_no_hyperparameter(run, srcfile, tmp_path):
    for setting, option in (("overwrite=true", "--overwrite"), ("seq_len=5", "--seq-len"), ("label=a", "--label")):
        with pytest.raises(InvalidValue, match=f"is not a hyperparameter; type {option} instead"):
            run("new", srcfile, tmp_path / "m", "--set", setting)
    with pytest.raises(UnknownName, match="Did you mean: layers"):
        run("new", srcfile, tmp_path / "m", "--set", "layer=2")
    assert not (tmp_path / "m").exists()


def test_a_model_is_described_without_calls_of_python(run, srcfile, tmp_path):
    shown = run("new", srcfile, tmp_path / "m", *SMALL)
    assert "ms." not in shown
    assert f"charrnn train {tmp_path / 'm'}" in shown


def test_what_is_wrong_with_options(run, model, srcfile, tmp_path):
    with pytest.raises(InvalidValue, match="--no-documents, yet"):
        run("new", srcfile, tmp_path / "m", "--no-documents", "--label", "author")
    with pytest.raises(InvalidValue, match="LAYER,UNIT=VALUE"):
        run("sample", model, "--clamp", "1=2")
    with pytest.raises(InvalidValue, match="--keys"):
        run("sample", model, "--keys", "low")
