"""Run a command in a network of its own and write down what it asks, whom it calls and what it writes.

Started as root by conftest.py, with a network and a mount namespace of its own; both end with it. The command gets a
second network: a veth, a default route, and this program at its other end as router and name server. Every name has
this program's address; nobody answers there. On loopback alone a library sees that it has no network, and is silent.

The argument is JSON (`Request`), the last line of stdout is JSON (`Seen`). The standard library alone: nothing else
is imported, lest it talk by itself.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROUTER, TOWER = "198.51.100.1", "198.51.100.2"  # RFC 5737, for documentation
ROUTER6, TOWER6 = "2001:db8::1", "2001:db8::2"
_NETWORKS = Path("/run/netns")
_NAMESPACE = "nsfs"  # a mount that is a namespace and holds no files
_TCP, _UDP, _HOP_BY_HOP, _ICMP6 = 6, 17, 0, 58
_IPV4, _IPV6, _ALL = 0x0800, 0x86DD, 0x0003
_ANSWERED, _ADDRESS = b"\x81\x80", 1  # flags of an answer; the record that holds an IPv4 address
_AFTER_S = 1.0  # what a program that asks a name then does with the answer


@dataclass(frozen=True)
class Request:
    """What is run.

    Attributes:
        command: the program and its arguments.
        environment: all of it.
        folder: where it works.
        user, group: whose process it is.
        lives_s: after so long it gets SIGTERM; one that asks or calls gets it at once, where names are answered.
        answers: whether the name server answers.
        talks: whether it may ask and call, so that doing so does not end it.
        hosts: further lines of its /etc/hosts.
    """

    command: list[str]
    environment: dict[str, str]
    folder: str
    user: int
    group: int
    lives_s: float
    answers: bool = True
    talks: bool = False
    hosts: str = ""


@dataclass(frozen=True)
class Seen:
    """What it did.

    Attributes:
        code: its exit code.
        said: its stdout.
        told: its stderr.
        names: that it asked for, in order.
        calls: everything else that it sent, as `tcp 198.51.100.1:443`.
        written: files that it wrote to, wherever they are; those that are gone again end in ` (deleted)`.
    """

    code: int
    said: str
    told: str
    names: list[str]
    calls: list[str]
    written: list[str]


class Router:
    """The other end of the tower's cable: writes every packet down, and answers name queries."""

    def __init__(self, *, answers: bool) -> None:
        self.names: list[str] = []
        self.calls: list[str] = []
        self._cable = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
        self._cable.bind(("router", 0))
        self._server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._server.bind((ROUTER, 53))
        for loop in (self._listen, self._serve) if answers else (self._listen,):
            threading.Thread(target=loop, daemon=True).start()

    @property
    def heard(self) -> bool:
        """Whether there was anything."""
        return bool(self.names or self.calls)

    def _listen(self) -> None:
        while True:
            packet, (_, kind, direction, *_) = self._cable.recvfrom(1 << 16)
            if direction == socket.PACKET_OUTGOING or kind not in {_IPV4, _IPV6}:
                continue
            if kind == _IPV4:
                length, protocol = (packet[0] & 15) * 4, packet[9]
                target = socket.inet_ntop(socket.AF_INET, packet[16:20])
            else:
                length, protocol = 40, packet[6]
                target = f"[{socket.inet_ntop(socket.AF_INET6, packet[24:40])}]"
                if protocol in {_HOP_BY_HOP, _ICMP6}:  # the kernel's own: who is my neighbour?
                    continue
            port = struct.unpack_from("!H", packet, length + 2)[0] if protocol in {_TCP, _UDP} else 0
            if protocol == _UDP and port == 53:
                self.names.append(read_question(packet[length + 8 :])[0])
            else:
                name = {_TCP: "tcp", _UDP: "udp"}.get(protocol, f"protocol {protocol}")
                self.calls.append(f"{name} {target}:{port}")

    def _serve(self) -> None:
        while True:
            query, sender = self._server.recvfrom(1 << 12)
            _, kind, end = read_question(query)
            found = kind == _ADDRESS
            record = struct.pack("!HHHIH", 0xC00C, kind, 1, 60, 4) + socket.inet_aton(ROUTER)
            counts = struct.pack("!HHHH", 1, found, 0, 0)
            self._server.sendto(query[:2] + _ANSWERED + counts + query[12:end] + record * found, sender)


def read_question(query: bytes) -> tuple[str, int, int]:
    """Return the name asked for, the kind of record, and where the question ends. Source: RFC 1035, section 4.1."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode(errors="replace"))
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


class Writes:
    """Every regular file that is closed after it was open for writing, seen from this mount namespace."""

    _CLOSED_AFTER_WRITING, _ADD, _MOUNT, _HERE = 0x08, 0x01, 0x10, -100
    _CLOEXEC, _NONBLOCK, _UNLIMITED = 0x01, 0x02, 0x10
    _EVENT = struct.Struct("=IBBHQii")
    _KERNELS_OWN = ("/proc", "/sys")

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._queue = libc.fanotify_init(
            self._CLOEXEC | self._NONBLOCK | self._UNLIMITED, os.O_RDONLY | os.O_CLOEXEC
        )
        if self._queue < 0:
            raise OSError(ctypes.get_errno(), "fanotify_init")
        kinds = ctypes.c_uint64(self._CLOSED_AFTER_WRITING)
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            mount, kind = (
                line.split()[4].encode().decode("unicode_escape"),
                line.partition(" - ")[2].split()[0],
            )
            if mount.startswith(self._KERNELS_OWN) or kind == _NAMESPACE:
                continue
            if libc.fanotify_mark(
                self._queue, self._ADD | self._MOUNT, kinds, self._HERE, os.fsencode(mount)
            ):
                raise OSError(ctypes.get_errno(), "fanotify_mark", mount)

    def read(self) -> list[str]:
        """Return the files so far."""
        found = set()
        while True:
            try:
                events = os.read(self._queue, 1 << 16)
            except BlockingIOError:
                return sorted(found)
            while events:
                size, *_, file, _ = self._EVENT.unpack_from(events)
                events = events[size:]
                if stat.S_ISREG(os.fstat(file).st_mode):
                    found.add(str(Path(f"/proc/self/fd/{file}").readlink()))
                os.close(file)


def lay_cable(hosts: str) -> None:
    """Make the tower's network, lead it here, and be its name server."""
    _NETWORKS.mkdir(exist_ok=True)
    resolver = Path.cwd() / "resolv.conf"
    resolver.write_text(f"nameserver {ROUTER}\n")
    known = Path.cwd() / "hosts"
    known.write_text(Path("/etc/hosts").read_text() + hosts)
    for words in (
        f"mount -t tmpfs tmpfs {_NETWORKS}",
        f"mount --bind {resolver} /etc/resolv.conf",
        f"mount --bind {known} /etc/hosts",
        "ip netns add tower",
        "ip link set lo up",
        "ip link add router type veth peer name tower netns tower",
        f"ip address add {ROUTER}/24 dev router",
        f"ip -6 address add {ROUTER6}/64 dev router nodad",
        "ip link set router up",
        "ip -netns tower link set lo up",
        f"ip -netns tower address add {TOWER}/24 dev tower",
        f"ip -netns tower -6 address add {TOWER6}/64 dev tower nodad",
        "ip -netns tower link set tower up",
        f"ip -netns tower route add default via {ROUTER}",
        f"ip -netns tower -6 route add default via {ROUTER6} dev tower",
    ):
        subprocess.run(words.split(), check=True)


def run(request: Request, router: Router) -> tuple[int, str, str]:
    """Run the command in the tower's network to its end; return exit code, stdout and stderr."""
    entered = [
        *("nsenter", f"--net={_NETWORKS / 'tower'}"),
        *("--setuid", str(request.user), "--setgid", str(request.group)),
        *request.command,
    ]
    process = subprocess.Popen(
        entered,
        cwd=request.folder,
        env=request.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    threading.Thread(target=end, args=(process, router, request), daemon=True).start()
    said, told = process.communicate()
    return process.returncode, said.decode(errors="replace"), told.decode(errors="replace")


def end(process: subprocess.Popen[bytes], router: Router, request: Request) -> None:
    """End a process in time, or when the router has heard of it."""
    ends_s = time.monotonic() + request.lives_s
    while process.poll() is None and time.monotonic() < ends_s:
        time.sleep(0.1)
        if router.heard and request.answers and not request.talks:
            ends_s = min(ends_s, time.monotonic() + _AFTER_S)
    process.terminate()


def main() -> None:
    """Answer one request."""
    request = Request(**json.loads(sys.argv[1]))
    lay_cable(request.hosts)
    router, writes = Router(answers=request.answers), Writes()
    code, said, told = run(request, router)
    time.sleep(0.2)  # for what is still on the cable
    print(json.dumps(asdict(Seen(code, said, told, router.names, router.calls, writes.read()))))


if __name__ == "__main__":
    main()
