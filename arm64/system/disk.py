"""Disks of the emulated board: ext4 images made from folders, and throw-away copies of them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_ext4(image: Path, size_mib: int, label: str, folder: Path | None = None) -> Path:
    """Make an ext4 image, holding a copy of a folder if one is given; as root, so that owners are kept."""
    partial = image.with_suffix(".part")
    partial.unlink(missing_ok=True)
    content = [] if folder is None else ["-d", str(folder)]
    subprocess.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-L", label, *content, str(partial), f"{size_mib}M"], check=True
    )
    partial.rename(image)
    return image


def overlay(base: Path, image: Path) -> Path:
    """Make a qcow2 image that keeps what is written apart from its base."""
    image.unlink(missing_ok=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base.resolve()), str(image)]
    subprocess.run(command, check=True)
    return image
