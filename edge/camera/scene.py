"""A built-in synthetic tower view, so that the daemon can be shown without a camera: hills, clouds, a plume.

Nothing is ever trained on it, and every picture says that it is synthetic. The same address gives the same
pictures on one machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from edge.camera.kind import Kind
from edge.camera.loop import play
from edge.camera.option import RecordingOptions
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session, Source
from edge.errors import CameraError

FRAME_S = 60
_DIGITS = 10  # of 2**31


@dataclass(frozen=True, slots=True)
class Scene:
    """What an address of a scene says.

    Attributes:
        kind: `plume`, or `quiet` without smoke.
        seed: chooses hills, clouds, wind and noise.
        frames: length; one frame a minute.
        ignition: the frame at which smoke begins.
    """

    kind: Literal["plume", "quiet"] = "plume"
    seed: int = 1
    frames: int = 60
    ignition: int = 20


def parse_scene(uri: str) -> Scene:
    """Read `scene:plume?seed=1&frames=60&ignition=20`; every part but `scene:` may be left out.

    Raises:
        CameraError: an unknown kind or key, or a value out of range.
    """
    rest = uri.partition(":")[2]
    kind, _, query = rest.partition("?")
    values = {"seed": 1, "frames": 60, "ignition": 20}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in values or not value.isdecimal() or len(value) > _DIGITS or int(value) >= 2**31:
            raise CameraError(
                f"'{uri}': got '{key}={value}'; expected {', '.join(values)} with whole numbers"
            )
        values[key] = int(value)
    if kind not in ("", "plume", "quiet"):
        raise CameraError(f"'{uri}': unknown scene '{kind}'; expected scene:plume or scene:quiet")
    if values["frames"] < 1:
        raise CameraError(f"'{uri}': a scene has at least one frame")
    return Scene("quiet" if kind == "quiet" else "plume", **values)


class SceneOptions(RecordingOptions, frozen=True, kw_only=True):
    """The built-in scene."""

    def check(self) -> None:
        """See to the address, too."""
        super().check()
        try:
            parse_scene(self.uri)
        except CameraError as error:
            raise ValueError(f"uri: {error}") from None


def open_scene(options: SceneOptions, session: Session) -> Source:
    """Open the built-in scene.

    Raises:
        CameraError: the address is wrong.
    """
    scene = parse_scene(options.uri)
    return play(lambda: SceneSource(scene, session), session, loop=options.loop)


class SceneSource:
    """The synthetic view as a recording: 480×640, one frame a minute of source time.

    Args:
        scene: what to show.
        session: its clock, schedule and beat.
    """

    live = False

    def __init__(self, scene: Scene, session: Session) -> None:
        from edge.camera.view import View  # noqa: PLC0415 — cv2

        self._scene = scene
        self._view = View(scene)
        self._grid = session.schedule.skipping()
        self._clock = session.clock
        self._beat = session.beat
        self._at = 0

    def read(self) -> Picture | None:
        """Return the next picture that is due, or None at the end."""
        while self._at < self._scene.frames:
            index, self._at = self._at, self._at + 1
            source_ns = index * FRAME_S * NS_PER_S
            self._beat()
            if self._grid.due(source_ns):
                self._grid.take(source_ns)
                return self._picture(index, source_ns)
        return None

    def close(self) -> None:
        """Free it; never raises, may be called twice."""
        self._at = self._scene.frames

    def _picture(self, index: int, source_ns: int) -> Picture:
        from edge.image import RgbImage  # noqa: PLC0415 — cv2

        started_ns = self._clock.mono_ns()
        pixels = self._view.render(index)
        decode_ns = self._clock.mono_ns() - started_ns
        return Picture(
            (pixels.shape[0], pixels.shape[1]), source_ns, None, decode_ns, lambda: RgbImage(pixels)
        )


SCENE = Kind(("scene",), "scene:plume", SceneOptions, open_scene, live=False, made_up=True)
