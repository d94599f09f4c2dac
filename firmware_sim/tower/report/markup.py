"""HTML by its elements: whatever is not an element already is text of strangers, and is escaped and cut."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from edge.text import plain

TEXT_MAX = 1200  # bytes of one text
_EMPTY = frozenset({"br", "img", "meta", "rect", "path", "line"})


class Html(str):
    """What is HTML already."""

    __slots__ = ()


Node: TypeAlias = "str | Iterable[Node] | None"


def element(name: str, *inside: Node, **attributes: str | float | None) -> Html:
    """Return an element.

    Args:
        name: of it.
        inside: elements as they are; other text escaped; lists one after the other; None is nothing.
        attributes: of it, escaped; `_` stands for `-`, a trailing one is dropped; None: absent.
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Html(f"<{name}{words}/>" if name not in {"br", "img", "meta"} else f"<{name}{words}>")
    return Html(f"<{name}{words}>{join(*inside)}</{name}>")


def join(*inside: Node) -> Html:
    """Return what stands inside of an element, one after the other."""
    return Html("".join(map(_rendered, inside)))


def cut(text: str, most: int = TEXT_MAX) -> Html:
    """Return a text of strangers escaped, in printable characters, and no longer than `most` bytes of HTML."""
    shown = plain(text[:most])
    whole = Html(escape(shown))
    if len(text) <= most and len(whole.encode()) <= most:
        return whole
    kept: list[str] = []
    room = most - len("…".encode())
    for part in map(escape, shown):
        room -= len(part.encode())
        if room < 0:
            break
        kept.append(part)
    return Html("".join(kept) + "…")


def _rendered(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Html):
        return node
    if isinstance(node, str):
        return cut(node)
    return "".join(map(_rendered, node))


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
