"""The topics of a tower, as docs/protocol.md lists them; those who listen use them, too."""

from __future__ import annotations

import re

from edge.uplink.transport import Channel

ROOT = "firetower"
ONLINE, OFFLINE = b"online", b"offline"  # what `available` says
RETAINED: frozenset[Channel] = frozenset({"health", "smoke", "image", "discovery"})
_SUFFIX = re.compile(
    r"[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64}){0,3}\Z"
)  # a broker cuts who publishes to too deep a topic
_OF_CAMERA: frozenset[Channel] = frozenset({"smoke", "image"})


def available(tower: str) -> str:
    """Return where the broker and the tower say whether it is connected."""
    return f"{ROOT}/{tower}/available"


def command(tower: str) -> str:
    """Return where a tower takes commands."""
    return f"{ROOT}/{tower}/command"


def answer(tower: str, suffix: str = "") -> str:
    """Return where a tower may answer commands, below `answer/`: it publishes nowhere else on a stranger's word."""
    return f"{ROOT}/{tower}/answer/{suffix}"


def is_answer(tower: str, topic: str) -> bool:
    """Whether a tower may answer there."""
    suffix = topic.removeprefix(answer(tower))
    return suffix != topic and _SUFFIX.match(suffix) is not None


def topic(tower: str, channel: Channel, camera: str | None) -> str:
    """Return where parcels of a channel go.

    Args:
        tower: its id.
        channel: any but `answer`, which goes where the command said.
        camera: whose it is.

    Raises:
        ValueError: of a camera, and it is not said of which; or an answer.
    """
    if channel == "answer":
        raise ValueError("an answer goes where the command said")
    if channel == "discovery":
        return f"homeassistant/device/{ROOT}_{tower}/config"
    if channel in _OF_CAMERA:
        if camera is None:
            raise ValueError(f"'{channel}' is of a camera, and none is named")
        return f"{ROOT}/{tower}/camera/{camera}/{channel}"
    return f"{ROOT}/{tower}/{channel}"
