"""The counters as Prometheus reads them; an unknown value is absent, never 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, get_args

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric

from edge.counter.counters import Snapshot
from edge.counter.drops import Balance
from edge.counter.energy import EnergyReport
from edge.counter.latency import StageLatency
from edge.counter.metric import Values, counter, gauge, metric, text_of
from edge.device.device import Throttle

if TYPE_CHECKING:
    from edge.uplink.uplink import Report

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EVENT_GAUGES = ("unsaved",)
_QUANTILES = ("p50_ms", "0.5"), ("p90_ms", "0.9"), ("p99_ms", "0.99")


class Visits(Protocol):
    """What is shown of the web server."""

    @property
    def open(self) -> int:
        """Connections now."""
        ...

    @property
    def made_way(self) -> int:
        """Connections that were ended for a newer one."""
        ...

    @property
    def late(self) -> int:
        """Connections that took too long."""
        ...

    @property
    def wrong_tokens(self) -> int:
        """How many it was shown."""
        ...


class Stored(Protocol):
    """What is shown of the store."""

    @property
    def open_events(self) -> int:
        """Events that are open."""
        ...

    @property
    def closed_events(self) -> int:
        """Events that are closed."""
        ...

    @property
    def open_alerts(self) -> int:
        """The open ones that are alerts."""
        ...

    @property
    def closed_alerts(self) -> int:
        """The closed ones that are."""
        ...


class Made(Protocol):
    """What is shown of the pictures of events."""

    @property
    def pictures(self) -> int:
        """How many were made."""
        ...

    @property
    def failed(self) -> int:
        """How many could not be."""
        ...

    @property
    def kept_bytes(self) -> int:
        """Of frames that are kept for openings to come."""
        ...


class CameraState(Protocol):
    """What is shown of a camera's health."""

    @property
    def state(self) -> str:
        """One word, such as "ok"."""
        ...

    @property
    def age_s(self) -> float | None:
        """Since its last scored frame."""
        ...

    @property
    def conditions(self) -> tuple[str, ...] | msgspec.UnsetType:
        """Of its scene that stand; UNSET where the model tells none."""
        ...

    @property
    def turns(self) -> int:
        """How often it was found to look elsewhere."""
        ...

    @property
    def view(self) -> int:
        """Number of what it looks at."""
        ...


def exposition(
    snapshot: Snapshot,
    cameras: Mapping[str, CameraState],
    events: Mapping[str, int],
    dropped: Mapping[str, int],
    stored: Stored | None = None,
) -> bytes:
    """Return the text exposition format, in base units (seconds, bytes, joules).

    Args:
        snapshot: the counters.
        cameras: the health of each camera.
        events: how many events there were, by what became of them (opened, alerted, closed …).
        dropped: how many parts of events were lost because the disk did not keep up, by their kind.
        stored: what the store holds; None where it is unknown.
    """
    of_events = [*_of_events(events, dropped), *_of_store(stored)]
    return text_of([*_of_snapshot(snapshot), *_of_health(cameras), *of_events])


def visits_exposition(visits: Visits) -> bytes:
    """Return the text exposition format of what the web server counts."""
    cut: Values = {("made_way",): visits.made_way, ("late",): visits.late}
    name, text = "firetower_web_connections_cut", "Connections that the web server ended, by cause."
    return text_of(
        [
            gauge("firetower_web_connections", "Connections to the web server.", visits.open),
            metric(CounterMetricFamily, name, text, cut, ("cause",)),
            counter("firetower_web_wrong_tokens", "Wrong tokens that it was shown.", visits.wrong_tokens),
        ]
    )


def evidence_exposition(made: Made) -> bytes:
    """Return the text exposition format of what is counted of pictures for people."""
    return text_of(
        [
            counter("firetower_evidence_pictures", "Pictures that were made of events.", made.pictures),
            counter("firetower_evidence_failed", "Pictures that could not be made.", made.failed),
            gauge("firetower_evidence_kept_bytes", "Frames kept for openings to come.", made.kept_bytes),
        ]
    )


def uplink_exposition(report: Report) -> bytes:
    """Return the text exposition format of what is counted of messages to people."""
    queue, sinks = report.queue, report.sinks.items()
    up: Values = {(name,): float(link.up) for name, link in sinks}
    moved: Values = {
        (name, way): size
        for name, link in sinks
        for way, size in (("sent", link.sent_bytes), ("received", link.received_bytes))
    }
    words: Values = {} if queue is None else {(word,): count for word, count in queue.words.items()}
    commands: Values = {(result,): count for result, count in report.commands.items()}
    by = ("sink", "direction")
    ended, oldest = (
        "Deliveries by what became of them, ever.",
        "Since the oldest message that waits was committed.",
    )
    return text_of(
        [
            metric(GaugeMetricFamily, "firetower_sink_up", "Whether a message could go.", up, ("sink",)),
            metric(CounterMetricFamily, "firetower_sink_bytes", "Over the link.", moved, by),
            gauge(
                "firetower_outbox_unsent", "Deliveries that wait.", None if queue is None else queue.unsent
            ),
            gauge(
                "firetower_outbox_unheard", "Messages nobody heard.", None if queue is None else queue.unheard
            ),
            gauge("firetower_outbox_bytes", "Of what waits.", None if queue is None else queue.bytes),
            gauge("firetower_outbox_oldest_seconds", oldest, None if queue is None else queue.oldest_s),
            metric(CounterMetricFamily, "firetower_deliveries", ended, words, ("word",)),
            metric(CounterMetricFamily, "firetower_commands", "By what came of them.", commands, ("result",)),
        ]
    )


def _of_snapshot(snapshot: Snapshot) -> Iterator[Metric]:
    memory, cpu = snapshot.memory, snapshot.cpu
    yield gauge("firetower_uptime_seconds", "Since the daemon began to count.", snapshot.uptime_s)
    yield from _of_frames(snapshot.cameras)
    yield from _of_latency(snapshot.latency)
    yield gauge("firetower_memory_rss_bytes", "Resident memory.", memory.rss_bytes)
    yield gauge("firetower_memory_pss_bytes", "Resident memory, shared pages divided.", memory.pss_bytes)
    yield gauge("firetower_memory_peak_rss_bytes", "Largest resident memory.", memory.peak_rss_bytes)
    yield counter("firetower_cpu_seconds", "CPU time of the process.", cpu.process_s)
    yield gauge("firetower_threads", "Threads of the process.", cpu.threads)
    yield gauge("firetower_descriptors", "Open file descriptors.", cpu.descriptors)
    yield from _of_energy(snapshot.energy)
    yield from _of_board(snapshot)


def _of_frames(cameras: Mapping[str, Balance]) -> Iterator[Metric]:
    label = ("camera",)
    decoded: Values = {(name,): balance.decoded for name, balance in cameras.items()}
    scored: Values = {(name,): balance.scored for name, balance in cameras.items()}
    waiting: Values = {(name,): balance.waiting for name, balance in cameras.items()}
    dropped: Values = {
        (name, cause): n for name, balance in cameras.items() for cause, n in balance.dropped.items()
    }
    family = CounterMetricFamily
    yield metric(family, "firetower_frames_decoded", "Frames that left the decoder.", decoded, label)
    yield metric(family, "firetower_frames_scored", "Frames that went through the model.", scored, label)
    yield metric(
        family, "firetower_frames_dropped", "Frames that ended otherwise.", dropped, ("camera", "cause")
    )
    yield metric(GaugeMetricFamily, "firetower_frames_waiting", "Frames on their way.", waiting, label)


def _of_latency(stages: Mapping[str, StageLatency]) -> Iterator[Metric]:
    text = "Time of a stage for one frame; quantiles of the last minute, within 1%, count and sum of the run."
    summary = SummaryMetricFamily("firetower_stage_seconds", text, labels=("stage",))
    largest: dict[tuple[str, ...], float | None] = {}
    for stage, latency in stages.items():
        if latency.last_minute is not None:
            for field, quantile in _QUANTILES:
                value = getattr(latency.last_minute, field) / 1e3
                summary.add_sample(summary.name, {"stage": stage, "quantile": quantile}, value)
        if latency.run is not None:
            summary.add_metric([stage], latency.run.count, latency.run.sum_ms / 1e3)
            largest[(stage,)] = latency.run.max_ms / 1e3
    yield summary
    name, text = "firetower_stage_max_seconds", "Largest time of a stage for one frame in the run."
    yield metric(GaugeMetricFamily, name, text, largest, ("stage",))
    windows: dict[tuple[str, ...], float | None] = {
        (stage, window, quantile): getattr(part, field) / 1e3
        for stage, latency in stages.items()
        for window, part in (("run", latency.run), ("minute", latency.last_minute))
        if part is not None
        for field, quantile in (*_QUANTILES, ("max_ms", "1"))
    }
    name, text = (
        "firetower_stage_window_seconds",
        "Quantiles over the run and the last minute; 1 is the largest.",
    )
    yield metric(GaugeMetricFamily, name, text, windows, ("stage", "window", "quantile"))


def _of_energy(energy: EnergyReport) -> Iterator[Metric]:
    source, label = (energy.source,), ("source",)

    def by_source(name: str, text: str, value: float | None) -> Metric:
        return metric(GaugeMetricFamily, name, text, {source: value}, label)

    yield by_source("firetower_energy_source", "1 for how energy is known.", 1.0)
    yield metric(
        CounterMetricFamily, "firetower_energy_joules", "Energy, gross.", {source: energy.joules}, label
    )
    yield by_source("firetower_energy_above_idle_joules", "Energy above idle.", energy.joules_above_idle)
    yield by_source("firetower_power_watts", "Power at the last reading.", energy.watts)
    yield by_source("firetower_frame_energy_joules", "Energy a scored frame, gross.", energy.j_per_frame)
    name = "firetower_frame_energy_above_idle_joules"
    yield by_source(name, "Energy a scored frame, above idle.", energy.j_per_frame_above_idle)
    yield counter("firetower_energy_measured_seconds", "Time with good readings.", energy.measured_s)
    yield counter("firetower_energy_unmeasured_seconds", "Time without.", energy.unmeasured_s)
    yield counter("firetower_energy_failed_readings", "Readings that failed.", energy.failed_readings)


def _of_board(snapshot: Snapshot) -> Iterator[Metric]:
    board = snapshot.device.condition
    yield gauge("firetower_soc_temperature_celsius", "Temperature of the SoC.", board.temperature_c)
    yield gauge("firetower_charge_ratio", "State of charge of the battery, 0 to 1.", board.charge)
    yield gauge("firetower_load1", "Load average over one minute.", board.load_1min)
    available = board.memory_available_bytes
    yield gauge("firetower_memory_available_bytes", "Memory that programs can still take.", available)
    flags: Values = {}
    if board.throttling is not None:
        flags = {(flag,): float(flag in board.throttling) for flag in get_args(Throttle)}
    text = "1 for what holds the processor back now."
    yield metric(GaugeMetricFamily, "firetower_throttled", text, flags, ("reason",))


def _of_health(cameras: Mapping[str, CameraState]) -> Iterator[Metric]:
    states: Values = {(name, camera.state): 1.0 for name, camera in cameras.items()}
    ages: Values = {(name,): camera.age_s for name, camera in cameras.items()}
    text = "1 for the state that the camera is in."
    yield metric(GaugeMetricFamily, "firetower_camera_state", text, states, ("camera", "state"))
    standing: Values = {
        (name, one): 1.0 for name, camera in cameras.items() for one in camera.conditions or ()
    }
    text = "1 for each condition of the scene that stands."
    yield metric(GaugeMetricFamily, "firetower_camera_condition", text, standing, ("camera", "condition"))
    text = "Since the camera's last scored frame."
    yield metric(GaugeMetricFamily, "firetower_camera_frame_age_seconds", text, ages, ("camera",))
    turns: Values = {(name,): camera.turns for name, camera in cameras.items()}
    text = "How often the camera was found to look elsewhere; its state started anew each time."
    yield metric(CounterMetricFamily, "firetower_camera_turns", text, turns, ("camera",))
    views: Values = {(name,): camera.view for name, camera in cameras.items()}
    text = "Number of what the camera looks at, 0 at first."
    yield metric(GaugeMetricFamily, "firetower_camera_view", text, views, ("camera",))


def _of_events(events: Mapping[str, int], dropped: Mapping[str, int]) -> Iterator[Metric]:
    phases: Values = {(phase,): count for phase, count in events.items() if phase not in _EVENT_GAUGES}
    yield metric(CounterMetricFamily, "firetower_events", "Events, by phase.", phases, ("phase",))
    waiting: Values = {(phase,): count for phase, count in events.items() if phase in _EVENT_GAUGES}
    text = "Events of which something is not on disk now."
    yield metric(GaugeMetricFamily, "firetower_events", text, waiting, ("phase",))
    kinds: Values = {(kind,): count for kind, count in dropped.items()}
    name, text = "firetower_events_dropped", "Revisions and pictures lost because the disk did not keep up."
    yield metric(CounterMetricFamily, name, text, kinds, ("kind",))


def _of_store(stored: Stored | None) -> Iterator[Metric]:
    events: Values = {}
    alerts: Values = {}
    if stored is not None:
        events = {("open",): stored.open_events, ("closed",): stored.closed_events}
        alerts = {("open",): stored.open_alerts, ("closed",): stored.closed_alerts}
    family, text = GaugeMetricFamily, "Events in the store, candidates and alerts."
    yield metric(family, "firetower_stored_events", text, events, ("state",))
    yield metric(family, "firetower_stored_alerts", "Those of them that are alerts.", alerts, ("state",))
