"""The daemon as a service manager starts it, on places that take nothing, and told to nobody."""

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress

import msgspec
import pytest

from benchmarks.tower import FULL, MERE, Tower, command, stored
from edge.alert.event import Event
from edge.model.bundle import bundled_path

FREE = resource.RLIM_INFINITY


def tower(folder, store, uri="scene:?frames=40", loop="true", more=""):
    file = folder / "t.toml"
    file.write_text(
        f'{more}[cameras.a]\nuri = "{uri}"\npace = "fast"\nloop = {loop}\n[web]\nport = 0\n'
        + ("" if store is None else f'[store]\npath = "{store}"\n')
    )
    return file


@contextmanager
def running(file, before="", *, told=None, **environment):
    """Start it, and wait until it says that it is ready; at the end it is killed if it still runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(f"\0{file}")
        environment["NOTIFY_SOCKET"] = f"@{file}"
        with Tower(file, before=before, told=told, environment=environment) as daemon:
            notified.settimeout(1)
            said = ""
            while "READY=1" not in said.splitlines():
                assert daemon.process.poll() is None, daemon.log
                with suppress(TimeoutError):
                    said = notified.recv(4096).decode()
            yield daemon


def ended(daemon):
    """Ask it to end; return its lines."""
    daemon.end()
    assert "Traceback" not in daemon.log
    *told, last = daemon.told()
    keys = [(line["event"]["id"], line["event"]["revision"]) for line in told]
    assert len(keys) == len(set(keys))  # once, whatever became of it
    return told, last


def check(file, before, code):
    done = subprocess.run(command(before, "check", str(file)), capture_output=True, text=True, check=False)
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
    before = {event.id for event in stored(path)} if existing else set()
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
    there = [event.id for event in stored(path) if event.id not in before]
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
    ids = {event.id for name in ("away.sqlite", "e.sqlite") for event in stored(tmp_path / name)}
    assert ids == {line["event"]["id"] for line in told}
    assert all(line["stored"] for line in told)


def test_a_recording_that_is_played_again_announces_nothing_twice(tmp_path):
    file = tower(tmp_path, "e.sqlite", loop="false")
    first, again = ([json.loads(line) for line in play(file)] for _ in range(2))
    assert len(first) > 1
    assert [line for line in again if "event" in line] == []
    assert again[-1]["events"]["repeated"] == len(first) - 1
    closed = [line["event"] for line in first[:-1] if line["event"]["phase"] == "closed"]
    assert stored(tmp_path / "e.sqlite") == msgspec.convert(closed, list[Event])


def play(file):
    return subprocess.run(
        command("", "run", str(file)), capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("closed", [False, True])
def test_standard_output_that_nobody_reads_stops_nothing(tmp_path, closed):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    if closed:
        os.close(reading)
    with running(tower(tmp_path, "e.sqlite"), told=writing) as daemon:
        os.close(writing)
        status = daemon.wait(lambda status: status["events"]["closed"] > 3)
        assert daemon.trouble() is None
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait() == 0
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
        command("", "bundle", "pack", str(bundled_path()), str(bundle)), check=True, capture_output=True
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


def governed(folder, volts, uri="scene:?frames=40"):
    """Write a configuration whose governor reads a file of so many volts."""
    (folder / "charge.toml").write_text(f"voltage_v = {volts}\n")
    more = f'[governor]\nfile = "{folder}/charge.toml"\n'
    return tower(folder, folder / "e.sqlite", uri, more=more)


def test_with_an_empty_battery_it_is_ready_and_healthy_and_opens_nothing(tmp_path):
    with running(governed(tmp_path, 11.9)) as daemon:
        health = daemon.fetch("health")
        assert health["healthy"]
        assert health["cameras"]["a"]["state"] == "governed"
        assert health["governor"]["economies"][-1] == "cut_off"
        assert daemon.fetch("status.json")["cameras"] == {}
        daemon.end()
        assert "Traceback" not in daemon.log
        assert daemon.told()[-1]["health"]["healthy"]
    assert not (tmp_path / "e.sqlite").exists()


def test_with_a_full_battery_it_watches_and_its_governor_says_so(tmp_path):
    with running(governed(tmp_path, 13.2)) as daemon:
        daemon.wait(lambda status: status["cameras"]["a"]["scored"] > 3)
        health = daemon.fetch("health")
        assert health["cameras"]["a"]["state"] == "ok"
        assert health["governor"]["voltage_v"] == 13.2
        assert health["governor"]["unwatched_s"] == {"sleep": 0.0, "cut_off": 0.0}
        ended(daemon)
