"""Read `.mat` files in a separate process: damaged ones can end the process that reads them.

Run as a module, it is that process: it writes an `.npz` file, as `charrnn.data.music.rollsets` describes them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from charrnn.data.budget import LIMIT
from charrnn.data.music.parts import named, planes, required
from charrnn.data.music.rolls import KEYS
from charrnn.errors import CharRNNError, SourceUnusable, need

PATIENCE = 120  # seconds
ROOM = 1 << 26  # bytes of memory beside those allowed
COPIES = 4  # of the pieces, while they are converted


@contextmanager
def as_npz(path: Path, memory_limit: float = LIMIT) -> Iterator[Path]:
    """Convert a file of pieces to a temporary `.npz` file.

    Raises
    ------
    SourceUnusable
        If the file is damaged, is of another kind, or takes too much memory or time.
    NotInstalled
        If scipy is not installed.
    """
    need("scipy.io", "music")
    with tempfile.TemporaryDirectory(prefix="charrnn-") as folder:
        result = Path(folder) / "set.npz"
        places = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, sys.path)])
        environment = {**os.environ, "PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        command = [sys.executable, "-P", "-m", __name__, str(path), str(result), str(memory_limit)]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise SourceUnusable(f"{path} takes more than {PATIENCE} s to read: it is damaged, or too large.") from None
        if done.returncode == 1:
            raise SourceUnusable(done.stderr.decode("utf-8", "replace").strip())
        if done.returncode or not result.is_file():
            raise SourceUnusable(f"{path} is damaged: reading it ended the process that tried. Restore it from a copy.")
        yield result


def convert(path: Path, result: Path) -> None:
    """Read the pieces of a file, and write them to another."""
    from scipy import io

    try:
        found = {name: value for name, value in io.loadmat(path).items() if not name.startswith("__")}
    except NotImplementedError:
        raise SourceUnusable(f"{path} is of MATLAB 7.3, which is not read: save it with -v7.") from None
    except MemoryError:
        raise SourceUnusable(f"{path} takes more memory than memory_limit allows: raise it, or save less.") from None
    except Exception as error:  # the parser meets foreign bytes, and raises whatever they lead it to
        raise SourceUnusable(f"{path} is not an intact .mat file: {error}.") from error
    np.savez(result, **cast(Any, mat_arrays(path, found)))


def mat_arrays(path: Path, found: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the pieces of the parts of a `.mat` file as the arrays of an `.npz` file, eight keys in a byte."""
    arrays: dict[str, np.ndarray] = {}
    for part, name in named(found).items():
        pieces = [planes(path, name, piece) for piece in found[name].ravel()]
        if len({piece.shape[1] for piece in pieces}) > 1:
            raise SourceUnusable(f"{path}: some pieces of {name} have onsets and some have not.")
        frames = np.concatenate(pieces) if pieces else np.zeros((0, KEYS), bool)
        arrays |= {part: np.packbits(frames, axis=1), f"{part}_len": np.array([len(piece) for piece in pieces], int)}
    required(path, {name: [] for name in arrays}, found)
    return arrays


def _limit(memory_limit: float) -> None:
    """Limit the memory and the time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return
    most = used + ROOM + int(COPIES * memory_limit * 1e9)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    need("scipy.io", "music")
    _limit(float(sys.argv[3]))
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except (CharRNNError, MemoryError) as error:
        sys.exit(str(error) or f"{sys.argv[1]} takes more memory than memory_limit allows: raise it, or save less.")
