"""`python -m firmware_sim` and `firetower sim`: cameras, and later whole towers, that are not there."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading

from edge.log import configure
from edge.text import plain
from firmware_sim.serve import ServeError, ready_line, serving

_SERVE_HELP = """\
Play clips again and again as cameras on this machine: H.264 over RTSP, MJPEG and snapshots over HTTP.

A clip is a video file (mp4, mkv, avi), a folder of images, or scene:plume. Videos run in their own time; a
folder shows its next image with every picture, or every --image-s seconds. One line of JSON says where the
cameras are:

  $ firetower sim serve tower.mp4 --rtsp-port 8554 --http-port 8080
  {"cameras": [{"name": "tower", "rtsp": "rtsp://127.0.0.1:8554/tower",
                "http": "http://127.0.0.1:8080/tower.mjpg", "snapshot": "http://127.0.0.1:8080/tower.jpg"}]}

Only this machine can reach them. Ctrl-C ends it. RTSP needs Debian packages; an error names those that miss.
"""


def command(argv: list[str]) -> int:
    """Run one command; return 0 when it ended as asked, 1 when it broke, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="firetower sim", description="A tower without a tower.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="play clips as RTSP and HTTP cameras on this machine",
        description=_SERVE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument(
        "clips", nargs="+", metavar="CLIP", help="video file, folder of images, or scene:plume"
    )
    serve.add_argument("--rtsp-port", type=_port, default=0, metavar="N", help="default: a free one")
    serve.add_argument("--http-port", type=_port, default=0, metavar="N", help="default: a free one")
    serve.add_argument(
        "--fps", type=_positive, default=5.0, metavar="F", help="pictures a second (default: 5)"
    )
    serve.add_argument(
        "--size", type=_size, metavar="WxH", help="of the pictures in px (default: the clip's own)"
    )
    serve.add_argument(
        "--image-s", type=_positive, metavar="S", help="seconds that an image of a folder is shown"
    )
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as end:  # argparse has said what was wrong
        return int(end.code or 0)
    return _serve(arguments)


def _serve(arguments: argparse.Namespace) -> int:
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


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"got '{text}'; expected a port from 0 to 65535")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.001 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"got '{text}'; expected a number above 0")
    return value


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (
        width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 8192 and 16 <= int(height) <= 8192
    ):
        raise argparse.ArgumentTypeError(
            f"got '{text}'; expected WIDTHxHEIGHT in px from 16 to 8192, as 640x480"
        )
    return int(height), int(width)


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
