from pathlib import Path

import pytest

from charrnn.storage.workdir import WorkDir
from tests.storage.states import new_workdir


@pytest.fixture
def workdir(tmp_path: Path) -> WorkDir:
    """A working directory with checkpoints at steps 10, 20, 30 (the best) and 40."""
    return new_workdir(tmp_path / "model", (10, 20, 30, 40))
