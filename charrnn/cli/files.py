"""Files that `sample` writes to: one for all texts, one for each, a table, or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from charrnn.errors import InvalidValue
from charrnn.storage.atomic import write_atomically

PLACE = "{}"  # in a name, where the number goes
TABLES = (".csv", ".jsonl")
TOGETHER = (".txt", *TABLES)


def targets(out: Path | None, number: int, default: str = ".txt", overwrite: bool = False) -> list[Path]:
    """Return the files to write `number` texts or pieces to: one for all of them, or one for each.

    Parameters
    ----------
    out : path, optional
        A file; a name with ``{}``, where the number of each goes; or a folder. Of music each piece has a file.
    number : int
        How many texts there are.
    default : str
        The suffix of files in a folder.
    overwrite : bool
        Whether files that are there may be replaced.

    Raises
    ------
    InvalidValue
        If a file is there and may not be replaced.

    Examples
    --------
    >>> targets(Path("poem-{}.txt"), 2)[1].name, targets(Path("poems.txt"), 2)[0].name
    ('poem-2.txt', 'poems.txt')
    """
    if out is None:
        return []
    if out.is_dir():
        found = [out / f"{n:0{len(str(number))}}{default}" for n in range(1, number + 1)]
    elif PLACE in out.name:
        found = [out.with_name(out.name.replace(PLACE, str(n))) for n in range(1, number + 1)]
    elif default in TOGETHER or number == 1:
        found = [out]
    else:
        found = [out.with_stem(f"{out.stem}-{n}") for n in range(1, number + 1)]
    for file in found:
        if file.is_dir() or (file.exists() and not overwrite):
            raise InvalidValue(f"{file} is there already: choose another name, or replace it with --overwrite.")
    return found


def write_texts(texts: Sequence[str], files: Sequence[Path], label: str | Mapping[str, str] | None = None) -> None:
    """Write texts in UTF-8: each to its file, or all to one.

    Raises
    ------
    SaveFailed
        If a file cannot be written.
    """
    groups = [[text] for text in texts] if len(files) == len(texts) else [list(texts)]
    for file, group in zip(files, groups, strict=True):
        form = FORMS.get(file.suffix.lower(), _plain)
        write_atomically(file, form(group, _columns(label)).encode())


def _columns(label: str | Mapping[str, str] | None) -> dict[str, str]:
    if label is None:
        return {}
    return dict(label) if isinstance(label, Mapping) else {"label": label}


def _plain(texts: Sequence[str], columns: Mapping[str, str]) -> str:
    r"""Return texts with blank lines between them; with a line of dashes, where they have blank lines themselves.

    >>> _plain(["one", "two"], {}), _plain(["one\n\nmore", "two"], {})
    ('one\n\ntwo\n', 'one\n\nmore\n---\ntwo\n')
    """
    between = "\n---\n" if any("\n\n" in text.strip("\n") for text in texts) else "\n\n"
    return between.join(text.strip("\n") for text in texts) + "\n" if len(texts) > 1 else f"{texts[0]}\n"


def _table(texts: Sequence[str], columns: Mapping[str, str]) -> str:
    content = io.StringIO()
    rows = csv.writer(content, lineterminator="\n")
    rows.writerow(["text", *columns])
    rows.writerows([text, *columns.values()] for text in texts)
    return content.getvalue()


def _json_lines(texts: Sequence[str], columns: Mapping[str, str]) -> str:
    rows = [json.dumps({"text": text, **columns}, ensure_ascii=False) for text in texts]
    return "".join(f"{row}\n" for row in rows)


FORMS: dict[str, Callable[[Sequence[str], Mapping[str, str]], str]] = {".csv": _table, ".jsonl": _json_lines}
