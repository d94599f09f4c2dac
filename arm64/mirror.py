"""Where this machine's apt gets Debian from, asked at run time: no host's name is written down in the repository."""

from __future__ import annotations

import subprocess

_FORMAT = "$(REPO_URI) $(RELEASE) $(COMPONENT)"


def sources(suite: str) -> list[str]:
    """Return the lines of a sources.list for a suite, its updates and its security updates.

    Raises:
        RuntimeError: this machine's apt knows no mirror of that suite.
    """
    command = ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]
    targets = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for target in targets:
        uri, release, component = target.split()
        if release.partition("-")[0] == suite and component == "main":
            found[f"deb {uri} {release} main"] = None
    if not found:
        raise RuntimeError(
            f"apt knows no mirror of {suite}; add it to this machine's sources, apt-get update"
        )
    return list(found)
