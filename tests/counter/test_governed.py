"""What Prometheus reads of the governor."""

from prometheus_client.parser import text_string_to_metric_families

from edge.counter.governed import governor_exposition
from edge.governor.reading import Readings
from edge.governor.report import Unwatched, report_of
from edge.governor.ruling import Ruling
from edge.health import CameraHealth


def samples(ruling: Ruling, **lost: float) -> dict[tuple[str, ...], float]:
    camera = CameraHealth(state="governed", age_s=None, reason="", cadence_s=200.0, due_s=900.0)
    untold = CameraHealth(state="ok", age_s=None, reason="")
    text = governor_exposition(report_of(ruling, Unwatched(**lost), 0), {"north": camera, "south": untold})
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_what_is_spared_and_lost_is_counted() -> None:
    readings = Readings(voltage_v=12.25, panel_w=31.0, doubts={"charge": "stuck"})
    ruling = Ruling(("save",), ("why",), ("pictures", "page"), 0.0, asleep=True, readings=readings)
    found = samples(ruling, sleep=30.0)
    assert found[("firetower_governor_band", "save")] == 1
    assert found[("firetower_governor_economy", "page")] == 1
    assert found[("firetower_governor_economy", "sleep")] == 0
    assert found[("firetower_governor_asleep",)] == 1
    assert found[("firetower_unwatched_seconds_total", "sleep")] == 30
    assert found[("firetower_unwatched_seconds_total", "cut_off")] == 0
    assert found[("firetower_camera_cadence_seconds", "north")] == 200
    assert found[("firetower_camera_due_seconds", "north")] == 900
    assert ("firetower_camera_due_seconds", "south") not in found
    assert found[("firetower_battery_volts",)] == 12.25
    assert found[("firetower_panel_watts",)] == 31
    assert found[("firetower_sensor_unknown", "charge")] == 1


def test_what_is_unknown_is_absent() -> None:
    found = samples(Ruling())
    assert ("firetower_battery_volts",) not in found
    assert ("firetower_governor_charge_ratio",) not in found
