"""The governor of one tower: reads its sensors, decides by its table, and counts what was not watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from edge.clock import Clock
from edge.detect.severity import Risk
from edge.governor.band import Band
from edge.governor.reading import SAMPLES, Belief, Readings
from edge.governor.report import Governed, Unwatched, report_of, told
from edge.governor.ruling import Judge, Ruling, Situation
from edge.governor.sensor import Sensor, read_all
from edge.text import plain
from edge.zone import Zone

_log = logging.getLogger(__name__)

STEP_S = 10.0  # between two samples
FIRST_S = 1.0  # the same at the start: a charge controller speaks each second


class Governor:
    """Decides for one tower. One thread calls it; `ruling`, `report` and `notices` are for any.

    Args:
        bands: the table.
        sensors: who comes first is believed.
        clock: of the tower.
        battery_v: nominal voltage of its battery.
        zone: of the hours in the table, and of times for people.
        trusted: says whether the wall clock is synchronised.

    Attributes:
        ruling: what is in force.
    """

    def __init__(
        self,
        bands: Sequence[Band],
        sensors: Sequence[Sensor],
        clock: Clock,
        *,
        battery_v: float,
        zone: Zone = UTC,
        trusted: Callable[[], bool | None],
    ) -> None:
        self.ruling = Ruling()
        self._bands, self._sensors = tuple(bands), tuple(sensors)
        self._clock, self._zone, self._trusted = clock, zone, trusted
        self._belief = Belief(battery_v)
        self._judge = Judge(bands)
        self._readings = Readings()
        self._sampled_ns: int | None = None
        self._stepped_ns: int | None = None
        self._spells = 0
        self._unwatched = {"sleep": 0.0, "cut_off": 0.0}

    def begin(self, stopping: threading.Event) -> Ruling:
        """Take enough samples to believe them, before any camera is opened; return what is in force.

        That takes four seconds, and what slow sensors take.
        """
        for number in range(SAMPLES):
            if number and self._clock.wait(stopping, FIRST_S):
                break
            self._sample()
        return self.step("neutral", open_event=False, begun=False)

    def step(self, risk: Risk, *, open_event: bool, begun: bool = True) -> Ruling:
        """Decide anew, by new readings where it is time for some; call it each second or so.

        Args:
            risk: of fire.
            open_event: whether an event is open, of any camera.
            begun: whether cameras were ever opened.
        """
        now_ns = self._clock.mono_ns()
        self._count(now_ns)
        if self._sampled_ns is None or now_ns - self._sampled_ns >= STEP_S * 1e9:
            self._sample()
        minute = self._minute()
        ruling = self._judge.step(Situation(self._readings, risk, open_event, minute, now_ns, begun))
        before, self.ruling = self.ruling, ruling
        self._tell(before, ruling, now_ns)
        return ruling

    def report(self) -> Governed:
        """Return how it stands, for programs."""
        unwatched, now_ns = Unwatched(**self._unwatched), self._clock.mono_ns()
        return report_of(self.ruling, unwatched, now_ns, self._spells, self.word(now_ns) or "")

    def notices(self) -> list[str]:
        """Return what people should know: a spell without a watch first."""
        ruling, now_ns = self.ruling, self._clock.mono_ns()
        spell = [] if ruling.spell is None else [self.word(now_ns) or ""]
        awake = [] if ruling.kept_awake is None else [f"no camera sleeps: {ruling.kept_awake}"]
        doubts = [f"{name} is unknown: {why}" for name, why in ruling.readings.doubts.items()]
        return [plain(f"governor: {line}") for line in (*spell, *ruling.why, *awake, *doubts)]

    def word(self, now_ns: int) -> str | None:
        """Return from when to when there is no watch, and why; None where none is announced."""
        spell = self.ruling.spell
        if spell is None:
            return None
        return plain(told(spell, now_ns, self._clock.wall_ns() if self._trusted() else None, self._zone))

    def due_s(self) -> float | None:
        """Return the seconds until cameras are opened again; None while they are open."""
        ruling = self.ruling
        if not ruling.asleep or ruling.spell is None:
            return None
        return max(0.0, (ruling.spell.to_ns - self._clock.mono_ns()) / 1e9)

    def missing(self) -> list[str]:
        """Return which sensors rows of the table ask for in vain, for people."""
        readings, rows = self._readings, self._bands
        asked = {
            "charge": any(row.charge for row in rows),
            "voltage_v": any(row.voltage_v for row in rows),
            "temperature_c": any(row.temperature_c for row in rows),
            "throttling": any(row.throttling for row in rows),
        }
        return [name for name, wanted in asked.items() if wanted and getattr(readings, name) is None]

    def _sample(self) -> None:
        sample, faults = read_all(self._sensors)
        self._sampled_ns = self._clock.mono_ns()
        self._readings = self._belief.see(sample, self._sampled_ns, faults)

    def _count(self, now_ns: int) -> None:
        """Count the time since the step before as unwatched, where cameras were closed."""
        if self._stepped_ns is not None and self.ruling.asleep:
            cause = "cut_off" if self.ruling.cut_off else "sleep"
            self._unwatched[cause] += (now_ns - self._stepped_ns) / 1e9
        self._stepped_ns = now_ns

    def _minute(self) -> int | None:
        if not self._trusted():
            return None
        try:
            local = datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC).astimezone(self._zone)
        except (ValueError, OverflowError, OSError):
            return None
        return local.hour * 60 + local.minute

    def _tell(self, before: Ruling, now: Ruling, now_ns: int) -> None:
        """Log what changed."""
        if now.bands != before.bands:
            _log.info("governor: %s", plain("; ".join(now.why)) or "nothing is spared")
        if now.spell is not None and (before.spell is None or now.spell.from_ns != before.spell.from_ns):
            self._spells += 1
        if now.spell is not None and now.spell != before.spell:
            _log.warning("governor: %s", self.word(now_ns))
        elif before.spell is not None and now.spell is None:
            _log.info("governor: watching%s", "" if now.kept_awake is None else f": {now.kept_awake}")
        for name, why in now.readings.doubts.items():
            if name not in before.readings.doubts:
                _log.warning("governor: %s is unknown: %s", name, plain(why))
