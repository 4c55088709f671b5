"""Texts for the tests of this room."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn.data.text.source import ReadOptions, TextSource

RUSSIAN = "Мой дядя самых честных правил,\nКогда не в шутку занемог,\n"
JAPANESE = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n"
CHINESE = "國破山河在,城春草木深。\n感時花濺淚,恨別鳥驚心。\n"
ARABIC = "قفا نبك من ذكرى حبيب ومنزل\nبسقط اللوى بين الدخول فحومل\n"
FRENCH = "L'été où ça m'a plu; garçon, là-bas, être et naître.\nDéjà vu, à l'Opéra.\n"


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., TextSource]:
    """Open bytes as if they stood in a file."""

    def open_bytes(content: bytes, **options) -> TextSource:
        path = tmp_path / "text.txt"
        path.write_bytes(content)
        return TextSource.open(path, ReadOptions(**options))

    return open_bytes


@pytest.fixture
def real_data() -> Path:
    """The folder of real texts that CHARRNN_DATA names."""
    if "CHARRNN_DATA" not in os.environ:
        pytest.skip("CHARRNN_DATA names no folder of real texts")
    return Path(os.environ["CHARRNN_DATA"])
