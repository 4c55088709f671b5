"""Reading an array in NumPy's format from a stranger: its header is checked against its size before anything else."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import IO

import numpy as np

from charrnn.errors import CorruptFile
from charrnn.storage.faults import reading

_LONGEST_HEADER = 10_000  # bytes


def read_npy(stream: IO[bytes], size: int, where: Path, kinds: str = "biuf") -> np.ndarray:
    """Return the array of a stream in `.npy` format; nothing is unpickled.

    Parameters
    ----------
    stream : binary stream
        At the beginning of the array.
    size : int
        How many bytes header and array have together; no more is read.
    where : pathlib.Path
        The file that it is in, for the messages.
    kinds : str
        The kinds of elements that are allowed, as `numpy.dtype.kind` names them.

    Raises
    ------
    CorruptFile
        If it is truncated, altered, or of other elements.

    Examples
    --------
    >>> np.save(file := io.BytesIO(), np.arange(3, dtype=np.uint8))
    >>> read_npy(io.BytesIO(file.getvalue()), len(file.getvalue()), Path("a.npy"))
    array([0, 1, 2], dtype=uint8)
    """
    with reading(where, "array"):
        content = io.BytesIO(stream.read(size))
        version = np.lib.format.read_magic(content)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise CorruptFile(f"{where} holds an array in version {version} of NumPy's format: expected 1.0 or 2.0.")
        shape, fortran, dtype = readers[version](content, max_header_size=_LONGEST_HEADER)
        if dtype.kind not in kinds or dtype.subdtype is not None:
            raise CorruptFile(f"{where} holds an array of {dtype}: expected plain numbers.")
        start = content.tell()
        if min(shape, default=0) < 0 or start + math.prod(shape) * dtype.itemsize != size:
            raise CorruptFile(f"{where} holds an array of shape {shape}, which does not fit its {size:,} bytes.")
        flat = np.frombuffer(content.getbuffer(), dtype, offset=start)
        return flat.reshape(shape, order="F" if fortran else "C").copy()
