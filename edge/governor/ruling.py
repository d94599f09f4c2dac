"""What is in force now, and why: the one answer of the governor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.detect.severity import Risk
from edge.governor.band import ECONOMIES, Band, Economy
from edge.governor.reading import Readings
from edge.governor.spell import Spell, Spells
from edge.governor.table import InForce, Table


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision rests on.

    Attributes:
        readings: of the sensors.
        risk: of fire; neutral also where nobody named one, or it expired.
        open_event: whether an event is open, of any camera.
        minute: of the local day; None where the clock is not trusted.
        now_ns: monotonic time.
        begun: whether cameras were ever opened.
    """

    readings: Readings
    risk: Risk
    open_event: bool
    minute: int | None
    now_ns: int
    begun: bool = True


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is in force.

    Attributes:
        bands: names, in the order of the table.
        why: one line for each band, for people.
        economies: in their order.
        cadence: 0 is each camera's own, 1 the slowest of the model.
        asleep: whether cameras are closed.
        spell: without a watch, announced or under way; None where there is none.
        kept_awake: why no camera sleeps though a band would have it; None where that is not so.
        readings: that it rests on.
    """

    bands: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    economies: tuple[Economy, ...] = ()
    cadence: float = 0.0
    asleep: bool = False
    spell: Spell | None = None
    kept_awake: str | None = None
    readings: Readings = field(default_factory=Readings)

    @property
    def cut_off(self) -> bool:
        """Whether the battery is about to be cut off."""
        return "cut_off" in self.economies


class Judge:
    """Decides by the table; pure but for its hysteresis.

    Args:
        bands: from the mildest to the harshest.
    """

    def __init__(self, bands: Sequence[Band]) -> None:
        self._table = Table(bands)
        self._spells = Spells()

    def step(self, now: Situation) -> Ruling:
        """Return what is in force from now on."""
        found = self._table.step(now.readings, now.risk, now.minute, now.now_ns)
        awake = _kept_awake(found, now)
        sleeper = next((one for one in reversed(found) if one.band.economy in ("sleep", "cut_off")), None)
        cut = next((one for one in found if one.band.economy == "cut_off"), None)
        wanted = cut or (None if awake else sleeper)
        asleep = self._spells.step(
            None if wanted is None else (wanted.band, f"{wanted.band.name}: {wanted.why}"),
            now.now_ns,
            begun=now.begun,
        )
        last = max((ECONOMIES.index(one.band.economy) for one in found), default=-1)
        return Ruling(
            bands=tuple(one.band.name for one in found),
            why=tuple(f"{one.band.name}: {one.why}" for one in found),
            economies=ECONOMIES[: last + 1],
            cadence=max((_cadence(one.band) for one in found), default=0.0),
            asleep=asleep,
            spell=self._spells.spell,
            kept_awake=awake if sleeper is not None else None,
            readings=now.readings,
        )


def _cadence(band: Band) -> float:
    return band.cadence if "cadence" in band.economies else 0.0


def _kept_awake(found: Sequence[InForce], now: Situation) -> str | None:
    """Return why cameras stay open; None where they may be closed: nothing holds against a cut-off."""
    if any(one.band.economy == "cut_off" for one in found):
        return None
    if now.open_event:
        return "an event is open"
    return "the fire risk is high" if now.risk == "high" else None
