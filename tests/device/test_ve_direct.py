"""The text protocol of VE.Direct, over bytes and over a real pseudo terminal."""

import os
import pty
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.ve_direct import FRESH_S, Blocks, SerialPort, VeDirect, number
from edge.errors import DeviceError

FIELDS = {"PID": "0xA053", "V": "12840", "I": "-410", "VPV": "18200", "PPV": "31", "LOAD": "ON", "SOC": "---"}


def block(fields: dict[str, str] | None = None) -> bytes:
    """Return a block as a device sends it: the sum of its bytes is 0 modulo 256."""
    told = FIELDS if fields is None else fields
    text = "".join(f"\r\n{name}\t{value}" for name, value in told.items()).encode() + b"\r\nChecksum\t"
    return text + bytes([-sum(text) % 256])


class HandClock:
    now_s = 100.0

    def mono_ns(self) -> int:
        return round(self.now_s * 1e9)

    def wall_ns(self) -> int:
        return 0

    def wait(self, _signal: threading.Event, _timeout_s: float) -> bool:
        return False


def test_a_block_is_its_values() -> None:
    assert list(Blocks().feed(block() * 2)) == [FIELDS, FIELDS]
    assert number(FIELDS, "V") == 12840
    assert number(FIELDS, "I") == -410
    assert number(FIELDS, "SOC") is None
    assert number(FIELDS, "PID") is None
    assert number(FIELDS, "H20") is None


def test_a_byte_at_a_time_is_the_same() -> None:
    blocks = Blocks()
    assert [found for byte in block() * 3 for found in blocks.feed(bytes([byte]))] == [FIELDS] * 3


def test_a_line_that_is_joined_in_the_middle_gives_the_next_block() -> None:
    for cut in range(1, len(block())):
        assert list(Blocks().feed(block()[cut:] + block()))[-1:] == [FIELDS], cut


def test_whatever_its_checksum_is() -> None:
    """Also one that looks like a mark of the protocol."""
    made = {}
    for count in range(50):
        for letter in range(65, 91):
            fields = {"V": "12840", "SER": "A" * count + chr(letter)}
            made[block(fields)[-1]] = fields
    assert len(made) == 256
    for fields in made.values():
        assert list(Blocks().feed(block(fields) + block())) == [fields, FIELDS]


def test_a_wrong_byte_costs_its_block_alone() -> None:
    data = bytearray(block())
    data[data.index(b"12840")] ^= 1
    assert list(Blocks().feed(bytes(data) + block())) == [FIELDS]


def test_hex_messages_between_and_within_do_not_count() -> None:
    data = block()
    for at in range(len(data) - 1):  # before the checksum itself nobody could tell
        mixed = data[:at] + b":A0002000148\n" + data[at:]
        assert FIELDS in list(Blocks().feed(mixed + data)), at
    assert list(Blocks().feed(b":7F0ED0071\n" + data)) == [FIELDS]
    inside = data.index(b"12840")
    assert list(Blocks().feed(data[:inside] + b":A0002000148\n" + data[inside:])) == [FIELDS]


def test_a_line_without_end_takes_no_memory_and_the_next_block_is_read() -> None:
    blocks = Blocks()
    endless = b"\r\nV\t" + b"9" * 100_000
    assert list(blocks.feed(endless)) == []
    assert len(blocks._text) < 100
    assert list(blocks.feed(block() + block()))[-1] == FIELDS
    many = Blocks()
    assert list(many.feed(block({f"X{n}": "1" for n in range(500)}))) == []
    assert list(many.feed(block())) == [FIELDS]


@given(st.binary(max_size=400))
def test_no_noise_breaks_it(noise: bytes) -> None:
    found = list(Blocks().feed(noise + b"\n" + block() + block()))
    assert found[-1:] == [FIELDS]


@pytest.fixture
def line() -> Iterator[tuple[int, Path]]:
    master, slave = pty.openpty()
    yield master, Path(os.ttyname(slave))
    os.close(master)
    os.close(slave)


def test_a_port_is_read_raw_at_its_speed_and_never_written(line: tuple[int, Path]) -> None:
    master, path = line
    clock = HandClock()
    device = VeDirect(path, clock)
    with pytest.raises(DeviceError, match=r"no whole VE\.Direct block came yet"):
        device.read()
    os.write(master, block())
    assert device.read() == FIELDS
    assert isinstance(device._port, SerialPort)
    settings = termios.tcgetattr(device._port)
    assert settings[4:6] == [termios.B19200, termios.B19200]
    assert settings[2] & termios.CSIZE == termios.CS8
    assert not settings[2] & (termios.PARENB | termios.CSTOPB)
    assert not settings[3] & (termios.ECHO | termios.ICANON)
    os.set_blocking(master, False)
    with pytest.raises(BlockingIOError):
        os.read(master, 1)
    device.close()
    device.close()


def test_a_port_that_is_read_is_left_alone_by_a_second_one(line: tuple[int, Path]) -> None:
    master, path = line
    first, second = VeDirect(path, HandClock()), VeDirect(path, HandClock())
    with pytest.raises(DeviceError, match="no whole"):
        first.read()
    os.write(master, block())
    with pytest.raises(DeviceError, match="another firetower reads it"):
        second.read()
    assert first.read() == FIELDS
    first.close()
    os.write(master, block())
    assert second.read() == FIELDS
    second.close()


def test_an_old_block_says_nothing_of_now(line: tuple[int, Path]) -> None:
    master, path = line
    clock = HandClock()
    device = VeDirect(path, clock)
    with pytest.raises(DeviceError):
        device.read()
    os.write(master, block())
    device.read()
    clock.now_s += FRESH_S
    assert device.read() == FIELDS
    clock.now_s += 1
    with pytest.raises(DeviceError, match="for 11 s"):
        device.read()
    os.write(master, block())
    assert device.read() == FIELDS
    device.close()


def test_what_is_no_port_or_is_gone_is_an_error_and_comes_back(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="No such file"):
        VeDirect(tmp_path / "ttyUSB0", HandClock()).read()
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError, match="no serial port"):
        VeDirect(tmp_path / "file", HandClock()).read()
    master, slave = pty.openpty()
    device = VeDirect(Path(os.ttyname(slave)), HandClock())
    os.close(slave)
    with pytest.raises(DeviceError):
        device.read()
    os.write(master, block())
    assert device.read() == FIELDS
    os.close(master)
    with pytest.raises(DeviceError):
        device.read()
