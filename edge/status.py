"""What a tower counts, at one moment: as the tables of `/status.json`, and as Prometheus takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from edge.alert.recorder import Recorded
from edge.alert.store import Counts
from edge.alert.witness import Made
from edge.counter.counters import Snapshot
from edge.counter.governed import governor_exposition
from edge.counter.held import horizon_exposition, hours_exposition
from edge.counter.prometheus import evidence_exposition, exposition, uplink_exposition
from edge.health import Health
from edge.horizon import Banded
from edge.hour import Held
from edge.uplink.uplink import Report


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that is counted.

    Attributes:
        tower: its name, for people.
        snapshot: frames, latency, memory and energy.
        recorded: what became of revisions.
        untold: announcements that nobody read.
        stored: what the store holds; None where that is not known now.
        evidence: pictures that were made.
        hours: what each camera's memory of the hour did; None where none is on.
        horizons: what each camera's horizon did; None where the model has no rule for it.
        uplink: how messages stand; None where there are no sinks.
        health: of the cameras, the store and the messages.
    """

    tower: str
    snapshot: Snapshot
    recorded: Recorded
    untold: int
    stored: Counts | None
    evidence: Made
    hours: Mapping[str, Held] | None
    horizons: Mapping[str, Banded] | None
    uplink: Report | None
    health: Health

    def document(self) -> dict[str, Any]:
        """Return it as plain tables."""
        document: dict[str, Any] = msgspec.to_builtins(self.snapshot)
        document["tower"] = self.tower
        document["events"] = {**self._events(), "stored": msgspec.to_builtins(self.stored)}
        document["evidence"] = msgspec.to_builtins(self.evidence)
        if self.hours is not None:
            document["memory_of_the_hour"] = msgspec.to_builtins(self.hours)
        if self.horizons is not None:
            document["horizon"] = msgspec.to_builtins(self.horizons)
        if self.uplink is not None:
            document["uplink"] = msgspec.to_builtins(self.uplink)
        document["health"] = msgspec.to_builtins(self.health)
        return document

    def exposition(self) -> bytes:
        """Return it in Prometheus's text format."""
        events = self._events()
        dropped = events.pop("dropped")
        counted = exposition(self.snapshot, self.health.cameras, events, dropped, self.stored)
        remembered = b"" if self.hours is None else hours_exposition(self.hours)
        banded = b"" if self.horizons is None else horizon_exposition(self.horizons)
        carried = b"" if self.uplink is None else uplink_exposition(self.uplink)
        governed = self.health.governor
        spared = b"" if governed is UNSET else governor_exposition(governed, self.health.cameras)
        return counted + evidence_exposition(self.evidence) + remembered + banded + spared + carried

    def _events(self) -> dict[str, Any]:
        return {**msgspec.to_builtins(self.recorded), "untold": self.untold}
