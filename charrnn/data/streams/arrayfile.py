"""Arrays in `.npy` files: written block by block, and mapped into memory."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from tokenize import TokenError

import numpy as np

from charrnn.errors import CorruptFile, SaveFailed


def write(path: Path, blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> str:
    """Write the array that blocks make one after the other, and return the file's checksum.

    It is written under a temporary name and renamed when it is whole.

    Raises
    ------
    SaveFailed
        If the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "numbers.npy")
    ...     checksum = write(path, [np.arange(2), np.arange(3)], (5,), np.dtype(np.uint8))
    ...     np.load(path)
    array([0, 1, 0, 1, 2], dtype=uint8)
    """
    dtype = dtype.newbyteorder("<")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    checksum = hashlib.sha256(header.getvalue())
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(header.getvalue())
            for block in blocks:
                data = np.ascontiguousarray(block, dtype).data
                checksum.update(data)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise SaveFailed(f"Writing {path} failed: {error}. Free space or take another directory.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return checksum.hexdigest()


def load(path: str | os.PathLike[str], kind: str, ndim: int = 1) -> np.ndarray:
    """Map an array into memory, reading nothing yet.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    kind : str
        Kind of its elements as numpy has it: "u" for unsigned integers, "i" for integers, "b" for booleans.
    ndim : int
        Number of its axes.

    Raises
    ------
    CorruptFile
        If the file is missing, truncated, or of another kind.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise CorruptFile(f"{path} is missing: a part of the encoded text. Restore it from a copy.") from None
    except (ValueError, EOFError, SyntaxError, TokenError, TypeError, ArithmeticError, OSError) as error:
        raise CorruptFile(f"{path} is not a whole file of encoded text: {error}. Restore it from a copy.") from error
    if array.ndim != ndim or array.dtype.kind != kind:
        names = {"u": "unsigned integers", "i": "integers", "b": "booleans"}
        axes = "one axis" if ndim == 1 else f"{ndim} axes"
        raise CorruptFile(f"{path} holds {array.dtype} {array.shape}: expected {names[kind]} on {axes}.")
    return array
