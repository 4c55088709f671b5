"""Fixtures that tests of several rooms share."""

import logging
import shutil
import signal

import pytest

from tests.sessions import SMALL

TEXT = "".join(f"{n} times {n} is {n * n},\nand {n} and {n} make {2 * n}.\n" for n in range(60))


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C raises, also where the tests were started in the background, which makes processes ignore it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def srcfile(tmp_path):
    """A small text with lines, digits and a pattern to learn."""
    path = tmp_path / "numbers.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def make(srcfile, tmp_path):
    """Return a function that makes a small model of the text."""
    from charrnn import ModelState

    def make(usedir="model", **options):
        return ModelState.initfromsrcfile(srcfile, tmp_path / usedir, **{**SMALL, **options})

    return make


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A working directory with a new model of two layers, to be copied."""
    from charrnn import ModelState

    folder = tmp_path_factory.mktemp("template")
    (folder / "numbers.txt").write_text(TEXT, encoding="utf-8")
    return ModelState.initfromsrcfile(folder / "numbers.txt", folder / "model", **{**SMALL, "layers": 2}).path


@pytest.fixture(scope="session")
def compiled(template):
    """A model whose functions are compiled once for all tests; `restore` resets everything that tests change."""
    from charrnn import ModelState

    return ModelState.load(template).model


@pytest.fixture
def ms(template, compiled, tmp_path):
    """A new model."""
    from charrnn import ModelState

    ms = ModelState.load(shutil.copytree(template, tmp_path / "model"))
    ms.live.trained = compiled
    return ms.restore()


class _Complaints(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_complaint_of_pytensor():
    """Turn failing rewrites into errors: PyTensor only logs them, which could hide a wrong Op."""
    complaints = _Complaints()
    logger = logging.getLogger("pytensor")
    logger.addHandler(complaints)
    yield
    logger.removeHandler(complaints)
    assert not complaints.messages
