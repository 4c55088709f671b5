"""The README's lines run as they stand."""

import functools
import re
from pathlib import Path

import pytest

from charrnn import ModelState

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::charrnn.data.text.charset.UnknownCharacterWarning")
@pytest.mark.filterwarnings("ignore:The source of")  # a class that is run from here has none
def test_the_five_minutes_run(srcfile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    srcfile.rename("alice.txt")
    pytest.importorskip("mido")
    session = {}
    # Rounds of a few batches are enough to see that every line runs.
    monkeypatch.setattr(ModelState, "train", functools.partialmethod(ModelState.train, train_len=5))
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        exec(block, session)
    assert session["ms"].steps > 0
