"""Cameras through Video4Linux, whose reads nothing can interrupt: so they are waited for outside FFmpeg.

FFmpeg blocks in an ioctl when a device goes silent, and PyAV's timeout only looks between system calls.
Opening runs in a thread that is given up when it hangs; FFmpeg's own descriptor is polled before each read.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge.camera.kind import Kind
from edge.camera.limit import Limits
from edge.camera.option import SizedOptions
from edge.camera.source import Session, Source
from edge.errors import CameraError

if TYPE_CHECKING:
    from av.container import InputContainer

    from edge.camera.container import Opening

_DESCRIPTORS = Path("/proc/self/fd")
_RAW_BYTES_A_PIXEL = 2  # YUYV, what most devices give


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
        limits=_raw(session.limits, options.size_px),
    )
    opened = _open_within(device, opening, session)
    if not opened.descriptors:
        opened.container.close()
        raise CameraError(
            f"'{opening.shown}': FFmpeg's descriptor is not in {_DESCRIPTORS}; is /proc mounted?"
        )
    guard = readable_guard(opened.descriptors[0], opening)
    return VideoSource(opening, session, guard=guard, container=opened.container)


def readable_guard(descriptor: int, opening: Opening) -> Callable[[], None]:
    """Return a callable that waits until the descriptor has data; it raises CameraError after the timeout."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)

    def wait() -> None:
        if not poll.poll(opening.timeout_s * 1000):
            raise CameraError(f"'{opening.shown}': the device gave nothing for {opening.timeout_s:g} s")

    return wait


@dataclass(frozen=True, slots=True)
class _Opened:
    container: InputContainer
    descriptors: list[int]


def _open_within(device: Path, opening: Opening, session: Session) -> _Opened:
    from edge.camera.container import open_container  # noqa: PLC0415 — av

    def run() -> _Opened:
        before = _descriptors_of(device)
        container = open_container(opening, session.clock)
        return _Opened(container, sorted(_descriptors_of(device) - before))

    with suppress(TimeoutError):
        return session.errands.run(
            "opening",
            run,
            opening.timeout_s + 1,
            session.clock,
            session.beat,
            lambda opened: opened.container.close(),
        )
    raise CameraError(f"cannot open '{opening.shown}': the device hangs; unplug it and plug it in again")


def _raw(limits: Limits, size_px: tuple[int, int] | None) -> Limits:
    """Let a packet of a device be a picture that is not encoded."""
    pixels = limits.picture_pixels if size_px is None else size_px[0] * size_px[1]
    raw_bytes = _RAW_BYTES_A_PIXEL * pixels
    return msgspec.structs.replace(limits, packet_bytes=max(limits.packet_bytes, raw_bytes))


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
