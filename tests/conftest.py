"""What several rooms' tests share."""

import logging

import pytest

TEXT = "".join(f"{n} times {n} is {n * n},\nand {n} and {n} make {2 * n}.\n" for n in range(60))


@pytest.fixture
def srcfile(tmp_path):
    """A small text with lines, digits and a pattern to learn."""
    path = tmp_path / "numbers.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


class _Complaints(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_complaint_of_pytensor():
    """PyTensor logs a rewrite that fails and goes on without it, which could hide a wrong Op for long."""
    complaints = _Complaints()
    logger = logging.getLogger("pytensor")
    logger.addHandler(complaints)
    yield
    logger.removeHandler(complaints)
    assert not complaints.messages
