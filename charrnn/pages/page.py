"""Self-contained pages: each is a single file of HTML that loads nothing else."""

from __future__ import annotations

import html
import importlib.resources
import json
import os
import re
from pathlib import Path
from typing import Any

import charrnn
from charrnn.errors import InvalidValue, SaveFailed, warn_caller
from charrnn.storage.atomic import write_atomically

MARK = '<meta name="generator" content="charrnn'  # pages with this mark may be overwritten
LARGE = 20_000_000  # bytes; larger pages open slowly


class LargePageWarning(UserWarning):
    """A page is so large that it opens slowly."""


def part(name: str) -> str:
    """Return the text of a file in `pages/assets`."""
    return importlib.resources.files("charrnn.pages").joinpath("assets", name).read_text(encoding="utf-8")


def fill(template: str, **parts: str) -> str:
    """Return a template with its ``{{names}}`` replaced, each value as it is.

    >>> fill("<p>{{text}}</p>", text=escape("a < {{b}}"))
    '<p>a &lt; {{b}}</p>'
    """
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def page(template: str, **parts: str) -> str:
    """Return one of the package's templates, filled; ``{{look}}`` stands for the common styles in ``page.css``."""
    mark = f'{MARK} {charrnn.__version__}">'
    return fill(part(template), mark=mark, look=part("page.css"), **parts)


def escape(text: object) -> str:
    """Return a text escaped for HTML.

    >>> escape('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(str(text), quote=True)


def script_data(value: Any) -> str:
    """Return a value as JSON that cannot close the script element around it.

    >>> script_data("</script>")
    '"\\\\u003c/script>"'
    """
    return json.dumps(value).replace("<", "\\u003c")


def checked_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a page to write, or raise before any work is done.

    Raises
    ------
    InvalidValue
        If the name does not end in .html or .htm.
    SaveFailed
        If the directory does not exist, or the path is a file that charrnn did not write.
    """
    checked = Path(path)
    if checked.suffix.lower() not in (".html", ".htm"):
        raise InvalidValue(f"{str(path)!r} is not the name of a page: expected one that ends in .html.")
    if not checked.parent.is_dir():
        raise SaveFailed(f"could not write {checked}: the directory {checked.parent} does not exist. Make it first.")
    if checked.exists() and not _is_own(checked):
        raise SaveFailed(f"did not write {checked}: the file there is not a page of charrnn's. Choose another name.")
    return checked


def _is_own(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return MARK.encode() in file.read(1024)


def write(path: Path, content: str) -> Path:
    """Write a page atomically and return its path; warn if it is very large.

    Raises
    ------
    SaveFailed
        If the disk is full or the directory read-only.
    """
    data = content.encode("utf-8", errors="replace")  # lone surrogates cannot be encoded
    write_atomically(path, data)
    if len(data) > LARGE:
        warn_caller(f"{path} has {len(data) / 1e6:,.0f} MB: it opens slowly, above all on phones.", LargePageWarning)
    return path
