"""--exec: once for each message, again where it failed, and never in the way of the next."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge.clock import SystemClock
from receive import notice
from receive.inbox import Inbox
from receive.program import FIRST_PAUSE_S, TRIES, Program, run_program
from receive.silence import Notice


class Clock(SystemClock):
    def __init__(self):
        self.now_ns = 0

    def mono_ns(self):
        return self.now_ns


class Runner:
    """Notes what is run, and ends with the codes that were asked for, then with 0."""

    def __init__(self, *codes):
        self.codes = list(codes)
        self.keys = []

    def __call__(self, _words, path, environment):
        assert path.name == f"{environment['FIRETOWER_KEY']}.json"
        self.keys.append(environment["FIRETOWER_KEY"])
        return self.codes.pop(0) if self.codes else 0


@pytest.fixture
def inbox(tmp_path):
    made = Inbox(tmp_path / "inbox")
    yield made
    made.close()


def test_each_message_once_and_the_oldest_first(inbox):
    runner = Runner()
    for number, key in enumerate(("b.1", "a.1")):
        inbox.put("tower-7", key, b"{}", due=True)
        os.utime(inbox.folder / ".due" / f"tower-7 {key}", (number, number))
    program = Program(["x"], inbox, Clock(), runner)
    assert program.step()
    assert program.step()
    assert not program.step()
    assert runner.keys == ["b.1", "a.1"]
    assert (program.done, program.given_up) == (2, 0)
    assert not Program(["x"], inbox, Clock(), runner).step(), "nor after a new start"


def test_a_failed_one_comes_again_and_others_meanwhile(inbox):
    runner, clock = Runner(1), Clock()
    program = Program(["x"], inbox, clock, runner)
    inbox.put("tower-7", "a.1", b"{}", due=True)
    assert program.step()
    assert not program.step()
    inbox.put("tower-7", "b.1", b"{}", due=True)
    assert program.step()
    clock.now_ns = round(FIRST_PAUSE_S * 1e9)
    assert program.step()
    assert runner.keys == ["a.1", "b.1", "a.1"]
    assert inbox.due() == []


def test_one_that_always_fails_is_given_up(inbox):
    runner, clock = Runner(*[1] * 100), Clock()
    program = Program(["x"], inbox, clock, runner)
    inbox.put("tower-7", "a.1", b"{}", due=True)
    while inbox.due():
        assert program.step()
        clock.now_ns += 3600 * 1_000_000_000
    assert len(runner.keys) == TRIES
    assert (program.done, program.given_up) == (0, 1)


def test_one_whose_message_is_gone_is_in_nobodys_way(inbox, caplog):
    runner = Runner()
    inbox.put("tower-7", "a.1", b"{}", due=True)
    inbox.path("tower-7", "a.1").unlink()
    program = Program(["x"], inbox, Clock(), runner)
    inbox.put("tower-7", "b.1", b"{}", due=True)
    assert program.step()
    assert not program.step()
    assert not program.step()
    assert runner.keys == ["b.1"]
    assert caplog.text.count("tower-7 a.1: the message is not in the folder") == 1
    inbox.put("tower-7", "a.1", b"{}", due=True)
    assert program.step(), "it came again"
    assert runner.keys == ["b.1", "a.1"]


def test_one_that_cannot_be_run_is_in_nobodys_way(inbox):
    clock, keys = Clock(), []

    def run(_words, _path, environment):
        keys.append(environment["FIRETOWER_KEY"])
        if keys[-1] == "a.1":
            raise PermissionError("no")
        return 0

    for number, key in enumerate(("a.1", "b.1")):
        inbox.put("tower-7", key, b"{}", due=True)
        os.utime(inbox.folder / ".due" / f"tower-7 {key}", (number, number))
    (inbox.folder / ".due/of somebody else").touch()
    program = Program(["x"], inbox, clock, run)
    assert program.step()
    assert program.step()
    assert not program.step()
    assert keys == ["a.1", "b.1"]
    assert inbox.due() == [("tower-7", "a.1")]


def test_a_text_without_end_is_cut_for_the_program(inbox):
    told = []
    inbox.put("tower-7", "a.1", json.dumps({"text": "x" * 500_000}).encode(), due=True)
    program = Program(["x"], inbox, Clock(), lambda _words, _path, given: told.append(given) or 0)
    assert program.step()
    assert told[0]["FIRETOWER_TEXT"] == "x" * 1000


def test_a_program_gets_the_message_and_its_text(inbox, tmp_path):
    told = tmp_path / "told"
    body = json.dumps({"text": "Smoke.\u202e\nNorth"}).encode()
    inbox.put("tower-7", "a.1", body, due=True)
    script = (
        "import json, os, sys; json.dump([sys.argv[1:], sys.stdin.read(), "
        "{k: v for k, v in os.environ.items() if k.startswith('FIRETOWER_')}], open(sys.argv[1], 'w'))"
    )
    program = Program([sys.executable, "-c", script, str(told), "$(false)"], inbox, SystemClock())
    assert program.step()
    words, stdin, environment = json.loads(told.read_text())
    assert words == [str(told), "$(false)"]
    assert stdin == body.decode()
    path = str(inbox.path("tower-7", "a.1"))
    assert environment == {
        "FIRETOWER_TOWER": "tower-7", "FIRETOWER_KEY": "a.1", "FIRETOWER_FILE": path,
        "FIRETOWER_TEXT": r"Smoke.\u202e\nNorth", "FIRETOWER_DRILL": "",
    }  # fmt: skip


def test_exit_codes_are_told(tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"")
    assert run_program([sys.executable, "-c", "raise SystemExit(7)"], body, {}, 300) == 7
    assert run_program([str(tmp_path / "absent")], body, {}, 300) == 127
    assert run_program([sys.executable, "-c", ""], tmp_path / "absent", {}, 300) == 127


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    pids = tmp_path / "pids"
    pids.write_bytes(b"")
    assert run_program(["sh", "-c", f"sleep 600 & echo $! $$ > {pids}; wait"], pids, {}, 2) == 124
    found = [int(word) for word in pids.read_text().split()]
    assert len(found) == 2
    end_s = time.monotonic() + 300
    while any(map(is_running, found)):
        assert time.monotonic() < end_s
        time.sleep(0.01)


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_thread_works_them_off_and_ends(inbox):
    runner, ran = Runner(), threading.Event()

    def run(*given):
        code = runner(*given)
        if len(runner.keys) == 3:
            ran.set()
        return code

    program = Program(["x"], inbox, SystemClock(), run)
    program.start()
    for number in range(3):
        inbox.put("tower-7", f"a.{number}", b"not json", due=True)
    assert ran.wait(300)
    program.close()
    assert sorted(runner.keys) == ["a.0", "a.1", "a.2"]


KNOWN = {"schema": "firetower.event/1", "severity": "alert", "open_now": True}
NOTICE = notice.render(Notice("silent", "tower-7", None, 361.0), "run", None, clock_trusted=None).body


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (json.dumps(KNOWN), True),
        (json.dumps(KNOWN | {"open_now": None}), True),
        (json.dumps(KNOWN | {"severity": "candidate"}), False),
        (json.dumps(KNOWN | {"open_now": False}), False),
        (NOTICE.decode(), True),
        (json.dumps({"schema": "firetower.note/1", "type": "storm", "state": "began"}), True),
        (json.dumps({"schema": "firetower.event/9", "text": "Smoke."}), True),
        ("no JSON", True),
    ],
)
def test_the_filter_that_the_page_shows_lets_through_what_matters(tmp_path, body, passes):
    page = (Path(__file__).parents[2] / "docs/deliver.md").read_text()
    section = page.split("\nTo hear less", 1)[1]
    script = section.split("<<'END'\n", 1)[1].split("\nEND\n", 1)[0]
    (tmp_path / "apprise").write_text("#!/bin/sh\necho told\n")
    (tmp_path / "apprise").chmod(0o700)
    (tmp_path / "notify.sh").write_text(script)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FIRETOWER_TOWER": "x", "FIRETOWER_TEXT": "y"}
    ran = subprocess.run(
        ["sh", tmp_path / "notify.sh"],
        input=body,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert (ran.stdout == "told\n") is passes
