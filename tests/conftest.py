"""What several rooms' tests share."""

import pytest

TEXT = "".join(f"{n} times {n} is {n * n},\nand {n} and {n} make {2 * n}.\n" for n in range(60))


@pytest.fixture
def srcfile(tmp_path):
    """A small text with lines, digits and a pattern to learn."""
    path = tmp_path / "numbers.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path
