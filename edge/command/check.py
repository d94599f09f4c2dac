"""`firetower check`: everything that can go wrong on a tower, tried once before leaving it alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.alert.place import rehearse
from edge.camera.address import open_source, redact
from edge.camera.limit import Limits
from edge.camera.option import Options
from edge.camera.source import Session, require_size
from edge.clock import SystemClock
from edge.command.run import ROOT, examine, locator
from edge.errors import EdgeError, FrameError, MissingExtraError, SettingsError, StoreError
from edge.model.loaded import load_model
from edge.plan import cadences, plan_camera
from edge.settings import Settings, load
from edge.text import plain

_TRIED = 100  # pictures of a camera, until a whole one comes

_HELP = """Validate a configuration, self-test its model, open every camera once and read a picture.

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
    results: dict[str, str | None] = {}
    results["model"] = _try(lambda: _check_model(settings))
    for name, camera in settings.cameras.items():
        results[f"cameras.{name}"] = _try_camera(name, camera, settings.limits)
    results["store"] = _try(lambda: _check_store(settings))
    results["web"] = None  # what can be wrong with it is a wrong configuration
    for name, trouble in results.items():
        said = f"{'ok' if trouble is None else 'FAILED':7} {name}{'' if trouble is None else ': ' + trouble}"
        print(plain(said), file=sys.stderr)
    good = all(trouble is None for trouble in results.values())
    checks = {n: {"ok": t is None, "error": t if t is None else plain(t)} for n, t in results.items()}
    print(json.dumps({"ok": good, "checks": checks}))
    return 0 if good else 1


def _check_model(settings: Settings) -> None:
    """See that the model is whole, scores as it was shipped, and can do what is asked of the cameras."""
    model = load_model(settings.model.bundle, settings.model.backend, settings.model.threads)
    cadences(settings, model.bundle.manifest)
    model.selftest()


def _try_camera(name: str, options: Options, limits: Limits) -> str | None:
    """Open a camera and read one picture, whenever it is due; return what is wrong."""
    try:
        camera = plan_camera(name, options, 0.0, limits)
        session = Session(SystemClock(), camera.schedule, password=camera.password, limits=limits)
        source = open_source(options, session)
    except EdgeError as error:
        return str(error)
    last = ""
    try:
        for _ in range(_TRIED):
            try:
                picture = source.read()
            except FrameError as error:
                last = str(error)
                continue
            if picture is None:
                return f"{redact(options.uri)}: it holds no picture{last and f'; the last error: {last}'}"
            require_size(picture, name)
            picture.to_rgb()
            return None
        return f"{redact(options.uri)}: the first {_TRIED} pictures are corrupt; the last: {last}"
    except EdgeError as error:
        return str(error)
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
