"""What goes over the link, as the kernel counts it: handshakes, and what was sent again, are in it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

# of struct tcp_info: bytes_acked at 120, bytes_received, segs_out and segs_in; bytes_sent at 200 (Linux 4.19)
_COUNTS, _SENT = struct.Struct("=120xQQII"), struct.Struct("=200xQ")
_HEADER_BYTES = {socket.AF_INET: 52, socket.AF_INET6: 72}  # of IP and TCP with timestamps, a segment


@dataclass(slots=True)
class Traffic:
    """Bytes over the link.

    Attributes:
        sent_bytes, received_bytes: headers of IP and TCP, what TLS adds and what was sent again among them.
        arrived_bytes: of what was sent, that the other machine has; without headers.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
    arrived_bytes: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        """Return what went over two connections together."""
        return Traffic(
            self.sent_bytes + other.sent_bytes,
            self.received_bytes + other.received_bytes,
            self.arrived_bytes + other.arrived_bytes,
        )


def traffic_of(connection: socket.socket) -> Traffic | None:
    """Return what went over a TCP connection so far; None where the kernel does not say.

    Source: tcp(7) TCP_INFO, linux/tcp.h.
    """
    try:
        known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SENT.size)
    except OSError:  # it is closed
        return None
    if len(known) < _SENT.size:
        return None
    arrived_bytes, received_bytes, out, came = _COUNTS.unpack_from(known)
    (sent_bytes,) = _SENT.unpack_from(known)
    header_bytes = _HEADER_BYTES.get(connection.family, 0)
    return Traffic(sent_bytes + out * header_bytes, received_bytes + came * header_bytes, arrived_bytes)
