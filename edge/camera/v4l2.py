"""Cameras through Video4Linux, whose reads nothing can interrupt: so they are waited for outside FFmpeg.

FFmpeg blocks in an ioctl when a device goes silent, and PyAV's timeout only looks between system calls.
Opening runs in a thread that is given up when it hangs; FFmpeg's own descriptor is polled before each read.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.camera.kind import Kind
from edge.camera.option import SizedOptions
from edge.camera.source import Session, Source
from edge.clock import Clock
from edge.errors import CameraError

if TYPE_CHECKING:
    from av.container import InputContainer

    from edge.camera.container import Opening

_DESCRIPTORS = Path("/proc/self/fd")


class V4l2Options(SizedOptions, frozen=True, kw_only=True):
    """A video device."""


def open_device(options: V4l2Options, session: Session, container_format: str = "v4l2") -> Source:
    """Open a video device, `v4l2:/dev/video0` or a stable name under `/dev/v4l/by-id`.

    Args:
        options: its address and size.
        session: its clock, schedule and beat.
        container_format: FFmpeg's name of the interface.

    Raises:
        CameraError: no such device, it is busy, or it is silent for longer than the timeout.
    """
    from edge.camera.container import Opening  # noqa: PLC0415 — av
    from edge.camera.video import VideoSource  # noqa: PLC0415 — av

    device = Path(options.uri.partition(":")[2])
    if not device.exists():
        raise CameraError(f"no video device '{device}'; `v4l2-ctl --list-devices` lists those that are there")
    size = () if options.size_px is None else (("video_size", f"{options.size_px[1]}x{options.size_px[0]}"),)
    opening = Opening(
        url=str(device),
        shown=f"v4l2:{device}",
        live=True,
        timeout_s=options.timeout_s,
        advice="see that no other program uses it and that this user may read it (group `video`)",
        container_format=container_format,
        av_options=size,
    )
    before = _descriptors_of(device)
    container = _open_within(opening, options.timeout_s + 1, session.clock)
    opened = sorted(_descriptors_of(device) - before)
    if not opened:
        container.close()
        raise CameraError(
            f"'{opening.shown}': FFmpeg's descriptor is not in {_DESCRIPTORS}; is /proc mounted?"
        )
    return VideoSource(opening, session, guard=readable_guard(opened[0], opening), container=container)


def readable_guard(descriptor: int, opening: Opening) -> Callable[[], None]:
    """Return a callable that waits until the descriptor has data; it raises CameraError after the timeout."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)

    def wait() -> None:
        if not poll.poll(opening.timeout_s * 1000):
            raise CameraError(f"'{opening.shown}': the device gave nothing for {opening.timeout_s:g} s")

    return wait


def _open_within(opening: Opening, limit_s: float, clock: Clock) -> InputContainer:
    from edge.camera.container import open_container  # noqa: PLC0415 — av

    opened: list[InputContainer] = []
    failed: list[CameraError] = []

    def run() -> None:
        try:
            opened.append(open_container(opening, clock))
        except CameraError as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="v4l2-open", daemon=True)
    thread.start()
    thread.join(limit_s)
    if failed:
        raise failed[0]
    if not opened:
        raise CameraError(f"cannot open '{opening.shown}': the device hangs; unplug it and plug it in again")
    return opened[0]


def _descriptors_of(device: Path) -> set[int]:
    target = str(device.resolve())
    found = set()
    for link in _DESCRIPTORS.iterdir():
        try:
            if str(link.readlink()) == target:
                found.add(int(link.name))
        except OSError:  # closed meanwhile
            continue
    return found


V4L2 = Kind(("v4l2",), "v4l2:/dev/videoN", V4l2Options, open_device, live=True)
