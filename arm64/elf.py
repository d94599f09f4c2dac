"""Shared objects of the device's wheels: built for aarch64, and loadable by a kernel with 16 KiB pages (a Pi 5's).

Source: System V ABI, program header `p_align` of PT_LOAD segments; read by binutils' `readelf`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arm64 import userland
from arm64.say import say

PYTHONS = ("3.11", "3.13")
PAGE_BYTES = 16 << 10
_MACHINE = re.compile(r"Machine:\s+(.+)")
_LOAD = re.compile(r"^\s+LOAD\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s.*\s(0x[0-9a-f]+)$", re.MULTILINE)


def check(project: Path, work: Path) -> tuple[bool, list[dict[str, Any]]]:
    """Look at every shared object; return whether all would load, and a record a Python."""
    records = []
    for python in PYTHONS:
        site = userland.install(work, project / userland.DEVICE, python)
        looked = {str(path.relative_to(site)): faults(path) for path in shared_objects(site)}
        bad = {name: found for name, found in looked.items() if found}
        records.append({"python": python, "shared_objects": len(looked), "faults": bad})
        say(f"wheels {python}: {len(looked)} shared objects, {len(bad)} at fault")
        for name, found in bad.items():
            say(f"  {name}: {'; '.join(found)}")
    return all(record["shared_objects"] and not record["faults"] for record in records), records


def shared_objects(site: Path) -> Iterator[Path]:
    """Yield every ELF file of a folder of unpacked wheels."""
    for path in sorted(site.rglob("*")):
        if path.is_file() and not path.is_symlink() and _magic(path) == b"\x7fELF":
            yield path


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def faults(path: Path) -> list[str]:
    """Return why a shared object would not load on a board; empty if nothing is wrong.

    Raises:
        subprocess.CalledProcessError: readelf cannot read it.
    """
    shown = subprocess.run(["readelf", "-hlW", str(path)], capture_output=True, text=True, check=True).stdout
    machine = _MACHINE.search(shown)
    found = []
    if machine is None or machine[1].strip() != "AArch64":
        found.append(f"built for {machine[1].strip() if machine else 'nothing known'}")
    loads = [tuple(int(number, 16) for number in load) for load in _LOAD.findall(shown)]
    small = sorted({align for _, _, align in loads if align < PAGE_BYTES})
    if small:
        found.append(f"load segments aligned to {small} bytes, a page has {PAGE_BYTES}")
    if any(
        (offset - address) % PAGE_BYTES for offset, address, _ in loads
    ):  # `strip` after patchelf does that
        found.append("load segments at other offsets in their page than in memory")
    if not loads:
        found.append("no load segment")
    return found
