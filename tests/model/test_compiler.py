"""PyTensor's import searches for no C++ compiler, unless the user named one."""

import os
import subprocess
import sys

import pytest

SHOW = "from charrnn.settings.hyper import HyperParams; import pytensor; print(repr(pytensor.config.cxx))"


@pytest.mark.parametrize(
    ("flags", "expected"), [(None, "''"), ("floatX=float32", "''"), ("cxx=/own/g++", "'/own/g++'")]
)
def test_the_environment(flags, expected, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTENSOR_FLAGS"}
    environment |= {"PYTENSORRC": str(tmp_path / "none")} | ({} if flags is None else {"PYTENSOR_FLAGS": flags})
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == expected


def test_a_file(tmp_path):
    (tmp_path / "rc").write_text("[global]\ncxx = /own/g++\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTENSOR_FLAGS"}
    environment["PYTENSORRC"] = str(tmp_path / "rc")
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "'/own/g++'"
