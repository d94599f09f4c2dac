"""What rules held back, as Prometheus reads it: memories of the hour and horizons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from edge.counter.metric import Values, metric, text_of

if TYPE_CHECKING:
    from edge.horizon import Banded


class Held(Protocol):
    """What is shown of a camera's memory of the hour."""

    @property
    def held(self) -> int:
        """Plumes that it held back."""
        ...

    @property
    def released(self) -> int:
        """Those that opened all the same."""
        ...

    @property
    def learned(self) -> int:
        """Frames that it learned from."""
        ...


def hours_exposition(cameras: Mapping[str, Held]) -> bytes:
    """Return the text exposition format of what memories of the hour did."""
    held: Values = {(camera,): one.held for camera, one in cameras.items()}
    released: Values = {(camera,): one.released for camera, one in cameras.items()}
    learned: Values = {(camera,): one.learned for camera, one in cameras.items()}
    texts = (
        ("plumes_held", "Plumes that came about the same hour before, and did not open at once.", held),
        ("plumes_released", "Those of them that opened, wider than ever or lasting for longer.", released),
        ("frames_learned", "Frames that were learned from.", learned),
    )
    return text_of(
        [
            metric(CounterMetricFamily, f"firetower_hour_{name}", text, values, ("camera",))
            for name, text, values in texts
        ]
    )


def horizon_exposition(cameras: Mapping[str, Banded]) -> bytes:
    """Return the text exposition format of what horizons did."""
    known: Values = {(camera,): float(one.known) for camera, one in cameras.items()}
    held: Values = {(camera,): one.held for camera, one in cameras.items()}
    text = "Plumes that were far from the horizon, and did not open at once."
    return text_of(
        [
            metric(GaugeMetricFamily, "firetower_horizon_known", "Whether there is one.", known, ("camera",)),
            metric(CounterMetricFamily, "firetower_horizon_plumes_held", text, held, ("camera",)),
        ]
    )
