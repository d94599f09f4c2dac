import re

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from edge.alert.store import Counts
from edge.counter.counters import Board, Cpu, Snapshot
from edge.counter.drops import Account
from edge.counter.energy import Energy
from edge.counter.latency import Quantiles, StageLatency
from edge.counter.prometheus import exposition
from edge.device.device import Condition
from edge.device.power import Unavailable
from edge.device.process import Memory
from edge.health import CameraHealth


def summary(*durations_ns):
    quantiles = Quantiles()
    for ns in durations_ns:
        quantiles.add(ns)
    return quantiles.summary()


def snapshot(**changes):
    account = Account()
    account.decode()
    account.drop("dark")
    base = Snapshot(
        uptime_s=12.5,
        cameras={"north": account.balance()},
        latency={
            "invoke": StageLatency(run=summary(20_000_000, 40_000_000), last_minute=summary(20_000_000))
        },
        memory=Memory(rss_bytes=100, peak_rss_bytes=200),
        cpu=Cpu(process_s=1.5, percent_of_core=None, threads=4, descriptors=None),
        energy=Energy(Unavailable()).report(),
        device=Board(model=None, memory_total_bytes=None, condition=Condition(throttling=("under-voltage",))),
    )
    return msgspec.structs.replace(base, **changes)


def samples(text):
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_values_are_in_base_units():
    health = {"north": CameraHealth(state="stale", age_s=70.0, reason="")}
    counts = Counts(
        open_events=5, closed_events=7, open_alerts=2, closed_alerts=3, evidence=0, shed_evidence=0,
        shed_events=0, bytes=0,
    )  # fmt: skip
    text = exposition(snapshot(), health, {"opened": 2, "alerted": 1, "unsaved": 1}, {"picture": 3}, counts)
    assert b"# TYPE firetower_events gauge\n" in text
    got = samples(text)
    assert got[("firetower_uptime_seconds",)] == 12.5
    assert got[("firetower_frames_decoded_total", ("camera", "north"))] == 1
    assert got[("firetower_frames_dropped_total", ("camera", "north"), ("cause", "dark"))] == 1
    assert abs(got[("firetower_stage_seconds", ("quantile", "0.5"), ("stage", "invoke"))] - 0.02) < 0.0002
    assert got[("firetower_stage_seconds_count", ("stage", "invoke"))] == 2
    assert abs(got[("firetower_stage_seconds_sum", ("stage", "invoke"))] - 0.06) < 1e-9
    assert got[("firetower_stage_max_seconds", ("stage", "invoke"))] == 0.04
    for window, expected in (("run", 0.04), ("minute", 0.02)):
        largest = (("quantile", "1"), ("stage", "invoke"), ("window", window))
        assert abs(got[("firetower_stage_window_seconds", *largest)] - expected) < 1e-9
    assert got[("firetower_memory_rss_bytes",)] == 100
    assert got[("firetower_cpu_seconds_total",)] == 1.5
    assert got[("firetower_throttled", ("reason", "under-voltage"))] == 1
    assert got[("firetower_throttled", ("reason", "throttled"))] == 0
    assert got[("firetower_camera_state", ("camera", "north"), ("state", "stale"))] == 1
    assert got[("firetower_camera_frame_age_seconds", ("camera", "north"))] == 70
    assert got[("firetower_events_total", ("phase", "opened"))] == 2
    assert got[("firetower_events_total", ("phase", "alerted"))] == 1
    for name, state, count in (
        *(("events", "open", 5), ("events", "closed", 7), ("alerts", "open", 2), ("alerts", "closed", 3)),
    ):
        assert got[(f"firetower_stored_{name}", ("state", state))] == count
    assert got[("firetower_events", ("phase", "unsaved"))] == 1
    assert ("firetower_events_total", ("phase", "unsaved")) not in got
    assert got[("firetower_events_dropped_total", ("kind", "picture"))] == 3
    assert got[("firetower_energy_source", ("source", "unavailable"))] == 1


def test_each_condition_that_stands_is_1():
    north = CameraHealth(state="ok", age_s=1.0, reason="", conditions=("fog", "night"))
    health = {"north": north, "south": CameraHealth(state="ok", age_s=1.0, reason="")}
    got = samples(exposition(snapshot(), health, {}, {}))
    name = "firetower_camera_condition"
    assert {key[1:]: value for key, value in got.items() if key[0] == name} == {
        (("camera", "north"), ("condition", "fog")): 1,
        (("camera", "north"), ("condition", "night")): 1,
    }


def test_what_is_unknown_is_absent():
    health = {"north": CameraHealth(state="starting", age_s=None, reason="")}
    silent = {"invoke": StageLatency(run=None, last_minute=None)}
    condition = Board(model=None, memory_total_bytes=None, condition=Condition())
    got = samples(exposition(snapshot(latency=silent, device=condition), health, {}, {}))
    names = {key[0] for key in got}
    for name in (
        "firetower_memory_pss_bytes",
        "firetower_descriptors",
        "firetower_energy_joules_total",
        "firetower_power_watts",
        "firetower_frame_energy_joules",
        "firetower_soc_temperature_celsius",
        "firetower_throttled",
        "firetower_camera_frame_age_seconds",
        "firetower_stage_seconds",
        "firetower_stage_seconds_count",
        "firetower_stored_events",
        "firetower_stored_alerts",
    ):
        assert name not in names


def test_every_metric_has_a_help_text_and_our_prefix():
    text = exposition(snapshot(), {}, {"opened": 1}, {}).decode()
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert names
    assert len(names) == len(set(names))
    for name in names:
        assert name.startswith("firetower_")
        assert re.search(rf"^# HELP {name} \S", text, re.MULTILINE)


def test_a_name_cannot_break_the_format():
    health = {'a"b\n\\c': CameraHealth(state="ok", age_s=1.0, reason="")}
    got = samples(exposition(snapshot(), health, {}, {}))
    assert got[("firetower_camera_frame_age_seconds", ("camera", 'a"b\n\\c'))] == 1.0
