"""`firetower run`: the daemon, wired from its configuration to its last line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from edge import __version__
from edge.alert.event import Announcement
from edge.alert.place import Place
from edge.camera.scene import SceneOptions
from edge.clock import Clock, SystemClock
from edge.counter.counters import Counters
from edge.daemon import Daemon
from edge.device.linux import LinuxDevice
from edge.device.meter import choose_meter
from edge.device.notify import notifier
from edge.device.watchdog import timeout_s
from edge.errors import DeviceError, SettingsError, StallError
from edge.governor.configured import governor_of
from edge.model.load import load_runtime
from edge.model.loaded import Model, load_model
from edge.model.runtime import Runtime
from edge.plan import cadences, plan_camera
from edge.refuge import Refuge
from edge.scratch import make_folder
from edge.settings import Settings, Web, load
from edge.text import plain, plain_json
from edge.uplink.command import read_operators
from edge.uplink.configured import examine_sinks
from edge.uplink.uplink import Uplink
from edge.web.server import WebServer, try_address

_log = logging.getLogger(__name__)

_HELP = """Run the daemon until Ctrl-C or SIGTERM, or until every camera is a recording that has ended.

Without FILE: the bundled model on a built-in synthetic scene, played faster than life, with the status page on
loopback. A terminal gets a live status line on stderr; a pipe gets one JSON line per event on stdout, with
`"stored": false` where the disk has not taken it. The last line of stdout is the final counters as JSON. Nobody has to
read stdout: what is not read is counted, and lost.

A store that cannot be opened or written is tried again each second; the daemon watches meanwhile, with /health at
503."""
ROOT = Path("/")
_LAST_S = 1.0  # for the last line, where nobody reads


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the command's parser."""
    parser = commands.add_parser(
        "run", help="run the daemon", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.toml", help="the configuration")
    parser.set_defaults(handler=handle)


def demo_settings() -> Settings:
    """Return what runs without a configuration: the built-in scene, and a page on a free port of loopback."""
    return Settings(cameras={"scene": SceneOptions(uri="scene:", pace="fast")}, web=Web(port=0))


def handle(options: argparse.Namespace) -> int:
    """Run the daemon; return the exit code."""
    settings = demo_settings() if options.file is None else load(options.file)
    if options.file is None:
        _say("no configuration: showing the built-in SYNTHETIC scene, not a real camera")
    return serve(settings, SystemClock())


def serve(settings: Settings, clock: Clock, root: Path = ROOT) -> int:
    """Wire the parts together and run them; return the exit code."""
    stopping = threading.Event()
    _on_signals(stopping.set)  # first of all, so that an early signal also ends with the counters
    examine(settings, clock, root)
    counters = make_counters(settings, clock, root)
    notify = notifier(os.environ.get("NOTIFY_SOCKET"))
    watchdog_s = timeout_s(os.environ, os.getpid())
    governor = governor_of(settings, clock, root)
    if governor is not None and governor.begin(stopping).cut_off:
        refuge = Refuge(
            settings,
            governor,
            counters,
            clock,
            notify=notify,
            watchdog_s=watchdog_s,
            uplink=(lambda told: _uplink(told, clock, root)) if settings.sinks else None,
        )
        with ExitStack() as stack:
            _show(settings, refuge, stack)
            if not refuge.run(stopping):
                print(json.dumps(refuge.status()))
                return 0
    model = load_model(settings.model.bundle, settings.model.backend, settings.model.threads)
    cadences(settings, model.bundle.manifest)
    model.selftest()
    with ExitStack() as stack:
        uplink = _uplink(settings, clock, root, model.name) if settings.sinks else None
        post = None if uplink is None else uplink.post
        store = stack.enter_context(Place(locator(settings), settings.store.max_bytes, post=post))
        tell = _Teller(sys.stdout.isatty(), sys.stderr.isatty())
        daemon = Daemon(
            settings,
            model,
            store,
            counters,
            clock,
            notify=notify,
            watchdog_s=watchdog_s,
            announce=tell.event,
            uplink=uplink,
            governor=governor,
            lean=_lean(settings, model),
            stopping=stopping,
            root=root,
        )
        _show(settings, daemon, stack)
        try:
            daemon.run(lambda: tell.status(daemon.status))
        except StallError as error:  # what stands still may hold what an orderly end waits for
            _log.critical("%s", error)
            logging.shutdown()
            os._exit(1)
        tell.end(daemon.status())
        return 0 if daemon.good else 1


def _uplink(settings: Settings, clock: Clock, root: Path, model: str = "") -> Uplink:
    operators = read_operators(settings.operators)
    return Uplink(settings, clock, model=model, version=__version__, operators=operators, root=root)


def _lean(settings: Settings, model: Model) -> Callable[[], Runtime] | None:
    """Return what loads the model with one thread; None where it has no more."""
    if settings.model.threads == 1:
        return None
    return lambda: load_runtime(model.bundle, settings.model.backend, 1, probed=True)


def _show(settings: Settings, tower: Daemon | Refuge, stack: ExitStack) -> None:
    """Serve the page of a tower until the stack ends."""
    if not settings.web.enabled:
        return
    web = WebServer(
        settings.tower.name,
        tower.status,
        tower.health,
        tower.metrics,
        live=tower.live,
        page_off=tower.page_off,
        host=settings.web.host,
        port=settings.web.port,
        token_file=settings.web.token_file,
    )
    stack.callback(web.stop)
    _say(f"status page: {web.url}")


def examine(settings: Settings, clock: Clock, root: Path) -> None:
    """See to what the configuration asks of this machine, before anything runs; `check` and `run` begin with it.

    Raises:
        SettingsError: a sensor that is not there, an unfit secret or file, an address that cannot be listened on.
    """
    make_counters(settings, clock, root)
    for name, camera in settings.cameras.items():
        plan_camera(name, camera, 0.0, settings.limits)
    read_operators(settings.operators)
    examine_sinks(settings, clock)
    if settings.web.enabled:
        try_address(settings.web.host, settings.web.port, settings.web.token_file)


def make_counters(settings: Settings, clock: Clock, root: Path) -> Counters:
    """Choose the energy meter and start counting.

    Raises:
        SettingsError: the configuration names a sensor that is not there.
    """
    energy = settings.energy
    try:
        meter = choose_meter(root, energy.source, energy.watts_per_busy_core)
    except DeviceError as error:
        raise SettingsError(str(error)) from error
    return Counters(clock, meter, LinuxDevice(root), energy.idle_watts, root)


def locator(settings: Settings) -> Callable[[], Path]:
    """Return what says where events are kept; it may raise OSError.

    That is the configured file, else one in the service's state folder, else one in a folder of this run alone.
    """
    state = os.environ.get("STATE_DIRECTORY")
    path = Path(state.split(":")[0]) / "events.sqlite" if state else None
    path = path if settings.store.path is None else settings.store.path
    if path is not None:
        return lambda: path
    _say("store.path is not set: events are kept for this run alone")
    made: list[Path] = []

    def locate() -> Path:
        if not made or not made[-1].is_dir():
            made.append(make_folder("store-"))
        return made[-1] / "events.sqlite"

    return locate


def _on_signals(stop: Callable[[], None]) -> None:
    def handler(_number: int, _frame: FrameType | None) -> None:
        # by a thread, for the main one may just hold the lock of the very event that `stop` sets
        threading.Thread(target=stop, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


class _Teller:
    """Tells people and programs what happens."""

    def __init__(self, terminal_out: bool, terminal_err: bool) -> None:  # noqa: FBT001 — two facts
        self._terminal_out = terminal_out
        self._terminal_err = terminal_err
        self._lock = threading.Lock()  # a line stays whole

    def event(self, announcement: Announcement) -> None:
        """Announce a revision."""
        if self._terminal_err:
            event = announcement.event
            when = event.opened.utc or f"{event.opened.model_s:.0f} s"
            told = plain(f"{event.phase:8} {event.camera}: {event.label} since {when}")
            _say(f"\r\033[K{told}{'' if announcement.stored else ' (not stored)'}")
        if not self._terminal_out:
            self._line(plain_json(msgspec.json.encode(announcement)))

    def status(self, status: Callable[[], dict[str, Any]]) -> None:
        """Refresh the status line of a terminal."""
        if self._terminal_err:
            _say(f"\r\033[K{status_line(status())}", end="")

    def end(self, status: dict[str, Any]) -> None:
        """Print the final counters; wait for somebody who reads them for a second at most."""
        line = status_line(status)
        _say(f"\r\033[K{line}" if self._terminal_err else line)
        last = threading.Thread(target=self._last, args=(json.dumps(status).encode(),), daemon=True)
        last.start()
        last.join(_LAST_S)

    def _last(self, line: bytes) -> None:
        with suppress(OSError):
            self._line(line)

    def _line(self, line: bytes) -> None:
        """Write a line past Python's own buffer, whose lock would hold up the end of the process."""
        with self._lock:
            rest = line + b"\n"
            while rest:
                try:
                    rest = rest[os.write(sys.stdout.fileno(), rest) :]
                except BlockingIOError:  # whoever started this made it non-blocking
                    select.select([], [sys.stdout], [])


def _say(text: str, end: str = "\n") -> None:
    """Tell people; a full disk or a closed pipe behind stderr ends nothing."""
    with suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


def status_line(status: dict[str, Any]) -> str:
    """Put the most telling counters into one line; what is unknown is a dash."""
    frames = list(status["cameras"].values())
    scored = sum(camera["scored"] for camera in frames)
    undue = sum(camera["dropped"]["not_due"] for camera in frames)
    dropped = sum(sum(camera["dropped"].values()) for camera in frames) - undue
    invoke = ((status["latency"].get("invoke") or {}).get("run") or {}).get("p50_ms")
    rss = status["memory"]["rss_bytes"]
    energy = status["energy"]
    parts = [
        f"{scored} scored, {dropped} dropped" + (f", {undue} not due" if undue else ""),
        f"{status['events']['opened']} events, {status['events']['alerted']} alerts",
        f"invoke p50 {_or_dash(invoke, '{:.1f} ms')}",
        f"RSS {_or_dash(None if rss is None else rss / 1e6, '{:.0f} MB')}",
        f"energy {energy['source']} {_or_dash(energy['j_per_frame'], '{:.2f} J/frame')}",
    ]
    return " · ".join(parts)


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
