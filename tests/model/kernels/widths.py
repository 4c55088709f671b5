"""Kernels on narrower vectors than the processor has, within one process."""

import contextlib

import pytest

from charrnn.model.kernels import elementwise, jit, matmul, nade, rows
from charrnn.model.recurrence import op

WIDTHS = [width for width in (64, 32, 16) if width <= jit.host().vector_bytes]  # bytes


def _forget_compiled() -> None:
    for module in (jit, elementwise, matmul, nade, rows, op):
        for item in vars(module).values():
            if hasattr(item, "cache_clear"):
                item.cache_clear()


@contextlib.contextmanager
def vectors(width: int):
    """Compile every kernel that is called inside for vectors of a number of bytes; outside as before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(jit.VECTOR_BYTES, str(width))
        _forget_compiled()
        try:
            assert jit.host().vector_bytes == width
            yield
        finally:
            _forget_compiled()
