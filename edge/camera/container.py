"""An open PyAV container: reads that end, and errors that say what happened but never with whose password.

PyAV puts the address, with user and password, into its exceptions; so they are never chained and only their
reason is taken over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import av
import av.container
import av.error
import av.stream
import av.video
from av.video.stream import VideoStream

from edge.camera.limit import Limits
from edge.camera.room import hold
from edge.clock import Clock
from edge.errors import CameraError, FrameError

Packet: TypeAlias = "av.Packet[Any]"
_ERRORS_IN_A_ROW = 16
_STREAMS = "6"  # each may bring an index as large as a packet; an action camera's file has five

# as FFmpeg's command chooses where nobody does: the largest picture, a track marked as the default counts for more
_DEFAULT_PIXELS = 5_000_000
_Mark = av.stream.Disposition
_NO_VIEW = _Mark.attached_pic | _Mark.timed_thumbnails | _Mark.still_image | _Mark.dependent

PyAvError = (av.error.FFmpegError, OSError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Opening:
    """What `open_container` needs.

    Attributes:
        url: as FFmpeg takes it, with credentials.
        shown: the same for people, without.
        live: whether its end is an error.
        timeout_s: how long opening and each read may take.
        advice: what to do when it cannot be opened.
        container_format: FFmpeg's name of the format; None finds out.
        av_options: FFmpeg's options.
        limits: of its pictures and packets.
    """

    url: str
    shown: str
    live: bool
    timeout_s: float
    advice: str
    container_format: str | None = None
    av_options: tuple[tuple[str, str], ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __repr__(self) -> str:
        return f"Opening({self.shown!r})"


def open_container(opening: Opening, clock: Clock) -> av.container.InputContainer:
    """Open it and see that it has video that can be decoded.

    Args:
        opening: what to open and how.
        clock: tells how long it took.

    Raises:
        CameraError: it cannot be opened, holds no video, or is silent for longer than the timeout.
    """
    started_ns = clock.mono_ns()
    failure = ""
    hold(opening.limits.packet_bytes)
    try:
        container = av.open(
            opening.url,
            format=opening.container_format,
            options={"max_streams": _STREAMS, **dict(opening.av_options), **opening.limits.bounds},
            timeout=(opening.timeout_s, opening.timeout_s),
        )
    except PyAvError as error:
        failure = reason(error, _seconds_since(started_ns, clock), opening.timeout_s)
    if failure:  # raised out here, so that no chained exception holds the address
        raise CameraError(f"cannot open '{opening.shown}': {failure}; {opening.advice}")
    if not container.streams.video:
        container.close()
        raise CameraError(f"cannot open '{opening.shown}': it holds no video; {opening.advice}")
    if not _is_decodable(video_stream(container)):
        container.close()
        raise CameraError(
            f"cannot open '{opening.shown}': no decoder for its video; expected H.264, H.265, MJPEG or other"
            " codecs of FFmpeg: set the camera, or convert the file, to one of them"
        )
    return container


def video_stream(container: av.container.InputContainer) -> VideoStream:
    """Return the video of a container that holds one: of several the best, as FFmpeg's command takes it.

    Covers, thumbnails, stills and parts of other videos count last, as does what cannot be decoded.

    Source: FFmpeg, fftools/ffmpeg_mux_init.c, map_auto_video; but it asks nothing that depends on when it is asked.
    """

    def rank(video: VideoStream) -> tuple[bool, bool, int]:
        if not _is_decodable(video):
            return False, False, 0
        pixels = video.codec_context.width * video.codec_context.height
        default = bool(video.disposition & _Mark.default)
        return True, not video.disposition & _NO_VIEW, pixels + default * _DEFAULT_PIXELS

    return max(container.streams.video, key=rank)


def _is_decodable(video: VideoStream) -> bool:
    return getattr(video, "codec_context", None) is not None and video.codec_context.codec.is_decoder


def reason(error: Exception, waited_s: float = 0.0, timeout_s: float = math.inf) -> str:
    """Say in words why PyAV failed, without the address that its own text may hold."""
    if isinstance(error, av.error.ExitError) or waited_s >= timeout_s:
        return f"nothing came for {timeout_s:g} s"
    if isinstance(error, FrameError):
        return str(error)
    if isinstance(error, MemoryError):
        return "it has too many tracks, or a packet or a table larger than `limits.packet_bytes` allows"
    text = getattr(error, "strerror", None)
    return str(text) if text else type(error).__name__


def _seconds_since(started_ns: int, clock: Clock) -> float:
    return (clock.mono_ns() - started_ns) / 1e9


class Packets:
    """The video packets of a container, one by one; each wait for one is bounded.

    Args:
        container: an open one.
        opening: how it was opened.
        clock: bounds the wait.
        ready: waits until the device has data (v4l2); raises CameraError when it stays silent.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        opening: Opening,
        clock: Clock,
        ready: Callable[[], None] | None = None,
    ) -> None:
        self._container = container
        self._video = video_stream(container)
        self._opening = opening
        self._clock = clock
        self._ready = ready
        self._demuxed: Iterator[Packet] | None = None
        self._errors = 0

    def next(self) -> Packet | None:
        """Return the next video packet; an empty one flushes the decoder; None after the end.

        Raises:
            CameraError: nothing came for the timeout, or the connection broke.
            FrameError: a stretch of the file is unreadable, or a packet too long; the next call goes on behind it.
        """
        started_ns = self._clock.mono_ns()
        while True:
            packet = self._advance(started_ns)
            if packet is None or packet.stream_index == self._video.index:
                return self._checked(packet)
            if _seconds_since(started_ns, self._clock) > self._opening.timeout_s:  # sound without pictures
                raise CameraError(f"'{self._opening.shown}': no picture for {self._opening.timeout_s:g} s")

    def _checked(self, packet: Packet | None) -> Packet | None:
        if packet is not None:
            try:
                self._opening.limits.check_packet(packet.size)
            except FrameError as error:
                raise FrameError(f"'{self._opening.shown}': {error}") from None
        return packet

    def _advance(self, started_ns: int) -> Packet | None:
        if self._ready is not None:
            self._ready()
        if self._demuxed is None:
            self._demuxed = self._container.demux()
        failure = ""
        try:
            packet = next(self._demuxed, None)
        except av.error.EOFError:
            return None
        except av.error.InvalidDataError as error:
            failure = self._reason(error, started_ns)
            self._demuxed = None  # a generator that raised is finished: the next call goes on with a new one
            self._errors += 1
        except PyAvError as error:
            failure = self._reason(error, started_ns)
            self._errors = _ERRORS_IN_A_ROW
        else:
            self._errors = 0
            return packet
        kind = CameraError if self._opening.live or self._errors >= _ERRORS_IN_A_ROW else FrameError
        raise kind(f"'{self._opening.shown}': {failure}")

    def _reason(self, error: Exception, started_ns: int) -> str:
        why = reason(error, _seconds_since(started_ns, self._clock), self._opening.timeout_s)
        if not self._video.codec_context.width:  # FFmpeg swallows what breaks the first pictures
            why += "; no whole picture within `limits.packet_bytes` came before"
        return why
