"""The radio link of a simulated tower: when it is there, how long a parcel takes, and what it has carried.

All sinks of the tower share it. What one sends occupies it for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from firmware_sim.tower.clock import NS
from firmware_sim.tower.plan import Line, Span

HOUR_S = 3600
_STEP_S = 60.0  # to look whether the line stays there


class Air:
    """One link.

    Args:
        line: what it is.
        begin_s: seconds since 1970 UTC that its times count from.

    Attributes:
        sent_bytes: out of the tower.
        received_bytes: into it.
    """

    def __init__(self, line: Line, begin_s: float) -> None:
        self.sent_bytes = self.received_bytes = 0
        self._line, self._begin_s = line, begin_s
        self._free_ns = 0  # nothing is under way from here on
        self._period: tuple[int, ...] = ()
        self._used_bytes = 0

    def is_up(self, at_ns: int) -> bool:
        """Say whether it is there, at nanoseconds since 1970 UTC."""
        at_s = at_ns / NS
        if at_s % HOUR_S >= self._line.minutes_an_hour * 60 or held(self._line.outages, at_s - self._begin_s):
            return False
        return self._line.quota_bytes is None or self._used(at_ns) < self._line.quota_bytes

    def why(self, at_ns: int) -> str:
        """Say why it is not there; empty where it is."""
        if self.is_up(at_ns):
            return ""
        quota = self._line.quota_bytes
        if quota is not None and self._used(at_ns) >= quota:
            return f"the carrier's {quota} bytes a {self._line.quota} are used up"
        return "no carrier"

    def carry(self, size: int, at_ns: int) -> tuple[int, bool]:
        """Put bytes on the link.

        Args:
            size: bytes.
            at_ns: nanoseconds since 1970 UTC.

        Returns:
            When they are at the other end, and whether they get there; else when the link was lost.
        """
        took_ns = 0 if self._line.bytes_s is None else round(size / self._line.bytes_s * NS)
        left_ns = max(at_ns, self._free_ns) + took_ns
        there_ns = left_ns + self.delay_ns
        lost_ns = self._lost_ns(at_ns, there_ns)
        self._free_ns = left_ns if lost_ns is None else min(left_ns, lost_ns)
        self._used(at_ns)
        self._used_bytes += size
        return (there_ns, True) if lost_ns is None else (lost_ns, False)

    def count(self, sent: int = 0, received: int = 0) -> None:
        """Count bytes that went over it."""
        self.sent_bytes += sent
        self.received_bytes += received

    @property
    def delay_ns(self) -> int:
        """One way."""
        return round(self._line.delay_s * NS)

    def free(self, at_ns: int) -> None:
        """Give up what is under way: the tower has no power any more."""
        self._free_ns = min(self._free_ns, at_ns)

    def _lost_ns(self, from_ns: int, to_ns: int) -> int | None:
        """Return the first moment, to a minute, at which the link is not there; None where it stays."""
        at_ns = from_ns
        while at_ns < to_ns:
            if not self.is_up(at_ns):
                return at_ns
            at_ns += round(_STEP_S * NS)
        return None if self.is_up(to_ns) else to_ns

    def _used(self, at_ns: int) -> int:
        """Return what was used of the quota's day or month."""
        date = datetime.fromtimestamp(at_ns / NS, UTC)
        period = (date.year, date.month) if self._line.quota == "month" else (date.year, date.month, date.day)
        if period != self._period:
            self._period, self._used_bytes = period, 0
        return self._used_bytes


def held(spans: Sequence[Span], now_s: float) -> bool:
    """Say whether a moment is in one of some spans, in seconds from the scenario's begin."""
    return any(span.holds(now_s) for span in spans)
