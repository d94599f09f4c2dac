"""What goes over the link, as the kernel counts it: handshakes, and what was sent again, are in it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

# of struct tcp_info: bytes_received at 128, then segs_out and segs_in; bytes_sent at 200 (Linux 4.19)
_RECEIVED, _SENT = struct.Struct("=128xQII"), struct.Struct("=200xQ")
_HEADER_BYTES = {socket.AF_INET: 52, socket.AF_INET6: 72}  # of IP and TCP with timestamps, a segment


@dataclass(slots=True)
class Traffic:
    """Bytes over the link, headers of IP and TCP among them."""

    sent_bytes: int = 0
    received_bytes: int = 0


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
    received_bytes, out, came = _RECEIVED.unpack_from(known)
    (sent_bytes,) = _SENT.unpack_from(known)
    header_bytes = _HEADER_BYTES.get(connection.family, 0)
    return Traffic(sent_bytes + out * header_bytes, received_bytes + came * header_bytes)
