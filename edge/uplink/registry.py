"""The kinds of sinks there are. A new one is added to this list, and named nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.uplink.mqtt import MQTT
from edge.uplink.sink import Kind, SinkOptions

KINDS: tuple[Kind[Any], ...] = (MQTT,)


def split(url: str) -> tuple[str, str]:
    """Return the scheme of a URL in small letters, and the rest with its colon, without blanks around."""
    scheme, colon, rest = url.strip().partition(":")
    return scheme.lower(), colon + rest


def kind_of(url: str, kinds: Sequence[Kind[Any]] = KINDS) -> Kind[Any] | None:
    """Return the kind of sink that a URL names; None if none does."""
    scheme, rest = split(url)
    if not rest.startswith("://"):
        return None
    return next((kind for kind in kinds if scheme in kind.schemes), None)


def kind_with(options: SinkOptions, kinds: Sequence[Kind[Any]] = KINDS) -> Kind[Any]:
    """Return the kind whose options these are."""
    return next(kind for kind in kinds if kind.options is type(options))


def written(kinds: Sequence[Kind[Any]] = KINDS) -> str:
    """Return the URLs of all kinds as people write them, for messages."""
    return ", ".join(kind.written for kind in kinds) or "a kind of sink, of which there is none yet"


def redact(url: str) -> str:
    """Return a URL for people: scheme, host and port alone, for the rest may be secret."""
    scheme, rest = split(url)
    place = rest.removeprefix("://").partition("/")[0].partition("?")[0].partition("#")[0]
    hidden = "@" in rest or not rest.startswith("://")
    return f"{scheme}://…" if hidden else f"{scheme}://{place}"
