"""The image that the Dockerfile begins with, made here, for where no registry of images is reachable.

It is Debian's slim image but for two files more, which a user's build does not need: pip's configuration and the
certificates that this machine trusts, at a path of their own.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from arm64 import archive, mirror
from arm64.docker import Docker

SUITE = "bookworm"
NAME = f"debian:{SUITE}-slim"
ADDED = ("etc/pip.conf", "usr/local/share/host-ca.crt")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_OPTIONS = (
    "--variant=minbase",
    "--format=tar",
    "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",  # without it usrmerge comes, and 55 MB of Perl
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)


def load(docker: Docker, work: Path, machine: str = "arm64") -> None:
    """Give the base image of a machine (arm64, amd64) the name that `FROM` has, unless it has it already.

    Raises:
        RuntimeError: it cannot be made or loaded; the last lines.
    """
    root = _root(work, machine)
    label = docker.folder / f"{root.stem}.id"
    if label.exists() and label.read_text() == _identity(docker):
        return
    image = root.with_suffix(".image")
    try:
        archive.write(root, NAME, image, machine)
        docker.run("load", "--quiet", "--input", image)
    finally:
        image.unlink(missing_ok=True)
    label.write_text(_identity(docker))


def _identity(docker: Docker) -> str:
    """Return which image has the name now; empty if none has."""
    return docker.run("image", "inspect", "--format", "{{.Id}}", NAME, check=False).stdout.strip()


def _root(work: Path, machine: str) -> Path:
    """Return the tar of the root filesystem, cached by what it is made of."""
    added = dict(zip(ADDED, (_pip_configuration(), _CERTIFICATES.read_bytes()), strict=True))
    made_of = [
        SUITE,
        machine,
        *_OPTIONS,
        *(hashlib.sha256(content).hexdigest() for content in added.values()),
    ]
    root = work / f"base-{machine}-{hashlib.sha256(' '.join(made_of).encode()).hexdigest()[:12]}.tar"
    if root.exists():
        return root
    partial = root.with_suffix(".part")
    mirror.bootstrap(SUITE, partial, f"--arch={machine}", *_OPTIONS)
    with tarfile.open(partial, "a") as packed:
        for name, content in added.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    partial.rename(root)
    return root


def _pip_configuration() -> bytes:
    """Return a pip.conf with this machine's certificates, and its index where one is set."""
    lines = ["[global]", f"cert = /{ADDED[1]}"]
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if index := os.environ.get("PIP_INDEX_URL") or (asked.stdout.strip() if asked.returncode == 0 else ""):
        lines.append(f"index-url = {index}")
    return ("\n".join(lines) + "\n").encode()
