"""What of a sweep was enough: the panels and batteries without any cut-off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from firmware_sim.sweep.grid import Point


class Enough(msgspec.Struct, frozen=True, kw_only=True):
    """What never met a cut-off, at one place, with one board at one cadence.

    Attributes:
        place, source, cadence_s: which; the source is `simulated:<profile>`.
        panel_w_battery_wh: pairs of which neither side could be smaller.
    """

    place: str
    source: str
    cadence_s: float
    panel_w_battery_wh: tuple[tuple[float, float], ...]


def enough(points: Sequence[Point]) -> Iterator[Enough]:
    """Yield the panels and batteries that brought a tower through every winter."""
    groups: dict[tuple[str, str, float], list[Point]] = {}
    for point in points:
        if point.share == 1:
            groups.setdefault((point.place, point.source, point.cadence_s), []).append(point)
    for (place, source, cadence_s), group in groups.items():
        pairs: list[tuple[float, float]] = []
        for point in sorted(group, key=lambda point: (point.panel_w, point.battery_wh)):
            if not pairs or point.battery_wh < pairs[-1][1]:
                pairs.append((point.panel_w, point.battery_wh))
        yield Enough(place=place, source=source, cadence_s=cadence_s, panel_w_battery_wh=tuple(pairs))
