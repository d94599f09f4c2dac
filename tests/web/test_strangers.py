"""A crowd of silent strangers before the real daemon, which has few descriptors: it sees and answers all the same."""

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from benchmarks.strangers import CROWD, begin, camera, crowd, guarded

ROOT = Path(__file__).parents[2]
STARVING = """
import resource, sys, logging
from edge.health import Health
from edge.log import configure
from edge.web.server import WebServer
configure(logging.INFO, "%(message)s")
server = WebServer("t", dict, lambda: Health(healthy=True, reasons=[], cameras={}), bytes, live=lambda: True, port=0)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
for line in sys.stdin:
    if line == "starve\\n":
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    if line == "feed\\n":
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    print(server.port, flush=True)
server.stop()
"""


def until(condition):
    """Wait; a test that waits for ever is ended by its time limit."""
    while not condition():
        time.sleep(0.05)


def test_two_thousand_silent_strangers_blind_nothing(tmp_path):
    with camera() as (address, opened), guarded(address, tmp_path) as tower:
        begin(tower)
        before, lines = tower.status(), len(tower.log.splitlines())
        with crowd("silent", tower.port):
            code, health = tower.ask("health")
            assert code == 200, health
            until(lambda: tower.status()["web"]["made_way"] >= CROWD - 64)
            during = tower.status()
            assert during["web"]["open"] <= during["web"]["places"] == 64
            assert during["cpu"]["descriptors"] <= before["cpu"]["descriptors"] + 64 + 4
            until(lambda: tower.status()["web"]["open"] <= 2)  # their five seconds are over
            after = tower.status()
            assert after["web"]["late"] > 0
            assert after["cpu"]["descriptors"] <= before["cpu"]["descriptors"] + 2
        assert len(opened) == 1
        tower.end()
        assert len(tower.log.splitlines()) - lines < 10


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
        urllib.request.urlopen(f"http://127.0.0.1:{tell('begin')}/health").close()
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
