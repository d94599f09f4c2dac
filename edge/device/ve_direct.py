"""VE.Direct, the text protocol of Victron's charge controllers and battery monitors, over a serial port.

A device sends a block of its values each second, unasked. The port is only read.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeAlias

from edge.clock import Clock
from edge.errors import DeviceError

FRESH_S = 10.0  # an older block says nothing of now
_FIELD_MOST = 64  # characters of a name or a value; the protocol has 9 and 33
_FIELDS_MOST = 64
_READ_BYTES = 4096
_READS_MOST = 16  # at once: seconds of the line, whatever it sends
_NUMBER = re.compile(r"[+-]?\d{1,9}")


class Blocks:
    """Takes blocks out of what a line sends, whatever it begins or breaks off with; only whole ones come out.

    Source: Victron Energy, VE.Direct Protocol: a line is CR, LF, name, TAB, value; the line `Checksum` ends a block,
    and the sum of all its bytes is 0 modulo 256. A HEX message, from `:` to LF, may come between and does not count.
    """

    def __init__(self) -> None:
        self._sum = 0
        self._state = self._before = "between"
        self._text = bytearray()
        self._name = ""
        self._fields: dict[str, str] = {}
        self._broken = False

    def feed(self, data: bytes) -> Iterator[dict[str, str]]:
        """Take what came; yield each block that became whole, as its values by their names."""
        for byte in data:
            block = self._take(byte)
            if block is not None:
                yield block

    def _take(self, byte: int) -> dict[str, str] | None:
        if self._state == "hex":
            if byte == 0x0A:
                self._state = self._before
            return None
        if byte == 0x3A and self._state != "checksum":
            self._before, self._state = self._state, "hex"
            return None
        self._sum = (self._sum + byte) % 256
        if self._state == "checksum":
            return self._end()
        if byte == 0x0A:
            self._line()
        elif self._state == "name" and byte == 0x09:
            self._name = self._shown()
            self._state = "checksum" if self._name == "Checksum" else "value"
        elif self._state != "between" and byte != 0x0D:
            self._text.append(byte)
            if len(self._text) > _FIELD_MOST:
                self._broken = True
                self._text.clear()
        return None

    def _line(self) -> None:
        """Begin a line, and keep the one before where it was whole."""
        if self._state == "between":
            self._sum = (0x0D + 0x0A) % 256  # whatever came before the block
        elif self._state == "value":
            self._fields[self._name] = self._shown()
            if len(self._fields) > _FIELDS_MOST:
                self._broken = True
                self._fields.clear()
        self._text.clear()
        self._state = "name"

    def _end(self) -> dict[str, str] | None:
        whole = self._sum == 0 and not self._broken
        fields, self._fields = self._fields, {}
        self._sum, self._broken, self._state = 0, False, "between"
        self._text.clear()
        return fields if whole and fields else None

    def _shown(self) -> str:
        text = self._text.decode("latin-1")
        self._text.clear()
        return text


class Port(Protocol):
    """A line that was opened for reading."""

    def read(self) -> bytes:
        """Return what waits; it never waits itself. Raises OSError: the device is gone."""
        ...

    def close(self) -> None:
        """Let go of it; may raise OSError."""
        ...


class SerialPort:
    """A serial port of this machine.

    Args:
        path: of it.

    Raises:
        OSError: it cannot be opened, or another of us reads it.
        termios.error: it is no serial port.
    """

    def __init__(self, path: Path) -> None:
        self._port = _open(path)

    def read(self) -> bytes:
        """Return what waits. Raises OSError: the device is gone."""
        return _drained(self._port)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._port)


OpenPort: TypeAlias = Callable[[Path], Port]


class VeDirect:
    """One VE.Direct device; it is opened when it is first read, and again after it was gone.

    Args:
        path: of its serial port.
        clock: monotonic time.
        opener: opens the port.
    """

    def __init__(self, path: Path, clock: Clock, opener: OpenPort = SerialPort) -> None:
        self._path, self._clock, self._open = path, clock, opener
        self._port: Port | None = None
        self._blocks = Blocks()
        self._newest: tuple[int, Mapping[str, str]] | None = None

    def read(self) -> Mapping[str, str]:
        """Return the values of the newest whole block by their names; it never waits.

        Raises:
            DeviceError: the port cannot be opened or read, or no whole block came for ten seconds.
        """
        for block in self._blocks.feed(self._received()):
            self._newest = (self._clock.mono_ns(), block)
        if self._newest is None:
            raise DeviceError(f"{self._path}: no whole VE.Direct block came yet")
        age_s = (self._clock.mono_ns() - self._newest[0]) / 1e9
        if age_s > FRESH_S:
            raise DeviceError(f"{self._path}: no whole VE.Direct block came for {age_s:.0f} s")
        return self._newest[1]

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        port, self._port = self._port, None
        if port is not None:
            with suppress(OSError):
                port.close()

    def _received(self) -> bytes:
        try:
            if self._port is None:
                self._port = self._open(self._path)
                self._blocks, self._newest = Blocks(), None
            return self._port.read()
        except (OSError, termios.error) as error:
            self.close()
            said = error.strerror if isinstance(error, OSError) else "it is no serial port"
            raise DeviceError(f"{self._path}: {said}") from error


def number(block: Mapping[str, str], name: str) -> int | None:
    """Return a value of a block; None where it has none, or says that it does not know it (`---`)."""
    text = block.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def _open(path: Path) -> int:
    """Open a port for reading at 19200 8N1, raw, without modem lines; two of us would take each other's bytes."""
    port = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _claim(port)
        special = termios.tcgetattr(port)[6]
        special[termios.VMIN], special[termios.VTIME] = (
            1,
            0,
        )  # so that nothing yet and nothing ever again differ
        control = termios.CS8 | termios.CREAD | termios.CLOCAL
        speed = termios.B19200
        termios.tcsetattr(port, termios.TCSANOW, [0, 0, control, 0, speed, speed, special])
    except BaseException:
        os.close(port)
        raise
    return port


def _claim(port: int) -> None:
    try:
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(errno.EBUSY, "another firetower reads it") from error


def _drained(port: int) -> bytes:
    """Return what waits.

    Raises:
        OSError: the device is gone.
    """
    data = bytearray()
    for _ in range(_READS_MOST):
        try:
            came = os.read(port, _READ_BYTES)
        except BlockingIOError:
            break
        if not came:
            raise OSError(errno.EIO, "the device is gone")
        data += came
    return bytes(data)
