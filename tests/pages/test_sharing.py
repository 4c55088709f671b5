"""The shared page: texts in a real browser, compared with the model's own."""

import csv
import re
import shutil
from urllib.parse import quote

import numpy as np
import pytest

from charrnn import ModelState
from charrnn.errors import InvalidValue, SaveFailed
from charrnn.pages.sharing import rounded
from tests.pages.browser import Element, opened

HOSTILE = "</script><script>document.title = 'hostile'</script>\"'&"


@pytest.fixture
def lively(ms):
    """A model whose predictions are far from even, with parameters that float16 holds."""
    rng = np.random.default_rng(1)
    arrays = ms.model.arrays()
    for name, array in arrays.items():
        if name.startswith("param/"):
            arrays[name] = rng.normal(size=array.shape).astype(np.float16).astype(array.dtype)
    ms.model.load_arrays(arrays)
    return ms


def written(page, **wishes):
    fragment = "&".join([*(f"{name}={quote(str(value))}" for name, value in wishes.items()), "write"])
    text = Element(opened(page, fragment), "text")
    assert text.attributes.get("data-done") == "true"
    return text.text


@pytest.mark.parametrize(("prompt", "seed", "temp"), [("7 times\n", 3, 0.5), ("", 2**70, 1.25)])
def test_the_page_writes_what_the_model_writes(lively, tmp_path, prompt, seed, temp):
    page = lively.share(tmp_path / "page.html")
    expected = lively.generate(700, temp=temp, prompt=prompt, rng=seed)  # more than a block of them
    assert written(page, prompt=prompt, seed=seed, length=700, temperature=temp) == expected


def test_unknown_characters_of_a_prompt_become_ufffd(lively, tmp_path):
    page = lively.share(tmp_path / "page.html")
    with pytest.warns(match="Unknown to the model"):
        expected = lively.generate(50, prompt="7ש😀", rng=1)
    assert written(page, prompt="7ש😀", seed=1, length=50, temperature=0.5) == expected
    assert expected.startswith("7\ufffd\ufffd")


def test_a_text_of_one_line_of_another_script(tmp_path):
    (tmp_path / "one.txt").write_text("שלום עולם ومرحبا 𝄞 " * 20, encoding="utf-8")
    ms = ModelState.initfromsrcfile(
        tmp_path / "one.txt", tmp_path / "m", layers=1, state_size=3, modeltype="LSTMResize"
    )
    page = ms.share(tmp_path / "page.html")
    arrays = ms.model.arrays()
    ms.model.load_arrays({name: array.astype(np.float16).astype(array.dtype) for name, array in arrays.items()})
    assert written(page, prompt="", seed=5, length=60, temperature=1) == ms.generate(60, temp=1, prompt="", rng=5)


@pytest.fixture
def poet(tmp_path):
    """A model of labelled documents, with parameters that float16 holds, which ends them soon enough."""
    rows = [("Ann & Co", "abba ab"), ("Ann & Co", "bab"), ('B"ob', "xyx\nyx"), ("Cy", "מנו abc")]
    with open(tmp_path / "poems.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("author", "text"), *rows * 8])
    kind = {"layers": 2, "state_size": 4, "modeltype": "GRUResize"}
    ms = ModelState.initfromsrcfile(tmp_path / "poems.csv", tmp_path / "m", labels="author", text="text", **kind)
    rng = np.random.default_rng(2)
    arrays = ms.model.arrays()
    for name, array in arrays.items():
        arrays[name] = rng.normal(size=array.shape).astype(np.float16).astype(array.dtype)
    ms.model.load_arrays(arrays)
    return ms


@pytest.mark.parametrize(("label", "prompt"), [(None, ""), ("Cy", ""), ('B"ob', "xy")])
def test_documents_are_written_from_seeds_that_follow(poet, tmp_path, label, prompt):
    page = poet.share(tmp_path / "page.html")
    choice = poet.label_tables[0].idof(label)
    got = written(page, prompt=prompt, seed=11, length=300, temperature=1, number=4, label0=choice)
    texts = [poet.generate(300, temp=1.0, prompt=prompt, rng=11 + i, label=label) for i in range(4)]
    assert got == "".join(texts)
    assert any(len(text) < 300 for text in texts)  # some ended by themselves


def test_labels_can_be_chosen_by_their_names(poet, tmp_path):
    content = poet.share(tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<option value="2">B&quot;ob</option>' in content
    assert '<label for="label0">author</label>' in content


def test_a_page_needs_nothing_from_elsewhere(lively, tmp_path):
    content = lively.share(tmp_path / "page.html", title=HOSTILE).read_text(encoding="utf-8")
    assert not re.search(r"https?:|\bsrc=|@import|url\(", content)
    assert "default-src 'none'" in content
    assert HOSTILE not in content
    assert Element(content, "model").text
    assert len(content) < 40_000


def test_what_float16_cannot_hold_is_refused(lively, tmp_path):
    arrays = lively.model.arrays()
    arrays["param/c"][0] = 1e6
    lively.model.load_arrays(arrays)
    with pytest.raises(InvalidValue, match="Parameter c"):
        lively.share(tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_rounding_is_to_the_nearest():
    np.testing.assert_array_equal(rounded({"a": np.array([1 / 3, 1e-9])})["a"], np.array([0.33325195, 0], np.float16))


def test_a_file_of_a_model_is_never_replaced(ms, tmp_path):
    impostor = tmp_path / "model" / "model.html"
    shutil.copy(ms.path / "model.json", impostor)
    with pytest.raises(SaveFailed):
        ms.share(impostor)
    assert impostor.read_bytes() == (ms.path / "model.json").read_bytes()
