"""Completion in IPython: checkpoints, branches and labels, where a model's methods ask for one.

``ms.restore("<TAB>`` and ``ms.generate(label="<TAB>`` show them all, in a terminal and in a notebook. A session
registers this in the IPython that runs. ``charrnn shell``, which loads a model first, loads it as an extension of the
IPython that it starts.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from charrnn.storage import lookup
from charrnn.storage.workdir import WorkDir
from charrnn.training.summary import TRAINING, VALIDATION

OF_CHECKPOINTS = ("restore", "checkout", "pin", "unpin", "diff")  # methods that ask for one, unless a keyword is given
COMPLETE = r"""(?:[^"']|"[^"]*"|'[^']*')*"""  # arguments whose strings have ended
CALL = re.compile(
    rf"""(?:^|.*[^\w.])(?P<model>\w+)\.(?P<method>\w+)\((?P<before>{COMPLETE})(?P<quote>["'])(?P<typed>(?:(?!(?P=quote)).)*)$""",
    re.DOTALL,
)
KEYWORD = re.compile(r"(?:^|.*[(,\s])(?P<keyword>\w+)\s*=\s*(?P<mapping>\{.*)?$", re.DOTALL)
COLUMN = re.compile(r""".*["'](?P<column>[^"']*)["']\s*:\s*(?:\{[^{}]*)?$""", re.DOTALL)
AMID = re.compile(r"""\{(?:[^{}]*,)?\s*$""")  # where a mapping's next key is


def register(shell: Any = None) -> None:
    """Complete names in an IPython, by default the one that runs, if one does; once is enough."""
    if shell is None:
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
    completer = getattr(shell, "Completer", None)
    if completer is None or any(getattr(one, "shell", None) is shell for one in completer.custom_matchers):
        return
    completer.custom_matchers.append(_matcher(shell))


def load_ipython_extension(shell: Any) -> None:
    """Complete names in an IPython that starts; ``%load_ext charrnn.session.completion`` does it by hand."""
    register(shell)


def names(text: str, variables: dict[str, Any]) -> tuple[str, list[str]]:
    """Return what has been typed of a name at the end of a text, and the names that may be meant, likeliest first.

    Parameters
    ----------
    text : str
        Python up to the cursor.
    variables : dict
        Those of the prompt, among them models.
    """
    call = CALL.match(text)
    model: Any = variables.get(call["model"]) if call else None
    if call is None or not isinstance(getattr(model, "workdir", None), WorkDir):
        return "", []
    keyword = KEYWORD.match(call["before"])
    asked = keyword["keyword"] if keyword else None
    if asked == "label" and keyword:
        found = _labels(model, keyword["mapping"])
    elif asked == "monitor":
        found = [
            VALIDATION,
            TRAINING,
            *(f"{table.name}={label}" for table in model.label_tables for label in table.labels),
        ]
    elif asked == "column":
        found = [table.name for table in model.label_tables]
    elif asked in ("checkpoint", "cpfile") or (call["method"] in OF_CHECKPOINTS and asked in (None, "a", "b")):
        found = _checkpoints(model)
    else:
        found = []
    return call["typed"], [name for name in found if call["quote"] not in name and "\\" not in name]


def _checkpoints(model: Any) -> list[str]:
    newest_first = [checkpoint.name for checkpoint in reversed(model.checkpoints)]
    return [lookup.BEST, lookup.LAST, *model.workdir.refs.branches, *newest_first]


def _labels(model: Any, mapping: str | None) -> list[str]:
    """Return labels; or columns, where a mapping's key is asked for and there are several."""
    tables = {table.name: table.labels for table in model.label_tables}
    only: list[str] = list(*tables.values()) if len(tables) == 1 else []
    if mapping is None:
        return only
    if column := COLUMN.match(mapping):
        return list(tables.get(column["column"], ()))
    return [*tables, *only] if AMID.match(mapping) else []


def _matcher(shell: Any) -> Any:
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher()
    def charrnn_matcher(context: Any) -> Any:
        typed, found = names(context.text_until_cursor, shell.user_ns)
        folded = typed.casefold()
        completions = [SimpleCompletion(text=name) for name in found if name.casefold().startswith(folded)]
        return {"completions": completions, "matched_fragment": typed, "ordered": True, "suppress": True}

    charrnn_matcher.shell = shell
    return charrnn_matcher
