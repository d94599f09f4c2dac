"""One wheel on the host, and firetower's own."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import WheelError
from deploy.pip import run_pip
from edge.document import open_plain

OWN = "firetower"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\.whl")


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel on the host.

    Attributes:
        path: the file.
        sha256: of its bytes.
        unpacked_bytes: once installed, without what Python compiles.
    """

    path: Path
    sha256: str
    unpacked_bytes: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def own(self) -> bool:
        """Whether it is firetower's own."""
        return self.name.startswith(f"{OWN}-")


def read_wheel(path: Path) -> Wheel:
    """Look at a wheel.

    Raises:
        WheelError: it is none, or cannot be read.
    """
    if not _PLAIN_NAME.fullmatch(path.name):
        raise WheelError(f"{path}: not the name of a wheel; expected name-version-python-abi-platform.whl")
    try:
        with open_plain(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            with zipfile.ZipFile(file) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
    except (OSError, ValueError, LookupError, struct.error, zipfile.BadZipFile) as error:
        raise WheelError(f"{path}: not a readable wheel: {error}") from error
    return Wheel(path, digest, size)


def own_wheel(given: Path | None, folder: Path | None, out: Path) -> Wheel:
    """Return firetower's own wheel: the one given, else the only one in a folder, else built from this checkout.

    Args:
        given: `--wheel`.
        folder: `--wheels`.
        out: where one is built.

    Raises:
        WheelError: none of these, or the build fails.
    """
    if given is not None:
        return read_wheel(given)
    if folder is not None and (found := sorted(folder.glob(f"{OWN}-*.whl"))):
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise WheelError(f"{folder} holds more than one firetower: {names}; choose with --wheel")
        return read_wheel(found[0])
    root = Path(__file__).parents[1]
    if not (root / "pyproject.toml").is_file():
        raise WheelError(
            "no wheel of firetower here; make one in a checkout with `make wheel`, and give it with --wheel"
        )
    run_pip("wheel", "--no-deps", *_isolation(), "--wheel-dir", str(out), str(root))
    return read_wheel(next(out.glob(f"{OWN}-*.whl")))


def locked(wheel: Wheel, name: str) -> str:
    """Return a set of requirements with digests that goes with firetower's own wheel, as `make lock` made it.

    Args:
        wheel: firetower's own.
        name: of the set, such as `device`.

    Raises:
        WheelError: the wheel does not have it, or a damaged one, or one that tells pip more than what to install.
    """
    inside = f".dist-info/extra_metadata/requirements/{name}.txt"
    advice = "build it from a checkout that has that file, with `make wheel`"
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            found = next((entry for entry in archive.namelist() if entry.endswith(inside)), None)
            lock = "" if found is None else archive.read(found).decode("utf-8")
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise WheelError(
            f"{wheel.path}: requirements/{name}.txt in it is damaged: {error}; {advice}"
        ) from error
    lines = [line for line in lock.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise WheelError(
            f"{wheel.path}: no requirements/{name}.txt in it, so what it was tested with is unknown; {advice}"
        )
    if strange := [line for line in lines if line.startswith("-")]:
        raise WheelError(
            f"{wheel.path}: requirements/{name}.txt in it has an option, {strange[0]!r}; {advice}"
        )
    return lock


def _isolation() -> list[str]:
    """Build with what is installed where that suffices, so that no network is asked."""
    return ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
