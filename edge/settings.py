"""The configuration: strict TOML, where an unknown key, a wrong type or a missing file is an error with its path.

Every key carries its unit in its name. docs/configuration.md lists them all.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from edge.errors import SettingsError
from edge.model.registry import BACKENDS

PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400 * 7)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Pixels = Annotated[int, Meta(ge=64, le=16_384, multiple_of=2)]
_NETWORK = {"rtsp", "http", "https"}
_SCHEMES = {"file", "folder", "csi", "v4l2", "scene", *_NETWORK}
Polygon = list[tuple[Fraction, Fraction]]


class Tower(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this is.

    Attributes:
        name: shown on the status page, in metrics and events.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)] = "tower"


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What scores the frames.

    Attributes:
        bundle: folder or .zip of a model bundle; the one that ships with firetower if absent.
        backend: one of `edge.model.registry`; the first of them that the bundle has a file for if absent.
        threads: of one inference.
    """

    bundle: Path | None = None
    backend: str | None = None
    threads: Annotated[int, Meta(ge=1, le=16)] = 1


class Camera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera.

    Attributes:
        uri: file:, rtsp://, http(s)://, folder:, csi:, v4l2: or scene:.
        user, password_file: credentials of a network camera; the file must not be readable by others.
        ca_file: certificates that https trusts, instead of the system's.
        cadence_s: seconds between scored frames; the model's default if absent.
        timeout_s: after which a silent source is given up and reopened.
        loop: start a recording again at its end.
        pace: play a recording in its own time (clip), or as fast as the model can (fast).
        folder_cadence_s: seconds between the images of a folder whose names hold no time.
        times_csv: a CSV with the columns file and epoch, beside or for a folder.
        width_px, height_px: asked of a csi: or v4l2: camera; both or neither.
        codec: how the pictures of a csi: camera come.
        fps: pictures a second of a csi: camera.
        extra_args: further arguments of rpicam-vid for a csi: camera; no shell sees them.
        masks: polygons in fractions (x, y) of the frame, in which nothing is looked for.
    """

    uri: Annotated[str, Meta(min_length=1)]
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cadence_s: PositiveSeconds | None = None
    timeout_s: Annotated[float, Meta(ge=1, le=300)] = 10.0
    loop: bool = False
    pace: Literal["clip", "fast"] = "clip"
    folder_cadence_s: PositiveSeconds | None = None
    times_csv: Path | None = None
    width_px: Pixels | None = None
    height_px: Pixels | None = None
    codec: Literal["yuv420", "h264"] = "yuv420"
    fps: Annotated[float, Meta(ge=0.1, le=120)] = 1.0
    extra_args: list[Annotated[str, Meta(min_length=1, pattern=r"^[^\0]*$")]] = []
    masks: list[Annotated[Polygon, Meta(min_length=3)]] = []


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are kept.

    Attributes:
        path: the SQLite file; the service's STATE_DIRECTORY, else a folder of this run alone, if absent.
        max_bytes: its bound on disk; evidence of the oldest closed events goes first.
    """

    path: Path | None = None
    max_bytes: Annotated[int, Meta(ge=1 << 20)] = 200_000_000


class Web(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The status page and its API.

    Attributes:
        enabled: whether it runs.
        host: loopback unless said otherwise; another one needs a token.
        port: 0 takes a free one.
        token_file: holds the bearer token; must not be readable by others.
    """

    enabled: bool = True
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    token_file: Path | None = None


class Energy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How energy is known.

    Attributes:
        source: auto takes the first sensor found.
        watts_per_busy_core: states the board's power for the model from CPU time.
        idle_watts: the board's power when idle, for joules above idle.
    """

    source: Literal["auto", "pi5-pmic", "ina2xx", "battery", "rapl", "cpu-time", "off"] = "auto"
    watts_per_busy_core: Annotated[float, Meta(gt=0, le=100)] | None = None
    idle_watts: Annotated[float, Meta(ge=0, le=1000)] | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file; see each section."""

    cameras: dict[Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")], Camera]
    tower: Tower = Tower()
    model: Model = Model()
    store: Store = Store()
    web: Web = Web()
    energy: Energy = Energy()


def load(path: Path) -> Settings:
    """Read a configuration file; relative paths in it are relative to its folder.

    Raises:
        SettingsError: unreadable, not TOML, an unknown key, a wrong type or range, a file that is not there; the
            message starts with the file and the path of the key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path}: cannot read the configuration: {reason}") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # tomllib's own, and those of a number or a nesting without end
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    try:
        return parse(document, path.parent)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def parse(document: dict[str, Any], folder: Path) -> Settings:
    """Check a decoded document.

    Args:
        document: as tomllib gives it.
        folder: what its relative paths are relative to.

    Raises:
        SettingsError: with the path of the key.
    """
    _check_numbers(document, "")
    cameras = document.get("cameras")
    for name, table in cameras.items() if isinstance(cameras, dict) else ():
        _convert(table, Camera, f"cameras.{name}.")  # by itself, so that an error names the camera
    settings = _convert(document, Settings, "")
    if not settings.cameras:
        raise SettingsError("cameras: no camera; add a table such as [cameras.north] with uri = 'rtsp://…'")
    return _resolve(settings, folder)


_Table = TypeVar("_Table", bound=msgspec.Struct)


def _convert(table: object, kind: type[_Table], prefix: str) -> _Table:
    try:
        return msgspec.convert(table, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), prefix)) from error


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError(f"expected a path, got {value!r}")


def _check_numbers(value: object, where: str) -> None:
    """TOML knows nan and inf; no setting does."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where}: expected a finite number, got {value}")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_numbers(inner, f"{where}.{key}" if where else str(key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            _check_numbers(inner, f"{where}[{index}]")


def _explain(message: str, prefix: str) -> str:
    """Turn msgspec's message into `path: what is wrong`, and name the key that was probably meant."""
    match = re.match(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", message, re.DOTALL)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    path = (prefix + path.lstrip(".") if path else prefix[:-1]) or "the file"
    unknown = re.match(r"Object contains unknown field `(.*)`", what)
    if unknown:
        meant = difflib.get_close_matches(unknown[1], sorted(_keys(Settings)), n=1, cutoff=0.5)
        hint = f"; did you mean '{meant[0]}'?" if meant else ""
        return f"{path}: unknown key '{unknown[1]}'{hint}"
    if re.search(r"Expected `(int|float|int \| null|float \| null)`, got `str`", what):
        what += "; give a plain number, the unit is in the key's name"
    return f"{path}: {what}"


def _keys(section: type[msgspec.Struct]) -> set[str]:
    """Return every key that any section knows."""
    nested = (Tower, Model, Camera, Store, Web, Energy)
    return {*section.__struct_fields__, *(name for inner in nested for name in inner.__struct_fields__)}


def _resolve(settings: Settings, folder: Path) -> Settings:
    """Make paths absolute and see that what must exist does."""
    model, web, store = settings.model, settings.web, settings.store
    if model.backend is not None and model.backend not in BACKENDS:
        raise SettingsError(f"model.backend: '{model.backend}' is unknown; expected {' or '.join(BACKENDS)}")
    for name, camera in settings.cameras.items():
        if (camera.width_px is None) != (camera.height_px is None):
            missing = "width_px" if camera.width_px is None else "height_px"
            raise SettingsError(
                f"cameras.{name}.{missing}: missing; give both width_px and height_px, or neither"
            )
    cameras = {
        name: msgspec.structs.replace(
            camera,
            password_file=_existing(camera.password_file, folder, f"cameras.{name}.password_file"),
            ca_file=_existing(camera.ca_file, folder, f"cameras.{name}.ca_file"),
            times_csv=_existing(camera.times_csv, folder, f"cameras.{name}.times_csv"),
            uri=_local(camera.uri, folder, f"cameras.{name}.uri"),
        )
        for name, camera in settings.cameras.items()
    }
    return msgspec.structs.replace(
        settings,
        cameras=cameras,
        model=msgspec.structs.replace(model, bundle=_existing(model.bundle, folder, "model.bundle")),
        store=msgspec.structs.replace(store, path=_absolute(store.path, folder, "store.path")),
        web=msgspec.structs.replace(web, token_file=_existing(web.token_file, folder, "web.token_file")),
    )


def _absolute(path: Path | None, folder: Path, key: str) -> Path | None:
    try:
        return None if path is None else (folder / path.expanduser()).absolute()
    except RuntimeError as error:
        raise SettingsError(f"{key}: {path}: no such user") from error


def _existing(path: Path | None, folder: Path, key: str) -> Path | None:
    resolved = _absolute(path, folder, key)
    try:
        if resolved is not None:
            resolved.stat()
    except FileNotFoundError as error:
        raise SettingsError(f"{key}: {resolved} does not exist") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"{key}: cannot look at {str(resolved)!r}: {reason}") from error
    return resolved


def _local(uri: str, folder: Path, key: str) -> str:
    """Resolve the path of a local address; one that is no address is not shown, for it may hold a password."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in _SCHEMES or (scheme in _NETWORK and not rest.startswith("//")):
        raise SettingsError(
            f"{key}: expected file:…, folder:…, rtsp://…, http://…, https://…, csi:, v4l2:… or scene:"
        )
    if scheme in {"file", "folder"} and not rest.startswith("//"):
        return f"{scheme}:{_existing(Path(rest), folder, key)}"
    return uri
