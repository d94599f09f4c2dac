"""`python -m benchmarks.frozen`: is a frozen camera found, and is no live one called so?

Twenty frozen streams are made: one picture under a clock that goes on, in files of JPEG and H.264, and read as by the
daemon. Real sequences and recordings are read beside them. The JSON keeps how far each is from the limit.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from edge.camera.address import open_source
from edge.camera.condition import STILL_PICTURES, Sight
from edge.camera.intake import Intake
from edge.camera.repeat import STILL_LUMA, Repeats, difference, sample_of
from edge.camera.scene import Scene
from edge.camera.schedule import Schedule
from edge.camera.source import Session
from edge.camera.view import View
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.image import RgbImage
from edge.replay import clip_options
from edge.scratch import temporary_folder

Pixels = NDArray[np.uint8]

SCHEMA = "firetower.frozen/1.0"
CADENCE_S = 60.0
PICTURES = 8  # of a made stream, a cadence apart
QUALITIES = (40, 70, 92)
_H264_FRAMES = 12  # a cadence; every sixth is a keyframe
_ROUNDS = 50
_METHOD = (
    "difference: edge.camera.repeat.difference, in luma levels; a run is a picture and the four after it, its distance "
    "the largest difference to the first; a camera is frozen where the distance is at most the limit. made: one "
    "picture under a clock, eight minutes, read from files as the daemon does. real: every picture of each "
    "sequence, in turn"
)


@dataclass(frozen=True, slots=True)
class Burnt:
    """A burnt-in clock: where it is, and the height of its digits as a share of the picture's."""

    place: str
    height: float
    boxed: bool


CLOCKS = (
    Burnt("top left", 0.03, boxed=False),
    Burnt("top right", 0.05, boxed=True),
    Burnt("bottom left", 0.04, boxed=True),
    Burnt("bottom right", 0.06, boxed=False),
    Burnt("bottom middle", 0.05, boxed=True),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found in a stream or sequence.

    Attributes:
        name: of it.
        pictures: how many were looked at.
        distances: of every run, the largest difference to its first picture.
        frozen: the numbers of the pictures with which the camera is called frozen.
        identical: those of them that are identical to the two before them.
    """

    name: str
    pictures: int
    distances: list[float]
    frozen: list[int]
    identical: list[int]


def with_clock(pixels: Pixels, clock: Burnt, minute: int) -> Pixels:
    """Return a copy of (H, W, 3) uint8 RGB with the time on it."""
    drawn, (height, width) = pixels.copy(), pixels.shape[:2]
    text = f"2026-11-28 21:{minute:02}:{minute * 7 % 60:02}"
    face, scale = cv2.FONT_HERSHEY_SIMPLEX, clock.height * height / 22  # its digits are 22 px high
    thick = max(1, round(scale * 2))
    (wide, high), below = cv2.getTextSize(text, face, scale, thick)
    edge = max(4, height // 60)
    left = {"left": edge, "right": width - wide - edge, "middle": (width - wide) // 2}[clock.place.split()[1]]
    base = high + edge if clock.place.startswith("top") else height - below - edge
    if clock.boxed:
        cv2.rectangle(drawn, (left - 4, base - high - 4), (left + wide + 4, base + below), (0, 0, 0), -1)
    cv2.putText(drawn, text, (left, base), face, scale, (255, 255, 255), thick, cv2.LINE_AA)
    return drawn


def write_jpegs(folder: Path, pictures: Sequence[Pixels], quality: int) -> Path:
    """Write pictures into a new folder; return it."""
    folder.mkdir()
    for number, pixels in enumerate(pictures):
        path = str(folder / f"{number:03}.jpg")
        cv2.imwrite(path, np.ascontiguousarray(pixels[..., ::-1]), (cv2.IMWRITE_JPEG_QUALITY, quality))
    return folder


def write_h264(path: Path, pictures: Sequence[Pixels]) -> Path:
    """Write pictures into a new file, a cadence each; return it."""
    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=Fraction(_H264_FRAMES, round(CADENCE_S)))
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.options = {"x264-params": f"keyint={_H264_FRAMES // 2}"}
        for pixels in pictures:
            whole = np.ascontiguousarray(pixels[:height, :width])
            for _ in range(_H264_FRAMES):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_made(folder: Path, bases: dict[str, Pixels]) -> Iterator[tuple[str, Path]]:
    """Write streams: each base under a clock of its own, at three JPEG qualities and as H.264."""
    for (base, pixels), clock in zip(bases.items(), CLOCKS, strict=False):
        pictures = [with_clock(pixels, clock, minute) for minute in range(PICTURES)]
        name = f"{base}, clock {clock.place}"
        for quality in QUALITIES:
            yield f"{name}, JPEG {quality}", write_jpegs(folder / f"{base}-{quality}", pictures, quality)
        yield f"{name}, H.264", write_h264(folder / f"{base}.mp4", pictures)


def watch(name: str, clip: Path, cadence_s: float = CADENCE_S) -> Watched:
    """Read a clip as the daemon does, and look at every run of its due pictures.

    Raises:
        CameraError: it cannot be read.
    """
    schedule, clock = Schedule(cadence_s), SystemClock()
    samples: list[Pixels] = []
    frozen: list[int] = []
    identical: list[int] = []
    intake = Intake(Account(), clock, lambda _stage, _ns: None, schedule, judged=False)
    sight = Sight(schedule)
    source = open_source(clip_options(str(clip), {}), Session(clock, schedule))
    try:
        while (picture := source.read()) is not None:
            frame = intake.take(picture, live=False)
            if frame is None:
                continue
            cause = sight.judge(frame)
            if sight.condition == "frozen":
                (identical if cause == "frozen" else frozen).append(len(samples))
            samples.append(sample_of(frame.image))
    finally:
        source.close()
    return Watched(name, len(samples), distances(samples), frozen, identical)


def distances(samples: Sequence[Pixels]) -> list[float]:
    """Return for every run how far it goes from its first picture."""
    runs = (samples[start : start + STILL_PICTURES] for start in range(len(samples) - STILL_PICTURES + 1))
    return [round(max(difference(run[0], other) for other in run[1:]), 4) for run in runs]


def scene_base() -> Pixels:
    """Return a picture of the built-in scene."""
    return View(Scene()).render(3)


def bases(shared: Path | None) -> dict[str, Pixels]:
    """Return the pictures that the made streams show: the scene, and real ones as far as they are there."""
    found = {"scene": scene_base()}
    for part, name in (
        ("wildfire", "20160604_FIRE_rm-n-mobo-c"),
        ("wildfire", "20190801_Caliente_om-w-mobo"),
        ("quiet", "highway_fog_cn-20200201"),
        ("quiet", "vegas_oxblue-20230613"),
    ):
        paths = [] if shared is None else sorted((shared / f"data/{part}/sequences/{name}").glob("*.jpg"))
        if paths:
            bgr = cv2.imread(str(paths[-1]), cv2.IMREAD_COLOR)
            assert bgr is not None
            found[name] = np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
    return found


def real(shared: Path) -> Iterator[Watched]:
    """Watch every real sequence and recording."""
    for part in ("wildfire", "quiet"):
        for folder in sorted((shared / f"data/{part}/sequences").iterdir()):
            yield watch(folder.name, folder, 0.0)
    for clip in sorted((shared / "data/wildfire/unlabelled").glob("*.mp4")):
        yield watch(clip.name, clip, 1.0)


def cost(size_px: tuple[int, int]) -> dict[str, Any]:
    """Time the whole judgement of pictures that all differ, in ns each."""
    rng = np.random.default_rng(1)
    pictures = [RgbImage(rng.integers(0, 255, (*size_px, 3), np.uint8)) for _ in range(3)]
    repeats, times_ns = Repeats(), []
    for number in range(_ROUNDS + 5):
        started_ns = time.perf_counter_ns()
        repeats.see(pictures[number % 3])
        times_ns.append(time.perf_counter_ns() - started_ns)
    return {"size_px": size_px, "ns": times_ns[5:], "median_ms": sorted(times_ns[5:])[_ROUNDS // 2] / 1e6}


def measure(shared: Path | None) -> dict[str, Any]:
    """Return the whole result; without the folder of real data that of one base alone."""
    about = describe()
    with temporary_folder("frozen-") as folder:
        made = [watch(name, clip) for name, clip in write_made(folder, bases(shared))]
    live = [] if shared is None else list(real(shared))
    return {
        "schema": SCHEMA,
        "machine": about,
        "method": _METHOD,
        "limit": STILL_LUMA,
        "summary": summarize(made, live),
        "made": [asdict(one) for one in made],
        "real": [asdict(one) for one in live],
        "cost": [cost(size_px) for size_px in ((480, 640), (1080, 1920), (2160, 3840))],
    }


def summarize(made: Sequence[Watched], live: Sequence[Watched]) -> dict[str, Any]:
    """Return how many were found and called frozen, and the distances nearest to the limit."""
    far = max((distance, one.name) for one in made for distance in one.distances)
    later = max((distance, one.name) for one in made for distance in one.distances[1:])
    near = sorted((distance, one.name) for one in live for distance in one.distances)[:5]
    return {
        "made": len(made),
        "found": sum(bool(one.frozen) for one in made),
        "found_with_the_fifth_picture": sum(one.frozen[:1] == [STILL_PICTURES - 1] for one in made),
        "largest_distance_of_made": far,
        "largest_distance_of_made_after_the_first_run": later,
        "real": len(live),
        "real_pictures": sum(one.pictures for one in live),
        "called_frozen": [one.name for one in live if one.frozen],
        "third_identical_picture": sum(len(one.identical) for one in live),
        "smallest_distances_of_real": near,
    }


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 0 where every made stream was found and no real camera was called frozen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frozen", description=__doc__)
    parser.add_argument(
        "--shared", type=Path, metavar="FOLDER", help="what holds data/wildfire and data/quiet"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    options = parser.parse_args(arguments)
    result = measure(options.shared)
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    for timed in result["cost"]:
        print(f"{timed['size_px']}: {timed['median_ms']:.2f} ms a due picture", file=sys.stderr)
    summary = result["summary"]
    print(json.dumps(summary))
    return 0 if summary["found"] == summary["made"] and not summary["called_frozen"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
