"""Show control characters instead of sending them to the terminal, which would execute them."""

from __future__ import annotations

import re

# C0 and C1 controls except tab and line feed, and the marks that change the text's direction.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: object) -> str:
    r"""Return a text with every control character except tab and line feed written as an escape.

    Examples
    --------
    >>> print(visible("red: \x1b[31m"), visible("line\r"))
    red: \x1b[31m line\r
    """
    return _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), str(text))
