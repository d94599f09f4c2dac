"""`python -m benchmarks.bitflips`: one flipped bit a second in a video, and how much of the damage is scored.

A synthetic clip is encoded, then in a copy for each seed a random bit of each second's data is flipped. Both are read
as the daemon reads them; each picture that would be scored is compared with the same one of the untouched clip, and the
bundled model looks for events in both. A picture is visibly damaged below 30 dB.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.address import open_source, options_for
from edge.camera.schedule import Schedule
from edge.camera.source import Picture, Session
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.errors import CameraError, FrameError
from edge.model.loaded import Model, load_model
from edge.replay import replay

VISIBLE_DB = 30.0
SEEDS = 50
SECONDS = 170
FPS = 5
SIZE_PX = (480, 640)
_PRESETS = {
    "libx264": {"preset": "veryfast", "crf": "24"},
    "libx265": {"preset": "veryfast", "crf": "26"},
    "mjpeg": {"qmin": "4", "qmax": "4"},
}
CODECS = tuple(_PRESETS)


@dataclass(frozen=True, slots=True)
class Clip:
    """What is encoded.

    Attributes:
        codec: FFmpeg's name of the encoder.
        keyframe_s: seconds between keyframes.
        seconds: length.
        size_px: (height, width).
    """

    codec: str = "libx264"
    keyframe_s: int = 2
    seconds: int = SECONDS
    size_px: tuple[int, int] = SIZE_PX


def encode(clip: Clip, path: Path) -> None:
    """Encode a view in which smoke never rises, moving as clouds and noise do, to a file."""
    address = f"scene:quiet?frames={clip.seconds * FPS}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(clip.codec, rate=FPS)
        stream.height, stream.width = clip.size_px
        stream.pix_fmt = "yuvj420p" if clip.codec == "mjpeg" else "yuv420p"
        stream.codec_context.options = _PRESETS[clip.codec] | _keyframes(clip)
        for picture in _pictures(address, 0.0):
            drawn = cv2.resize(picture.to_rgb(), clip.size_px[::-1], interpolation=cv2.INTER_AREA)
            pixels = np.asarray(drawn, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def _keyframes(clip: Clip) -> dict[str, str]:
    text = f"keyint={clip.keyframe_s * FPS}:scenecut=0"
    return {"libx264": {"x264-params": text}, "libx265": {"x265-params": f"{text}:log-level=none"}}.get(
        clip.codec, {}
    )


def flip(data: bytes, places: Sequence[Sequence[tuple[int, int]]], seed: int) -> bytes:
    """Flip one random bit of each second.

    Args:
        data: of the file.
        places: of each second, where its packets are: offset and length in bytes.
        seed: chooses the bits.
    """
    random, damaged = np.random.default_rng(seed), bytearray(data)
    for second in places:
        at = int(random.integers(sum(length for _, length in second)))
        for offset, length in second:
            if at < length:
                damaged[offset + at] ^= 1 << int(random.integers(8))
                break
            at -= length
    return bytes(damaged)


def packet_places(path: Path) -> list[list[tuple[int, int]]]:
    """Return where in a file the packets of each second are."""
    seconds: dict[int, list[tuple[int, int]]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size and packet.dts is not None and packet.pos is not None:
                second = math.floor(packet.dts * packet.time_base)
                seconds.setdefault(second, []).append((packet.pos, packet.size))
    return list(seconds.values())


def damage_scored(damaged: Path, control: Path, cadence_s: float) -> dict[str, Any]:
    """Return how many pictures would be scored, how many are corrupt, and the dB of each scored one that differs."""
    lost = [0]
    whole = _pictures(str(control), 0.0)
    scored, differing = 0, []
    reference = next(whole)
    for picture in _pictures(str(damaged), cadence_s, lost):
        while reference.source_ns != picture.source_ns:
            reference = next(whole)
        scored += 1
        ratio_db = _ratio_db(picture.to_rgb(), reference.to_rgb())
        if ratio_db < math.inf:
            differing.append(round(ratio_db, 1))
    return {"scored": scored, "corrupt": lost[0], "differing_db": differing}


def _pictures(address: str, cadence_s: float, lost: list[int] | None = None) -> Iterator[Picture]:
    source = open_source(options_for(address), Session(SystemClock(), Schedule(cadence_s)))
    try:
        while True:
            try:
                picture = source.read()
            except FrameError:
                if lost is not None:
                    lost[0] += 1
                continue
            except CameraError:  # nothing in it is whole
                return
            if picture is None:
                return
            yield picture
    finally:
        source.close()


def _ratio_db(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio; infinite where both are equal, 0 where their sizes differ."""
    if one.shape != other.shape:
        return 0.0
    return float(cv2.PSNR(one, other)) if (one != other).any() else math.inf


def openings(path: Path, model: Model, cadence_s: float) -> int:
    """Return how many events the bundled model opens."""
    steps = replay(
        str(path), model, clock=SystemClock(), record=lambda _stage, _ns: None, account=Account(),
        cadence_s=cadence_s,
    )  # fmt: skip
    return sum(event.phase == "opened" for step in steps for event in step.events)


def measure(
    clip: Clip, seeds: int = SEEDS, told: Callable[[str], None] = lambda _line: None, *, events: bool = True
) -> dict[str, Any]:
    """Measure one clip over so many seeds.

    Args:
        clip: what is encoded.
        seeds: how many damaged copies.
        told: given a line about each.
        events: whether the model looks for events.

    Returns:
        The record: what was measured, and for each mode and seed its counts and ratios.
    """
    model = load_model(None) if events else None
    # every picture is decoded; or, once the first interval is known, keyframes alone
    cadences_s = {"all": 0.0, "keyframes": float(clip.keyframe_s)}
    with tempfile.TemporaryDirectory() as folder:
        control, damaged = Path(folder) / "control.mp4", Path(folder) / "damaged.mp4"
        encode(clip, control)
        data, places = control.read_bytes(), packet_places(control)
        opened = {} if model is None else {m: openings(control, model, s) for m, s in cadences_s.items()}
        runs: list[dict[str, Any]] = []
        for seed in range(seeds):
            damaged.write_bytes(flip(data, places, seed))
            for mode, cadence_s in cadences_s.items():
                run = {"seed": seed, "mode": mode, **damage_scored(damaged, control, cadence_s)}
                if model is not None:
                    run["opened"] = openings(damaged, model, cadence_s)
                runs.append(run)
            told(f"{clip.codec}, keyframe each {clip.keyframe_s} s: seed {seed + 1} of {seeds}")
    return {
        "codec": clip.codec, "keyframe_s": clip.keyframe_s, "seconds": clip.seconds, "fps": FPS,
        "size_px": clip.size_px, "bytes": len(data), "control_opened": opened, "runs": runs,
        "summary": {mode: summary(runs, mode, opened.get(mode)) for mode in cadences_s},
    }  # fmt: skip


def summary(runs: Sequence[dict[str, Any]], mode: str, control_opened: int | None) -> dict[str, Any]:
    """Return the figures of one mode over all seeds."""
    mine = [run for run in runs if run["mode"] == mode]
    scored = sum(run["scored"] for run in mine)
    visible = sum(ratio < VISIBLE_DB for run in mine for ratio in run["differing_db"])
    figures: dict[str, Any] = {
        "scored": scored,
        "corrupt": sum(run["corrupt"] for run in mine),
        "differing": sum(len(run["differing_db"]) for run in mine),
        "visibly_damaged": visible,
        "share": visible / scored if scored else None,
    }
    if control_opened is not None:
        figures["most_opened"] = max(run["opened"] for run in mine)
        figures["control_opened"] = control_opened
    return figures


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 0 where H.264 stays below 1% in every mode and opens no event too many."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bitflips", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="damaged copies of each clip (%(default)s)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="length of each clip (%(default)s)")
    parser.add_argument("--codec", choices=CODECS, nargs="+", default=CODECS, help="default: all, in turn")
    parser.add_argument("--keyframe-s", type=int, nargs="+", default=(2, 10), help="default: 2 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    options = parser.parse_args(arguments)
    records = []
    for codec in options.codec:
        for keyframe_s in options.keyframe_s if codec != "mjpeg" else options.keyframe_s[:1]:
            began_s = time.monotonic()
            clip = Clip(codec, keyframe_s, options.seconds)
            records.append(measure(clip, options.seeds, lambda line: print(line, file=sys.stderr)))
            told = {key: records[-1][key] for key in ("codec", "keyframe_s", "summary")}
            print(json.dumps({**told, "minutes": round((time.monotonic() - began_s) / 60, 1)}), flush=True)
    if options.json:
        options.json.write_text(json.dumps(records, indent=1) + "\n")
    return 0 if all(good(record) for record in records if record["codec"] == "libx264") else 1


def good(record: dict[str, Any]) -> bool:
    """Say whether under 1% of the scored pictures are visibly damaged, and no event more opens than without damage."""
    return all(
        (figures["share"] or 0) < 0.01 and figures.get("most_opened", 0) <= figures.get("control_opened", 0)
        for figures in record["summary"].values()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
