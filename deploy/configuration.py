"""A tower's configuration on its way to the board: checked here, its files gathered, its paths rewritten.

Every file that it names lies beside it there, under the path of the key that names it; so a new key that holds
a path travels without a word about it here.
"""

from __future__ import annotations

import copy
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from deploy import toml
from deploy.unit import check_store
from edge.camera.address import redact
from edge.camera.file import local_path
from edge.camera.option import RecordingOptions
from edge.camera.registry import kind_with
from edge.document import open_plain
from edge.errors import BundleError, SettingsError
from edge.model.bundle import Bundle, bundled_path
from edge.model.registry import BACKENDS
from edge.plan import plan
from edge.settings import Settings, parse, read_document
from edge.settings import load as load_settings
from edge.uplink import registry as uplink
from edge.uplink.command import read_operators
from edge.web.guard import is_loopback, read_token

NAME = "tower.toml"
_OTHERS = 0o077
_OPEN_MODE, _SECRET_MODE = 0o640, 0o600


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file of the configuration's folder on the board.

    Attributes:
        name: there.
        path: here.
        mode: there; 0600 is the service user's alone, 0640 is root's and readable for the service's group.
        sha256: of its bytes.
    """

    name: str
    path: Path
    mode: int
    sha256: str

    @property
    def secret(self) -> bool:
        """Whether nobody but the service's user may read it."""
        return self.mode == _SECRET_MODE


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked configuration and what goes with it.

    Attributes:
        settings: as checked, with the host's paths.
        store: where events are kept on the board; None leaves it to the service.
        files: tower.toml and what it names.
        shown: tower.toml for people's eyes, without credentials.
        warnings: what is allowed and doubtful.
    """

    settings: Settings
    store: PurePosixPath | None
    files: tuple[ConfigFile, ...]
    shown: str
    warnings: tuple[str, ...]

    @property
    def extras(self) -> tuple[str, ...]:
        """Which extras of firetower the board needs."""
        backend = BACKENDS.get(self.settings.model.backend or "")
        return (backend.extra,) if backend is not None and backend.extra else ()

    def digest(self) -> str:
        """Name the folder after its content; slow to compute, for a weak password must not be guessed from it."""
        rows = "\n".join(f"{file.name} {file.mode:04o} {file.sha256}" for file in self.files)
        return hashlib.scrypt(rows.encode(), salt=b"firetower deploy", n=1 << 14, r=8, p=1).hex()[:16]


def gather(path: Path, state: PurePosixPath, scratch: Path, backend: str | None = None) -> Configuration:
    """Check a configuration as the daemon would, and make what is to be copied.

    Args:
        path: the TOML file on the host.
        state: the service's state folder on the board; a relative `store.path` is in it.
        scratch: an empty folder for what is made here; holds secrets, so it is the caller's to remove.
        backend: overrides `model.backend`.

    Raises:
        SettingsError: anything that is wrong with it, its model bundle included, with the path of the key.
    """
    settings = load_settings(path)
    document = read_document(path)
    if backend is not None:
        document.setdefault("model", {})["backend"] = backend
        settings = parse(copy.deepcopy(document), path.parent)
    _check(settings)
    sources: dict[str, Path] = {}
    for keys, file in _files(settings):
        name = _place(document, keys, file, state)
        if name is not None:
            sources[name] = _packed(file, scratch / name) if keys == ("model", "bundle") else file
    text = toml.dump(document)
    (scratch / NAME).write_text(text, encoding="utf-8")
    files = [
        _config_file(NAME, scratch / NAME),
        *(_config_file(name, file) for name, file in sources.items()),
    ]
    path_there = document.get("store", {}).get("path")
    store = None if path_there is None else PurePosixPath(path_there)
    return Configuration(settings, store, tuple(files), _redacted(document), tuple(_doubts(settings)))


def health_url(settings: Settings) -> str | None:
    """Return where the board itself asks for the health; None when no page is served."""
    web = settings.web
    if not web.enabled:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104 — compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port}/health"


def _check(settings: Settings) -> None:
    """See to what the daemon would find only at its start."""
    try:
        bundle = Bundle.open(settings.model.bundle or bundled_path())
        bundle.verify()
        bundle.model_file(settings.model.backend)
    except BundleError as error:
        raise SettingsError(f"model.bundle: {error}") from error
    plan(settings, bundle.manifest)
    read_operators(settings.operators)
    web = settings.web
    if web.token_file is not None:
        read_token(web.token_file)
    elif web.enabled and not is_loopback(web.host):
        raise SettingsError(
            f"web.host: {web.host!r} is open to others; set token_file in [web], or host = '127.0.0.1'"
        )
    if web.enabled and web.port == 0:
        raise SettingsError(
            "web.port: 0 takes a free port, which nobody finds on a tower; give one, such as 8080"
        )


def _files(settings: Settings) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yield every path that the configuration holds, with the keys that lead to it."""

    def walk(value: object, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Path]]:
        if isinstance(value, Path):
            yield keys, value
        elif isinstance(value, msgspec.Struct):
            for field in value.__struct_fields__:
                yield from walk(getattr(value, field), (*keys, field))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                yield from walk(inner, (*keys, key))

    yield from walk(settings, ())
    for name, camera in settings.cameras.items():
        if kind_with(camera).address == "path":
            yield ("cameras", name, "uri"), local_path(camera.uri.partition(":")[2])


def _place(document: dict[str, Any], keys: tuple[str, ...], file: Path, state: PurePosixPath) -> str | None:
    """Rewrite one path for the board; return the name under which its file lies there, if it is to be copied."""
    *tables, key = keys
    table = document
    for name in tables:
        table = table[name]
    if keys == ("store", "path"):
        path = PurePosixPath("/", *(state / table[key]).parts[1:])  # POSIX allows two slashes at the begin
        if table[key].startswith("~") or ".." in path.parts or path == state:
            raise SettingsError(
                f"store.path: {table[key]}: expected an absolute path on the tower, or one in {state}"
            )
        if not path.is_relative_to(state):
            check_store(path)
        table[key] = str(path)
        return None
    dotted = ".".join(keys)
    if keys == ("model", "bundle"):
        table[key] = f"{dotted}.zip"
    elif not file.is_file():
        raise SettingsError(
            f"{dotted}: {file} is not a plain file; a folder of pictures is not copied to a tower"
        )
    else:
        table[key] = f"{table[key].partition(':')[0]}:{dotted}" if key == "uri" else dotted
        return dotted
    return str(table[key])


def _packed(bundle: Path, archive: Path) -> Path:
    """Return the bundle as one .zip, the same bytes each time."""
    Bundle.open(bundle).pack(archive)
    return archive


def _config_file(name: str, path: Path) -> ConfigFile:
    """Look at a file; one that is closed to others here is closed there."""
    try:
        with open_plain(path) as file:
            closed = not stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(f"{name}: cannot read {path}: {error.strerror}") from error
    made_here = name in {NAME, "model.bundle.zip"}
    return ConfigFile(name, path, _SECRET_MODE if closed and not made_here else _OPEN_MODE, digest)


def _redacted(document: dict[str, Any]) -> str:
    shown = copy.deepcopy(document)
    for camera in shown["cameras"].values():
        camera["uri"] = redact(camera["uri"])
    for sink in shown.get("sinks", {}).values():
        sink["url"] = uplink.redact(sink["url"])
    return toml.dump(shown)


def _doubts(settings: Settings) -> Iterator[str]:
    for name, camera in settings.cameras.items():
        if isinstance(camera, RecordingOptions) and not camera.loop:
            yield f"cameras.{name}: a recording that ends, and the service starts anew with it; loop = true repeats it"
        if "@" in camera.uri and kind_with(camera).address == "url":
            yield f"cameras.{name}.uri holds a password; `user` and `password_file` keep it out of tower.toml"
    if not settings.web.enabled:
        yield "web.enabled is false: nobody can ask this tower how it does, and READY alone decides"
