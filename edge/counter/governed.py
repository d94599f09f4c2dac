"""The governor as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import UNSET, UnsetType
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from edge.counter.metric import Values, gauge, metric, text_of
from edge.governor.band import ECONOMIES
from edge.governor.report import Governed


class Paced(Protocol):
    """What is shown of a camera under the governor."""

    @property
    def cadence_s(self) -> float | UnsetType:
        """Between its scored frames, as it is now."""
        ...

    @property
    def due_s(self) -> float | UnsetType | None:
        """Until its next frame is due."""
        ...


def governor_exposition(governed: Governed, cameras: Mapping[str, Paced]) -> bytes:
    """Return the text exposition format of what the governor does, and by which readings.

    Args:
        governed: how it stands.
        cameras: the health of each.
    """
    bands: Values = {(band,): 1.0 for band in governed.bands}
    economies: Values = {(one,): float(one in governed.economies) for one in ECONOMIES}
    lost = governed.unwatched_s
    unwatched: Values = {("sleep",): lost.sleep, ("cut_off",): lost.cut_off}
    doubts: Values = {(name,): 1.0 for name in governed.doubts}
    cadences: Values = {
        (name,): camera.cadence_s for name, camera in cameras.items() if camera.cadence_s is not UNSET
    }
    due: Values = {(name,): camera.due_s for name, camera in cameras.items() if camera.due_s is not UNSET}
    family = GaugeMetricFamily
    return text_of(
        [
            metric(family, "firetower_governor_band", "1 for each band in force.", bands, ("band",)),
            metric(family, "firetower_governor_economy", "1 while in force.", economies, ("economy",)),
            gauge("firetower_governor_asleep", "Whether cameras are closed.", float(governed.asleep)),
            metric(
                CounterMetricFamily,
                "firetower_unwatched_seconds",
                "Time in which cameras were closed.",
                unwatched,
                ("cause",),
            ),
            metric(family, "firetower_camera_cadence_seconds", "As it is now.", cadences, ("camera",)),
            metric(family, "firetower_camera_due_seconds", "Until the next frame.", due, ("camera",)),
            metric(family, "firetower_sensor_unknown", "1 for each in doubt.", doubts, ("sensor",)),
            gauge("firetower_governor_charge_ratio", "Charge that is believed, 0 to 1.", governed.charge),
            gauge("firetower_battery_volts", "Voltage that is believed.", governed.voltage_v),
            gauge("firetower_load_watts", "What the tower draws.", governed.load_w),
            gauge("firetower_panel_watts", "What the panel gives.", governed.panel_w),
        ]
    )
