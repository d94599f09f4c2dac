"""The daemon's image for linux/arm64: built as a user builds it, weighed, and run on a clip with little memory.

Its other forms are built too: with the extra of each backend, which is weighed and replays, and for linux/amd64.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arm64 import clip, container, debian, docker, elf, sighting
from arm64.board import BOARDS
from arm64.container import Ending
from arm64.docker import Docker
from arm64.say import say
from arm64.sighting import Sighting
from edge.model.bundle import Bundle, bundled_path
from edge.model.registry import BACKENDS

BOARD = next(board for board in BOARDS if board.name == "pi4")
MEMORY_MIB = (512, 256)
BYTES_MAX = 450_000_000  # unpacked
COMMANDS = (
    ("replay", "scene:quiet?frames=2"),
    ("bundle", "verify", "/opt/firetower/lib/python3.11/site-packages/edge/model/smoke"),
    ("bench", "latency", "--runs", "2", "--warmup", "1", "--processes", "1", "--json", "/tmp/bench.json"),  # noqa: S108
)
_BUILD_S = 7200
# The kernel charges some pages beyond the limit before it reclaims; up to 256 KiB were seen.
_PAGES_BYTES = 1 << 20
_WHEELS = {  # folders of site-packages, by the wheel that brings them
    "numpy": "numpy",
    "numpy.libs": "numpy",
    "cv2": "opencv-python-headless",
    "opencv_python_headless.libs": "opencv-python-headless",
    "av": "av",
    "av.libs": "av",
    **{backend.library: backend.distribution for backend in BACKENDS.values()},
}
_OURS = ("edge", "scoring", "training", "firmware_sim", "benchmarks", "deploy", "receive", "firetower-")


def check(project: Path, work: Path) -> tuple[bool, dict[str, Any]]:
    """Build the images, weigh them, play a clip; return whether all is as on this machine, and records."""
    played = recording(work)
    here, peak_rss_bytes = native(played)
    with docker.daemon(work) as server:
        image = build(server, project, work)
        sizes = weigh(server, image)
        faults = unloadable(server, image)
        say(f"image: {sum(sizes.values()) / 1e6:.0f} MB unpacked, {len(faults)} shared objects at fault")
        codes = {words[0]: container.command(server, image, words, BOARD) for words in COMMANDS}
        with_extra = {}
        for backend in Bundle.open(bundled_path()).backends():
            if backend.extra:
                made = build(server, project, work, extra=backend.extra)
                with_extra[f"bytes_with_{backend.extra}"] = weigh(server, made)
                words = (*COMMANDS[0], "--backend", backend.name)
                codes[f"replay, {backend.name}"] = container.command(server, made, words, BOARD)
        ours = build(server, project, work, machine="amd64")
        codes["replay, amd64"] = container.command(server, ours, COMMANDS[0])
        say(f"image: {_megabytes(with_extra)}; exit codes {codes}")
        endings = [container.run(server, image, BOARD, played, memory_mib) for memory_mib in MEMORY_MIB]
    trials = [record(ending, here) for ending in endings]
    fits = sum(sizes.values()) <= BYTES_MAX and not faults
    good = bool(here) and fits and not any(codes.values()) and all(one["good"] for one in trials)
    return good, {
        "bytes": sizes,
        **with_extra,
        "faults": faults,
        "exit_codes": codes,
        "native": {"peak_rss_bytes": peak_rss_bytes, **sighting.compare(here, here)},
        "board": BOARD.name,
        "trials": trials,
    }


def _megabytes(with_extra: dict[str, dict[str, int]]) -> str:
    return ", ".join(f"{sum(sizes.values()) / 1e6:.0f} MB {kind}" for kind, sizes in with_extra.items())


def recording(work: Path) -> Path:
    """Return the clip, from the cache where it is there."""
    made_of = Path(clip.__file__).read_text(encoding="utf-8")
    path = work / f"clip-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.mp4"
    if not path.exists():
        partial = path.with_suffix(".part.mp4")
        clip.write(partial)
        partial.rename(path)
    return path


def build(server: Docker, project: Path, work: Path, extra: str = "", machine: str = "arm64") -> str:
    """Build the image from the checkout; what did not change comes from Docker's cache.

    Args:
        server: a running daemon.
        project: the checkout.
        work: the cache, for the base image.
        extra: of pyproject.toml, such as `onnx`.
        machine: arm64 or amd64.

    Returns:
        The image's name.

    Raises:
        RuntimeError: the build failed; its last lines.
    """
    debian.load(server, work, machine)
    name = f"firetower:{machine}{extra and '-'}{extra}"
    server.run(
        *("build", "--progress", "plain", "--platform", f"linux/{machine}", "--network", "host"),
        *("--build-arg", f"EXTRA={extra}", "--file", project / "Dockerfile.arm64", "--tag", name, project),
        timeout_s=_BUILD_S,
    )
    return name


def export(server: Docker, image: str, folder: Path) -> None:
    """Unpack an image's root filesystem into an empty folder, with its owners and modes."""
    folder.mkdir(parents=True)
    with _exported(server, image) as packed:
        subprocess.run(["tar", "-C", folder, "--numeric-owner", "-xpf", packed], check=True)


def weigh(server: Docker, image: str) -> dict[str, int]:
    """Return the bytes of each part of an image's files; hard links count once, and blocks are not rounded up."""
    layers = server.run("history", "--no-trunc", "--human=false", "--format", "{{json .}}", image).stdout
    sizes = read_layers(layers)
    with _exported(server, image) as packed, tarfile.open(packed) as root:
        wheels = Counter({"firetower": 0})
        for member in root:
            if member.isreg() and member.name.startswith("opt/firetower/"):
                wheels[part(member.name)] += member.size
    return {**sizes, **dict(wheels.most_common())}


def unloadable(server: Docker, image: str) -> dict[str, list[str]]:
    """Return the image's shared objects that a board would not load, as `strip` leaves some; and why."""
    with tempfile.TemporaryDirectory(dir=server.folder) as name:
        folder = Path(name) / "root"
        export(server, image, folder)
        objects = elf.shared_objects(folder / "opt/firetower")
        looked = {str(path.relative_to(folder)): elf.faults(path) for path in objects}
    return {name: found for name, found in looked.items() if found}


def read_layers(history: str) -> dict[str, int]:
    """Return the bytes of Debian and Python, which are layers of their own.

    Args:
        history: a JSON line a layer, as `docker history --format '{{json .}}'` writes them.
    """
    sizes = {"debian": 0, "python": 0}
    for line in history.splitlines():
        layer = json.loads(line)
        if layer["CreatedBy"] == "mmdebstrap":
            sizes["debian"] += int(layer["Size"])
        elif "apt-get install" in layer["CreatedBy"]:
            sizes["python"] += int(layer["Size"])
    return sizes


def part(name: str) -> str:
    """Return which part of the image a file below /opt/firetower belongs to."""
    _, _, inside = name.partition("/site-packages/")
    top = inside.partition("/")[0]
    if not inside or top.startswith(_OURS):
        return "firetower"
    return _WHEELS.get(top, "other wheels")


@contextlib.contextmanager
def _exported(server: Docker, image: str) -> Iterator[Path]:
    made = server.run("create", image).stdout.strip()
    try:
        with tempfile.TemporaryDirectory(dir=server.folder) as folder:
            packed = Path(folder) / "root.tar"
            server.run("export", "--output", packed, made)
            yield packed
    finally:
        server.run("rm", made)


def native(played: Path) -> tuple[list[Sighting], int]:
    """Play the clip on this machine; return what the daemon saw, and its peak RSS in bytes."""
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "events.sqlite"
        tower = Path(name) / "tower.toml"
        tower.write_text(
            f'[cameras.clip]\nuri = "file:{played}"\npace = "fast"\n[store]\npath = "{store}"\n[web]\nport = 0\n'
        )
        command = [sys.executable, "-m", "edge", "run", str(tower)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return sighting.read(store), json.loads(said.splitlines()[-1])["memory"]["peak_rss_bytes"]


def record(ending: Ending, here: list[Sighting]) -> dict[str, Any]:
    """Return how a run in the container went, and whether it saw what this machine sees."""
    seen = sighting.compare(here, sighting.read(ending.store))
    status = ending.status or {"memory": {}, "cameras": {}}
    say(
        f"image, {ending.memory_mib} MiB: exit {ending.exit_code}, {'' if ending.healthy else 'never '}healthy, "
        f"{len(seen['events'])} events, {'the same' if seen['same_events'] else 'not those'} of this machine"
    )
    limited = 0 < (ending.peak_bytes or 0) <= (ending.memory_mib << 20) + _PAGES_BYTES
    ended_well = ending.exit_code == 0 and not ending.oom_killed and ending.status is not None
    return {
        "good": ended_well and ending.healthy and limited and seen["same_events"],
        "memory_mib": ending.memory_mib,
        "exit_code": ending.exit_code,
        "oom_killed": ending.oom_killed,
        "healthy": ending.healthy,
        "cgroup_peak_bytes": ending.peak_bytes,
        "cgroup_anonymous_peak_bytes": ending.anonymous_peak_bytes,
        "peak_rss_bytes": status["memory"].get("peak_rss_bytes"),
        "frames_scored": sum(camera["scored"] for camera in status["cameras"].values()),
        "wall_s": round(ending.wall_s, 1),
        **seen,
        **({} if ending.exit_code == 0 else {"log": ending.log}),
    }
