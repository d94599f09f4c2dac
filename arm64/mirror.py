"""Debian's packages from where this machine's apt gets them: no host's name is written down in the repository."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_FORMAT = "$(REPO_URI) $(RELEASE) $(COMPONENT)"


def sources(suite: str) -> list[str]:
    """Return the lines of a sources.list for a suite, its updates and its security updates.

    Raises:
        RuntimeError: this machine's apt knows no mirror of that suite.
    """
    command = ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]
    targets = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found: dict[str, None] = {}  # a set that keeps its order
    for target in targets:
        uri, release, component = target.split()
        if release.partition("-")[0] == suite and component == "main":
            found[f"deb {uri} {release} main"] = None
    if not found:
        raise RuntimeError(
            f"apt knows no mirror of {suite}; add it to this machine's sources, apt-get update"
        )
    return list(found)


def bootstrap(suite: str, target: Path, *options: str) -> None:
    """Make a root filesystem, a folder or a tar, from this machine's mirrors.

    Raises:
        RuntimeError: mmdebstrap failed, its last lines; or no mirror is known.
    """
    command = ["mmdebstrap", "--quiet", *options, suite, str(target), *sources(suite)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap: exit {done.returncode}: {done.stderr.strip()[-1500:]}")


def unpack(suite: str, folder: Path, packages: Sequence[str]) -> None:
    """Unpack arm64 packages into a folder, in place of what is there; none of their scripts is run.

    Raises:
        RuntimeError: as `bootstrap`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    bootstrap(suite, folder, "--arch=arm64", "--variant=extract", f"--include={','.join(packages)}")
