"""Telling the service manager how the daemon does, over the socket that systemd names in NOTIFY_SOCKET."""

from __future__ import annotations

import socket
from collections.abc import Callable

from edge.text import plain

Notify = Callable[[str], bool]


def notifier(address: str | None) -> Notify:
    """Return what sends a message, such as "READY=1", and says whether it was taken; never raises or blocks.

    Args:
        address: the value of NOTIFY_SOCKET: a path, or an abstract name after "@"; None if nobody listens.

    Source: sd_notify(3).
    """
    if not address:
        return lambda _message: False
    target = "\0" + address[1:] if address.startswith("@") else address

    def send(message: str) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(0)
            try:
                channel.sendto(message.encode(), target)
            except OSError:
                return False
        return True

    return send


def status_message(text: str) -> str:
    """Return the message that shows a line in `systemctl status`; a line break would begin another field."""
    return "STATUS=" + plain(" ".join(text.split()))
