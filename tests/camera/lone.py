"""Opens cameras one after the other, each in a process of its own, and tells what that took at most.

A line of JSON in, {"uri": …, "keys": {…}, "reads": n, "times": n}; a line of JSON out: `Outcome` of test_bomb.py.
"""

import json
import os
import re
import sys
from pathlib import Path

import av  # noqa: F401 — loaded before memory is looked at
import cv2
import numpy as np

from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.errors import CameraError, FrameError


def memory_bytes(key: str) -> int:
    return int(re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def read(uri: str, keys: dict, reads: int, session: Session) -> dict:
    said, pictures = [], 0
    source = None
    try:
        source = open_source(options_for(uri, **keys), session)
        for _ in range(reads):
            try:
                picture = source.read()
                if picture is None:
                    break
                picture.to_rgb()
                pictures += 1
            except FrameError as error:
                said.append(str(error))
    except CameraError as error:
        said.append(str(error))
    finally:
        if source is not None:
            source.close()
    return {"pictures": pictures, "said": said}


def answer(line: str) -> None:
    request = json.loads(line)
    rest_bytes = memory_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    session = Session(SystemClock())  # one for all openings, as a camera has
    for _ in range(request["times"]):
        outcome = read(request["uri"], request["keys"], request["reads"], session)
    print(json.dumps({"over_rest_bytes": memory_bytes("VmHWM") - rest_bytes, **outcome}), flush=True)


def main() -> None:
    cv2.setNumThreads(0)
    cv2.imdecode(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1], cv2.IMREAD_COLOR)
    read("scene:plume?frames=1", {}, 1, Session(SystemClock()))
    read(sys.argv[1], {}, 1, Session(SystemClock()))  # FFmpeg has been at work
    for line in sys.stdin:
        if os.fork():
            os.wait()
        else:
            answer(line)
            os._exit(0)


if __name__ == "__main__":
    main()
