from pathlib import Path

import pytest

from charrnn.data.text.paths import folder_files, is_file, is_folder, listed_files, require_path
from charrnn.errors import InvalidValue, SourceNotFound, SourceUnusable


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt"):
        Path(name).write_text(name)
    return ["b.txt", "a.txt"]


@pytest.mark.parametrize("source", ["", " ", "\n"])
def test_nothing_is_not_a_path(source):
    with pytest.raises(InvalidValue, match="is not a path"):
        require_path(source)


@pytest.mark.parametrize("source", ["Tyger Tyger,\nburning bright", "x" * 300, "word " * 5000, "a\0b"])
def test_texts_are_not_paths(source):
    with pytest.raises(SourceUnusable, match="it is a text, not a path"):
        require_path(source)
    assert not is_folder(source)
    assert not is_file(source)


def test_lists_of_files_are_these_files_in_order(files):
    assert listed_files(files) == listed_files(map(Path, files)) == [Path("b.txt"), Path("a.txt")]
    assert listed_files(["a poem", "another"]) is None
    assert listed_files([]) is None
    assert listed_files(["a.txt", 5]) is None


def test_lists_that_are_neither(files):
    with pytest.raises(SourceUnusable, match=r"Of a list of 3, b\.txt, a\.txt are files, and none\.txt is not"):
        listed_files([*files, "none.txt"])
    with pytest.raises(SourceUnusable, match=r"Of a list of 2, a\.txt is a file, and a poem,  in two lines is not"):
        listed_files(["a.txt", "a poem,\n in two lines"])
    with pytest.raises(SourceNotFound, match=r"no file one\.txt, two\.txt"):
        listed_files(["one.txt", "two.txt"])
    with pytest.raises(SourceNotFound, match="no file nothing"):
        listed_files([Path("nothing")])
    Path("folder").mkdir()
    with pytest.raises(SourceUnusable, match="give a folder by itself"):
        listed_files(["a.txt", "folder"])


def test_working_directories_and_hidden_files_are_not_sources(files):
    for name in (
        "sub/c.txt",
        "sub/model/model.json",
        "sub/model/data/symbols.txt",
        ".git/config",
        "sub/.x",
        "__MACOSX/y",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("{}")
    found, models = folder_files(Path())
    assert [file.as_posix() for file in found] == ["a.txt", "b.txt", "sub/c.txt"]
    assert [model.as_posix() for model in models] == ["sub/model"]
    with pytest.raises(SourceUnusable, match="is a model's working directory"):
        folder_files(Path("sub/model"))
