"""Messages of the library in the shell's words: options instead of Python's arguments, commands instead of calls."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from charrnn.settings.hyper import HyperParams

OTHER_NAMES = {"labels": "label", "delimiter_regex": "delimiter", "num_rounds": "rounds", "n": "number"}
CALLS = {  # of a model, and the commands that do the same
    "branch": "branch",
    "checkout": "checkout",
    "compile": "warmup",
    "diff": "diff",
    "export": "export",
    "finetune": "finetune",
    "generate": "sample",
    "log": "log",
    "note": "note",
    "pin": "pin",
    "plot": "plot",
    "report": "report",
    "score": "score",
    "share": "share",
    "train": "train",
    "unpin": "unpin",
    "verify": "verify",
}
TEXT = r"""'[^']*'|"[^"]*\""""
VALUE = rf"re\.compile\((?P<pattern>{TEXT})\)|{TEXT}|\[[^\]]*\]|\{{[^{{}}]*\}}|\([^()]*\)|[^\s,;:()]*[^\s,;:().]"
ARGUMENT = re.compile(rf"(?<![\w.-])(?P<name>[a-z_]+)=(?P<value>{VALUE})")
RESTORE = re.compile(rf"ms\.restore\((?P<which>{TEXT})\)")
CALL = re.compile(r"(?:ms|ModelState)\.(?P<name>\w+)\((?P<given>[^()]*)\)")


class Option(NamedTuple):
    """An option of a command: how it is typed, and how its opposite is if it is a flag that has one."""

    typed: str
    opposite: str | None = None
    flag: bool = False


def options(command: Any) -> dict[str, Option]:
    """Return the options of a command by the names of the arguments that they set."""
    found = {}
    for param in command.params:
        if param.param_type_name == "option":
            opposite = max(param.secondary_opts, key=len, default=None)
            found[param.name] = Option(max(param.opts, key=len), opposite, param.is_flag)
    return found | {name: found[own] for name, own in OTHER_NAMES.items() if own in found}


def in_shell(message: str, known: Mapping[str, Option], directory: Path | None = None) -> str:
    """Return a message of the library as someone at a shell can follow it.

    Parameters
    ----------
    message : str
    known : mapping of str to Option
        The options of the command by the names of arguments. A hyperparameter that has none is ``--set NAME=VALUE``.
    directory : path, optional
        The model that the command is about.

    Examples
    --------
    >>> known = {"temp": Option("--temp"), "argmax": Option("--argmax", flag=True)}
    >>> in_shell("temp=0: expected a number above 0; pass argmax=True.", known)
    '--temp 0: expected a number above 0; pass --argmax.'
    >>> in_shell("dropout=1: expected less. ms.train() comes first.", {}, Path("workdirs/alice"))
    '--set dropout=1: expected less. charrnn train workdirs/alice comes first.'
    """
    where = "DIR" if directory is None else shlex.quote(str(directory))
    message = RESTORE.sub(lambda found: f"--checkpoint {_word(found['which'])}", message)
    message = CALL.sub(lambda found: _command(found, where), message)
    message = re.sub(r"\bms\.(?=\w)", "", message)
    return ARGUMENT.sub(lambda found: _option(found, known), message)


def _command(found: re.Match[str], where: str) -> str:
    if found["name"] == "load":
        return f"charrnn shell {where}"
    if found["name"] not in CALLS:
        return found[0]
    given = [_word(value.strip()) for value in found["given"].split(",") if value.strip()]
    return " ".join(["charrnn", CALLS[found["name"]], where, *given])


def _option(found: re.Match[str], known: Mapping[str, Option]) -> str:
    name, value = found["name"], found["value"]
    if name not in known:
        return f"--set {found[0]}" if name in HyperParams.names() else found[0]
    option = known[name]
    if value == "None" or (value == "False" and option.flag and not option.opposite):
        return f"no {option.typed}"
    if option.flag:
        return option.typed if value == "True" or not option.opposite else option.opposite
    if found["pattern"]:
        return f"{option.typed}-regex {_word(found['pattern'])}"
    return f"{option.typed} {_word(value)}"


def _word(value: str) -> str:
    """Return a Python literal as a word of a command line.

    >>> _word("'a b'"), _word("'best'"), _word("['author']"), _word("3")
    ("'a b'", 'best', 'author', '3')
    """
    names = re.fullmatch(r"\[(?:'([^']*)'|\"([^\"]*)\")\]", value)
    if names:
        return shlex.quote(names[1] or names[2] or "")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return shlex.quote(value[1:-1])
    return value
