"""The daemon as a service manager starts it, on places that take nothing, and told to nobody."""

import fcntl
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edge.model.bundle import bundled_path

ROOT = Path(__file__).parents[2]
FREE = resource.RLIM_INFINITY
START = """
import os, resource, sys
sys.path.insert(0, {root!r})
import edge.cli
{before}
sys.exit(edge.cli.main(sys.argv[1:]))
"""
FULL = f"resource.setrlimit(resource.RLIMIT_FSIZE, (0, {FREE}))"
# Root that may write and search no more than others: capset(2) of none.
MERE = """
import ctypes
ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
"""


def command(before, *words):
    return [sys.executable, "-c", START.format(root=str(ROOT), before=before), *words]


class Running:
    """A daemon in a process of its own, which is ready."""

    def __init__(self, process):
        self.process, self.lines = process, []
        for line in process.stderr:
            self.lines.append(line)
            if line.startswith("status page:"):
                self.url = line.split()[-1]
                break
        self.reader = threading.Thread(target=self.lines.extend, args=(process.stderr,), daemon=True)
        self.reader.start()

    @property
    def log(self):
        return "".join(self.lines)

    def fetch(self, path):
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def wait(self, true):
        """Wait until a fact of the status is true, and return the status."""
        while not true(status := self.fetch("status.json")):
            assert self.process.poll() is None
            time.sleep(0.02)
        return status

    def trouble(self):
        return next((r for r in self.fetch("health")["reasons"] if r.startswith("store")), None)

    def limit(self, number):
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (number, FREE))


def tower(folder, store, uri="scene:?frames=40", loop="true", more=""):
    file = folder / "t.toml"
    file.write_text(
        f'{more}[cameras.a]\nuri = "{uri}"\npace = "fast"\nloop = {loop}\n[web]\nport = 0\n'
        + ("" if store is None else f'[store]\npath = "{store}"\n')
    )
    return file


@contextmanager
def running(file, before="", *, stdout=subprocess.PIPE, **environment):
    """Start it, and wait until it says that it is ready; at the end it is killed if it still runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(f"\0{file}")
        process = subprocess.Popen(
            command(before, "run", str(file)), cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "NOTIFY_SOCKET": f"@{file}", **environment},
        )  # fmt: skip
        daemon = Running(process)
        try:
            notified.settimeout(1)
            said = ""
            while "READY=1" not in said.splitlines():
                assert process.poll() is None, daemon.log
                with suppress(TimeoutError):
                    said = notified.recv(4096).decode()
            yield daemon
        finally:
            daemon.close()


def ended(daemon):
    """Ask it to end; return its lines."""
    daemon.process.send_signal(signal.SIGTERM)
    out = daemon.process.stdout.read()
    daemon.process.wait()
    daemon.reader.join()
    assert "Traceback" not in daemon.log
    *told, last = map(json.loads, out.splitlines())
    keys = [(line["event"]["id"], line["event"]["revision"]) for line in told]
    assert len(keys) == len(set(keys))  # once, whatever became of it
    return told, last


def stored(path):
    with sqlite3.connect(path) as db:
        found = [json.loads(row) for (row,) in db.execute("SELECT document FROM event ORDER BY seq")]
    db.close()
    return found


def check(file, before, code):
    done = subprocess.run(
        command(before, "check", str(file)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout.splitlines()[-1])["checks"]["store"]["error"]


@pytest.mark.parametrize("existing", [False, True])
def test_a_place_that_is_full_from_the_start_costs_nobody_his_eyes(tmp_path, existing):
    path = tmp_path / "e.sqlite"
    file = tower(tmp_path, path)
    if existing:
        with running(file) as daemon:
            daemon.wait(lambda status: status["events"]["closed"])
            ended(daemon)
    before = {event["id"] for event in stored(path)} if existing else set()
    if not existing:
        assert "full or failing" in check(file, FULL, 1)
    with running(file, FULL) as daemon:
        status = daemon.wait(lambda status: status["events"]["unstored"] > 3)
        assert "the disk is full or failing: free some space" in daemon.trouble()
        assert status["events"]["opened"] == status["events"]["closed"] == 0
        assert daemon.fetch("health")["cameras"]["a"]["state"] == "ok"
        daemon.limit(FREE)
        mended = daemon.wait(lambda status: status["events"]["closed"] and daemon.trouble() is None)
        daemon.wait(lambda status: status["events"]["closed"] > mended["events"]["closed"])
        told, last = ended(daemon)
    opened = [line["event"]["id"] for line in told if line["event"]["phase"] == "opened"]
    there = [event["id"] for event in stored(path) if event["id"] not in before]
    assert there == [name for name in opened if name in there]  # in their order
    assert len(there) >= last["events"]["opened"]
    assert {line["stored"] for line in told} == {False, True}
    assert last["events"]["unstored"] == sum(not line["stored"] for line in told)
    lost = last["events"]["dropped"]
    seen = last["events"]["opened"] + last["events"]["updated"] + last["events"]["closed"]
    assert seen + lost["opened"] + lost["updated"] + lost["closed"] == len(told)
    assert not list(tmp_path.glob("*corrupt*"))


def test_however_little_a_disk_takes_a_new_store_is_whole_afterwards(tmp_path):
    file = tower(tmp_path, "e.sqlite")
    with running(file, FULL) as daemon:
        for number in (100, 4096, 5000, 20_000, 30_000, 45_000):
            daemon.limit(number)
            time.sleep(1.1)  # a try a second
        assert daemon.fetch("health")["cameras"]["a"]["state"] == "ok"
        daemon.limit(FREE)
        daemon.wait(lambda status: status["events"]["closed"] and daemon.trouble() is None)
        ended(daemon)
    assert not list(tmp_path.glob("*corrupt*"))
    assert stored(tmp_path / "e.sqlite")


@pytest.mark.parametrize("mode", [0o555, 0o666])
def test_a_folder_without_the_rights_costs_nobody_his_eyes(tmp_path, mode):
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    file = tower(tmp_path, "state/e.sqlite")
    wrong = check(file, MERE, 1)
    with running(file, MERE) as daemon:
        daemon.wait(lambda status: status["cameras"]["a"]["scored"] > 3)
        assert daemon.trouble().endswith(wrong)
        state.chmod(0o777)
        daemon.wait(lambda status: status["events"]["opened"] and daemon.trouble() is None)
        ended(daemon)
    assert stored(state / "e.sqlite")


def test_a_store_that_is_renamed_away_is_told_and_a_new_one_goes_on(tmp_path):
    path = tmp_path / "e.sqlite"
    with running(tower(tmp_path, path)) as daemon:
        daemon.wait(lambda status: status["events"]["closed"])
        path.rename(tmp_path / "away.sqlite")
        while not path.exists():
            time.sleep(0.02)
        daemon.wait(lambda status: (status["events"]["stored"] or {}).get("closed_events"))
        told, _ = ended(daemon)
    ids = {event["id"] for name in ("away.sqlite", "e.sqlite") for event in stored(tmp_path / name)}
    assert ids == {line["event"]["id"] for line in told}
    assert all(line["stored"] for line in told)


def test_a_recording_that_is_played_again_announces_nothing_twice(tmp_path):
    file = tower(tmp_path, "e.sqlite", loop="false")
    first, again = ([json.loads(line) for line in play(file)] for _ in range(2))
    assert len(first) > 1
    assert [line for line in again if "event" in line] == []
    assert again[-1]["events"]["repeated"] == len(first) - 1
    assert stored(tmp_path / "e.sqlite") == [
        line["event"] for line in first[:-1] if line["event"]["phase"] == "closed"
    ]


def play(file):
    return subprocess.run(
        command("", "run", str(file)), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("closed", [False, True])
def test_standard_output_that_nobody_reads_stops_nothing(tmp_path, closed):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    if closed:
        os.close(reading)
    with running(tower(tmp_path, "e.sqlite"), stdout=writing) as daemon:
        os.close(writing)
        status = daemon.wait(lambda status: status["events"]["closed"] > 3)
        assert daemon.trouble() is None
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait() == 0
        daemon.reader.join()
    assert "Traceback" not in daemon.log
    assert "not told" in daemon.log
    assert len(stored(tmp_path / "e.sqlite")) >= status["events"]["closed"]
    if not closed:
        os.close(reading)


def test_kill_9_leaves_one_temporary_folder_at_most(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    bundle = tmp_path / "m.zip"
    subprocess.run(
        command("", "bundle", "pack", str(bundled_path()), str(bundle)),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    file = tower(tmp_path, None, more=f'[model]\nbundle = "{bundle}"\n')
    for _ in range(2):
        with running(file, TMPDIR=str(temporary)) as daemon:
            daemon.wait(lambda status: status["events"]["stored"])
            daemon.process.kill()
        assert len(list(temporary.iterdir())) == 1
    with running(file, TMPDIR=str(temporary)) as daemon:
        ended(daemon)
    assert list(temporary.iterdir()) == []
