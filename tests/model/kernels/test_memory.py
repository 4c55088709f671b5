"""What `keep_freed_memory` asks the C library for, on a stand-in for it."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from charrnn.model.kernels.memory import keep_freed_memory


@pytest.fixture
def asked(monkeypatch):
    """The settings that a stand-in for glibc received."""
    settings = {}
    library = SimpleNamespace(gnu_get_libc_version=None, mallopt=settings.__setitem__)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", "linux")
    settings["library"] = library
    return settings


def test_glibc_keeps_what_is_freed(asked):
    library = asked.pop("library")
    keep_freed_memory.__wrapped__(1 << 20, 8 << 20)
    assert asked == {-3: 1 << 20, -1: 8 << 20, -8: 1}  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX of malloc.h
    assert library.mallopt


def test_other_c_libraries_are_left_alone(asked):
    del asked.pop("library").gnu_get_libc_version
    keep_freed_memory.__wrapped__()
    assert asked == {}


def test_other_systems_are_left_alone(asked, monkeypatch):
    asked.pop("library")
    monkeypatch.setattr(sys, "platform", "darwin")
    keep_freed_memory.__wrapped__()
    assert asked == {}


def test_it_can_be_asked_for_again():
    keep_freed_memory()
    keep_freed_memory()
