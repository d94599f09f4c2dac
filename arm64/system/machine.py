"""One emulated board that is on: QEMU as four Cortex-A72 cores with 1 GB, reached over ssh, cut off at will."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from arm64.system.kernel import Kernel

MEMORY_MIB, CORES, CPU = 1024, 4, "cortex-a72"
_ARGUMENTS = (
    *("-M", "virt,gic-version=2", "-cpu", CPU, "-smp", str(CORES), "-m", f"{MEMORY_MIB}M"),
    *("-accel", "tcg,thread=multi", "-display", "none", "-no-reboot", "-monitor", "none"),
    *("-device", "virtio-rng-pci"),
)
_BOOT_S = 600


class MachineError(RuntimeError):
    """The emulated board did not do what it was asked; the end of its console is in the message."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A block device of the board.

    Attributes:
        image: the file.
        form: raw or qcow2.
        log: where every write is noted, in order; none is if absent.
    """

    image: Path
    form: str = "raw"
    log: Path | None = None

    def arguments(self, number: int) -> list[str]:
        """Return QEMU's, for disk number n (/dev/vda, vdb, …)."""
        name = f"disk{number}"
        nodes = [
            f"driver=file,filename={self.image},node-name=f{number}",
            f"driver={self.form},file=f{number},node-name=d{number}",
        ]
        top = f"d{number}"
        if self.log is not None:
            self.log.unlink(missing_ok=True)
            self.log.touch()
            nodes.append(f"driver=file,filename={self.log},node-name=l{number}")
            nodes.append(f"driver=blklogwrites,file={top},log=l{number},node-name={name}")
            top = name
        words = [word for node in nodes for word in ("-blockdev", node)]
        return [*words, "-device", f"virtio-blk-pci,drive={top}"]


@dataclass(slots=True)
class Machine:
    """A context manager: on inside, off (as by a cut of its power) behind.

    Attributes:
        kernel: what is booted.
        disks: the first is the root.
        key: private key of its root user; `known_hosts` beside it.
        console: file that its serial line is written to.
        read_only: mount the root so.
    """

    kernel: Kernel
    disks: Sequence[Disk]
    key: Path
    console: Path
    read_only: bool = False
    port: int = field(default=0, init=False)
    _qemu: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Switch it on; `boot` waits until it can be talked to."""
        self.port = _free_port()
        self.console.unlink(missing_ok=True)
        command = [
            "qemu-system-aarch64",
            *_ARGUMENTS,
            "-kernel",
            str(self.kernel.image),
            "-initrd",
            str(self.kernel.initrd),
        ]
        how = "ro" if self.read_only else "rw"
        command += [
            "-append",
            f"{how} root=/dev/vda console=ttyAMA0 panic=1 quiet loglevel=3 systemd.show_status=0",
        ]
        # no way out to any network: what is shown here needs none
        command += ["-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22"]
        command += ["-device", "virtio-net-pci,netdev=net,romfile="]
        command += ["-serial", f"file:{self.console}"]
        for number, disk in enumerate(self.disks):
            command += disk.arguments(number)
        self._qemu = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Switch it off, whatever it does."""
        self.cut()

    def cut(self) -> None:
        """Take its power away."""
        if self._qemu is not None and self._qemu.poll() is None:
            self._qemu.send_signal(signal.SIGKILL)
            self._qemu.wait()

    def boot(self) -> float:
        """Wait until ssh answers; return after how many seconds (of this host, not of a board).

        Raises:
            MachineError: it ended, or does not answer.
        """
        started = time.monotonic()
        while time.monotonic() < started + _BOOT_S:
            self._see_alive()
            with suppress(subprocess.TimeoutExpired):
                if self._ssh(["true"], 60).returncode == 0:
                    return time.monotonic() - started
            time.sleep(2)
        raise MachineError(f"no ssh after {_BOOT_S} s; {self._tail()}")

    def run(self, script: str, timeout_s: float = 300) -> str:
        """Run a shell script as root; return its standard output.

        Raises:
            MachineError: it failed.
            subprocess.TimeoutExpired: it took longer.
        """
        done = self._ssh(["sh", "-eu"], timeout_s, script)
        if done.returncode != 0:
            self._see_alive()
            raise MachineError(
                f"exit {done.returncode} of {script.strip()[:200]!r}: {done.stderr.strip()[-600:]}"
            )
        return done.stdout

    def shut_down(self) -> None:
        """Let it end by itself, so that its disks are clean.

        Raises:
            MachineError: it goes on.
        """
        assert self._qemu is not None
        self._ssh(["systemctl", "poweroff"], 60)
        try:
            self._qemu.wait(180)
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"it does not shut down; {self._tail()}") from error

    def ssh_config(self, path: Path) -> Path:
        """Write an ssh configuration in which it is called `board`."""
        lines = [
            "Host board",
            "HostName 127.0.0.1",
            f"Port {self.port}",
            "User root",
            f"IdentityFile {self.key}",
        ]
        lines += [
            "HostKeyAlias board",
            f"UserKnownHostsFile {self.key.with_name('known_hosts')}",
            "IdentitiesOnly yes",
        ]
        path.write_text("\n  ".join(lines) + "\n")
        return path

    def _ssh(
        self, command: Sequence[str], timeout_s: float, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        config = self.ssh_config(self.key.with_name("ssh_config"))
        words = [
            "ssh",
            "-F",
            str(config),
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=30",
            "board",
            *command,
        ]
        return subprocess.run(
            words, input=text, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def _see_alive(self) -> None:
        assert self._qemu is not None
        if self._qemu.poll() is not None:
            said = self._qemu.stderr.read().decode(errors="replace") if self._qemu.stderr else ""
            raise MachineError(
                f"QEMU ended with {self._qemu.returncode}: {said.strip()[-400:]}; {self._tail()}"
            )

    def _tail(self) -> str:
        with suppress(OSError):
            return "console: " + self.console.read_text(errors="replace")[-800:]
        return "no console"


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
