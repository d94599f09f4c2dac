"""A crowd of silent strangers before the real daemon, which has few descriptors: it sees and answers all the same."""

import itertools
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-some-length"
CROWD = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 48)
WITH_DESCRIPTORS = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""
DAEMON = WITH_DESCRIPTORS.format(descriptors=256) + "from edge.cli import main; sys.exit(main(sys.argv[1:]))"
STRANGERS = WITH_DESCRIPTORS.format(descriptors=CROWD + 48) + (
    "import socket\n"
    "held = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]\n"
    "print('all are there', flush=True)\n"
    "sys.stdin.read()\n"
)
STARVING = """
import os, resource, sys, logging
from edge.health import Health
from edge.log import configure
from edge.web.server import WebServer
configure(logging.INFO, "%(message)s")
server = WebServer("t", dict, lambda: Health(healthy=True, reasons=[], cameras={}), bytes, port=0)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
for line in sys.stdin:
    if line == "starve\\n":
        server.visits()
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
    if line == "feed\\n":
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    print(server.port, flush=True)
server.stop()
"""


@pytest.fixture
def camera():
    """An MJPEG camera, and how often it was opened."""
    opened = []
    random = np.random.default_rng(16)

    def show(client):
        with client:
            try:
                client.recv(4096)
                client.sendall(
                    b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n"
                )
                for shade in itertools.cycle(range(60, 200)):
                    picture = random.integers(shade - 50, shade + 50, (240, 320, 3), np.uint8)
                    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    client.sendall(head.encode() + jpeg + b"\r\n")
                    time.sleep(0.5)
            except OSError:
                return

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            opened.append(client)
            threading.Thread(target=show, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", opened
        listener.shutdown(socket.SHUT_RDWR)


def ask(url, path):
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def until(condition):
    """Wait; a test that waits for ever is ended by its time limit."""
    while not condition():
        time.sleep(0.05)


def test_two_thousand_silent_strangers_blind_nothing(camera, tmp_path):
    address, opened = camera
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "t.toml").write_text(
        f'[cameras.north]\nuri = "{address}"\ntimeout_s = 300\n'
        '[web]\nhost = "0.0.0.0"\nport = 0\ntoken_file = "token"\n'
    )
    log = tmp_path / "log"
    with log.open("w") as stderr:
        daemon = subprocess.Popen(
            [sys.executable, "-c", DAEMON, "run", str(tmp_path / "t.toml")],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
    crowd = None
    try:
        until(lambda: "status page: " in log.read_text() and "ready" in log.read_text())
        port = int(log.read_text().partition("status page: ")[2].split("/")[2].partition(":")[2])
        url = f"http://127.0.0.1:{port}/"
        until(lambda: ask(url, "status.json")[1]["cameras"]["north"]["scored"])
        before = ask(url, "status.json")[1]
        lines = len(log.read_text().splitlines())
        crowd = subprocess.Popen(
            [sys.executable, "-c", STRANGERS, str(port), str(CROWD)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert crowd.stdout.readline() == b"all are there\n"
        code, health = ask(url, "health")
        assert code == 200, health
        until(lambda: ask(url, "status.json")[1]["web"]["made_way"] >= CROWD - 64)
        during = ask(url, "status.json")[1]
        assert during["web"]["open"] <= during["web"]["places"] == 64
        assert during["cpu"]["descriptors"] <= before["cpu"]["descriptors"] + 64 + 2
        until(lambda: ask(url, "status.json")[1]["web"]["open"] <= 2)  # their five seconds are over
        after = ask(url, "status.json")[1]
        assert after["cpu"]["descriptors"] <= before["cpu"]["descriptors"] + 2
        assert after["web"]["late"] > 0
        assert len(opened) == 1
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
        assert len(log.read_text().splitlines()) - lines < 10
    finally:
        for process in (daemon, crowd):
            if process is not None:
                process.kill()
                process.communicate()


def test_without_a_descriptor_it_says_so_once_and_serves_again_later():
    child = subprocess.Popen(
        [sys.executable, "-c", STARVING],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def tell(word):
        child.stdin.write(word + "\n")
        child.stdin.flush()
        return int(child.stdout.readline())

    try:
        url = f"http://127.0.0.1:{tell('begin')}/"
        assert ask(url, "health")[0] == 200
        port = tell("starve")
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            said = child.stderr.readline()
            tell("feed")
            waiting.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert waiting.recv(12) == b"HTTP/1.1 200"
        _, rest = child.communicate()
    finally:
        child.kill()
        child.communicate()
    assert said == "the web server cannot take a connection: Too many open files\n"
    assert len(rest.splitlines()) <= 1
