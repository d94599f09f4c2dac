"""`python -m benchmarks.fit`: what `replay` costs beside the daemon, and what it costs to fit a picture to the model.

A minute of 1080p is encoded into a temporary folder, then `replay --cadence-s 60` and the daemon at fast pace read it
in turns, as processes of their own. Then pictures in a decoder's formats are fitted to the shipped model's input, by
way of RGB at full size, as versions before 0.2 did, and by way of their planes. The JSON keeps every raw value.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from benchmarks.machine import describe, warnings
from edge.camera.limit import Limits
from edge.camera.picture import image_of
from edge.camera.room import hold
from edge.camera.scene import Scene
from edge.camera.view import View
from edge.errors import BundleError
from edge.image import resize
from edge.model.bundle import Bundle, bundled_path
from edge.model.load import load_preprocess
from edge.scratch import temporary_folder

Pixels = NDArray[np.uint8]

SCHEMA = "firetower.fit/1.0"
FORMATS = ("yuv420p", "yuvj420p", "nv12")
STATES = ("hot", "cold")
CADENCE_S = 60
_ROOT = str(Path(__file__).parents[1])
_FPS, _KEYFRAME_S = 15, 2
_DRIFT_PX = 3  # a picture
_TOUCHED_BYTES = 40_000_000  # more than a cache holds
_WARMUP = 5
_METHOD = (
    "process_cpu_s: user and system time of a whole process (os.wait4), in turns; replay and daemon read the same clip "
    f"at a cadence of {CADENCE_S} s, start is a replay of its first picture alone. fit_cpu_ns: time of the thread "
    "(CLOCK_THREAD_CPUTIME_ID), OpenCV and FFmpeg's scaler with one thread, malloc as the daemon sets it "
    "(edge.camera.room.hold), old and new in turns; old is FFmpeg's "
    "conversion to RGB at full size, then the resize, new is edge.camera.picture.image_of, then fitted; cold is after "
    f"{_TOUCHED_BYTES // 1_000_000} MB were touched"
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took.

    Attributes:
        cpu_s: user and system time.
        scored: how many frames it scored.
    """

    cpu_s: float
    scored: int


def picture(size_px: tuple[int, int]) -> Pixels:
    """Return the built-in scene at a size, (*size_px, 3) uint8 RGB."""
    scene = View(Scene()).render(3)
    return np.asarray(cv2.resize(scene, size_px[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def write_clip(path: Path, seconds: float, size_px: tuple[int, int]) -> Path:
    """Encode the scene, drifting, as H.264 with a keyframe each two seconds; return the path."""
    base = picture(size_px)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=_FPS)
        stream.height, stream.width, stream.pix_fmt = *size_px, "yuv420p"
        keys = _FPS * _KEYFRAME_S
        stream.codec_context.options = {
            "preset": "veryfast",
            "x264-params": f"keyint={keys}:min-keyint={keys}:scenecut=0",
        }
        for number in range(max(1, round(seconds * _FPS))):
            frame = av.VideoFrame.from_ndarray(np.roll(base, number * _DRIFT_PX, 1), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, _FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def commands(folder: Path, clip: Path, start: Path) -> dict[str, tuple[str, ...]]:
    """Return what is run in turns; the daemon's configuration is written into the folder."""
    tower = folder / "tower.toml"
    tower.write_text(
        f'[cameras.clip]\nuri = {json.dumps(f"file:{clip}")}\npace = "fast"\ncadence_s = {CADENCE_S}\n'
        f"[web]\nenabled = false\n[store]\npath = {json.dumps(str(folder / 'events.db'))}\n"
    )
    python = (sys.executable, "-P", "-m", "edge")
    return {
        "replay": (*python, "replay", "--cadence-s", str(CADENCE_S), str(clip)),
        "daemon": (*python, "run", str(tower)),
        "start": (*python, "replay", "--cadence-s", str(CADENCE_S), str(start)),
    }


def run(command: Sequence[str]) -> Ran:
    """Run a command to its end.

    Raises:
        BundleError: it failed; the message is its last line.
    """
    paths = [_ROOT, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with temporary_folder("fit-") as folder:
        out, err = folder / "out", folder / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment
            )
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said = err.read_text(errors="replace").strip().splitlines() or [f"exit {child.returncode}"]
            raise BundleError(f"{command[4]} failed: {said[-1]}")
        last = json.loads(out.read_text().splitlines()[-1])
    return Ran(usage.ru_utime + usage.ru_stime, scored(last))


def scored(last: dict[str, Any]) -> int:
    """Return how many frames the last line of `run` or `replay` counts as scored."""
    cameras: dict[str, dict[str, Any]] = last.get("counters", last)["cameras"]
    return sum(int(camera["scored"]) for camera in cameras.values())


def processes(seconds: float, size_px: tuple[int, int], times: int) -> dict[str, Any]:
    """Measure the commands in turns.

    Args:
        seconds: length of the clip.
        size_px: (height, width) of it.
        times: how often each is run.
    """
    with temporary_folder("fit-") as folder:
        clip = write_clip(folder / "clip.mp4", seconds, size_px)
        start = write_clip(folder / "start.mp4", 0, size_px)
        runs = commands(folder, clip, start)
        found: dict[str, list[Ran]] = {name: [] for name in runs}
        for _ in range(times):
            for name, command in runs.items():
                found[name].append(run(command))
        return {
            "clip": {
                "seconds": seconds,
                "fps": _FPS,
                "keyframe_s": _KEYFRAME_S,
                "size_px": size_px,
                "bytes": clip.stat().st_size,
            },
            "scored": {name: [one.scored for one in ran] for name, ran in found.items()},
            "process_cpu_s": {name: [one.cpu_s for one in ran] for name, ran in found.items()},
        }


def ways(content_px: tuple[int, int]) -> dict[str, Callable[[av.VideoFrame], Pixels]]:
    """Return how a decoded picture became the model's, and how it does now.

    Args:
        content_px: (height, width) of the picture within the model's input.
    """
    reformatter = VideoReformatter()

    def old(frame: av.VideoFrame) -> Pixels:
        rgb = reformatter.reformat(frame, format="rgb24", threads=1)
        return resize(np.asarray(rgb.to_ndarray(), np.uint8), content_px)

    def new(frame: av.VideoFrame) -> Pixels:
        return image_of(frame).fitted(content_px)

    return {"old": old, "new": new}


def fits(size_px: tuple[int, int], rounds: int) -> dict[str, Any]:
    """Measure the ways in turns, of each format and state of the cache.

    Args:
        size_px: (height, width) of the picture.
        rounds: how often each is done, after a warm-up.
    """
    preprocess = load_preprocess(Bundle.open(bundled_path()))
    base = av.VideoFrame.from_ndarray(picture(size_px), format="rgb24")
    y0, x0, y1, x1 = preprocess.fit(image_of(base)).placement.content_px
    content_px = (y1 - y0, x1 - x0)
    touched = np.zeros(_TOUCHED_BYTES, np.uint8)
    threads = cv2.getNumThreads()
    hold(Limits().packet_bytes)
    cv2.setNumThreads(1)
    try:
        measured: dict[str, Any] = {}
        for form in FORMATS:
            frame = base.reformat(format=form)
            measured[form] = {}
            for state in STATES:
                spent: dict[str, list[int]] = {name: [] for name in ways(content_px)}
                for _ in range(_WARMUP + rounds):
                    for name, way in ways(content_px).items():
                        if state == "cold":
                            touched += 1
                        started_ns = time.thread_time_ns()
                        way(frame)
                        spent[name].append(time.thread_time_ns() - started_ns)
                measured[form][state] = {name: each[_WARMUP:] for name, each in spent.items()}
    finally:
        cv2.setNumThreads(threads)
    return {"size_px": size_px, "content_px": content_px, "fit_cpu_ns": measured}


def summarize(replayed: dict[str, Any], fitted: dict[str, Any]) -> dict[str, Any]:
    """Return medians: CPU of the processes in s and their ratio, of the ways in ms."""
    spent_s = {name: median(each) for name, each in replayed["process_cpu_s"].items()}
    return {
        "process_cpu_s": spent_s,
        "replay_over_daemon": round(spent_s["replay"] / spent_s["daemon"], 3),
        "fit_cpu_ms": {
            form: {
                state: {way: round(median(each) / 1e6, 3) for way, each in by_way.items()}
                for state, by_way in by_state.items()
            }
            for form, by_state in fitted["fit_cpu_ns"].items()
        },
    }


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="length of the clip (60)")
    parser.add_argument("--times", type=int, default=5, metavar="N", help="runs of each process (5)")
    parser.add_argument("--rounds", type=int, default=50, metavar="N", help="pictures of each kind (50)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(1080, 1920), metavar=("H", "W"), help="in px (1080 1920)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    options = parser.parse_args(arguments)
    if min(options.times, options.rounds) < 1 or min(options.size) < 2 or not options.seconds > 0:
        parser.error("--times, --rounds, --seconds and --size must be positive")
    machine = describe()
    for warning in warnings(machine):
        print(f"warning: {warning}", file=sys.stderr)
    size_px = (options.size[0] // 2 * 2, options.size[1] // 2 * 2)
    replayed = processes(options.seconds, size_px, options.times)
    fitted = fits(size_px, options.rounds)
    summary = summarize(replayed, fitted)
    result = {
        "schema": SCHEMA,
        "machine": machine,
        "method": _METHOD,
        "summary": summary,
        "replay": replayed,
        "fit": fitted,
    }
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
