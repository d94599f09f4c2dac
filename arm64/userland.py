"""An arm64 userland in a folder: Debian's Python with the device's wheels, none of it run while it is made.

Both parts are cached by content: the list of packages, and the project's locked requirements.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from arm64 import mirror
from deploy.wheelhouse import pip_options, platforms

SUITE = "bookworm"
PYTHON = "3.11"  # bookworm's
PACKAGES = (
    "python3",
    "ca-certificates",
    "libstdc++6",
    "bash",
    "dash",
    "coreutils",
    "base-files",
    "libgomp1",
    "tzdata",
    "openssl",
)
DEVICE, GUEST = "requirements/onnx.txt", "requirements/guest.txt"  # what a device installs; with tests, too
_GLIBC = {"3.11": 36, "3.13": 41}  # bookworm's and trixie's


@dataclass(frozen=True, slots=True)
class Userland:
    """A root folder, and the folder of wheels that Python is told of."""

    root: Path
    site: Path


def make(work: Path, project: Path) -> Userland:
    """Make or find the userland.

    Args:
        work: the cache.
        project: the checkout, for its requirements.
    """
    key = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    root = work / f"root-{key}"
    if not root.exists():
        partial = root.with_suffix(".part")
        mirror.unpack(SUITE, partial, PACKAGES)
        _trust(partial)
        partial.rename(root)
    made = Userland(root, install(work, project / GUEST, PYTHON))
    _compile(made.root / f"usr/lib/python{PYTHON}", made.site)
    return made


def _trust(root: Path) -> None:
    """Write the system's certificates in one file, as the script of ca-certificates does."""
    files = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    (root / "etc/ssl/certs/ca-certificates.crt").write_bytes(b"".join(file.read_bytes() for file in files))


def _compile(*folders: Path) -> None:
    """Compile to byte code here, where it is fast: without, each start of an emulated Python would do it again."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        command = [sys.executable, "-m", "compileall", "-qq", *map(str, folders)]
        subprocess.run(
            command, check=False
        )  # some files are templates or of another Python, and stay as they are


def install(work: Path, lock: Path, python: str) -> Path:
    """Unpack aarch64 wheels with the host's pip; nothing is emulated and nothing is compiled.

    Args:
        work: the cache.
        lock: requirements with digests.
        python: such as "3.11".

    Raises:
        subprocess.CalledProcessError: a requirement has no wheel for that Python on aarch64, or another than locked.
    """
    key = hashlib.sha256(python.encode() + lock.read_bytes()).hexdigest()[:12]
    site = work / f"wheels-{python}-{key}"
    if site.is_dir():
        return site
    partial = site.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(partial)),
        *pip_options(python, platforms("aarch64", _GLIBC[python])),
        *("--requirement", str(lock)),
    ]
    subprocess.run(command, check=True)
    partial.rename(site)
    return site
