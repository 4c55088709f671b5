"""The README's lines run as they stand."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::charrnn.data.charset.UnknownCharacterWarning")
def test_the_five_minutes_run(srcfile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    srcfile.rename("alice.txt")
    session = {}
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        exec(block, session)
    assert session["ms"].steps > 0
