"""Text of strangers (names, labels, what servers say) made fit for a terminal, a log and a page."""

from __future__ import annotations

import json


def plain(text: str) -> str:
    r"""Return a text as one line of printable characters.

    Ends of lines, escape sequences, marks that turn the direction of writing and halves of characters become
    Python's escapes, such as `\x1b`.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def plain_json(line: bytes) -> bytes:
    """Return JSON that means the same and holds printable characters only.

    Args:
        line: without white space between its parts.
    """
    text = line.decode()
    if text.isprintable():
        return line
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text).encode()


def whole(text: str) -> str:
    r"""Return a text that has a place in JSON and a database: halves of characters become escapes.

    Such halves stand for the bytes of a file's name that is not UTF-8: `\udcff`, as `plain` shows them, too.
    """
    return text.encode(errors="backslashreplace").decode()
