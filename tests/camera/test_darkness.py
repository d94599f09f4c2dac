"""A night before a real camera over HTTP, which breaks off now and then: the camera's health from dusk to dawn."""

import threading
import time

import numpy as np
import pytest

from edge.backoff import Backoff
from edge.camera.intake import Intake
from edge.camera.network import HttpOptions
from edge.camera.reader import Camera, CameraReader
from edge.camera.schedule import Schedule
from edge.camera.slots import Slots
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.health import CameraFacts, judge
from firmware_sim.mjpeg import Channel, MjpegServer

HANG_S = 500.0  # ends a hang before pytest does; where all is well nothing waits for it
MINUTE_NS = 60_000_000_000


class Clock(SystemClock):
    """The machine's clock, set ahead by minutes at will; its wall clock lies."""

    ahead_ns = 0

    def mono_ns(self):
        return super().mono_ns() + self.ahead_ns

    def wall_ns(self):
        return -self.mono_ns()


class Night:
    """A camera, its reader, and all the states that its health had since it was last asked."""

    def __init__(self, channel, url):
        self.clock, self.account = Clock(), Account()
        schedule = Schedule(60)
        self.intake = Intake(self.account, self.clock, lambda stage, ns: None, schedule)
        slots = Slots({"north": self.account})
        options = HttpOptions(uri=url, timeout_s=HANG_S)
        self.reader = CameraReader(
            Camera("north", options, schedule),
            self.intake,
            slots,
            self.clock,
            backoff=Backoff(draw=lambda: 0.0),
        )
        self.started_ns = self.clock.mono_ns()
        self.scored_ns = None
        self.states = []
        self.shade = 120
        self._channel = channel
        self._slots = slots
        self._rng = np.random.default_rng(1)
        self._over = threading.Event()
        self._shower = threading.Thread(target=self._show)
        self._shower.start()
        self.reader.start()

    def _show(self):
        while not self._over.wait(0.02):
            pixels = self._rng.normal(self.shade, 4, (96, 128, 3))
            self._channel.show(np.clip(pixels, 0, 255).astype(np.uint8))

    def judge(self):
        while (taken := self._slots.take_oldest(0)) is not None:
            self.scored_ns = taken[1].captured_mono_ns
            self.account.score()
        facts = CameraFacts(
            last_scored_mono_ns=self.scored_ns,
            started_mono_ns=self.started_ns,
            condition=self.intake.sight.condition,
            cadence_s=60,
            error=self.reader.error,
            last_dark_mono_ns=self.intake.sight.dark_mono_ns,
        )
        self.states.append(judge(facts, self.clock.mono_ns()).state)
        return self.states[-1]

    def wait_until(self, condition):
        ends_s = time.monotonic() + HANG_S
        while not condition():
            assert time.monotonic() < ends_s, self.states[-1]
            self.judge()
            time.sleep(0.01)

    def pass_minute(self):
        """Let a minute pass; return the state when the picture that is due then was looked at."""
        self.clock.ahead_ns += MINUTE_NS
        since_ns = self.clock.mono_ns()
        self.wait_until(lambda: max(self.dark() or 0, self.bright() or 0) > since_ns)
        return self.judge()

    def turn(self, shade, seen):
        """Change what it shows; some pictures of before may be on their way."""
        self.shade = shade
        before = seen()
        for _ in range(5):
            state = self.pass_minute()
            if seen() != before:
                return state
        raise AssertionError("what the camera shows is not seen")

    def dark(self):
        return self.intake.sight.dark_mono_ns

    def bright(self):
        return self.scored_ns

    def end(self):
        stopped = self.reader.stop(HANG_S)  # pictures go on, so that its read ends
        self._over.set()
        self._shower.join()
        assert stopped


@pytest.fixture
def server():
    channel = Channel()
    with MjpegServer({"north": channel}, 0) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield channel, server
        channel.close()
        server.shutdown()
        serving.join()


def test_a_camera_from_dusk_to_dawn(server):
    channel, mjpeg = server
    night = Night(channel, f"http://127.0.0.1:{mjpeg.server_address[1]}/north.mjpg")
    try:
        night.wait_until(lambda: night.scored_ns is not None)
        assert night.judge() == "ok"
        assert night.turn(5, night.dark) == "ok"
        assert [night.pass_minute() for _ in range(5)] == ["ok"] * 2 + ["dark"] * 3
        reconnects = night.reader.reconnects
        channel.close()  # every viewer is sent away, again and again
        night.clock.ahead_ns += MINUTE_NS  # the next picture is due: it is asked for
        night.wait_until(lambda: night.reader.reconnects >= reconnects + 3)
        mjpeg.channels["north"] = night._channel = Channel()
        assert night.pass_minute() == "dark"
        assert night.turn(120, night.bright) == "ok"
        assert set(night.states) <= {"starting", "ok", "dark"}
    finally:
        night.end()


def test_a_moment_of_black_is_over_with_the_next_due_picture(server):
    channel, mjpeg = server
    night = Night(channel, f"http://127.0.0.1:{mjpeg.server_address[1]}/north.mjpg")
    try:
        night.wait_until(lambda: night.scored_ns is not None)
        for _ in range(3):
            assert night.turn(5, night.dark) == "ok"
            assert night.pass_minute() == "ok"
            assert night.turn(120, night.bright) == "ok"
        assert set(night.states) <= {"starting", "ok"}
    finally:
        night.end()
