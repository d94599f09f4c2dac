"""A trial of a video: how its packets will be decoded in the long run is known at its second keyframe.

Until then they are kept, so that a trial decodes none otherwise than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from av.video.frame import VideoFrame

from edge.camera.access_unit import Unit
from edge.camera.keyframe import PacketChoice
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Session

_MOST_PACKETS = 4096


@dataclass(frozen=True, slots=True)
class Timed:
    """What came of a video.

    Attributes:
        unit: a packet, or why one is lost.
        time_ns: of the packet; 0 where it is lost.
    """

    unit: Unit
    time_ns: int

    @property
    def key(self) -> bool:
        """Whether it is a keyframe."""
        return not isinstance(self.unit, str) and self.unit.is_keyframe

    @property
    def size_bytes(self) -> int:
        """How large it is."""
        return 0 if isinstance(self.unit, str) else self.unit.size


class Trial:
    """Keeps what comes from the first keyframe on, until the choice of packets can be told how far they are apart.

    Where keyframes will be decoded alone, it begins with the second, as the first is never decoded so. Else it hands on
    everything; then the picture of a keyframe does not count, since it says nothing of those between.

    Args:
        choice: of packets.
        session: its clock, schedule and limits; told what could not be tried.
        timeout_s: how long it waits for the second keyframe.
    """

    def __init__(self, choice: PacketChoice, session: Session, timeout_s: float) -> None:
        self._choice = choice
        self._session = session
        self._timeout_ns = round(timeout_s * NS_PER_S)
        self._held: list[Timed] = []
        self._held_bytes = 0
        self._key_ns = 0  # time of the last keyframe
        self._began_ns = 0  # when the first came, by the clock
        self._settled = False
        self._predicted = False

    def take(self, came: Sequence[Timed]) -> list[Timed]:
        """Take what came; return what is to be decoded now."""
        return [one for timed in came for one in self._take(timed)]

    def flush(self) -> list[Timed]:
        """Return what is still kept, at the end of a recording: it has no second keyframe, so it is decoded whole."""
        return self._hand_on_all()

    def counts(self, frame: VideoFrame) -> bool:
        """Say whether a picture shows that decoding works."""
        return not (self._predicted and frame.key_frame)

    def _take(self, timed: Timed) -> list[Timed]:
        if self._settled or not (self._held or timed.key):
            return [timed]
        if not self._held:
            self._began_ns, self._key_ns = self._session.clock.mono_ns(), timed.time_ns
        interval_ns = timed.time_ns - self._key_ns
        cadence_ns = self._session.schedule.cadence_s * NS_PER_S
        if timed.key and 0 < interval_ns <= cadence_ns:
            self._settle(interval_ns)
            self._held.clear()
            return [timed]
        self._held.append(timed)
        self._held_bytes += timed.size_bytes
        if interval_ns > cadence_ns:
            self._settle(interval_ns)
            return self._hand_on_all()
        return self._bounded()

    def _settle(self, interval_ns: int) -> None:
        self._settled = True
        self._choice.foresee(interval_ns)

    def _hand_on_all(self) -> list[Timed]:
        held, self._held = self._held, []
        self._settled = True
        self._predicted = any(not timed.key for timed in held)
        return held

    def _bounded(self) -> list[Timed]:
        """Hand everything on where the second keyframe is too far away to wait for."""
        waited_ns = self._session.clock.mono_ns() - self._began_ns
        few = len(self._held) < _MOST_PACKETS and self._held_bytes < self._session.limits.packet_bytes
        if few and waited_ns <= self._timeout_ns:
            return []
        self._session.untried.append(
            f"no second keyframe came within {waited_ns / NS_PER_S:.0f} s and {len(self._held)} packets; it was "
            "decoded whole, and not tried whether its keyframes can be decoded alone"
        )
        return self._hand_on_all()
