"""Models as PyTensor expressions, and the engines that run them. Nothing here reads or writes files.

- `model`: a model at work: network, values, compiled functions; `values`, `functions`, `inputs`: its parts;
- `network`: input stage (`stage`), stacked cells (`cells`), output layer and head (`heads`);
- `objective`, `optimizers`, `dropout`, `initial`, `warmstart`: training;
- `generator`, `sampling`: writing;
- `engines`: PyTensor's virtual machine on the CPU, JAX on GPUs;
- `recurrence`, `products`, `parameters`, `kernels`: the Ops that the expressions are made of, and their machine code.
"""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path


def _has_own_compiler(environment: dict[str, str]) -> bool:
    """Return whether the user has chosen PyTensor's C++ compiler, in the environment or in a configuration file."""
    if "cxx=" in environment.get("PYTENSOR_FLAGS", "").replace(" ", ""):
        return True
    files = configparser.RawConfigParser()
    try:
        files.read(environment.get("PYTENSORRC", str(Path("~/.pytensorrc").expanduser())).split(os.pathsep))
    except (OSError, configparser.Error, RuntimeError, UnicodeError):
        return True  # PyTensor reports what is wrong with it
    return files.has_option("global", "cxx")


# PyTensor's import searches for a C++ compiler, which takes time and may log advice or open an installer. None is
# needed here: LLVM compiles the kernels.
if "pytensor" not in sys.modules and not _has_own_compiler(dict(os.environ)):
    os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, [os.environ.get("PYTENSOR_FLAGS", "").strip(","), "cxx="]))
