"""The configuration: strict TOML, where an unknown key, a wrong type or a missing file is an error with its path.

Every key carries its unit in its name. docs/configuration.md lists them all.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from edge.camera.file import local_path
from edge.camera.limit import Limits
from edge.camera.option import Options, SizedOptions
from edge.camera.registry import KINDS, KNOWN, kind_of, kind_with, kinds_that_know, split, tidy
from edge.device.meter import EnergySource
from edge.document import is_deeper, read_text
from edge.errors import SettingsError
from edge.governor.band import Band
from edge.governor.option import Governor
from edge.model.registry import BACKENDS
from edge.path import absolute, existing, with_files
from edge.uplink import registry as uplink
from edge.uplink.sink import Kind as SinkKind
from edge.uplink.sink import SinkOptions
from edge.zone import zone_of

_BYTES_MAX = 1 << 20
_DEPTH_MAX = 16


class Tower(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this is.

    Attributes:
        name: shown on the status page, in metrics and messages.
        id: what receivers know it by; needed where there is a sink.
        timezone: of times in texts for people: `UTC`, an offset, or a place of the IANA database.
        latitude, longitude: WGS 84, in degrees north and east; both or neither.
        elevation_m: of the cameras above the sea.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)] = "tower"
    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")] | None = None
    timezone: str = "UTC"
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    elevation_m: Annotated[float, Meta(ge=-500, le=9000)] | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What scores the frames.

    Attributes:
        bundle: folder or .zip of a model bundle; the one that ships with firetower if absent.
        backend: one of `edge.model.registry`; the first of them that the bundle has a file for if absent.
        threads: of one inference.
        memory_of_the_hour: whether what cells reached about the same hour on the last days raises their thresholds; as
            the bundle says if absent.
    """

    bundle: Path | None = None
    backend: str | None = None
    threads: Annotated[int, Meta(ge=1, le=16)] = 1
    memory_of_the_hour: bool | None = None


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

    source: EnergySource = "auto"
    watts_per_busy_core: Annotated[float, Meta(gt=0, le=100)] | None = None
    idle_watts: Annotated[float, Meta(ge=0, le=1000)] | None = None


class Uplink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How what was seen gets to the sinks.

    Attributes:
        heartbeat_s: between two heartbeats.
        acknowledge_s: an alert that nobody acknowledged for so long goes to the next step of escalation.
        day_bytes: that may go over each link in a day; no bound if absent.
        queue_bytes: what waits for the sinks may have on disk.
    """

    heartbeat_s: Annotated[float, Meta(ge=1, le=86_400)] = 300.0
    acknowledge_s: Annotated[float, Meta(ge=1, le=86_400)] = 600.0
    day_bytes: Annotated[int, Meta(ge=10_000)] | None = None
    queue_bytes: Annotated[int, Meta(ge=1 << 20)] = 50_000_000


Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
OperatorName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}\Z")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file; see each section.

    The table of a camera or a sink is that of its kind, as `edge.camera` and `edge.uplink` define it. `operators` are
    the key files of the people who may give commands, by their names. Without `governor` nothing is ever spared.
    """

    cameras: dict[Name, Options]
    sinks: dict[Name, SinkOptions] = {}
    tower: Tower = Tower()
    model: Model = Model()
    store: Store = Store()
    web: Web = Web()
    energy: Energy = Energy()
    limits: Limits = Limits()
    uplink: Uplink = Uplink()
    governor: Governor | None = None
    operators: dict[OperatorName, Path] = {}


def load(path: Path) -> Settings:
    """Read a configuration file; relative paths in it are relative to its folder.

    Raises:
        SettingsError: unreadable, not TOML, an unknown key, a wrong type or range, a file that is not there; the
            message starts with the file and the path of the key.
    """
    document = read_document(path)
    try:
        return parse(document, path.parent)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def read_document(path: Path) -> dict[str, Any]:
    """Read the tables of a configuration file, as tomllib gives them.

    Raises:
        SettingsError: unreadable, or not TOML; names the file.
    """
    try:
        return tomllib.loads(read_text(path, _BYTES_MAX))
    except OSError as error:
        raise SettingsError(f"{path}: cannot read the configuration: {error.strerror}") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # tomllib's own, and those of a number or a nesting without end
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def parse(
    document: dict[str, Any], folder: Path, sink_kinds: Sequence[SinkKind[Any]] = uplink.KINDS
) -> Settings:
    """Check a decoded document.

    Args:
        document: as tomllib gives it.
        folder: what its relative paths are relative to.
        sink_kinds: that there are.

    Raises:
        SettingsError: with the path of the key.
    """
    if is_deeper(document, _DEPTH_MAX):
        raise SettingsError(f"the file: more than {_DEPTH_MAX} tables and lists in each other")
    _check_numbers(document, "")
    cameras = {
        name: _camera(table, f"cameras.{name}.", folder) for name, table in _tables(document, "cameras")
    }
    sinks = {name: _sink(table, f"sinks.{name}.", sink_kinds) for name, table in _tables(document, "sinks")}
    settings = msgspec.structs.replace(_convert(document, Settings, ""), cameras=cameras, sinks=sinks)
    if not settings.cameras:
        raise SettingsError("cameras: no camera; add a table such as [cameras.north] with uri = 'rtsp://…'")
    for name, camera in cameras.items():
        _check_size(camera, settings.limits, f"cameras.{name}.width_px")
    _check_tower(settings)
    if settings.governor is not None:
        _check(settings.governor, "governor.")
    return _resolve(settings, folder)


def _tables(document: dict[str, Any], section: str) -> Iterable[tuple[str, Any]]:
    tables = document.get(section)
    return tables.items() if isinstance(tables, dict) else ()


def _camera(table: dict[str, Any], prefix: str, folder: Path) -> Options:
    """Read one camera by the options of its kind."""
    uri = tidy(_convert(table, Options, prefix).uri)
    kind = kind_of(uri, folder)
    if kind is None or (kind.address == "url" and not split(uri)[1].startswith("//")):
        raise SettingsError(f"{prefix}uri: expected {KNOWN}")  # it is not shown, for it may hold a password
    for key in [key for key in table if key not in kind.keys]:
        owners = ", ".join(other.shown for other in kinds_that_know(key))
        if not owners:
            raise SettingsError(_unknown(key, prefix[:-1]))
        raise SettingsError(f"{prefix}{key}: belongs to {owners} cameras, this one is {kind.shown}")
    camera: Options = _convert({**table, "uri": uri}, kind.options, prefix)
    _check(camera, prefix)
    return camera


def _sink(table: dict[str, Any], prefix: str, kinds: Sequence[SinkKind[Any]]) -> SinkOptions:
    """Read one sink by the options of its kind."""
    url = _convert(table, SinkOptions, prefix).url
    kind = uplink.kind_of(url, kinds)
    if kind is None:
        raise SettingsError(f"{prefix}url: expected {uplink.written(kinds)}")  # it may hold a secret
    for key in [key for key in table if key not in kind.keys]:
        owners = ", ".join(other.shown for other in kinds if key in other.keys)
        if not owners:
            raise SettingsError(_unknown(key, prefix[:-1]))
        raise SettingsError(f"{prefix}{key}: belongs to {owners} sinks, this one is {kind.shown}")
    sink: SinkOptions = _convert({**table, "url": "".join(uplink.split(url))}, kind.options, prefix)
    _check(sink, prefix)
    return sink


def _check(options: Options | SinkOptions | Governor, prefix: str) -> None:
    try:
        options.check()
    except ValueError as error:
        raise SettingsError(f"{prefix}{error}") from None


def _check_tower(settings: Settings) -> None:
    """See that the tower says of itself what the rest needs."""
    tower, sinks = settings.tower, settings.sinks.values()
    try:
        zone_of(tower.timezone)
    except ValueError as error:
        raise SettingsError(f"tower.timezone: {error}") from None
    if (tower.latitude is None) != (tower.longitude is None):
        missing = "latitude" if tower.latitude is None else "longitude"
        raise SettingsError(f"tower.{missing}: missing; give both latitude and longitude, or neither")
    if sinks and tower.id is None:
        raise SettingsError("tower.id: missing; receivers know a tower by it, such as id = 'tower-7'")
    taken: dict[str, str] = {}
    for name, sink in settings.sinks.items():
        if sink.only is not None and (other := taken.setdefault(sink.only, name)) != name:
            raise SettingsError(
                f"sinks.{name}.url: it is where sinks.{other} is, and there a tower can have one sink only: two"
                " would throw each other out; make one of both"
            )
    alerted = [sink for sink in sinks if "alert" in sink.severities]
    if alerted and all(sink.escalation is not None for sink in alerted):
        raise SettingsError("sinks: nobody gets an alert at once; one needs it that has no 'escalation'")


def _check_size(camera: Options, limits: Limits, key: str) -> None:
    size_px = camera.size_px if isinstance(camera, SizedOptions) else None
    if size_px is not None and size_px[0] * size_px[1] > limits.picture_pixels:
        raise SettingsError(
            f"{key}: {size_px[1]}x{size_px[0]} px are more than limits.picture_pixels ({limits.picture_pixels})"
        )


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
    """TOML knows nan and inf, and its reader numbers of any length; no setting does."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where}: expected a finite number, got {value}")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise SettingsError(f"{where}: expected a number of 64 bits")
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
        return _unknown(unknown[1], path)
    if re.search(r"Expected `(int|float|int \| null|float \| null)`, got `str`", what):
        what += "; give a plain number, the unit is in the key's name"
    return f"{path}: {what}"


def _unknown(key: str, path: str) -> str:
    meant = difflib.get_close_matches(key, sorted(_keys(Settings)), n=1, cutoff=0.5)
    hint = f"; did you mean '{meant[0]}'?" if meant else ""
    return f"{path}: unknown key '{key}'{hint}"


def _keys(section: type[msgspec.Struct]) -> set[str]:
    """Return every key that any section knows."""
    nested: tuple[type[msgspec.Struct], ...]
    nested = (Tower, Model, Store, Web, Energy, Limits, Uplink, SinkOptions, Governor, Band)
    nested = (*nested, *(kind.options for kind in KINDS), *(kind.options for kind in uplink.KINDS))
    return {*section.__struct_fields__, *(name for inner in nested for name in inner.__struct_fields__)}


def _resolve(settings: Settings, folder: Path) -> Settings:
    """Make paths absolute and see that what must exist does."""
    model, web, store = settings.model, settings.web, settings.store
    for key, text in (("tower.name", settings.tower.name), ("web.host", web.host)):
        if not text.isprintable():
            raise SettingsError(f"{key}: expected printable text, got {text!r}")
    if model.backend is not None and model.backend not in BACKENDS:
        raise SettingsError(f"model.backend: '{model.backend}' is unknown; expected {' or '.join(BACKENDS)}")
    cameras = {
        name: _located(camera, folder, f"cameras.{name}.") for name, camera in settings.cameras.items()
    }
    return msgspec.structs.replace(
        settings,
        cameras=cameras,
        sinks={name: with_files(sink, folder, f"sinks.{name}.") for name, sink in settings.sinks.items()},
        model=msgspec.structs.replace(
            model, bundle=existing(model.bundle, folder, "model.bundle", folders=True)
        ),
        store=msgspec.structs.replace(store, path=absolute(store.path, folder, "store.path")),
        web=msgspec.structs.replace(web, token_file=existing(web.token_file, folder, "web.token_file")),
        uplink=with_files(settings.uplink, folder, "uplink."),
        operators={
            name: found
            for name, path in settings.operators.items()
            if (found := existing(path, folder, f"operators.{name}"))
        },
    )


def _located(camera: Options, folder: Path, prefix: str) -> Options:
    """Make the paths of a camera absolute, that of its address too."""
    scheme, _, rest = camera.uri.partition(":")
    if kind_with(camera).address == "path":
        rest = str(local_path(rest))
        uri = f"{scheme}:{existing(Path(rest), folder, f'{prefix}uri', folders=True)}"
        camera = msgspec.structs.replace(camera, uri=uri)
    return with_files(camera, folder, prefix)
