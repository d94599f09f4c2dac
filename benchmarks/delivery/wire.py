"""A wire to a broker: it cuts, refuses, delays, and swallows what the broker acknowledges."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["none", "shut", "turned away", "slow", "unacknowledged", "silent"]
_PUBACK, _CONNACK = 4, 2
_TURNED_AWAY = bytes([_CONNACK << 4, 3, 0, 0x88, 0])  # server unavailable
_DELAY_S = 1.5
_CHUNK = 65_536


class Wire:
    """A way to a port on this machine.

    Args:
        target: the port.

    Attributes:
        port: its own.
        swallowed: acknowledgements that never came back.
    """

    def __init__(self, target: int) -> None:
        self.swallowed = 0
        self._target = target
        self._fault: Fault = "none"
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0
        self._listen()

    def fail(self, fault: Fault, *, cut: bool = True) -> None:
        """Do so from now on; connections that there are end first, unless they are to be kept."""
        self._fault = fault
        if fault == "shut":
            self._deafen()
        elif self._listener is None:
            self._listen()
        if cut:
            self.cut()

    def cut(self) -> None:
        """End all connections."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        self.fail("shut")

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _deafen(self) -> None:
        """Let nobody in: whoever calls is refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # it may be accepting
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._host, args=(near,), daemon=True).start()

    def _host(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            if self._fault == "shut":  # meanwhile
                return
            if self._fault == "silent":
                self._keep(near)
                while near.recv(_CHUNK):
                    pass
                return
            if self._fault == "turned away":
                near.recv(_CHUNK)
                near.sendall(_TURNED_AWAY)
                return
            with socket.create_connection(("127.0.0.1", self._target), 10) as far:
                far.settimeout(None)
                self._keep(near, far)
                back = threading.Thread(target=self._back, args=(far, near), daemon=True)
                back.start()
                with contextlib.suppress(OSError):
                    while said := near.recv(_CHUNK):
                        far.sendall(said)
                for end in (near, far):
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                back.join()

    def _keep(self, *ends: socket.socket) -> None:
        with self._lock:
            self._ends.update(ends)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        """Carry what the broker says, packet by packet."""
        left = b""
        with contextlib.suppress(OSError):
            while said := far.recv(_CHUNK):
                found, left = packets(left + said)
                for packet in found:
                    if self._fault == "slow":
                        time.sleep(_DELAY_S)
                    if self._fault == "unacknowledged" and packet[0] >> 4 == _PUBACK:
                        self.swallowed += 1
                    else:
                        near.sendall(packet)
        for end in (near, far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def packets(said: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole packets of MQTT in what was said, and what is left."""
    found, at = [], 0
    while (end := _end(said, at)) is not None:
        found.append(said[at:end])
        at = end
    return found, said[at:]


def _end(said: bytes, at: int) -> int | None:
    size, shift, place = 0, 0, at + 1
    while place < len(said):
        size |= (said[place] & 0x7F) << shift
        shift, place = shift + 7, place + 1
        if not said[place - 1] & 0x80:
            return place + size if place + size <= len(said) else None
    return None
