"""Turn errors of the system and of libraries into charrnn's errors, which name the file."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError

from charrnn.errors import CharRNNError, CorruptFile, FileUnreadable, SaveFailed, TooLarge


class ForeignFile(CorruptFile):
    """A whole file, of another model than the directory that it is in."""

    @classmethod
    def of(cls, path: Path) -> ForeignFile:
        """Return the error for the file at `path`."""
        return cls(f"{path} belongs to another model than the directory that it is in. Put back the right one.")


# What parsing damaged or hostile content raises, in the standard library and in NumPy.
_MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    SyntaxError,
    TokenError,
    RecursionError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


@contextlib.contextmanager
def reading(path: Path, what: str = "file") -> Iterator[None]:
    """Name the file in errors of a `with` block that reads it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    what : str
        Its kind, for the message.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    FileUnreadable
        If the system refuses to read it.
    TooLarge
        If there is not enough memory.
    CorruptFile
        If its content cannot be parsed.
    """
    try:
        yield
    except (CharRNNError, FileNotFoundError):
        raise
    except OSError as error:
        raise FileUnreadable(
            f"could not read {path}: {error.strerror or error}. Check the disk and the permissions, then try again."
        ) from error
    except MemoryError as error:
        raise TooLarge(f"{path} does not fit into memory.") from error
    except _MALFORMED as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CorruptFile(f"{path} is damaged: not a readable charrnn {what} ({reason}).") from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal in a `with` block that writes `path` into SaveFailed."""
    try:
        yield
    except CharRNNError:
        raise
    except OSError as error:
        raise SaveFailed(
            f"could not write {path}: {error.strerror or error}. Everything saved before is untouched; make room, or "
            "make the directory writable, then save again."
        ) from error
