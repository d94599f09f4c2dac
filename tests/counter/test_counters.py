import threading

import msgspec

from edge.counter.counters import Counters
from edge.device.device import Condition
from edge.device.power import Reading, Unavailable
from edge.errors import DeviceError

SECOND = 1_000_000_000


class FakeClock:
    now_ns = 5 * SECOND

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal: threading.Event, timeout_s: float):
        raise AssertionError


class FakeDevice:
    model = "Raspberry Pi 4 Model B Rev 1.4"
    memory_total_bytes = 4_000_000_000

    def read(self):
        return Condition(temperature_c=51.5, throttling=())


class FakeMeter:
    source = "measured:ina226"
    idle_w = None

    def read(self):
        return Reading(watts=3.0)


class BrokenMeter(FakeMeter):
    def read(self):
        raise DeviceError("broken")


def stat(root, ticks):
    file = root / "proc/self/stat"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "1 (python) " + " ".join(["S", *("0",) * 10, str(ticks), "0", *("0",) * 4, "3", *("0",) * 30])
    )


def test_a_snapshot_holds_all_that_was_counted(tmp_path):
    clock = FakeClock()
    counters = Counters(clock, FakeMeter(), FakeDevice(), idle_w=1.0, root=tmp_path)
    account = counters.account("north")
    assert counters.account("north") is account
    for second in range(3):
        clock.now_ns = (5 + second) * SECOND
        stat(tmp_path, 25 * second)
        counters.sample()
        account.decode()
        account.score()
        counters.record("invoke", 20_000_000)
    account.decode()
    account.drop("overwritten")
    shown = msgspec.json.decode(msgspec.json.encode(counters.snapshot()))
    assert shown["uptime_s"] == 2.0
    assert shown["cameras"]["north"]["decoded"] == 4
    assert shown["cameras"]["north"]["dropped"]["overwritten"] == 1
    assert shown["latency"]["invoke"]["run"]["count"] == 3
    assert shown["latency"]["invoke"]["last_minute"]["max_ms"] == 20.0
    assert shown["memory"] == {"rss_bytes": None, "pss_bytes": None, "peak_rss_bytes": None}
    assert shown["cpu"] == {"process_s": 0.5, "percent_of_core": 25.0, "threads": 3, "descriptors": None}
    assert shown["energy"]["joules"] == 6.0
    assert shown["energy"]["j_per_frame"] == 3.0
    assert shown["energy"]["j_per_frame_above_idle"] == 2.0
    assert shown["device"]["condition"]["temperature_c"] == 51.5
    assert shown["device"]["condition"]["charge"] is None


def test_the_processors_share_forgets_what_is_older_than_a_minute(tmp_path):
    clock = FakeClock()
    counters = Counters(clock, Unavailable(), FakeDevice(), root=tmp_path)
    for second in range(200):
        clock.now_ns = second * SECOND
        stat(tmp_path, 100 * min(second, 100))
        counters.sample()
    assert counters.snapshot().cpu.percent_of_core == 0.0


def test_a_broken_sensor_and_an_empty_board_do_not_stop_it(tmp_path):
    counters = Counters(FakeClock(), BrokenMeter(), FakeDevice(), root=tmp_path)
    counters.sample()
    counters.sample()
    snapshot = counters.snapshot()
    assert snapshot.energy.failed_readings == 2
    assert snapshot.energy.joules is None
    assert snapshot.cpu.percent_of_core is None
