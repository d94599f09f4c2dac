"""A bundle on disk: a folder (one .zip in transit), whose files are used only as what the manifest says.

A file is read once, checked, and those same bytes are handed on: nothing can change between check and use.
"""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.document import open_plain
from edge.errors import BundleError, DigestError
from edge.model.archive import compress, extract
from edge.model.backend import Backend
from edge.model.manifest import MANIFEST_NAME, FileSpec, Manifest, TensorSpec, decode, encode
from edge.model.registry import BACKENDS
from edge.scratch import make_folder, remove_folder, temporary_folder

MANIFEST_BYTES_MAX = 1 << 20
_BUNDLED = Path(__file__).parent / "smoke"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Bundle:
    """An opened bundle: a checked manifest, and files that are checked as they are read.

    Attributes:
        path: what was opened, a folder or a .zip; for messages.
        folder: where its files are.
        manifest: checked.
        digest: sha256 of the manifest's bytes, which name every other file's; the identity of the bundle.
    """

    path: Path
    folder: Path
    manifest: Manifest
    digest: str

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Open a folder or a .zip; a .zip is unpacked to a temporary folder that lives as long as the bundle.

        Raises:
            BundleError: not a bundle, a file is missing, a link, or not named by the manifest.
            ManifestError: the manifest is malformed.
            DigestError: a file has another length than the manifest says.
        """
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            mode = 0
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise BundleError(f"{path}: cannot be opened: {reason}") from error
        if stat.S_ISREG(mode):
            return cls._open_archive(path)
        if not stat.S_ISDIR(mode):
            raise BundleError(f"{path}: no such bundle; expected a folder with a {MANIFEST_NAME}, or a .zip")
        return cls._open_folder(path, path)

    @classmethod
    def _open_folder(cls, path: Path, folder: Path) -> Bundle:
        raw = read_plain(folder / MANIFEST_NAME, MANIFEST_BYTES_MAX)
        if len(raw) > MANIFEST_BYTES_MAX:
            raise BundleError(f"{folder / MANIFEST_NAME}: longer than {MANIFEST_BYTES_MAX} bytes")
        try:
            manifest = decode(raw)
        except BundleError as error:
            raise type(error)(f"{folder / MANIFEST_NAME}: {error}") from error
        bundle = cls(path, folder, manifest, hashlib.sha256(raw).hexdigest())
        bundle._check_listing()
        return bundle

    @classmethod
    def _open_archive(cls, path: Path) -> Bundle:
        try:
            folder = make_folder("bundle-")
        except OSError as error:
            raise BundleError(f"{path}: cannot be unpacked: {error}") from error
        try:
            extract(path, folder)
            bundle = cls._open_folder(path, folder)
        except BaseException:
            remove_folder(folder)
            raise
        weakref.finalize(bundle, remove_folder, folder)
        return bundle

    @property
    def bundled(self) -> bool:
        """Whether this is the bundle that ships with this package."""
        return self.folder.resolve() == _BUNDLED.resolve()

    def backends(self) -> tuple[Backend, ...]:
        """Return the known backends that the bundle has a file for, in the registry's order."""
        named = {spec.backend for spec in self.manifest.model_files().values()}
        return tuple(backend for name, backend in BACKENDS.items() if name in named)

    def model_file(self, backend: str | None = None) -> tuple[str, FileSpec]:
        """Return name and description of the file for a backend; None: for the first of `backends()`.

        Raises:
            BundleError: the bundle has no file for that backend.
        """
        files = {spec.backend: (name, spec) for name, spec in self.manifest.model_files().items()}
        wanted = [backend] if backend else [known.name for known in self.backends()]
        if not wanted or wanted[0] not in files:
            has = ", ".join(sorted(str(name) for name in files))
            lacks = f"the backend '{backend}'" if backend else f"a backend known here ({', '.join(BACKENDS)})"
            raise BundleError(f"{self.path}: no model for {lacks}, it has one for: {has}")
        return files[wanted[0]]

    def read(self, name: str) -> bytes:
        """Return the bytes of one file of the manifest, checked.

        Raises:
            BundleError: the manifest has no such file, or it cannot be read.
            DigestError: its length or sha256 is not the manifest's.
        """
        if name not in self.manifest.files:
            raise BundleError(f"{self.path}: the manifest names no file '{name}'")
        spec = self.manifest.files[name]
        data = read_plain(self.folder / name, spec.bytes)
        if len(data) != spec.bytes:
            raise DigestError(f"{self.path}: {name}: {len(data)} bytes, the manifest says {spec.bytes}")
        digest = hashlib.sha256(data).hexdigest()
        if digest != spec.sha256:
            raise DigestError(f"{self.path}: {name}: sha256 is {digest}, the manifest says {spec.sha256}")
        return data

    def verify(self) -> None:
        """Read and check every file.

        Raises:
            BundleError, DigestError: as `read` does.
        """
        for name in self.manifest.files:
            self.read(name)

    def pack(self, archive: Path, backend: str | None = None) -> str:
        """Write the bundle as one .zip, the same bytes each time; every file is checked on its way.

        Args:
            archive: does not exist yet.
            backend: by name: the model files of others stay out, which makes another bundle, whose provenance
                holds the digest of this one as `packed_from`. None: all of it.
        Returns:
            The digest of what was packed.

        Raises:
            BundleError: a file is not what the manifest says, there is none for that backend, or the archive exists
                or cannot be written.
        """
        manifest = read_plain(self.folder / MANIFEST_NAME, MANIFEST_BYTES_MAX)
        if hashlib.sha256(manifest).hexdigest() != self.digest:
            raise DigestError(f"{self.path}: {MANIFEST_NAME} has changed since it was opened")
        kept = dict(self.manifest.files)
        if backend is not None:
            wanted, _ = self.model_file(backend)
            kept = {name: spec for name, spec in kept.items() if spec.backend is None or name == wanted}
        if kept != self.manifest.files:
            provenance = {**self.manifest.provenance, "packed_from": self.digest}
            one = msgspec.structs.replace(self.manifest, files=kept, provenance=provenance)
            manifest = encode(one, manifest)
        compress({MANIFEST_NAME: manifest, **{name: self.read(name) for name in sorted(kept)}}, archive)
        return hashlib.sha256(manifest).hexdigest()

    def _check_listing(self) -> None:
        expected = {MANIFEST_NAME, *self.manifest.files}
        try:
            found = {entry.name: entry for entry in os.scandir(self.folder)}
        except OSError as error:
            raise BundleError(f"{self.path}: cannot be listed: {error.strerror}") from error
        for name in sorted(expected | set(found)):
            if name not in found:
                raise BundleError(f"{self.path}: {name} is missing, the manifest names it")
            if name not in expected:
                raise BundleError(f"{self.path}: {name} is not named by the manifest; remove it")
            if not found[name].is_file(follow_symlinks=False):
                raise BundleError(f"{self.path}: {name} must be a plain file, not a link or a folder")
        for name, spec in self.manifest.files.items():
            length = found[name].stat(follow_symlinks=False).st_size
            if length != spec.bytes:
                raise DigestError(f"{self.path}: {name}: {length} bytes, the manifest says {spec.bytes}")


def bundled_path() -> Path:
    """Return where the bundle that ships with this package is."""
    return _BUNDLED


def file_spec(data: bytes, backend: str | None = None, tensors: tuple[TensorSpec, ...] = ()) -> FileSpec:
    """Describe a file for the manifest."""
    document = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "backend": backend}
    return msgspec.structs.replace(msgspec.convert(document, FileSpec), tensors=tensors)


def write_bundle(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a new bundle: beside the target first, then renamed, so that no half of one is ever seen.

    Args:
        folder: does not exist yet.
        manifest: names exactly the files of `contents`.
        contents: the bytes of each.
    Raises:
        BundleError: the folder exists, or manifest and contents disagree.
    """
    raw = encode(manifest)
    for name in sorted({*manifest.files, *contents}):
        if name not in contents or name not in manifest.files:
            raise BundleError(f"{folder}: {name} must be both in the manifest and among the contents")
    return _install(folder, lambda stage: _write_files(stage, {MANIFEST_NAME: raw, **contents}))


def unpack(archive: Path, folder: Path) -> Bundle:
    """Unpack a .zip into a new folder, which appears only if everything in it was checked.

    Raises:
        BundleError: unsafe or damaged archive, or the folder exists.
    """
    return _install(folder, lambda stage: extract(archive, stage))


def _write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, data in contents.items():
        (folder / name).write_bytes(data)


def _install(folder: Path, fill: Callable[[Path], None]) -> Bundle:
    """Fill a folder beside the target, check it as a bundle, and only then give it the target's name."""
    try:
        if os.path.lexists(folder):
            raise BundleError(f"{folder}: already there; choose another folder or remove it")
        with temporary_folder("install-", folder.parent) as temporary:
            stage = temporary / folder.name
            stage.mkdir()
            fill(stage)
            Bundle.open(stage).verify()
            stage.rename(folder)
    except OSError as error:
        raise BundleError(f"{folder}: cannot be written: {error.strerror}") from error
    return Bundle.open(folder)


def read_plain(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """Read a plain file; of one longer than `limit` bytes, one byte more, for the caller to see.

    Args:
        path: of the file.
        limit: bytes.
        follow: whether it may be a link to one.

    Raises:
        BundleError: a link, not a plain file, or it cannot be read.
    """
    try:
        with open_plain(path, follow=follow) as file:
            return file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
