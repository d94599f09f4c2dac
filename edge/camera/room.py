"""How large one block of FFmpeg's memory may be: the bound behind all others.

Demuxers take as much as a file or a stream claims, and gather a packet until its end comes. FFmpeg has no option
against that, but one switch for the whole process, `av_max_alloc`, which PyAV does not hand on. So blocks are kept as
small as packets, and a picture that needs larger ones has the room while it is decoded and converted.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import av
import av.error
import av.frame
from av.video.codeccontext import VideoCodecContext

from edge.camera.header import size_px
from edge.camera.limit import Limits
from edge.errors import FrameError

_PADDING = 1 << 16
_TRIM_THRESHOLD, _KEPT_BYTES = -1, 4 << 20  # mallopt(3)
_MMAP_THRESHOLD, _LARGE_BYTES = -3, 1 << 20
_BYTES_A_PIXEL = 4  # of the largest block of a picture; most have a plane with one

_lock = threading.Lock()
_rooms: list[int] = []
_floor_bytes = 0


def hold(block_bytes: int) -> None:
    """Bound blocks from now on; of several bounds in one process the widest holds.

    Args:
        block_bytes: of the largest packet. FFmpeg grows buffers by a sixteenth more than it needs.
    """
    global _floor_bytes  # noqa: PLW0603 — the switch is the process's
    _give_back()
    with _lock:
        _floor_bytes = max(_floor_bytes, block_bytes + block_bytes // 16 + _PADDING)
        _set()


@contextmanager
def room_for(size_px: tuple[int, int]) -> Iterator[None]:
    """Let blocks be as large as a picture of (height, width) needs them, while it is decoded or converted.

    Where nothing is held there is room already.
    """
    need_bytes = size_px[0] * size_px[1] * _BYTES_A_PIXEL + _PADDING
    if not _floor_bytes or need_bytes <= _floor_bytes:
        yield
        return
    with _lock:
        _rooms.append(need_bytes)
        _set()
    try:
        yield
    finally:
        with _lock:
            _rooms.remove(need_bytes)
            _set()


def decode_within(
    context: VideoCodecContext, packet: av.Packet[Any] | None, limits: Limits
) -> list[av.VideoFrame]:
    """Decode a packet; a picture that is too large is refused, by its header or by the decoder.

    Args:
        context: set its options before the first packet.
        packet: None drains the decoder.
        limits: to hold to.

    Raises:
        FrameError: the picture is too large. What the decoder raises, is raised too.
    """
    if not context.is_open:
        context.options = {**context.options, **limits.bounds}
    size = context.height, context.width  # which the stream says
    if packet is not None and context.name == "mjpeg":
        size = size_px(bytes(packet)) or (0, 0)
        limits.check_picture(size)
    within = size[0] * size[1] <= limits.picture_pixels
    try:
        with room_for(size) if within else nullcontext():
            frames = context.decode(packet)
    except av.error.EOFError:
        raise
    except av.error.FFmpegError as error:
        limits.check_picture((context.height, context.width))
        if isinstance(error, av.error.ArgumentError):  # what FFmpeg says of sizes above its option
            raise FrameError("its size is damaged, or above limits.picture_pixels") from None
        raise
    for frame in frames:
        limits.check_picture((frame.height, frame.width))
    return frames


def decode_jpeg(data: bytes, limits: Limits) -> av.VideoFrame | str | None:
    """Decode a JPEG by itself.

    Returns:
        The picture; why FFmpeg finds it damaged; None where it cannot tell.
    """
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options = {"err_detect": "explode"}
    decoder.thread_count = 1
    try:
        return next(iter(decode_within(decoder, av.Packet(data), limits)), None)
    except av.error.InvalidDataError as error:
        return error.strerror
    except (av.error.FFmpegError, ValueError):
        return None


def _set() -> None:
    _switch()(max([_floor_bytes, *_rooms]))


@functools.cache
def _give_back() -> None:
    """Let large blocks go back to the kernel when they are freed.

    glibc keeps blocks as large as those that were freed before, up to 32 MB, one heap a thread: each bomb that was
    refused would leave some of its memory behind. What fitting a picture to the model takes in smaller blocks is kept,
    some 2 MB: asking the kernel for it again costs as much as half the work.
    """
    with suppress(AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


@functools.cache
def _switch() -> Callable[[int], None]:
    """Return FFmpeg's `av_max_alloc`, found through the libraries that a module of PyAV is linked with."""
    function = ctypes.CDLL(av.frame.__file__).av_max_alloc
    function.argtypes, function.restype = (ctypes.c_size_t,), None
    return function
