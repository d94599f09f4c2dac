"""Cameras that misbehave when they are told to: one that speaks HTTP itself, and a wire before a real server.

Both are well until the next fault is asked for, and well again after it; `landed` says that it was dealt out.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random

import cv2
import numpy as np

SIZES_PX = ((240, 320), (192, 256))
_PICTURE_S = 0.15
_REFUSE_S = 1.5
_TORN_PICTURES = 3  # in a row, so that one of them is due
_TALK_BYTES = 8000  # what a server says before its first picture, at most
_PATIENCE_S = 60.0  # the daemon hangs up before, for its timeout is shorter
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what close() throws away is answered by a reset
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n"


class _HangUpError(Exception):
    """The connection is to end here."""


class Faulty(ABC):
    """A server on loopback with one camera behind it, which deals out one fault at a time."""

    opening: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def __init__(self, random: Random) -> None:
        self.random = random
        self.connections = 0
        self.landed = threading.Event()
        self._asked: str | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._serve, daemon=True).start()

    def ask(self, fault: str) -> None:
        """Ask for a fault."""
        self.landed.clear()
        with self._lock:
            self._asked = fault

    def close(self) -> None:
        """Hang up on everybody."""
        self._closed.set()
        self._asked = None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in tuple(self._open):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def take(self, *faults: str) -> str | None:
        """Return the fault that is asked for if it is one of these: whoever takes it deals it out."""
        with self._lock:
            if self._asked not in faults:
                return None
            fault, self._asked = self._asked, None
            return fault

    def asked(self) -> str | None:
        """Return the fault that nobody has taken yet."""
        return self._asked

    def linger(self, client: socket.socket) -> None:
        """Say nothing until the other side hangs up."""
        client.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError):
            while client.recv(4096):
                pass

    def _serve(self) -> None:
        listener = self._listener
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._host, args=(client,), daemon=True).start()

    def _host(self, client: socket.socket) -> None:
        self._open.add(client)
        with client, contextlib.suppress(OSError, _HangUpError):
            self.host(client)
        self._open.discard(client)

    @abstractmethod
    def host(self, client: socket.socket) -> None:
        """Be the camera for one connection."""

    def refuse(self) -> None:
        """Be no listener for a while, as a camera that starts anew."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._listener.close()
        while not self._closed.wait(_REFUSE_S):
            with contextlib.suppress(OSError):  # another program may just have the port
                self._listener = socket.create_server(("127.0.0.1", self.port))
                threading.Thread(target=self._serve, daemon=True).start()
                break
        self.landed.set()


def reset(client: socket.socket) -> None:
    """End a connection as a machine does that has lost its power."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    raise _HangUpError


def drawer(random: Random) -> Callable[[int], bytes]:
    """Return what draws pictures, none like another: given an index of SIZES_PX, a JPEG."""
    noise = np.random.default_rng(random.getrandbits(32))

    def draw(size: int) -> bytes:
        rows, cols = SIZES_PX[size]
        cells = noise.integers(60, 200, (rows // 16, cols // 16, 3), np.uint8)
        return cv2.imencode(".jpg", cv2.resize(cells, (cols, rows)))[1].tobytes()

    return draw


def part(body: bytes, length: str | None = None) -> bytes:
    """Return one part of a multipart stream; `length` is what it states, its own if absent, nothing if empty."""
    length = str(len(body)) if length is None else length
    field = f"Content-Length: {length}\r\n" if length else ""
    return f"--next\r\nContent-Type: image/jpeg\r\n{field}\r\n".encode() + body + b"\r\n"


_FLOOD_BYTES = 4 << 20
# What is sent instead of a whole picture, by the name of the fault; whole pictures follow.
INSTEAD: dict[str, Callable[[bytes, Random], bytes]] = {
    "half": lambda jpeg, _: part(jpeg[: len(jpeg) // 2]),
    "long-length": lambda jpeg, _: part(jpeg[: len(jpeg) // 2], str(len(jpeg))),
    "short-length": lambda jpeg, _: part(jpeg, str(len(jpeg) // 3)),
    "negative-length": lambda jpeg, _: part(jpeg, "-1"),
    "huge-length": lambda jpeg, _: part(jpeg * (_FLOOD_BYTES // len(jpeg)), str(2**63 - 1)),
    "word-length": lambda jpeg, _: part(jpeg, "many"),
    "no-length": lambda jpeg, _: part(jpeg, ""),
    "garbage": lambda _, random: random.randbytes(4096),
    "garbage-part": lambda _, random: part(random.randbytes(4096)),
    "flipped-bits": lambda jpeg, random: part(flipped(jpeg, random, 20, skip=700)),
    "flipped-header": lambda jpeg, random: part(flipped(jpeg[:700], random, 8, skip=2) + jpeg[700:]),
    "empty-part": lambda _jpeg, _random: part(b""),
    "text-part": lambda _jpeg, _random: part(b"<html>").replace(b"image/jpeg", b"text/html"),
    "other-boundary": lambda jpeg, _: part(jpeg).replace(b"--next", b"--other", 1),
    "long-part": lambda jpeg, _: part(jpeg[:-2] * (_FLOOD_BYTES // len(jpeg)), ""),
}

TORN = frozenset({"half", "long-length"})  # pictures that are not whole, and cannot pass for it


class HttpCamera(Faulty):
    """An MJPEG camera over HTTP whose answers, parts and pictures may be anything."""

    opening: tuple[str, ...] = (
        "refuse",
        "mute",
        "401",
        "404",
        "503",
        "redirect",
        "page",
        "noise",
        "endless-header",
    )
    within: tuple[str, ...] = (*INSTEAD, "other-size", "stall", "drip", "reset", "close")
    faults = (*opening, *within)

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._size = 0
        self._draw = drawer(random)
        self.uri = f"http://127.0.0.1:{self.port}/video.mjpg"

    def host(self, client: socket.socket) -> None:
        """Answer one request."""
        client.settimeout(_PATIENCE_S)
        if (fault := self.take(*self.opening[1:])) is not None:
            self.landed.set()
            self._answer(client, fault)
            return
        client.recv(4096)
        client.sendall(_HEAD)
        while not self._closed.wait(_PICTURE_S):
            if self.asked() in self.opening:
                if self.take("refuse"):
                    threading.Thread(target=self.refuse, daemon=True).start()
                return  # the next connection meets it
            if (fault := self.take(*self.within)) is not None:
                try:
                    self._deal(client, fault)
                finally:
                    self.landed.set()
            client.sendall(part(self._draw(self._size)))

    def _answer(self, client: socket.socket, fault: str) -> None:
        """Answer a request with something else than pictures."""
        if fault == "mute":
            self.linger(client)
            return
        client.recv(4096)
        if fault == "redirect":
            client.sendall(f"HTTP/1.0 302 Found\r\nLocation: {self.uri}\r\n\r\n".encode())
        elif fault == "page":
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>please log in</html>")
        elif fault == "noise":
            client.sendall(self.random.randbytes(20_000))
        elif fault == "endless-header":
            for _ in range(200):
                client.sendall(b"X-Header: " + b"x" * 4000 + b"\r\n")
        else:
            client.sendall(f"HTTP/1.0 {fault} No\r\nContent-Length: 0\r\n\r\n".encode())

    def _deal(self, client: socket.socket, fault: str) -> None:
        """Deal out a fault within a stream; what returns goes on with whole pictures."""
        if fault in INSTEAD:
            for _ in range(_TORN_PICTURES if fault in TORN else 1):
                client.sendall(INSTEAD[fault](self._draw(self._size), self.random))
                self._closed.wait(_PICTURE_S)
        elif fault == "other-size":
            self._size = 1 - self._size
        else:
            self._silence(client, fault)

    def _silence(self, client: socket.socket, fault: str) -> None:
        if fault == "drip":
            with contextlib.suppress(OSError):
                for _ in range(int(_PATIENCE_S / 0.05)):
                    client.sendall(b"x")
                    self._closed.wait(0.05)
        elif fault == "stall":
            self.linger(client)
        elif fault == "reset":
            reset(client)
        raise _HangUpError


def flipped(content: bytes, random: Random, count: int, skip: int = 0) -> bytes:
    """Return content with so many of its bits turned, none in the first `skip` bytes."""
    turned = bytearray(content)
    for _ in range(count if len(turned) > skip else 0):
        turned[random.randrange(skip, len(turned))] ^= 1 << random.randrange(8)
    return bytes(turned)


class Wire(Faulty):
    """A wire to a real server, which cuts, mixes up and loses what goes over it.

    Args:
        upstream: (host, port) of the server.
        names: two paths of equal length that the server has; `other-size` changes from one to the other.
    """

    opening = ("refuse", "mute", "reset-at-once")
    within = ("stall", "reset", "close", "garbage", "flipped-bits", "cut", "other-size", "repeat")
    faults = (*opening, *within)

    def __init__(self, random: Random, upstream: int, names: tuple[str, str]) -> None:
        super().__init__(random)
        assert len(names[0]) == len(names[1])
        self._upstream = upstream
        self._names = tuple(name.encode() for name in names)
        self._shown = 0

    def host(self, client: socket.socket) -> None:
        """Be the wire of one connection."""
        if (fault := self.take(*self.opening[1:])) is not None:
            self.landed.set()
            if fault == "mute":
                self.linger(client)
            else:
                reset(client)
            return
        with socket.create_connection(("127.0.0.1", self._upstream)) as server:
            self._open.add(server)
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            try:
                self._down(server, client)
            finally:
                self._open.discard(server)
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := client.recv(65536):
                server.sendall(said.replace(self._names[0], self._names[self._shown]))
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        sent = 0
        while said := server.recv(65536):
            if sent > _TALK_BYTES and self.asked() in self.opening:
                if self.take("refuse"):
                    threading.Thread(target=self.refuse, daemon=True).start()
                return
            if sent > _TALK_BYTES and (fault := self.take(*self.within)) is not None:
                try:
                    said = self._deal(client, said, fault)
                finally:
                    self.landed.set()
            client.sendall(
                said.replace(self._names[self._shown], self._names[0]) if sent < _TALK_BYTES else said
            )
            sent += len(said)

    def _deal(self, client: socket.socket, said: bytes, fault: str) -> bytes:
        """Return what goes over the wire instead."""
        match fault:
            case "garbage":
                return said + self.random.randbytes(1000)
            case "flipped-bits":
                return flipped(said, self.random, 8)
            case "cut":
                return said[: len(said) // 2]
            case "repeat":
                return said * 3
            case "other-size":
                self._shown = 1 - self._shown
            case "stall":
                self.linger(client)
            case "reset":
                reset(client)
        raise _HangUpError
