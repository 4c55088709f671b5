"""Output: wherever it goes, nothing fails for want of a character or a reader; files hold what was written."""

import csv
import json
import os
import subprocess
import sys

import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue
from tests.cli.conftest import SMALL

PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
NARROW = [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "cp437"}, {"PYTHONIOENCODING": "ascii"}, PLAIN]


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """A model of a text that no 8-bit encoding can hold, Windows' control pictures and all."""
    folder = tmp_path_factory.mktemp("chinese")
    (folder / "poem.txt").write_text("床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n" * 20, encoding="utf-8")
    options = {"layers": 1, "state_size": 5, "seq_len": 7}
    return ModelState.initfromsrcfile(folder / "poem.txt", folder / "model", **options).path


@pytest.mark.parametrize("environment", NARROW, ids=lambda e: e["PYTHONIOENCODING"] or "C")
def test_every_encoding_of_a_terminal_will_do(chinese, environment):
    commands = [
        ["train", chinese, "--train-len", "2", "--print-every", "1", "--plot"],
        ["sample", chinese, "-N", "2", "-n", "9"],
        ["sample", chinese, "-n", "9"],
        ["info", chinese],
        ["score", chinese, "--text", "abc"],
        ["diff", chinese, "best"],
        ["corpora"],
        ["sample", chinese, "-t", "0"],
    ]
    code = f"""
import sys
from charrnn.cli import main
for words in {[list(map(str, words)) for words in commands]}:
    sys.argv = ["charrnn", *words]
    try:
        main()
    except SystemExit as exit:
        print("exit", exit.code)
"""
    process = [sys.executable, "-c", code]
    done = subprocess.run(process, env={**os.environ, **environment}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Error" not in done.stderr
    exits = [line.split() for line in done.stdout.splitlines() if line.startswith(b"exit")]
    assert [code for _, code, *_ in exits] == [b"0"] * 7 + [b"charrnn:"]


def test_characters_that_an_encoding_lacks_look_alike(process, chinese):
    shown = process("sample", chinese, "-N", 2, "-n", 9, PYTHONIOENCODING="ascii").stdout.decode("ascii")
    assert "\n--------------------\n" in shown
    assert "??" in shown


def test_a_reader_that_has_enough_ends_a_command_quietly(chinese):
    command = [sys.executable, "-m", "charrnn", "sample", str(chinese), "-n", "2000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read().decode().splitlines()
        assert not [line for line in said if not line.startswith("Compiled ")]
        assert process.wait() == 1


def test_a_reader_that_has_enough_does_not_end_training(chinese):
    command = f"'{sys.executable}' -m charrnn train '{chinese}' --rounds 2 --train-len 5 --print-every 1"
    steps = ModelState.load(chinese).steps
    done = subprocess.run(f"{command} | head -1", shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert "Error" not in done.stderr
    assert ModelState.load(chinese).steps == steps + 10


# Files


def test_one_text_goes_to_a_file_as_it_is_shown(run, model, tmp_path):
    out = tmp_path / "alice.txt"
    assert f"Wrote {out}" in run("sample", model, "-n", 30, "--rng", 7, "-o", out)
    assert out.read_bytes().decode() == ModelState.load(model).generate(30, rng=7) + "\n"


def test_files_are_utf8_wherever_output_goes(process, chinese, tmp_path):
    out = tmp_path / "月.txt"
    done = process("sample", chinese, "-n", 20, "--rng", 7, "-o", out, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert out.read_bytes().decode("utf-8") == ModelState.load(chinese).generate(20, rng=7) + "\n"


def test_several_texts_go_to_one_file_or_one_each(run, model, tmp_path):
    texts = list(map(str, ModelState.load(model).generate(12, rng=7, n=11)))
    options = ["sample", model, "-n", 12, "--rng", 7, "-N", 11, "-o"]
    run(*options, tmp_path / "all.txt")
    assert all(text.strip("\n") in (tmp_path / "all.txt").read_text() for text in texts)
    run(*options, tmp_path / "one-{}.txt")
    assert [(tmp_path / f"one-{n}.txt").read_text() for n in range(1, 12)] == [f"{text}\n" for text in texts]
    (tmp_path / "folder").mkdir()
    run(*options, tmp_path / "folder")
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.name for file in files][:2] == ["01.txt", "02.txt"]
    assert [file.read_text() for file in files] == [f"{text}\n" for text in texts]


def test_tables_and_json_lines_hold_texts_and_labels(run, tmp_path):
    rows = [f'{"Ann" if i % 2 else "Bob"},"{"ab" * (i % 5 + 1)}"' for i in range(40)]
    (tmp_path / "poems.csv").write_text("\n".join(["author,poem", *rows]))
    model = tmp_path / "poems"
    run("new", tmp_path / "poems.csv", model, "--text", "poem", "--label", "author", *SMALL)
    texts = [str(text) for text in ModelState.load(model).generate(30, n=5, label="Ann", rng=7)]
    options = ["sample", model, "-n", 30, "-N", 5, "--rng", 7, "--label", "author=Ann", "-o"]
    run(*options, tmp_path / "x.csv")
    with open(tmp_path / "x.csv", newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{"text": text, "author": "Ann"} for text in texts]
    run(*options, tmp_path / "x.jsonl")
    found = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert found == [{"text": text, "author": "Ann"} for text in texts]
    again = ModelState.initfromsrcfile(
        tmp_path / "x.csv", tmp_path / "again", labels="author", layers=1, state_size=5, init_checkpoint=False
    )
    assert again.corpus.documents == len([text for text in texts if text.strip()])


def test_no_file_is_replaced_unasked(run, model, tmp_path):
    out = tmp_path / "alice.txt"
    out.write_text("dear")
    with pytest.raises(InvalidValue, match="--overwrite"):
        run("sample", model, "-o", out)
    with pytest.raises(InvalidValue, match="alice"):
        run("sample", model, "-N", 2, "-o", tmp_path / "al{}ice.txt".replace("{}", ""))
    assert out.read_text() == "dear"
    run("sample", model, "-n", 5, "-o", out, "--overwrite")
    assert len(out.read_text()) == 7
