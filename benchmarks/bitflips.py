"""`python -m benchmarks.bitflips`: one flipped bit a second in a video, and how much of the damage is scored.

A synthetic clip is encoded, then in a copy for each seed a random bit of each second's data is flipped. Both are read
as the daemon reads them; each picture that would be scored is compared with the same one of the untouched clip, and the
bundled model looks for events in both. A picture is visibly damaged below 30 dB.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.errors import CameraError
from edge.frame import Frame
from edge.model.loaded import Model, load_model
from edge.replay import replay
from edge.scratch import temporary_folder

SCHEMA = "firetower.bitflips/1.0"
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
        source = open_source(options_for(address), Session(SystemClock()))
        while (picture := source.read()) is not None:
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


def play(path: Path, model: Model, cadence_s: float, seen: Callable[[Frame], object]) -> dict[str, int]:
    """Play a file as the daemon does; return how many pictures were scored and corrupt, and how many events opened.

    Args:
        path: of the file.
        model: looks for events.
        cadence_s: seconds between scored pictures; 0 scores all.
        seen: given each scored picture.
    """
    account, opened = Account(), 0
    steps = replay(
        str(path), model, clock=SystemClock(), record=lambda _stage, _ns: None, account=account,
        cadence_s=cadence_s, name="north",
    )  # fmt: skip
    last = -1
    with contextlib.suppress(CameraError):  # nothing in it is whole
        for step in steps:
            opened += sum(event.phase == "opened" for event in step.events)
            if step.frame.sequence != last:  # the last step comes twice, with the closings
                seen(step.frame)
            last = step.frame.sequence
    balance = account.balance()
    return {"scored": balance.scored, "corrupt": balance.dropped["corrupt"], "opened": opened}


def ratio_db(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio; infinite where both are equal, 0 where their sizes differ."""
    if one.shape != other.shape:
        return 0.0
    return float(cv2.PSNR(one, other)) if (one != other).any() else math.inf


def measure(
    clip: Clip, model: Model, seeds: int = SEEDS, told: Callable[[str], None] = lambda _line: None
) -> dict[str, Any]:
    """Measure one clip over so many seeds. Holds the untouched clip in grey: 260 MB at its default size.

    Args:
        clip: what is encoded.
        model: looks for events.
        seeds: how many damaged copies.
        told: given a line about each.

    Returns:
        The record: what was measured, and for each mode and seed its counts and ratios.
    """
    # every picture is decoded; or, once the first interval is known, keyframes alone
    cadences_s = {"all": 0.0, "keyframes": float(clip.keyframe_s)}
    with temporary_folder("bitflips-") as folder:
        control, damaged = folder / "control.mp4", folder / "damaged.mp4"
        encode(clip, control)
        data, places = control.read_bytes(), packet_places(control)
        whole: dict[int, NDArray[np.uint8]] = {}
        controls = {
            mode: play(
                control, model, cadence_s, lambda frame: whole.setdefault(frame.model_ns, _grey(frame))
            )
            for mode, cadence_s in cadences_s.items()
        }
        runs: list[dict[str, Any]] = []
        for seed in range(seeds):
            damaged.write_bytes(flip(data, places, seed))
            for mode, cadence_s in cadences_s.items():
                ratios: list[float] = []
                counts = play(damaged, model, cadence_s, functools.partial(_compare, whole, ratios))
                differing = [round(ratio, 1) for ratio in ratios if ratio < math.inf]
                runs.append({"seed": seed, "mode": mode, **counts, "differing_db": differing})
            told(f"{clip.codec}, keyframe each {clip.keyframe_s} s: seed {seed + 1} of {seeds}")
    return {
        "codec": clip.codec, "keyframe_s": clip.keyframe_s, "seconds": clip.seconds, "fps": FPS,
        "size_px": clip.size_px, "bytes": len(data), "control": controls, "runs": runs,
        "summary": {mode: summary(runs, mode, controls[mode]["opened"]) for mode in cadences_s},
    }  # fmt: skip


def _grey(frame: Frame) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame.image.rgb(), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _compare(whole: Mapping[int, NDArray[np.uint8]], ratios: list[float], frame: Frame) -> None:
    ratios.append(ratio_db(_grey(frame), whole[frame.model_ns]))


def summary(runs: Sequence[dict[str, Any]], mode: str, control_opened: int) -> dict[str, Any]:
    """Return the figures of one mode over all seeds."""
    mine = [run for run in runs if run["mode"] == mode]
    scored = sum(run["scored"] for run in mine)
    visible = sum(ratio < VISIBLE_DB for run in mine for ratio in run["differing_db"])
    return {
        "scored": scored,
        "corrupt": sum(run["corrupt"] for run in mine),
        "differing": sum(len(run["differing_db"]) for run in mine),
        "visibly_damaged": visible,
        "share": visible / scored if scored else None,
        "most_opened": max(run["opened"] for run in mine),
        "control_opened": control_opened,
    }


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 0 where H.264 stays below 1% in every mode and opens no event too many."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bitflips", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="damaged copies of each clip (%(default)s)")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="length of each clip (%(default)s)")
    parser.add_argument("--codec", choices=CODECS, nargs="+", default=CODECS, help="default: all, in turn")
    parser.add_argument("--keyframe-s", type=int, nargs="+", default=(2, 10), help="default: 2 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    options = parser.parse_args(arguments)
    about = describe()  # before it is busy
    records, model = [], load_model(None)
    for codec in options.codec:
        for keyframe_s in options.keyframe_s if codec != "mjpeg" else options.keyframe_s[:1]:
            began_s = time.monotonic()
            clip = Clip(codec, keyframe_s, options.seconds)
            records.append(measure(clip, model, options.seeds, lambda line: print(line, file=sys.stderr)))
            told = {key: records[-1][key] for key in ("codec", "keyframe_s", "summary")}
            print(json.dumps({**told, "minutes": round((time.monotonic() - began_s) / 60, 1)}), flush=True)
    if options.json:
        result = {"schema": SCHEMA, "machine": about, "records": records}
        options.json.write_text(json.dumps(result) + "\n")
    return 0 if all(good(record) for record in records if record["codec"] == "libx264") else 1


def good(record: dict[str, Any]) -> bool:
    """Say whether under 1% of the scored pictures are visibly damaged, and no event more opens than without damage.

    Some pictures have to be scored: who scores nothing damages nothing.
    """
    return all(
        figures["scored"] > 0
        and figures["share"] < 0.01
        and figures["most_opened"] <= figures["control_opened"]
        for figures in record["summary"].values()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
