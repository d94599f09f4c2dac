"""What comes in over the connections of an opening, which FFmpeg reads without a bound before there is a packet.

A header, a description or a playlist without end is taken in for as long as it comes. So the kernel is asked how much
came, and a connection with too much of it is shut: FFmpeg then sees its end.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_INFO_BYTES = 192
_RECEIVED_AT = 128  # tcpi_bytes_received in struct tcp_info, since Linux 4.1: linux/tcp.h


class Inflow:
    """The connections to a host that are made from now on.

    Args:
        hosts: its addresses, as text.
    """

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = hosts
        self._before = set()
        for connection, name in _connections(hosts):
            self._before.add(name)
            connection.close()

    def cut(self, limit_bytes: int) -> bool:
        """Shut each connection over which more has come; return whether there was one."""
        found = False
        for connection, name in _connections(self._hosts):
            with (
                connection,
                suppress(OSError, struct.error),
            ):  # closed meanwhile, or a kernel that does not tell
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
                if name not in self._before and struct.unpack_from("=Q", info, _RECEIVED_AT)[0] > limit_bytes:
                    connection.shutdown(socket.SHUT_RDWR)
                    found = True
        return found


def _connections(hosts: Collection[str]) -> Iterator[tuple[socket.socket, str]]:
    """Yield each TCP connection to these hosts, and its name in the kernel."""
    for link in _DESCRIPTORS.iterdir():
        with suppress(OSError):  # closed meanwhile, or none
            name = str(link.readlink())
            if not name.startswith("socket:"):
                continue
            connection = socket.socket(fileno=os.dup(int(link.name)))
            if connection.type == socket.SOCK_STREAM and _peer(connection) in hosts:
                yield connection, name
            else:
                connection.close()


def _peer(connection: socket.socket) -> str | None:
    """Return the address at the other end; None where there is none."""
    with suppress(OSError):
        return str(connection.getpeername()[0]) if connection.family != socket.AF_UNIX else None
    return None
