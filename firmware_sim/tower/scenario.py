"""Scenarios: short TOML files that say what a simulated tower lives through. docs/scenarios.md lists all keys.

A duration is written as "90s", "20m", "2h" or "1d"; moments are durations from the scenario's begin.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge.document import is_deeper, read_text
from edge.uplink.command import KINDS
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.place import Place, parse_place
from firmware_sim.tower.cast import Camera, Fire, Sequences
from firmware_sim.tower.demand import MEASURES
from firmware_sim.tower.duration import Duration
from firmware_sim.tower.errors import ScenarioError
from firmware_sim.tower.need import Link, Power, Receiver, Sky
from firmware_sim.tower.table import Span, convert, hint

_FOLDER = Path(__file__).with_name("scenario")
_BYTES_MAX = 1 << 16
_DEPTH_MAX = 16
_LONGEST_S = 366 * 86_400.0


class Say(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person tells the tower.

    Attributes:
        at: when.
        command: one of `edge.uplink.command.KINDS`.
        arguments: of it; `event` may be "newest".
    """

    at: Duration
    command: str
    arguments: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.command not in KINDS:
            raise ValueError(f"command: got '{self.command}'; there are {', '.join(KINDS)}")
        try:
            msgspec.convert(self.arguments, KINDS[self.command].arguments)
        except msgspec.ValidationError as error:
            raise ValueError(f"arguments: of {self.command}: {error}") from None


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scenario's file states.

    Attributes:
        purpose: one line.
        start: with an offset such as `Z`, or by the sun: 12:00 is when it stands highest, by the longitude.
        lasts: how long.
        seed: of everything that is drawn.
        place: latitude and longitude in degrees, and m above the sea.
        cameras: by their names.
        sequences: further ones, of a folder.
        fires: in rendered cameras.
        weather: cloud and air.
        power: without it the board is fed for ever.
        link: to the sinks.
        receivers: by the names of the sinks.
        tower: the daemon's settings, as in its own file, but for the cameras' addresses.
        people: what they tell the tower.
        unplugged: when somebody has pulled the board's plug.
        untrusted: when the board's clock is not synchronised.
        late: after which a message counts as late.
        demands: see `firmware_sim.tower.demand`.
    """

    purpose: Annotated[str, Meta(min_length=1, max_length=160)]
    start: datetime
    lasts: Duration
    seed: Annotated[int, Meta(ge=0, lt=10**9)] = 1
    place: str
    cameras: dict[str, Camera] = {}
    sequences: Sequences | None = None
    fires: tuple[Fire, ...] = ()
    weather: Sky = Sky()
    power: Power | None = None
    link: Link = Link()
    receivers: dict[str, Receiver] = {}
    tower: dict[str, Any] = {}
    people: tuple[Say, ...] = ()
    unplugged: tuple[Span, ...] = ()
    untrusted: tuple[Span, ...] = ()
    late: Duration = Duration(300)
    demands: dict[str, float] = {}

    @property
    def where(self) -> Place:
        """Where the tower stands."""
        return parse_place(self.place)

    @property
    def begin_s(self) -> float:
        """Seconds since 1970 UTC."""
        if self.start.tzinfo is not None:
            return self.start.timestamp()
        return (
            self.start.replace(tzinfo=UTC) - timedelta(minutes=round(4 * self.where.longitude_deg))
        ).timestamp()

    @property
    def wants_data(self) -> bool:
        """Whether it plays real sequences, which nobody may hand on with firetower."""
        return self.sequences is not None or any(camera.sequence for camera in self.cameras.values())


class Scenario(Script, frozen=True, kw_only=True):
    """One scenario.

    Attributes:
        name: of its file, without `.toml`.
        folder: of its file, which its paths are relative to.
    """

    name: str
    folder: Path


def shipped() -> tuple[str, ...]:
    """Return the names of the scenarios that come with firetower."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def read(name_or_path: str) -> Scenario:
    """Read a scenario that comes with firetower by its name, or one of a file.

    Raises:
        ScenarioError: there is none, or it is wrong; names the file and the path of the key.
    """
    path = _FOLDER / f"{name_or_path}.toml"
    if "/" in name_or_path or not path.is_file():
        path = Path(name_or_path)
    if path.suffix != ".toml":
        raise ScenarioError(
            f"'{name_or_path}' is no scenario and no .toml file; {hint(name_or_path, [*shipped()])}"
        )
    try:
        return parse(tomllib.loads(read_text(path, _BYTES_MAX)), path)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot read the scenario: {error.strerror or error}") from error
    except ScenarioError as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{path.name}: not valid TOML: {error}") from error


def parse(document: dict[str, Any], path: Path) -> Scenario:
    """Check a decoded document.

    Args:
        document: as tomllib gives it.
        path: of its file.
    Raises:
        ScenarioError: with the path of the key.
    """
    if is_deeper(document, _DEPTH_MAX):
        raise ScenarioError(f"the file: more than {_DEPTH_MAX} tables and lists in each other")
    for section, kind in (("cameras", Camera), ("receivers", Receiver)):
        tables = document.get(section)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            convert(table, kind, f"{section}.{name}")
    script = convert(document, Script)
    stated = {key: getattr(script, key) for key in script.__struct_fields__}
    scenario = Scenario(**stated, name=path.stem, folder=path.parent.absolute())
    _check(scenario)
    return scenario


def _check(scenario: Scenario) -> None:
    """See to what no type can say."""
    try:
        scenario.where  # noqa: B018 — it raises
    except PhysicsError as error:
        raise ScenarioError(str(error)) from error
    if not scenario.purpose.isprintable():
        raise ScenarioError(f"purpose: expected one line, got {scenario.purpose!r}")
    if not 60 <= scenario.lasts <= _LONGEST_S:
        raise ScenarioError(f"lasts: got {scenario.lasts:g} s; expected a minute at least and a year at most")
    if not scenario.cameras and scenario.sequences is None:
        raise ScenarioError("cameras: none; add one such as [cameras.north] with scene = { seed = 1 }")
    _check_fires(scenario)
    for name, wanted in scenario.demands.items():
        if name not in MEASURES:
            raise ScenarioError(f"demands.{name}: unknown demand; {hint(name, [*MEASURES])}")
        if wanted < 0 or (name.endswith("_share") and wanted > 1):
            raise ScenarioError(f"demands.{name}: got {wanted:g}; expected {_expected(name)}")


def _expected(name: str) -> str:
    return "a share from 0 to 1" if name.endswith("_share") else "a number from 0 on"


def _check_fires(scenario: Scenario) -> None:
    names = [fire.name for fire in scenario.fires]
    for number, fire in enumerate(scenario.fires):
        if names.index(fire.name) < number:
            raise ScenarioError(f"fires[{number}].name: there are two of '{fire.name}'")
        scenes = [camera.scene for camera in scenario.cameras.values() if camera.scene is not None]
        if not any(scene.sees(fire.bearing_deg) for scene in scenes):
            raise ScenarioError(
                f"fires[{number}].bearing_deg: no rendered camera looks towards {fire.bearing_deg:g}°"
            )
