"""A storm: more alerts of one camera within an hour than a person can look at. They are listed, not sent singly."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.alert.event import Event
from edge.alert.evidence import is_drill
from edge.frame import Box

HOUR_NS = 3600 * 1_000_000_000
_KNOWN_NS = 24 * HOUR_NS  # for so long an alert counts once, however late the disk takes it
RENEW_S = 15 * 60.0
LISTED = 20  # events that one message names
_GROWN = 2.0  # times the area at which it was told
_MARGIN = 0.5  # of a box's longer side, around it


@dataclass(slots=True)
class _Camera:
    """The alerts of one camera.

    Attributes:
        begun_ns: when they began, of the last hour.
        boxes: where they were first seen, of the last day.
        since_ns: when each of these began.
        told_px: of the events that are only listed, the area at which they were last told.
        raging: whether it is a storm now.
    """

    begun_ns: deque[int] = field(default_factory=deque)
    boxes: dict[str, Box] = field(default_factory=dict)
    since_ns: dict[str, int] = field(default_factory=dict)
    told_px: dict[str, float] = field(default_factory=dict)
    raging: bool = False


class Storms:
    """Says of each revision whether it is sent singly.

    Args:
        most: alerts of one camera within an hour that are no storm yet.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cameras: dict[str, _Camera] = {}

    def lists(self, event: Event, now_ns: int) -> bool:
        """Say whether a revision is listed in its camera's storm, rather than sent; each revision is asked once.

        What is in a sector of its own or grew is sent, and so is all that comes after it of that event.
        """
        if event.severity != "alert" or is_drill(event):
            return False
        camera = self._cameras.setdefault(event.camera, _Camera())
        if event.is_new_alert and event.id not in camera.boxes:
            self._pass(camera, now_ns)
            camera.begun_ns.append(now_ns)
            camera.raging = camera.raging or len(camera.begun_ns) > self._most
            fresh = not any(_near(event.box_px, box) for box in self._sectors(camera, now_ns))
            camera.boxes[event.id], camera.since_ns[event.id] = event.box_px, now_ns
            if camera.raging and not fresh:
                camera.told_px[event.id] = _area(event.box_px)
        told_px = camera.told_px.get(event.id)
        if told_px is None:
            return False
        if _area(event.box_px) >= _GROWN * told_px:
            del camera.told_px[event.id]
            return False
        if event.phase == "closed":
            del camera.told_px[event.id]
        return True

    def over(self, now_ns: int) -> list[str]:
        """Return the cameras whose storm ended since it was asked last."""
        ended = []
        for name, camera in self._cameras.items():
            self._pass(camera, now_ns)
            if camera.raging and len(camera.begun_ns) <= self._most:
                camera.raging = False
                ended.append(name)
        return ended

    def begun_ns(self, camera: str) -> tuple[int, ...]:
        """When the alerts of a camera began, of the last hour, for a later process of the same boot."""
        return tuple(self._cameras.get(camera, _Camera()).begun_ns)

    def resume(self, name: str, begun_ns: Iterable[int], listed: Iterable[Event]) -> None:
        """Go on with the storm of an earlier process of the same boot; twice changes nothing.

        Args:
            name: of the camera.
            begun_ns: as `begun_ns` gave it then.
            listed: the newest revisions of its events.
        """
        camera = self._cameras.setdefault(name, _Camera())
        camera.begun_ns = deque(sorted((Counter(begun_ns) | Counter(camera.begun_ns)).elements()))
        camera.raging = camera.raging or len(camera.begun_ns) > self._most
        for event in listed:
            if event.id not in camera.boxes:
                camera.boxes[event.id] = event.box_px
                if event.phase != "closed":
                    camera.told_px[event.id] = _area(event.box_px)

    @property
    def raging(self) -> Iterable[str]:
        """The cameras in a storm."""
        return [name for name, camera in self._cameras.items() if camera.raging]

    def _pass(self, camera: _Camera, now_ns: int) -> None:
        while camera.begun_ns and not 0 <= now_ns - camera.begun_ns[0] < HOUR_NS:
            camera.begun_ns.popleft()
        for id_ in list(camera.boxes):
            if not 0 <= now_ns - camera.since_ns.setdefault(id_, now_ns) < _KNOWN_NS:
                del camera.boxes[id_], camera.since_ns[id_]

    def _sectors(self, camera: _Camera, now_ns: int) -> list[Box]:
        """Return where alerts began within the last hour; what the disk takes late is known for longer."""
        return [box for id_, box in camera.boxes.items() if now_ns - camera.since_ns[id_] < HOUR_NS]


def _area(box: Box) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _near(one: Box, other: Box) -> bool:
    """Say whether two boxes, with what is around the second one, meet."""
    around = _MARGIN * max(other[2] - other[0], other[3] - other[1])
    return (
        one[0] < other[2] + around
        and other[0] - around < one[2]
        and one[1] < other[3] + around
        and other[1] - around < one[3]
    )
