"""What a tower counts: the same numbers as tables and as metrics, and nothing of what it does not have."""

import json

from edge.alert.recorder import Recorded
from edge.alert.witness import Made
from edge.counter.counters import Board, Cpu, Snapshot
from edge.counter.energy import Energy
from edge.device.device import Condition
from edge.device.power import Unavailable
from edge.device.process import Memory
from edge.health import CameraHealth, Health
from edge.horizon import Banded
from edge.hour import Held
from edge.status import Status
from edge.uplink.uplink import Report


def status(**changes) -> Status:
    made = {
        "tower": "Loma Prieta",
        "snapshot": Snapshot(
            uptime_s=12.5, cameras={}, latency={}, memory=Memory(rss_bytes=100, peak_rss_bytes=200),
            cpu=Cpu(process_s=1.5, percent_of_core=None, threads=4, descriptors=None),
            energy=Energy(Unavailable()).report(),
            device=Board(model=None, memory_total_bytes=None, condition=Condition()),
        ),
        "recorded": Recorded(
            opened=3, updated=0, closed=1, alerted=2, repeated=0, unstored=0, unsaved=0, dropped={"picture": 4}
        ),
        "untold": 5,
        "stored": None,
        "evidence": Made(pictures=6, failed=0, kept_bytes=0, kept_most_bytes=0),
        "hours": None, "horizons": None,
        "uplink": None,
        "health": Health(
            healthy=True, reasons=[], cameras={"north": CameraHealth(state="ok", age_s=1.0, reason="")}
        ),
    }  # fmt: skip
    return Status(**{**made, **changes})


def test_tables_and_metrics_say_the_same() -> None:
    hours = {"north": Held(held=7, released=1, learned=9)}
    horizons = {"north": Banded(known=True, held=6)}
    told = status(
        hours=hours, horizons=horizons, uplink=Report(sequence=8, sinks={}, queue=None, commands={"done": 2})
    )
    document, metrics = json.loads(json.dumps(told.document())), told.exposition().decode()
    assert document["tower"] == "Loma Prieta"
    assert (document["events"]["opened"], document["events"]["untold"]) == (3, 5)
    assert document["events"]["dropped"] == {"picture": 4}
    assert (document["evidence"]["pictures"], document["uplink"]["sequence"]) == (6, 8)
    assert document["memory_of_the_hour"]["north"]["held"] == 7
    assert document["horizon"]["north"] == {"known": True, "held": 6}
    assert document["health"]["cameras"]["north"]["state"] == "ok"
    for line in (
        'firetower_events_total{phase="opened"} 3.0',
        'firetower_events_total{phase="untold"} 5.0',
        'firetower_events_dropped_total{kind="picture"} 4.0',
        'firetower_hour_plumes_held_total{camera="north"} 7.0',
        'firetower_horizon_known{camera="north"} 1.0',
        'firetower_horizon_plumes_held_total{camera="north"} 6.0',
        'firetower_camera_state{camera="north",state="ok"} 1.0',
    ):
        assert line in metrics


def test_what_a_tower_does_not_have_is_in_neither() -> None:
    document, metrics = status().document(), status().exposition()
    assert "memory_of_the_hour" not in document
    assert "horizon" not in document
    assert "uplink" not in document
    assert document["events"]["stored"] is None
    assert b"firetower_hour" not in metrics
    assert b"firetower_horizon" not in metrics
    assert b"firetower_stored_events{" not in metrics
    assert b"firetower_sink" not in metrics
