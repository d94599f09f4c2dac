"""Debian's arm64 kernel, and a small initrd that finds the root disk; nothing is emulated while they are made."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from arm64 import mirror

SUITE = "bookworm"
PACKAGES = ("linux-image-arm64", "busybox-static")
_BOOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "virtio_rng")
_LATER_MODULES = ("virtio_net", "vivid", "loop", "af_packet", "ipv6")
_INIT = """#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do /bin/busybox insmod $module; done
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 300 ]; do /bin/busybox usleep 100000; tries=$((tries+1)); done
how=rw
/bin/busybox grep -qw ro /proc/cmdline && how=ro
/bin/busybox mount -t ext4 -o $how /dev/vda /root || exec /bin/sh
for mount in dev proc sys; do /bin/busybox mount --move /$mount /root/$mount; done
exec /bin/busybox switch_root /root /sbin/init
"""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What QEMU starts, and the tree that the modules of later come from."""

    image: Path
    initrd: Path
    tree: Path
    version: str


def make(work: Path) -> Kernel:
    """Make or find the kernel and its initrd, cached by the list of packages and the initrd's content."""
    key = hashlib.sha256(" ".join((SUITE, *PACKAGES, *_BOOT_MODULES, _INIT)).encode()).hexdigest()[:12]
    tree = work / f"kernel-{key}"
    if not tree.is_dir():
        partial = tree.with_suffix(".part")
        mirror.unpack(SUITE, partial, PACKAGES)
        subprocess.run(["depmod", "-b", str(partial), _version(partial)], check=True)
        _write_initrd(partial)
        partial.rename(tree)
    version = _version(tree)
    return Kernel(tree / f"boot/vmlinuz-{version}", tree / "initrd.gz", tree, version)


def install_modules(kernel: Kernel, root: Path) -> None:
    """Put the modules that the running system loads into its root folder."""
    for source in _modules(kernel.tree, (*_BOOT_MODULES, *_LATER_MODULES)):
        target = root / source.relative_to(kernel.tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    folder = root / "lib/modules" / kernel.version
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(kernel.tree / "lib/modules" / kernel.version / name, folder / name)
    subprocess.run(["depmod", "-b", str(root), kernel.version], check=True)


def _version(tree: Path) -> str:
    return next((tree / "lib/modules").iterdir()).name


def _modules(tree: Path, names: tuple[str, ...]) -> list[Path]:
    """Return module files in the order of loading; what the kernel has built in is no file."""
    found: dict[Path, None] = {}
    for name in names:
        command = ["modprobe", "-d", str(tree), "-S", _version(tree), "--show-depends", name]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found |= dict.fromkeys(
            Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod")
        )
    return list(found)


def _write_initrd(tree: Path) -> None:
    folder = tree / "initrd"
    for name in ("bin", "proc", "sys", "dev", "root", "modules"):
        (folder / name).mkdir(parents=True)
    shutil.copy(tree / "bin/busybox", folder / "bin/busybox")
    (folder / "bin/sh").symlink_to("busybox")
    for number, source in enumerate(_modules(tree, _BOOT_MODULES)):
        shutil.copyfile(source, folder / "modules" / f"{number:02}-{source.name}")
    init = folder / "init"
    init.write_text(_INIT)
    init.chmod(0o755)
    names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--quiet"],
        cwd=folder,
        input=names.encode(),
        capture_output=True,
        check=True,
    ).stdout
    (tree / "initrd.gz").write_bytes(gzip.compress(packed, 1))
