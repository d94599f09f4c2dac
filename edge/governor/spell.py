"""Spells without a watch: told before they begin, with their beginning and their end."""

from __future__ import annotations

from dataclasses import dataclass

from edge.governor.band import Band
from edge.governor.table import RETURN_S

NOTICE_S = 60.0  # from the word of a spell to its beginning
CUT_NOTICE_S = 20.0  # the same where the battery is about to be cut off
_NS = 1e9


@dataclass(frozen=True, slots=True)
class Spell:
    """A time without a watch, as it was announced. Times are monotonic.

    Attributes:
        from_ns: when cameras are closed.
        to_ns: when they are opened again; of a cut-off at the earliest.
        why: for people.
        at_least: whether it may last longer.
    """

    from_ns: int
    to_ns: int
    why: str
    at_least: bool = False


class Spells:
    """Decides when a tower sleeps, one spell after the other.

    Attributes:
        spell: announced, or under way; None where there is none.
    """

    def __init__(self) -> None:
        self.spell: Spell | None = None
        self._watch_ns: int | None = None  # until when it watches after a spell

    def step(self, wanted: tuple[Band, str] | None, now_ns: int, *, begun: bool = True) -> bool:
        """Return whether cameras are to be closed now.

        Args:
            wanted: band that wants them closed, and why; None where none does, or an event or the risk keeps them open.
            now_ns: monotonic time.
            begun: whether cameras were ever opened; where not, a cut-off has nothing to wait for.
        """
        if wanted is None:
            self.spell = self._watch_ns = None
            return False
        band, why = wanted
        if band.economy == "cut_off":
            return self._cut(why, now_ns, begun=begun)
        if self.spell is not None and self.spell.at_least:  # the battery is out of danger
            self._watch(band, now_ns)
        if self.spell is not None and now_ns >= self.spell.to_ns:
            self._watch(band, now_ns)
        if self.spell is None:
            self._announce(band, why, now_ns)
        return self.spell is not None and now_ns >= self.spell.from_ns

    def _watch(self, band: Band, now_ns: int) -> None:
        self.spell, self._watch_ns = None, now_ns + round(band.watch_s * _NS)

    def _announce(self, band: Band, why: str, now_ns: int) -> None:
        from_ns = max(now_ns + round(NOTICE_S * _NS), self._watch_ns or 0)
        if from_ns - now_ns <= NOTICE_S * _NS:
            self.spell = Spell(from_ns, from_ns + round(band.sleep_s * _NS), why)

    def _cut(self, why: str, now_ns: int, *, begun: bool) -> bool:
        known = self.spell
        asleep = known is not None and now_ns >= known.from_ns
        if known is None or not known.at_least:
            from_ns = now_ns + round(CUT_NOTICE_S * _NS) if begun and not asleep else now_ns
            self.spell = known = Spell(from_ns, from_ns + round(RETURN_S * _NS), why, at_least=True)
        elif now_ns >= known.to_ns - NOTICE_S * _NS:
            self.spell = Spell(known.from_ns, known.to_ns + round(RETURN_S * _NS), why, at_least=True)
        return now_ns >= known.from_ns
