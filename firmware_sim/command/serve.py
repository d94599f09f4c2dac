"""`firetower sim serve`: clips as cameras on this machine."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading

from edge.log import configure
from edge.text import plain
from firmware_sim.command import argument
from firmware_sim.serve import ServeError, ready_line, serving

_HELP = """\
Play clips again and again as cameras on this machine: H.264 over RTSP, MJPEG and snapshots over HTTP.

A clip is a video file (mp4, mkv, avi), a folder of images, or scene:plume. Videos run in their own time; a
folder shows its next image with every picture, or every --image-s seconds. One line of JSON says where the
cameras are:

  $ firetower sim serve tower.mp4 --rtsp-port 8554 --http-port 8080
  {"cameras": [{"name": "tower", "rtsp": "rtsp://127.0.0.1:8554/tower",
                "http": "http://127.0.0.1:8080/tower.mjpg", "snapshot": "http://127.0.0.1:8080/tower.jpg"}]}

Only this machine can reach them. Ctrl-C ends it. RTSP needs Debian packages; an error names those that miss.
"""


def add(commands: argument.Commands) -> None:
    """Add its words to the command line."""
    parser = commands.add_parser(
        "serve",
        help="play clips as RTSP and HTTP cameras on this machine",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "clips", nargs="+", metavar="CLIP", help="video file, folder of images, or scene:plume"
    )
    parser.add_argument("--rtsp-port", type=argument.port, default=0, metavar="N", help="default: a free one")
    parser.add_argument("--http-port", type=argument.port, default=0, metavar="N", help="default: a free one")
    parser.add_argument(
        "--fps", type=argument.positive, default=5.0, metavar="F", help="pictures a second (default: 5)"
    )
    parser.add_argument(
        "--size", type=argument.size, metavar="WxH", help="of the pictures in px (default: the clip's own)"
    )
    parser.add_argument(
        "--image-s", type=argument.positive, metavar="S", help="seconds that an image of a folder is shown"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until asked to end; return the exit code."""
    configure(logging.INFO, "%(levelname)s %(message)s")
    asked, broken = threading.Event(), threading.Event()
    before = {
        number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with serving(
            arguments.clips,
            rtsp_port=arguments.rtsp_port,
            http_port=arguments.http_port,
            fps=arguments.fps,
            size_px=arguments.size,
            image_s=arguments.image_s,
            ended=broken,
        ) as cameras:
            print(ready_line(cameras), flush=True)
            while not asked.wait(0.2) and not broken.is_set():
                pass
    except ServeError as error:
        print(f"firetower sim serve: {plain(str(error))}", file=sys.stderr)
        return 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if asked.is_set() else 1
