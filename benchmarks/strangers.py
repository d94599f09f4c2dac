"""`python -m benchmarks.strangers`: crowds before the real daemon, and how fast it answers the right token.

The daemon has few descriptors and watches a camera that counts how often it is opened. Each crowd is a process of its
own. Times are of this machine and whatever else it does; the JSON keeps each of them.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.tower import Tower
from edge.scratch import temporary_folder

TOKEN = "a-token-of-some-length"  # noqa: S105 — opens nothing but a daemon of this run
DESCRIPTORS = 256
HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
CROWD = 2000 if HARD == resource.RLIM_INFINITY else min(2000, HARD - 48)
CROWDS = ("silent", "returning", "dripping", "deaf", "kept", "guessing")
_ASKED = 12
_ROOT = Path(__file__).parents[1]
_FEW = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"
_SAYS = {
    "dripping": b"GET /health HTTP/1.1\r\nX-Header: ",
    "deaf": b"GET /health HTTP/1.1\r\nHost: tower\r\n\r\n" * 50,
    "kept": b"GET /health HTTP/1.1\r\nHost: tower\r\n\r\n",
    "guessing": b"GET /health HTTP/1.1\r\nHost: tower\r\nAuthorization: Bearer wrong\r\n\r\n",
}


@contextlib.contextmanager
def camera() -> Iterator[tuple[str, list[socket.socket]]]:
    """Serve an MJPEG camera; yield its address, and a list that grows each time it is opened."""
    opened: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                opened.append(listener.accept()[0])
                threading.Thread(target=_show, args=(opened[-1],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", opened
        listener.shutdown(socket.SHUT_RDWR)


def _show(client: socket.socket) -> None:
    """Send pictures, two a second, none like another, until the client goes."""
    random = np.random.default_rng(16)
    with client, contextlib.suppress(OSError):
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n")
        for shade in itertools.cycle(range(60, 200)):
            picture = random.integers(shade - 50, shade + 50, (240, 320, 3), np.uint8)
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            client.sendall(head.encode() + jpeg + b"\r\n")
            time.sleep(0.5)


def guarded(address: str, folder: Path) -> Tower:
    """Start a daemon that asks for TOKEN and has few descriptors.

    Args:
        address: of its camera.
        folder: where its configuration, token and log are.
    """
    token, configuration = folder / "token", folder / "tower.toml"
    token.write_text(TOKEN)
    token.chmod(0o600)
    configuration.write_text(
        f'[cameras.north]\nuri = "{address}"\ntimeout_s = 300\n'
        '[web]\nhost = "0.0.0.0"\nport = 0\ntoken_file = "token"\n'
    )
    return Tower(configuration, before=_FEW, token=TOKEN)


def begin(tower: Tower) -> None:
    """Wait until it has scored a picture."""
    tower.begin().wait(lambda status: status["cameras"]["north"]["scored"], "a picture is scored")


@contextlib.contextmanager
def crowd(kind: str, port: int, count: int = CROWD) -> Iterator[None]:
    """Have so many strangers at a port, all of whom have connected once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.strangers", "--be", kind, str(port), str(count)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def _be(kind: str, port: int, count: int) -> None:
    """Be a crowd, until killed; those that are not silent speak again and again, and come back when cut off."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 48, HARD) if HARD > 0 else count + 48, HARD))
    held = [_connected(port) for _ in range(count)]
    print("all are there", flush=True)
    while True:
        for number, stranger in enumerate(held if kind != "silent" else []):
            if _gone(stranger, reads=kind != "deaf"):
                stranger.close()
                with contextlib.suppress(OSError):
                    held[number] = _connected(port)
            with contextlib.suppress(OSError):
                stranger.send(_SAYS.get(kind, b""))
        time.sleep(0.05)


def _connected(port: int) -> socket.socket:
    stranger = socket.create_connection(("127.0.0.1", port))
    stranger.setblocking(False)  # noqa: FBT003 — its only argument
    return stranger


def _gone(stranger: socket.socket, *, reads: bool) -> bool:
    try:
        return not stranger.recv(4096, 0 if reads else socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def measure(kind: str, asked: int = _ASKED) -> dict[str, Any]:
    """Return how the daemon did with one crowd: seconds of each answer, and what it took and said.

    Args:
        kind: of CROWDS.
        asked: how often, once a second.
    """
    with (
        temporary_folder("strangers-") as folder,
        camera() as (address, opened),
        guarded(address, folder) as tower,
    ):
        begin(tower)
        before, lines = tower.status(), len(tower.log.splitlines())
        began_s, answers = time.monotonic(), []
        with crowd(kind, tower.port):
            for _ in range(asked):
                asked_s = time.monotonic()
                code, _health = tower.ask("health")
                answers.append({"code": code, "s": round(time.monotonic() - asked_s, 3)})
                time.sleep(1)
            during = tower.status()
        minutes = (time.monotonic() - began_s) / 60
        tower.end()
        return {
            "crowd": kind,
            "strangers": CROWD,
            "answers": answers,
            "web": during["web"],
            "descriptors": {"before": before["cpu"]["descriptors"], "during": during["cpu"]["descriptors"]},
            "cpu_s": round(during["cpu"]["process_s"] - before["cpu"]["process_s"], 2),
            "log_lines_with_those_at_the_end": len(tower.log.splitlines()) - lines,
            "minutes": round(minutes, 2),
            "camera_opened": len(opened),
        }


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 0 where every answer was a 200 within 2 s and the camera was opened once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strangers", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--crowd", choices=CROWDS, nargs="+", default=CROWDS, help="default: all, in turn")
    parser.add_argument("--be", nargs=3, metavar=("CROWD", "PORT", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.be:
        _be(options.be[0], int(options.be[1]), int(options.be[2]))
    results = []
    for kind in options.crowd:
        results.append(measure(kind))
        print(json.dumps(results[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    worst_s = max(answer["s"] for result in results for answer in result["answers"])
    good = all(answer["code"] == 200 for result in results for answer in result["answers"])
    return 0 if good and worst_s < 2 and all(result["camera_opened"] == 1 for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
