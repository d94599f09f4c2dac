"""A Docker daemon of our own: its sockets and folders lie in the cache, and it ends with the check.

It has no network of its own: builds use the host's, containers none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLIENT = "/usr/bin/docker"  # Debian's; another one on the PATH may build without BuildKit
_START_S, _STOP_S = 60.0, 30.0


@dataclass(frozen=True, slots=True)
class Docker:
    """A running daemon.

    Attributes:
        folder: where everything of it lies.
    """

    folder: Path

    def run(
        self, *arguments: str | Path, timeout_s: float = 1800, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the client.

        Raises:
            RuntimeError: it failed; its last lines.
            subprocess.TimeoutExpired: it took longer.
        """
        words = [str(word) for word in arguments]
        done = subprocess.run(
            [_CLIENT, *words],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=self.environment(),
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"docker {words[0]}: exit {done.returncode}: {done.stderr.strip()[-1500:]}")
        return done

    def environment(self) -> dict[str, str]:
        """Return what a client needs to find this daemon, and nothing of the user's own configuration."""
        return {
            **os.environ,
            "DOCKER_HOST": f"unix://{self.folder / 'sock'}",
            "DOCKER_CONFIG": str(self.folder / "client"),
            "DOCKER_BUILDKIT": "1",
        }


@contextlib.contextmanager
def daemon(work: Path) -> Iterator[Docker]:
    """Start a daemon, wait for another run's before; end it and release its mounts, whatever happens.

    Args:
        work: the cache; images and layers stay there.

    Raises:
        RuntimeError: it does not start; its last lines.
    """
    docker = Docker(work / "docker")
    docker.folder.mkdir(parents=True, exist_ok=True)
    with (docker.folder / "lock").open("w") as lock, (docker.folder / "log").open("wb") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(_command(docker.folder), stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_until_ready(docker, process)
            yield docker
        finally:
            _end(process)
            _unmount(docker.folder)


def _command(folder: Path) -> list[str]:
    (folder / "pid").unlink(missing_ok=True)
    (folder / "daemon.json").write_text("{}\n")  # not the one of this machine
    return [
        *("setpriv", "--pdeathsig", "TERM"),  # killed or not, whoever started it does not leave it behind
        "dockerd",
        *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
        *("--host", f"unix://{folder / 'sock'}", "--pidfile", str(folder / "pid")),
        *("--config-file", str(folder / "daemon.json"), "--storage-driver", "overlay2", "--bridge=none"),
        "--exec-opt=native.cgroupdriver=cgroupfs",  # so that a control group can be named
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
    ]


def _wait_until_ready(docker: Docker, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _START_S
    while docker.run("info", check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > until_s:
            said = (docker.folder / "log").read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"dockerd did not start: {' | '.join(said[-3:])}")
        time.sleep(0.3)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it end its containers and containerd; kill it if it does not."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _unmount(folder: Path) -> None:
    """Release what a killed daemon left mounted below its folder."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((one for one in mounted if one.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)
