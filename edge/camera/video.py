"""Video through PyAV: files and streams, decoded as little as the cadence allows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import av.video

from edge.camera.container import Opening, Packet, Packets, PyAvError, open_container, reason
from edge.camera.decoder import Decoder
from edge.camera.keyframe import Decode, PacketChoice
from edge.camera.picture import image_of
from edge.camera.room import room_for
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session
from edge.errors import CameraError, FrameError
from edge.image import Image, TurnedImage

_DEFAULT_RATE = Fraction(25)
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
        self._stream = self._container.streams.video[0]
        self._decoder = Decoder(self._stream.codec_context, session.clock, opening.limits)
        self._time_base = self._stream.time_base or 1 / _DEFAULT_RATE
        self._frame_ns = round(NS_PER_S / (self._stream.average_rate or _DEFAULT_RATE))
        self._choice = PacketChoice(session.schedule, intra_only=self._decoder.intra_only)
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
        pictures = self._decoder.pictures
        while not pictures and not self._ended:
            self._step()
        if pictures:
            found = pictures.popleft()
            if isinstance(found, str):
                self._count_from_begin()
                raise FrameError(f"'{self._opening.shown}': a corrupt picture: {found}")
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

    def _step(self) -> None:
        try:
            packet = self._packets.next()
        except FrameError as error:
            self._decoder.lose(str(error).removeprefix(f"'{self._opening.shown}': "))
            return
        finally:
            self._beat()
        if packet is None:
            self._ended = True
        elif packet.size == 0:
            self._empty(packet)
        else:
            self._decode(packet)

    def _empty(self, packet: Packet) -> None:
        """Take a packet without data: the last of all, or what v4l2 makes of a picture that did not come whole."""
        if packet.pts is None and packet.dts is None:
            self._decoder.drain()
        else:
            self._decoder.lose("it came without data")

    def _decode(self, packet: Packet) -> None:
        time_ns = self._packet_time_ns(packet)
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
        turns = round(frame.rotation / 90) % 4
        size_px = (frame.height, frame.width) if turns % 2 == 0 else (frame.width, frame.height)

        if self._stream.codec_context.name == _RAW:  # now, for the memory is the device's
            image = self._convert(frame, turns)
            return Picture(size_px, self._source_ns(frame), None, decode_ns, lambda: image)
        source_ns = self._source_ns(frame)
        return Picture(size_px, source_ns, None, decode_ns, lambda: self._convert(frame, turns))

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

    def _convert(self, frame: av.VideoFrame, turns: int) -> Image:
        failure = ""
        try:
            with room_for((frame.height, frame.width)):
                image = image_of(frame, borrowed=self._stream.codec_context.name == _RAW)
        except PyAvError as error:
            failure = reason(error)
        if failure:
            kind = f"{frame.format.name} of {frame.width}x{frame.height} px"
            raise FrameError(f"'{self._opening.shown}': cannot convert {kind} to RGB: {failure}")
        return TurnedImage(image, turns) if turns else image
