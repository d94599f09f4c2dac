"""The daemon in a container as confined as deploy/compose.yaml has it, on a clip, with a memory limit."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arm64 import cgroup
from arm64.board import Board, write_views
from arm64.cgroup import Cgroup
from arm64.docker import Docker

USER = 10001  # the image's
TOWER = """\
[cameras.clip]
uri = "file:/clip.mp4"
pace = "fast"
[store]
path = "/var/lib/firetower/events.sqlite"
[web]
token_file = "/run/secrets/web_token"
"""
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Ending:
    """How one run ended.

    Attributes:
        memory_mib: the limit, of memory and swap together.
        exit_code: the container's; 137 where it was killed.
        oom_killed: whether for want of memory.
        healthy: whether Docker's health check ever said so.
        peak_bytes: the container's largest charge: processes and page cache, also that of health checks.
        anonymous_peak_bytes: the largest seen of memory that cannot be dropped.
        status: the daemon's own counters, from its last line; None if it did not get so far.
        wall_s: from start to end.
        log: the last lines of stderr.
        store: what it left of events.
    """

    memory_mib: int
    exit_code: int
    oom_killed: bool
    healthy: bool
    peak_bytes: int | None
    anonymous_peak_bytes: int | None
    status: dict[str, Any] | None
    wall_s: float
    log: str
    store: Path


def run(docker: Docker, image: str, board: Board, clip: Path, memory_mib: int) -> Ending:
    """Play the clip to its end.

    Raises:
        RuntimeError: the container does not start.
        TimeoutError: it does not end.
    """
    folder = docker.folder / f"trial-{memory_mib}"
    state = _prepare(folder)
    with cgroup.named(f"firetower-{os.getpid()}-{memory_mib}") as group:
        started_s = time.monotonic()
        container = docker.run(
            *("run", "--detach", "--cgroup-parent", f"/{group.name}"),
            *_confinement(memory_mib),
            *("--volume", f"{clip}:/clip.mp4:ro", "--volume", f"{state}:/var/lib/firetower"),
            *("--volume", f"{folder / 'tower.toml'}:/etc/firetower/tower.toml:ro"),
            *("--volume", f"{folder / 'token'}:/run/secrets/web_token:ro"),
            *_seen_as(board, folder),
            *("--health-interval", "5s", image),
        ).stdout.strip()
        try:
            ended, healthy, anonymous_bytes = _watch(docker, container, group)
            said = docker.run("logs", container)
        finally:
            docker.run("rm", "--force", container)
        return Ending(
            memory_mib=memory_mib,
            exit_code=ended["ExitCode"],
            oom_killed=ended["OOMKilled"],
            healthy=healthy,
            peak_bytes=group.peak_bytes(),
            anonymous_peak_bytes=anonymous_bytes,
            status=_last_json(said.stdout),
            wall_s=time.monotonic() - started_s,
            log=said.stderr[-1500:],
            store=state / "events.sqlite",
        )


def command(docker: Docker, image: str, words: Sequence[str], board: Board | None = None) -> int:
    """Run a command of firetower in a container of its own, as confined; return its exit code."""
    where = [] if board is None else _seen_as(board, docker.folder / "commands")
    return docker.run("run", "--rm", *_confinement(512), *where, image, *words, check=False).returncode


def _seen_as(board: Board, folder: Path) -> list[str]:
    """Return the options that make a container look like a board's."""
    write_views(board, folder / "views")
    return ["--volume", f"{folder / 'views/cpuinfo'}:/proc/cpuinfo:ro", "--env", f"QEMU_CPU={board.cpu}"]


def _prepare(folder: Path) -> Path:
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    for old in state.iterdir():
        old.unlink()
    (folder / "tower.toml").write_text(TOWER)
    token = folder / "token"
    token.write_text(os.urandom(16).hex())
    token.chmod(0o600)
    for owned in (state, token):
        os.chown(owned, USER, USER)
    return state


def _confinement(memory_mib: int) -> list[str]:
    """Return the options that say what deploy/compose.yaml says, but for the network, and with another limit."""
    limit = f"{memory_mib}m"
    return [
        *("--read-only", "--tmpfs", "/tmp:size=64m,mode=1777", "--network", "none"),  # noqa: S108 — inside
        *("--memory", limit, "--memory-swap", limit, "--pids-limit", "128"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"),
    ]


def _watch(docker: Docker, container: str, group: Cgroup) -> tuple[dict[str, Any], bool, int | None]:
    """Wait for the end; return the last state, whether it was ever healthy, and the anonymous memory's peak."""
    healthy, anonymous_bytes, until_s = False, [0], time.monotonic() + 1800
    while time.monotonic() < until_s:
        state = json.loads(docker.run("inspect", "--format", "{{json .State}}", container).stdout)
        healthy = healthy or state["Health"]["Status"] == "healthy"
        if state["Status"] == "exited":
            return state, healthy, max(anonymous_bytes) or None
        anonymous_bytes.append(group.anonymous_bytes() or 0)
        time.sleep(_POLL_S)
    raise TimeoutError("the clip did not come to its end")


def _last_json(text: str) -> dict[str, Any] | None:
    lines = text.strip().splitlines()
    document = json.loads(lines[-1]) if lines else {}
    return document if "memory" in document else None
