"""Video through PyAV: files and streams, decoded as little as the cadence allows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import av.container
import av.video
from av.video.stream import VideoStream

from edge.camera.access_unit import AccessUnits, Unit
from edge.camera.container import Opening, Packet, Packets, PyAvError, open_container, video_stream
from edge.camera.decoder import Decoder
from edge.camera.exif import exif_orientation
from edge.camera.keyframe import Decode, PacketChoice
from edge.camera.orientation import Orientation, from_matrix
from edge.camera.picture import shown
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session
from edge.camera.trial import Timed, Trial
from edge.errors import CameraError, FrameError
from edge.image import Image

_DEFAULT_RATE = Fraction(25)
_BARE_JPEGS = frozenset({"mpjpeg", "mjpeg", "jpeg_pipe", "rtsp", "video4linux2,v4l2"})
_RAW = "rawvideo"
_UNTIMED = frozenset({"mpjpeg", "mjpeg", "jpeg_pipe", "h264", "hevc"})  # FFmpeg makes their timestamps up


class VideoSource:
    """One open file, stream or device.

    Args:
        opening: what to open and how.
        session: its clock, schedule and beat.
        guard: given after opening, returns what waits for the device before each read (v4l2), or None.
        container: the container, where it is open already.

    Raises:
        CameraError: it cannot be opened.
    """

    def __init__(
        self,
        opening: Opening,
        session: Session,
        *,
        guard: Callable[[], None] | None = None,
        container: av.container.InputContainer | None = None,
    ) -> None:
        self.live = opening.live
        self._opening = opening
        self._clock = session.clock
        self._beat = session.beat
        self._container = container if container is not None else open_container(opening, session.clock)
        self._packets = Packets(self._container, opening, session.clock, guard)
        self._stream = video_stream(self._container)
        self._units = AccessUnits(self._stream.codec_context, opening.limits)
        self._decoder = Decoder(self._stream.codec_context, session.clock, opening.limits)
        self._aspect = _declared_aspect(self._stream, self._container.format.name)
        self._track = _describe_track(self._stream, self._container)
        self._exif: Orientation | None = None  # of the last JPEG
        self._time_base = self._stream.time_base or 1 / _DEFAULT_RATE
        self._frame_ns = round(NS_PER_S / (self._stream.average_rate or _DEFAULT_RATE))
        self._choice = PacketChoice(session.schedule, intra_only=self._decoder.intra_only)
        tried = session.schedule.trial and session.schedule.cadence_s > 0 and not self._decoder.intra_only
        self._trial = Trial(self._choice, session, opening.timeout_s) if tried else None
        self._packet_ns = 0
        self._begin_ns: int | None = None  # of the first packet that was decoded
        self._last_ns: int | None = None
        self._first_ns = 0
        self._timed = self._container.format.name not in _UNTIMED
        self._ended = False
        self._seen_any = False

    def read(self) -> Picture | None:
        """Return the next picture, or None at the end of a recording.

        Raises:
            CameraError: nothing came for the timeout, the connection broke, or a live stream ended.
            FrameError: one picture is damaged, or predicted from a damaged one.
        """
        found = self._next()
        if isinstance(found, str):
            self._count_from_begin()
            raise FrameError(f"'{self._opening.shown}': a corrupt picture: {found}")
        if found is not None:
            return self._picture(found)
        if self.live:
            raise CameraError(f"'{self._opening.shown}': the stream ended")
        if not self._seen_any:
            shown, advice = self._opening.shown, self._opening.advice
            raise CameraError(f"'{shown}': no picture in it can be decoded; {advice}")
        return None

    def close(self) -> None:
        """Free it; never raises, may be called twice."""
        self._ended = True
        self._decoder.close()
        try:
            self._container.close()
        except PyAvError:
            return

    def _next(self) -> av.VideoFrame | str | None:
        """Return the next picture, or why it is corrupt; None at the end."""
        pictures = self._decoder.pictures
        while True:
            while not pictures and not self._ended:
                self._step()
            found = pictures.popleft() if pictures else None
            if not isinstance(found, av.VideoFrame) or self._trial is None or self._trial.counts(found):
                return found

    def _step(self) -> None:
        try:
            packet = self._packets.next()
        except FrameError as error:
            why = str(error).removeprefix(f"'{self._opening.shown}': ")
            self._decode_all([*self._units.flush(), why])
            return
        finally:
            self._beat()
        if packet is not None and packet.size:
            self._decode_all(self._units.take(packet))
            return
        self._decode_all(self._units.flush(), last=True)
        if packet is None:
            self._ended = True
        else:
            self._empty(packet)

    def _empty(self, packet: Packet) -> None:
        """Take a packet without data: the last of all, or what v4l2 makes of a picture that did not come whole."""
        if packet.pts is None and packet.dts is None:
            self._decoder.drain()
        else:
            self._decoder.lose("it came without data")

    def _decode_all(self, units: list[Unit], *, last: bool = False) -> None:
        came = [Timed(unit, 0 if isinstance(unit, str) else self._packet_time_ns(unit)) for unit in units]
        if self._trial is not None:
            came = [*self._trial.take(came), *(self._trial.flush() if last else ())]
        for timed in came:
            if isinstance(timed.unit, str):
                self._decoder.lose(timed.unit)
            else:
                self._decode(timed.unit, timed.time_ns)

    def _decode(self, packet: Packet, time_ns: int) -> None:
        if self._stream.codec_context.name == "mjpeg":
            self._exif = exif_orientation(bytes(packet))
        wanted = self._choice.choose(time_ns, key=packet.is_keyframe)
        if self._begin_ns is None and wanted is not Decode.SKIP:
            self._begin_ns = time_ns
        if wanted is Decode.STREAM:
            self._decoder.stream(packet)
        elif wanted is Decode.ALONE:
            came = self._decoder.alone(packet)
            if came == "nothing":
                self._choice.empty()
            elif came == "corrupt":
                self._choice.lost()

    def _packet_time_ns(self, packet: Packet) -> int:
        if self.live:
            return self._clock.mono_ns()
        ticks = packet.pts if packet.pts is not None else packet.dts
        self._packet_ns = self._packet_ns + self._frame_ns if ticks is None else self._since_start_ns(ticks)
        return self._packet_ns

    def _picture(self, frame: av.VideoFrame) -> Picture:
        decode_ns, self._decoder.decode_ns = self._decoder.decode_ns, 0
        self._seen_any = True
        source_ns = self._source_ns(frame)
        stored_px = (frame.height, frame.width)
        orientation = self._orientation(frame)
        size_px = orientation.shown(stored_px)
        try:
            self._opening.limits.check_picture(size_px)
        except FrameError as error:
            raise FrameError(f"'{self._opening.shown}': once its pixels are square: {error}") from None

        geometry = "; ".join(filter(None, (orientation.describe(stored_px), self._track)))
        if self._stream.codec_context.name == _RAW:  # now, for the memory is the device's
            image = self._convert(frame, orientation)
            return Picture(size_px, source_ns, None, decode_ns, lambda: image, geometry=geometry)
        return Picture(
            size_px, source_ns, None, decode_ns, lambda: self._convert(frame, orientation), geometry=geometry
        )

    def _orientation(self, frame: av.VideoFrame) -> Orientation:
        """Return how to show a picture: by what a JPEG says itself, else by the stream's display matrix."""
        aspect = self._aspect if self._aspect is not None else self._stream.codec_context.sample_aspect_ratio
        orientation = self._exif if self._exif is not None else _by_matrix(frame)
        return orientation.with_aspect(aspect)

    def _count_from_begin(self) -> None:
        """Let a first picture that is corrupt move the times of the others as little as any other does."""
        if self._last_ns is None and self._begin_ns is not None:
            self._last_ns, self._first_ns = 0, self._begin_ns

    def _source_ns(self, frame: av.VideoFrame) -> int | None:
        """Return the picture's time; in a recording it exists, is 0 at the first, and never goes back."""
        known_ns = None if frame.pts is None else self._since_start_ns(frame.pts)
        if self.live:
            return known_ns if self._timed else None
        if self._last_ns is None:
            self._last_ns, self._first_ns = 0, known_ns or 0
        elif known_ns is not None and known_ns - self._first_ns > self._last_ns:
            self._last_ns = known_ns - self._first_ns
        else:
            self._last_ns += self._frame_ns
        return self._last_ns

    def _since_start_ns(self, ticks: int) -> int:
        return round((ticks - (self._stream.start_time or 0)) * self._time_base * NS_PER_S)

    def _convert(self, frame: av.VideoFrame, orientation: Orientation) -> Image:
        try:
            return shown(frame, orientation, borrowed=self._stream.codec_context.name == _RAW)
        except FrameError as error:
            raise FrameError(f"'{self._opening.shown}': {error}") from None


def _by_matrix(frame: av.VideoFrame) -> Orientation:
    """Return what a frame's display matrix says."""
    try:
        data: Any = frame.side_data  # PyAV's stubs name one kind of it
        return from_matrix(bytes(data["DISPLAYMATRIX"]))
    except KeyError:
        return Orientation()
    except ValueError:  # PyAV has no name for other data of the frame, such as Exif without an orientation
        return Orientation(turns=round(frame.rotation / 90) % 4)


def _declared_aspect(stream: VideoStream, container_format: str) -> Fraction | None:
    """Return the pixels' aspect by the container, which wins; None where it says nothing else than the codec.

    Of JPEGs without a container FFmpeg takes the density for an aspect, which no browser does, nor OpenCV.
    """
    if stream.codec_context.name == "mjpeg" and container_format in _BARE_JPEGS:
        return Fraction(1)
    declared = stream.sample_aspect_ratio
    return None if declared == stream.codec_context.sample_aspect_ratio else declared


def _describe_track(stream: VideoStream, container: av.container.InputContainer) -> str:
    """Say which of several videos is shown, where it is not the first."""
    videos = container.streams.video
    if stream is videos[0]:
        return ""
    return f"of video track {videos.index(stream) + 1} of {len(videos)}"
