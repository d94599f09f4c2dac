"""A root filesystem as an image that `docker load` takes: `docker import --platform` marks it as the host's machine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

_EPOCH = "1970-01-01T00:00:00Z"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write(root: Path, name: str, archive: Path, machine: str = "arm64") -> None:
    """Wrap a tar of a Linux root filesystem as an image of one layer.

    Args:
        root: the tar, not compressed.
        name: `repository:tag`.
        archive: where the image is written.
        machine: arm64 or amd64.

    Source: Docker Image Specification v1.2.
    """
    with root.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = _json(
        {
            "architecture": machine,
            **({"variant": "v8"} if machine == "arm64" else {}),
            "os": "linux",
            "created": _EPOCH,
            "config": {"Env": [_PATH], "Cmd": ["bash"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": _EPOCH, "created_by": "mmdebstrap"}],
        }
    )
    config_name, layer_name = f"{hashlib.sha256(config).hexdigest()}.json", f"{digest}/layer.tar"
    manifest = _json([{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}])
    with tarfile.open(archive, "w") as packed, root.open("rb") as layer:
        packed.addfile(_member(layer_name, root.stat().st_size), layer)
        packed.addfile(_member(config_name, len(config)), io.BytesIO(config))
        packed.addfile(_member("manifest.json", len(manifest)), io.BytesIO(manifest))


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _member(name: str, size_bytes: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size_bytes
    return member
