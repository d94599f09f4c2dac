"""The emulated board's root disk: the daemon's own image with a service manager and sshd, and keys to reach it."""

from __future__ import annotations

import hashlib
import inspect
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arm64 import docker, image
from arm64.system import disk as disks
from arm64.system import kernel as kernels
from arm64.system.disk import make_ext4
from arm64.system.kernel import Kernel
from deploy.layout import Layout
from deploy.unit import render_unit

IMAGE_SERVICE = "firetower-image.service"
_ROOT_MIB = 2200
_FSTAB = """/dev/vda         /                   ext4   rw,noatime                                  0 1
LABEL=firetower  /var/lib/firetower  ext4   nofail,noatime,nodev,nosuid,noexec,data=ordered  0 2
tmpfs            /tmp                tmpfs  nodev,nosuid,size=64m                     0 0
tmpfs            /var/tmp            tmpfs  nodev,nosuid,size=16m                     0 0
"""  # as docs/deploy.md has it, but for the root, which becomes read-only after the deployment
_TOWER = """[tower]
name = "image"
[cameras.scene]
uri = "scene:plume"
loop = true
pace = "fast"
"""


@dataclass(frozen=True, slots=True)
class Root:
    """A root disk and the key that opens it."""

    disk: Path
    key: Path


def make(project: Path, work: Path, kernel: Kernel) -> Root:
    """Make or find the disk, cached by the content of the image, the recipe here and the kernel."""
    recipe = Path(__file__).with_name("Dockerfile")
    folder = work / "system"
    folder.mkdir(exist_ok=True)
    with docker.daemon(work) as daemon:
        name = image.build(daemon, project, work)
        whole = f"{name}-system"
        daemon.run(
            *("build", "--platform", "linux/arm64", "--network", "host", "--build-arg", f"IMAGE={name}"),
            *("--file", recipe, "--tag", whole, recipe.parent),
            timeout_s=1800,
        )
        identity = daemon.run("image", "inspect", "--format", "{{.Id}}", whole).stdout.strip()
        recipes = (Path(inspect.getfile(module)).read_text(encoding="utf-8") for module in (kernels, disks))
        made_of = [identity, kernel.version, _unit(), Path(__file__).read_text(encoding="utf-8"), *recipes]
        key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:12]
        disk = folder / f"root-{key}.ext4"
        if not disk.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                tree = Path(scratch) / "root"
                image.export(daemon, whole, tree)
                _furnish(tree, folder, kernel)
                make_ext4(disk, _ROOT_MIB, "root", tree)
    return Root(disk, folder / "key")


def _furnish(tree: Path, folder: Path, kernel: Kernel) -> None:
    kernels.install_modules(kernel, tree)
    (tree / ".dockerenv").unlink(missing_ok=True)  # by which systemd would take it for a container
    (tree / "etc/fstab").write_text(_FSTAB)
    (tree / "etc/hostname").write_text("board\n")
    (tree / "etc/firetower/tower.toml").write_text(_TOWER)
    (tree / "etc/systemd/system" / IMAGE_SERVICE).write_text(_unit())
    key, host_key = _key(folder / "key"), _key(folder / "host_key")
    authorized = tree / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(key.with_suffix(".pub"), authorized)
    shutil.copy(host_key, tree / "etc/ssh/ssh_host_ed25519_key")
    shutil.copy(host_key.with_suffix(".pub"), tree / "etc/ssh/ssh_host_ed25519_key.pub")
    key.with_name("known_hosts").write_text(f"board {host_key.with_suffix('.pub').read_text()}")
    (tree / "etc/machine-id").write_text("uninitialized\n")


def _key(path: Path) -> Path:
    if not path.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True
        )
    return path


def _unit() -> str:
    """Return the unit that starts the image's own firetower: deploy's, with the image's paths."""
    unit = render_unit(Layout(PurePosixPath("/"), "root", "root"), video=True)
    unit = unit.replace("/opt/firetower/current/venv/bin/firetower", "/opt/firetower/bin/firetower")
    unit = unit.replace("/opt/firetower/current/config/tower.toml", "/etc/firetower/tower.toml")
    return unit.partition("[Install]")[0]  # it is started by hand: a first boot enables whatever can be
