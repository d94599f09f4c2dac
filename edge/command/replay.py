"""`firetower replay`: recordings through the daemon's pipeline, the same result every time."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge.alert.event import Event
from edge.clock import SystemClock
from edge.command.run import ROOT, status_line
from edge.counter.counters import Counters
from edge.device.linux import LinuxDevice
from edge.device.meter import choose_meter
from edge.document import read_text
from edge.errors import SettingsError
from edge.model.loaded import Model, load_model
from edge.model.manifest import Cadence
from edge.model.registry import BACKENDS
from edge.model.scores import probabilities
from edge.replay import Step, clip_name, replay
from edge.text import plain, plain_json
from edge.zone import zone_of

_THREADS_MAX = 16
_CADENCE_S_MAX = 86_400 * 7
_EXPECTED_BYTES_MAX = 1 << 28

_HELP = """Play videos, folders of images or scenes through the daemon's own pipeline, as fast as possible.

Deterministic: on one machine the same clip and model give the same events, byte for byte. Events are told on
stderr; with --json they are JSON lines on stdout, as is each frame's best label with --frames. The last line of
stdout is the counters as JSON.

  firetower replay fire.mp4
  firetower replay --json fire.mp4 > events.json         what it sees today …
  firetower replay --expect events.json fire.mp4         … must be what it sees tomorrow (exit 1 if not)
  firetower replay --bundle my-bundle --frames --every-picture images/    a classifier on a folder of any images"""


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the command's parser."""
    parser = commands.add_parser(
        "replay",
        help="play recordings through the pipeline",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clips", nargs="+", metavar="CLIP", help="a video, a folder of images, or scene:")
    parser.add_argument(
        "--bundle", type=Path, help="folder or .zip of a model bundle; the bundled one if absent"
    )
    parser.add_argument("--backend", choices=tuple(BACKENDS), help="the bundle's first if absent")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads of one inference (1)")
    parser.add_argument(
        "--cadence-s",
        type=float,
        metavar="S",
        help="score a frame every S seconds of the clip's time; all if absent",
    )
    parser.add_argument(
        "--image-cadence-s",
        type=float,
        metavar="S",
        help="seconds between a folder's images, whatever their names say (60 where those hold no times)",
    )
    parser.add_argument(
        "--times-csv", type=Path, metavar="FILE", help="times of a folder's images: file,epoch"
    )
    parser.add_argument(
        "--times-zone",
        default="UTC",
        metavar="ZONE",
        help="of dates in images' names that state none, such as Europe/Athens or -08:00 (UTC)",
    )
    parser.add_argument(
        "--expect", type=Path, metavar="EVENTS", help="exit 1 unless the events are those of a file"
    )
    parser.add_argument(
        "--every-picture",
        action="store_true",
        help="score dark and repeated pictures too, which a camera's would be dropped",
    )
    parser.add_argument(
        "--night-alerts",
        action="store_true",
        help="conditions such as night hold no alerts back, as with a camera's night_alerts = true",
    )
    parser.add_argument("--json", action="store_true", help="events as JSON lines on stdout")
    parser.add_argument("--frames", action="store_true", help="also a JSON line per scored frame on stdout")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Replay the clips; return the exit code."""
    if any(
        s is not None and not 0 < s <= _CADENCE_S_MAX for s in (options.cadence_s, options.image_cadence_s)
    ):
        raise SettingsError("--cadence-s and --image-cadence-s must be positive, a week at most")
    if not 1 <= options.threads <= _THREADS_MAX:
        raise SettingsError(f"--threads must be 1 to {_THREADS_MAX}")
    try:
        zone_of(options.times_zone)
    except ValueError as error:
        raise SettingsError(f"--times-zone: {error}") from None
    expected = None if options.expect is None else read_expected(options.expect)
    names = _names(options.clips)
    model = load_model(options.bundle, options.backend, options.threads)
    clock = SystemClock()
    counters = Counters(clock, choose_meter(ROOT), LinuxDevice(ROOT))
    keys = {
        "folder_cadence_s": options.image_cadence_s,
        "times_csv": options.times_csv,
        "times_zone": options.times_zone,
    }
    counters.sample()
    last: dict[str, Event] = {}
    pace = _Pace(model.bundle.manifest.cadence)
    for clip, name in zip(options.clips, names, strict=True):
        for step in replay(
            clip,
            model,
            clock=clock,
            record=counters.record,
            account=counters.account(name),
            cadence_s=options.cadence_s or 0.0,
            keys=keys,
            name=name,
            judged=not options.every_picture,
            night_alerts=options.night_alerts,
        ):
            counters.sample()
            pace.see(step)
            _tell(step, model, options)
            last.update({event.id: event for event in step.events})
    counters.sample()
    status = msgspec.to_builtins(counters.snapshot())
    status["events"] = {
        "opened": len(last),
        "alerted": sum(event.severity == "alert" for event in last.values()),
    }
    print(status_line(status), file=sys.stderr)
    differences = [] if expected is None else compare(expected, list(last.values()))
    for difference in differences:
        print(plain(f"not as expected: {difference}"), file=sys.stderr)
    print(json.dumps({"counters": status, "as_expected": None if expected is None else not differences}))
    return 1 if differences else 0


class _Pace:
    """Warns once where frames come at another interval than the model was trained for."""

    def __init__(self, trained: Cadence | None) -> None:
        self._trained = trained
        self._before: Step | None = None

    def see(self, step: Step) -> None:
        """Compare a step with the one before it."""
        before, self._before = self._before, step
        if self._trained is None or before is None or before.clip != step.clip:
            return
        interval_s = (step.frame.model_ns - before.frame.model_ns) / 1e9
        if not self._trained.min_s <= interval_s <= self._trained.max_s:
            print(
                f"warning: {plain(step.clip)}: frames are {interval_s:g} s apart, the model was trained for "
                f"{self._trained.min_s:g} to {self._trained.max_s:g} s; for a video say --cadence-s "
                f"{self._trained.default_s:g}, for images see --image-cadence-s",
                file=sys.stderr,
            )
            self._trained = None


def _names(clips: list[str]) -> list[str]:
    """Name each clip after its file; equal names are numbered."""
    names: list[str] = []
    for clip in clips:
        name = clip_name(clip)
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names


def _tell(step: Step, model: Model, options: argparse.Namespace) -> None:
    if options.frames:
        likely = (
            probabilities(step.scores, model.bundle.manifest).reshape(-1, step.scores.shape[-1]).max(axis=0)
        )
        best = int(likely.argmax())
        row = {
            "clip": step.clip,
            "name": step.frame.name,
            "model_s": step.frame.model_ns / 1e9,
            "label": model.bundle.manifest.labels[best],
            "probability": round(float(likely[best]), 6),
            "open_events": step.open_events,
        }
        print(json.dumps({"frame": row}))
    for event in step.events:
        if options.json:
            print(plain_json(msgspec.json.encode({"event": event})).decode())
        if event.phase != "updated" or event.is_new_alert:
            print(plain(_say(event)), file=sys.stderr)


def _say(event: Event) -> str:
    """Return the line for people of an opening, a closing, or what became an alert between them."""
    stamp, word, more = event.closed or event.opened, str(event.phase), ""
    if event.severity == "candidate":
        more = f", candidate, held back: {', '.join(event.held)}" if event.held else ", candidate"
    elif event.alerted is not None and event.is_new_alert:
        more = f", alert by {event.alerted.by}"
        if event.phase == "updated":
            stamp, word, more = event.alerted.at, "alert", f", by {event.alerted.by}"
    where = "x".join(str(v) for v in event.box_px)
    return f"{word:7} {event.camera} {event.label} at {stamp.model_s:.0f} s, box {where}{more}"


def read_expected(path: Path) -> list[Event]:
    """Read the last revision of each event from what `--json` wrote.

    Raises:
        SettingsError: unreadable, or not such a file.
    """
    last: dict[str, Event] = {}
    whole = False
    try:
        text = read_text(path, _EXPECTED_BYTES_MAX)
        for number, line in enumerate(io.StringIO(text, newline=None), 1):
            if not line.strip():
                continue
            document = msgspec.json.decode(line)
            whole = isinstance(document, dict) and "counters" in document
            if isinstance(document, dict) and "event" in document:
                event = msgspec.convert(document["event"], Event)
                last[event.id] = event
            elif not (isinstance(document, dict) and ("counters" in document or "frame" in document)):
                raise SettingsError(f"{path}:{number}: not a line of `firetower replay --json`")
    except OSError as error:
        raise SettingsError(f"{path}: cannot read expected events: {error.strerror}") from error
    except (msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise SettingsError(f"{path}: cannot read expected events: {error}") from error
    if not whole:
        raise SettingsError(
            f"{path}: incomplete: its last line is not the counters; write it anew with --json"
        )
    return list(last.values())


def compare(expected: list[Event], got: list[Event]) -> list[str]:
    """Say how two lists of final events differ; an empty list when they do not."""
    wanted, found = {event.id: event for event in expected}, {event.id: event for event in got}
    missing = [f"missing: {_describe(event)}" for key, event in wanted.items() if key not in found]
    extra = [f"unexpected: {_describe(event)}" for key, event in found.items() if key not in wanted]
    changed = [
        f"changed: expected {_describe(wanted[key])}, got {_describe(found[key])}"
        for key in wanted.keys() & found.keys()
        if wanted[key] != _as_told(found[key], wanted[key])
    ]
    return [*missing, *extra, *sorted(changed)]


def _as_told(event: Event, before: Event) -> Event:
    """Return an event without what a file from before it was kept does not say."""
    silent = [key for key in ("frame_px", "probability") if getattr(before, key) is None]
    return msgspec.structs.replace(event, **dict.fromkeys(silent))


def _describe(event: Event) -> str:
    closed = "open" if event.closed is None else f"{event.closed.model_s:.0f} s"
    times = f"{event.opened.model_s:.0f} s to {closed}"
    severity = str(event.severity)
    if event.alerted is not None:
        severity += f" at {event.alerted.at.model_s:.0f} s by {event.alerted.by}"
    return f"{event.id[:8]} {event.camera} {event.label} {times}, peak {event.peak:.2f}, {severity}"
