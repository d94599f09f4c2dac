"""`firetower check`: everything that can go wrong on a tower, tried once before leaving it alone."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.alert.place import rehearse
from edge.camera.address import open_source, redact
from edge.camera.limit import Limits
from edge.camera.option import Options
from edge.camera.schedule import NS_PER_S, Schedule
from edge.camera.source import Picture, Session, describe_geometry, require_size
from edge.clock import SystemClock
from edge.command.run import ROOT, examine, locator
from edge.errors import CameraError, EdgeError, FrameError, MissingExtraError, SettingsError, StoreError
from edge.governor.configured import governor_of
from edge.model.loaded import load_model
from edge.plan import DEFAULT_CADENCE_S, cadences, plan_camera
from edge.settings import Settings, load
from edge.text import plain
from edge.uplink.configured import reach
from edge.uplink.registry import redact as shown

_TRIED = 100  # pictures of a camera, until a whole one comes
_NIGHT_ALERTS = "night_alerts: what the model holds back, as at night, makes alerts of this camera at once"
_TRIED_S = 60.0  # … and keyframes may be as far apart

_HELP = """Validate a configuration, self-test its model, open every camera once and read a picture, decoded as `run`
will at the camera's cadence: of a video that may take until its second keyframe, for which it waits no longer than
the camera's `timeout_s`. A camera whose pictures are shown otherwise than in earlier versions (stretched,
mirrored, of another track) is named with its masks and privacy, one with `night_alerts` as well. Of each sink it is
tried whether the receiver lets this tower in; nobody gets a message by that, and a daemon that runs is not disturbed.
Of `[governor]` it says which sensors are missing, and what the table would do now.

Each check is told on stderr; the last line of stdout is JSON. Exit 0 when all is well, 1 when a check failed,
2 when the configuration itself is wrong, which `run` then refuses with the same words."""


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the command's parser."""
    parser = commands.add_parser(
        "check", help="validate a configuration and try everything once", description=_HELP
    )
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="the configuration")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Run every check; return the exit code."""
    settings = load(options.file)
    examine(settings, SystemClock(), ROOT)
    results: dict[str, _Result] = {}
    cadences_s = {name: camera.cadence_s or DEFAULT_CADENCE_S for name, camera in settings.cameras.items()}
    results["model"] = _Result(_try(lambda: cadences_s.update(_check_model(settings))))
    for name, camera in settings.cameras.items():
        results[f"cameras.{name}"] = _try_camera(name, camera, cadences_s[name], settings.limits)
    for name in settings.sinks:
        results[f"sinks.{name}"] = _try_sink(settings, name)
    results["store"] = _Result(_try(lambda: _check_store(settings)))
    if settings.governor is not None:
        results["governor"] = _try_governor(settings)
    results["web"] = _Result(None)  # what can be wrong with it is a wrong configuration
    for name, result in results.items():
        told = result.error or result.note
        said = f"{'ok' if result.error is None else 'FAILED':7} {name}{told and ': ' + told}"
        print(plain(said), file=sys.stderr)
    good = all(result.error is None for result in results.values())
    checks = {name: result.told() for name, result in results.items()}
    print(json.dumps({"ok": good, "checks": checks}))
    return 0 if good else 1


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of a check.

    Attributes:
        error: what is wrong; None where nothing is.
        note: what to look at all the same; empty where there is nothing.
    """

    error: str | None
    note: str = ""

    def told(self) -> dict[str, Any]:
        """Return it for programs, in printable characters."""
        error = None if self.error is None else plain(self.error)
        return {"ok": error is None, "error": error, "note": plain(self.note) or None}


def _check_model(settings: Settings) -> dict[str, float]:
    """See that the model is whole, scores as it was shipped, and can do what is asked of the cameras.

    Returns:
        The cadence of each camera.
    """
    model = load_model(settings.model.bundle, settings.model.backend, settings.model.threads)
    planned = cadences(settings, model.bundle.manifest)
    model.selftest()
    return planned


def _try_camera(name: str, options: Options, cadence_s: float, limits: Limits) -> _Result:
    """Open a camera and read one picture, as its cadence will have it decoded, whenever it is due."""
    untried: list[str] = []
    try:
        picture = _first_picture(name, options, cadence_s, limits, untried)
    except EdgeError as error:
        return _Result(str(error))
    told = picture.geometry and describe_geometry(name, picture.geometry, options.drawn)
    loud = _NIGHT_ALERTS if options.night_alerts else None
    return _Result(None, "; ".join(filter(None, (told, loud, *untried))))


def _try_sink(settings: Settings, name: str) -> _Result:
    """See whether a sink's receiver lets this tower in."""
    try:
        return _Result(None, reach(settings, name, SystemClock()))
    except EdgeError as error:
        return _Result(f"{shown(settings.sinks[name].url)}: {error}")


def _try_governor(settings: Settings) -> _Result:
    """Say which sensors the table asks for in vain, and what it would do now; that is no fault of the tower."""
    governor = governor_of(settings, SystemClock(), ROOT)
    assert governor is not None, "it is configured"
    ruling, missing = governor.begin(threading.Event()), governor.missing()
    silent = f"no {', '.join(missing)}: their limits are left out" if missing else ""
    doubts = [f"{name} is unknown: {why}" for name, why in ruling.readings.doubts.items()]
    return _Result(
        None,
        "; ".join(filter(None, (silent, *doubts, f"now: {'; '.join(ruling.why) or 'nothing is spared'}"))),
    )


def _first_picture(
    name: str, options: Options, cadence_s: float, limits: Limits, untried: list[str]
) -> Picture:
    """Return the first picture that is whole.

    Args:
        name: of the camera.
        options: of the camera.
        cadence_s: of the camera.
        limits: of its pictures and packets.
        untried: is told what could not be tried, for people.

    Raises:
        EdgeError: there is none, or the camera cannot be opened or read.
    """
    clock = SystemClock()
    camera = plan_camera(name, options, cadence_s, limits)
    schedule = Schedule(cadence_s, trial=True)
    session = Session(clock, schedule, password=camera.password, limits=limits, untried=untried)
    source = open_source(options, session)
    last = ""
    until_ns = clock.mono_ns() + round(_TRIED_S * NS_PER_S)
    try:
        for _ in range(_TRIED):
            try:
                picture = source.read()
            except FrameError as error:
                last = str(error)
                if clock.mono_ns() > until_ns:
                    break
                continue
            if picture is None:
                raise CameraError(
                    f"{redact(options.uri)}: it holds no picture{last and f'; the last error: {last}'}"
                )
            require_size(picture, name)
            picture.to_rgb()
            return picture
        raise CameraError(f"{redact(options.uri)}: the first pictures are all corrupt; the last: {last}")
    finally:
        source.close()


def _try(check: Callable[[], None]) -> str | None:
    """Return what a check has to say.

    Raises:
        SettingsError, MissingExtraError: it is the configuration that is wrong.
    """
    try:
        check()
    except (SettingsError, MissingExtraError):
        raise
    except EdgeError as error:
        return str(error)
    return None


def _check_store(settings: Settings) -> None:
    """See that events could be kept where `run` would keep them."""
    try:
        path = locator(settings)()
    except OSError as error:
        raise StoreError(f"event store: there is no place for it: {error}") from error
    rehearse(path, settings.store.max_bytes)
