"""The log's limit, by a clock that stands still until it is moved."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge.log import Limiter

ROOT = Path(__file__).parents[1]


class Lines(logging.Handler):
    """Keeps what it is given, as text."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


class Clock:
    def __init__(self):
        self.now_ns = 0
        self.moved = threading.Event()

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal, timeout_s):
        self.moved.wait()
        self.moved.clear()
        return signal.is_set()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(clock):
    """A logger of its own, its lines and its limiter."""
    logger = logging.Logger("a")  # noqa: LOG001 — outside of the tree that pytest listens to
    lines = Lines()
    limiter = Limiter(lines, clock)
    logger.addHandler(limiter)
    yield logger, lines.lines, limiter
    limiter.close()
    clock.moved.set()


def other(limiter, name):
    logger = logging.Logger(name)  # noqa: LOG001
    logger.addHandler(limiter)
    return logger


def test_of_a_flood_the_first_the_last_and_the_number_between_are_shown(log, clock):
    logger, lines, limiter = log
    for _ in range(1000):
        logger.warning("no descriptor left")
        clock.now_ns += 10_000_000
    assert lines == ["no descriptor left"]
    clock.now_ns = 60_000_000_000
    limiter.tell()
    assert lines == ["no descriptor left", "no descriptor left (the last; 998 more like it between)"]


def test_a_flood_without_end_is_a_line_a_period(log, clock):
    logger, lines, _ = log
    for _ in range(6000):
        logger.warning("again")
        clock.now_ns += 100_000_000
    assert len(lines) == 10


def test_what_comes_rarely_is_shown_each_time(log, clock):
    logger, lines, _ = log
    for _ in range(3):
        logger.warning("the camera is away")
        clock.now_ns += 61_000_000_000
    assert lines == ["the camera is away"] * 3


def test_a_second_one_alone_is_shown_as_it_was(log, clock):
    logger, lines, limiter = log
    logger.warning("twice")
    logger.warning("twice")
    clock.now_ns += 60_000_000_000
    limiter.tell()
    assert lines == ["twice", "twice"]


def test_different_messages_do_not_hide_each_other(log):
    logger, lines, limiter = log
    for camera in ("north", "south", "east"):
        for _ in range(2):
            logger.warning("camera '%s': %s", camera, "away")
    logger.error("camera '%s': %s", "north", "away")
    other(limiter, "b").warning("camera '%s': %s", "north", "away")
    assert lines == [
        "camera 'north': away",
        "camera 'south': away",
        "camera 'east': away",
        "camera 'north': away",
        "camera 'north': away",
    ]


def test_a_message_with_ever_new_arguments_is_limited_too(log, clock):
    logger, lines, limiter = log
    for number in range(500):
        logger.warning("frame %d could not be scored", number)
    assert lines == [f"frame {number} could not be scored" for number in range(9)]
    clock.now_ns += 60_000_000_000
    limiter.tell()
    assert lines[9:] == ["frame 499 could not be scored (the last; 490 more like it between)"]


def test_texts_without_arguments_are_limited_by_their_logger(log):
    logger, lines, _ = log
    for number in range(500):
        logger.error(f"socket {number} is broken")  # noqa: G004 — as others do it
    assert len(lines) == 9


def test_memory_is_bounded_and_what_is_forgotten_is_told(log):
    _, lines, limiter = log
    for number in range(1000):
        logger = other(limiter, f"part{number}")
        for _ in range(3):
            logger.warning("%s is broken", "it")
    assert len(limiter._kinds) == 256
    assert len(lines) == 1000 + (1000 - 256)


def test_a_held_traceback_is_text_and_holds_no_frames(log, clock):
    logger, lines, limiter = log
    for _ in range(3):
        try:
            int("north")
        except ValueError:
            logger.exception("scoring failed")
    (repeats,) = limiter._kinds.values()
    assert repeats.last.exc_info is None
    assert repeats.last.args is None
    clock.now_ns += 60_000_000_000
    limiter.tell()
    assert lines[1].startswith("scoring failed (the last; 1 more like it between)\nTraceback")
    assert lines[1].endswith("'north'")


def test_what_is_held_is_told_in_time_though_nothing_else_happens(log, clock):
    logger, lines, limiter = log
    for _ in range(3):
        logger.warning("again")
    watcher = limiter._watcher
    clock.now_ns += 60_000_000_000
    clock.moved.set()
    watcher.join()
    assert lines[1:] == ["again (the last; 1 more like it between)"]
    assert limiter._watcher is None
    logger.warning("again")
    assert limiter._watcher not in {None, watcher}


def test_at_the_end_all_is_told_and_nothing_is_held_any_more(log):
    logger, lines, limiter = log
    for _ in range(3):
        logger.warning("again")
    limiter.close()
    assert lines == ["again", "again (the last; 1 more like it between)"]
    logger.warning("again")
    logger.warning("again")
    assert lines[2:] == ["again", "again"]


def test_threads_lose_no_record(log):
    logger, lines, limiter = log
    threads = [
        threading.Thread(target=lambda: [logger.warning("again") for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limiter.close()
    assert lines == ["again", "again (the last; 3998 more like it between)"]


def test_arguments_that_do_not_fit_are_loggings_own_trouble(clock, capsys):
    other(Limiter(logging.StreamHandler(), clock), "a").warning("%d frames", "many")
    assert "Logging error" in capsys.readouterr().err


def test_a_command_limits_its_log_and_tells_at_exit_what_it_held():
    script = (
        "import logging\nfrom edge import cli\nfrom edge.command import check\n"
        "def flood(_options):\n"
        "    for _ in range(50): logging.getLogger('x').warning('again')\n"
        "    return 0\n"
        "check.handle = flood\n"
        "raise SystemExit(cli.main(['check', 'tower.toml']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=600
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("WARNING x: again")
    assert lines[1].endswith("WARNING x: again (the last; 48 more like it between)")
