"""A scenario as a plan: everything opened, checked and ready to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import SettingsError
from edge.settings import Settings
from edge.settings import parse as parse_settings
from firmware_sim.physics.battery import Battery
from firmware_sim.physics.panel import Panel
from firmware_sim.physics.place import parse_place
from firmware_sim.physics.plant import Site
from firmware_sim.physics.profile import find_profile
from firmware_sim.physics.weather import Weather
from firmware_sim.tower import plan
from firmware_sim.tower.cast import Camera
from firmware_sim.tower.demand import OF_FIRES
from firmware_sim.tower.errors import ScenarioError
from firmware_sim.tower.plan import Line, Plan, SensorFault, View
from firmware_sim.tower.scenario import Scenario
from firmware_sim.tower.shown import Gallery
from firmware_sim.tower.sky import air_of, sun_of, weather_of
from firmware_sim.tower.table import Span

_PASSED_OVER = ("store", "operators", "web")  # of the daemon's settings, which a run has of its own
_HQ = {"hq": {"url": "mqtts://hq.invalid"}}
_STEEPEST_DEG = 75.0
_LONG_S = 2 * 86_400.0
_SAMPLE_S = (60.0, 300.0)  # of runs up to so long, and of longer ones


def replaced(
    scenario: Scenario, *, cameras: Mapping[str, Path], place: str | None = None, seed: int | None = None
) -> Scenario:
    """Return a scenario with other cameras, at another place, or with another seed.

    Args:
        scenario: which.
        cameras: by name, a video or a folder of pictures; the faults of the one that it replaces stay.
        place: as `parse_place` reads it.
        seed: of everything that is drawn.
    Raises:
        ScenarioError: there is no such file.
        PhysicsError: it is no place.
    """
    own = {}
    for name, path in cameras.items():
        if not path.exists():
            raise ScenarioError(f"cameras.{name}: {path} does not exist")
        faults = scenario.cameras[name].faults if name in scenario.cameras else ()
        text = str(path.absolute())
        camera = Camera(folder=text) if path.is_dir() else Camera(clip=text)
        own[name] = msgspec.structs.replace(camera, faults=faults)
    changed = msgspec.structs.replace(
        scenario,
        cameras={**scenario.cameras, **own},
        place=scenario.place if place is None else str(parse_place(place)),
        seed=scenario.seed if seed is None else seed,
    )
    if burns(changed):
        return changed
    demands = {name: wanted for name, wanted in scenario.demands.items() if name not in OF_FIRES}
    return msgspec.structs.replace(changed, demands=demands)


def burns(scenario: Scenario) -> bool:
    """Say whether a camera of a scenario shows a fire that is known."""
    cameras = scenario.cameras.values()
    scenes = [camera.scene for camera in cameras if camera.scene is not None]
    return (
        scenario.sequences is not None
        or any(camera.sequence or camera.ignition is not None for camera in cameras)
        or any(scene.sees(fire.bearing_deg) for fire in scenario.fires for scene in scenes)
    )


@contextmanager
def staged(scenario: Scenario, data: Path | None = None) -> Iterator[Plan]:
    """Open what a scenario needs, and give the plan of its run.

    Args:
        scenario: which.
        data: folder of real sequences, where it plays some.
    Raises:
        ScenarioError: what is wrong, with the path of its key.
    """
    weather = weather_of(scenario.weather, scenario.seed, scenario.begin_s, scenario.lasts)
    sun_at = sun_of(scenario.where, scenario.begin_s, scenario.lasts)
    air_at = air_of(scenario.weather, weather, scenario.seed, sun_at)
    with ExitStack() as stack:
        views = Gallery(scenario, data, sun_at, air_at).views(stack)
        settings = _settings(scenario, views)
        for name in scenario.receivers:
            if name not in settings.sinks:
                raise ScenarioError(f"receivers.{name}: there is no sink of that name in [tower.sinks]")
        yield Plan(
            name=scenario.name,
            purpose=scenario.purpose,
            settings=settings,
            cameras=views,
            begin_s=scenario.begin_s,
            lasts_s=float(scenario.lasts),
            seed=scenario.seed,
            power=_power(scenario, weather),
            unplugged=_spans(scenario.unplugged),
            line=_line(scenario),
            receivers={
                name: plan.Receiver(
                    unheard=_spans(one.unheard),
                    away=_spans(one.away),
                    swallowed=one.swallowed,
                    largest_bytes=one.largest_bytes,
                )
                for name, one in scenario.receivers.items()
            },
            said=tuple(
                plan.Say(at_s=float(one.at), command=one.command, arguments=one.arguments)
                for one in scenario.people
            ),
            untrusted=_spans(scenario.untrusted),
            late_s=float(scenario.late),
            demands=scenario.demands,
            sample_s=_SAMPLE_S[scenario.lasts > _LONG_S],
        )


def _settings(scenario: Scenario, views: Mapping[str, View]) -> Settings:
    """Return the daemon's settings: those of `[tower]`, and what the scenario knows of itself."""
    where, stated = scenario.where, scenario.tower
    for key in _PASSED_OVER:
        if key in stated:
            raise ScenarioError(f"tower.{key}: a simulated tower has its own")
    cameras = stated.get("cameras", {})
    for name, table in cameras.items() if isinstance(cameras, dict) else ():
        if name not in views:
            raise ScenarioError(f"tower.cameras.{name}: the scenario has no camera of that name")
        if not isinstance(table, dict) or "uri" in table:
            raise ScenarioError(f"tower.cameras.{name}.uri: a simulated camera has its own")
    tower: dict[str, Any] = {
        "name": scenario.name[:64],
        "id": "simulated",
        "timezone": f"{round(where.longitude_deg / 15):+03d}:00",
        "latitude": where.latitude_deg,
        "longitude": where.longitude_deg,
        "elevation_m": where.altitude_m,
    }
    document = {
        **stated,
        "tower": _over(tower, stated.get("tower", {})),
        "sinks": stated.get("sinks", _HQ),
        "cameras": {name: _over(_camera(scenario, name), cameras.get(name, {})) for name in views},
    }
    try:
        return parse_settings(document, scenario.folder)
    except SettingsError as error:
        raise ScenarioError(f"tower.{error}") from error


def _over(known: dict[str, Any], stated: object) -> Any:  # noqa: ANN401 — a table of TOML
    """Return a table over what is known without it; what is no table is left to who reads it."""
    return {**known, **stated} if isinstance(stated, dict) else stated


def _camera(scenario: Scenario, name: str) -> dict[str, Any]:
    known: dict[str, Any] = {"uri": f"rtsp://simulated.invalid/{name}"}
    camera = scenario.cameras.get(name)
    if camera is not None and camera.scene is not None:
        known |= {"heading_deg": camera.scene.heading_deg, "fov_deg": camera.scene.field_deg}
    return known


def _power(scenario: Scenario, weather: Weather) -> plan.Power | None:
    power, where = scenario.power, scenario.where
    if power is None:
        return None
    tilt_deg = min(abs(where.latitude_deg) + 15, _STEEPEST_DEG) if power.tilt_deg is None else power.tilt_deg
    noon_deg = 180.0 if where.latitude_deg >= 0 else 0.0
    azimuth_deg = noon_deg if power.azimuth_deg is None else power.azimuth_deg
    return plan.Power(
        site=Site(
            place=where,
            panel=Panel(peak_w=power.panel_w, tilt_deg=tilt_deg, azimuth_deg=azimuth_deg),
            battery=Battery(capacity_wh=power.battery_wh, chemistry=power.chemistry),
        ),
        profile=find_profile(power.board),
        weather=weather,
        charge=power.charge,
        other_w=power.other_w,
        gauge=power.gauge,
        broken=tuple(SensorFault(sensor=one.sensor, kind=one.kind, span=_span(one)) for one in power.broken),
        snow=tuple(plan.Snow(at_s=float(one.at), share=one.share) for one in power.snow),
    )


def _line(scenario: Scenario) -> Line:
    link = scenario.link
    return Line(
        outages=_spans(link.outages),
        minutes_an_hour=link.minutes_an_hour,
        bytes_s=link.bytes_s,
        delay_s=float(link.delay),
        quota_bytes=link.quota_bytes,
    )


def _spans(spans: tuple[Span, ...]) -> tuple[plan.Span, ...]:
    return tuple(_span(one) for one in spans)


def _span(span: Span) -> plan.Span:
    return plan.Span(from_s=float(span.from_), to_s=None if span.to is None else float(span.to))
