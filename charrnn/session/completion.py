"""Completion in IPython: the names of checkpoints and branches, where a model's methods ask for one.

``ms.restore("<TAB>`` shows them all, in a terminal and in a notebook.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from charrnn.storage import lookup
from charrnn.storage.workdir import WorkDir

METHODS = ("restore", "checkout", "pin", "unpin", "diff")
ASKING = re.compile(rf"(?:^|.*[^\w.])(\w+)\.(?:{'|'.join(METHODS)})\((?:[^()]*,)?\s*[\"'][^\"']*$", re.DOTALL)


def register() -> None:
    """Complete names in the IPython that runs, if one does; once is enough."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and getattr(shell, "Completer", None) is not None:
        known = shell.Completer.custom_completers.regexs
        if not any(pattern.pattern == ASKING.pattern for pattern in known):
            shell.set_hook("complete_command", complete, re_key=ASKING.pattern)


def complete(shell: Any, event: Any) -> list[str]:
    """Return the names that the model may mean in whose call the cursor is."""
    asking = ASKING.match(event.text_until_cursor)
    model: Any = shell.user_ns.get(asking[1]) if asking else None
    if not isinstance(getattr(model, "workdir", None), WorkDir):
        return []
    newest_first = [checkpoint.name for checkpoint in reversed(model.checkpoints)]
    return [lookup.BEST, lookup.LAST, *model.workdir.refs.branches, *newest_first]
