"""The decoder of a video: it hands on no picture that is damaged, and none that is predicted from a damaged one."""

from __future__ import annotations

from collections import deque
from typing import Literal

import av
import av.video
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from edge.camera.container import Packet, PyAvError, reason
from edge.camera.ending import EndCheck
from edge.camera.jpeg import cut
from edge.camera.limit import Limits
from edge.camera.room import decode_within
from edge.clock import Clock
from edge.errors import FrameError

_CHECKS = "crccheck+bitstream+buffer"
_ENDED = frozenset({"h264", "hevc"})
_RECOVERING = frozenset({"h264"})  # withhold pictures until a recovery point, which not every container marks
_CONCEALING = frozenset({"h264", "mpeg4", "mpeg2video"})  # mark a damaged picture, once it comes out
_PREDICTED = "it is predicted from a damaged one"


class Decoder:
    """Decodes packets into pictures, in order, or into what is wrong with them.

    After damage a predicted picture is taken for damaged, undecoded, until a clean keyframe.

    Args:
        context: the stream's, not open yet.
        clock: measures.
        limits: of its pictures.

    Attributes:
        pictures: what has come out, in order: a frame, or why a picture is corrupt.
        decode_ns: time spent; whoever reads it sets it back to 0.
        intra_only: whether every packet of this codec stands alone.
    """

    def __init__(self, context: VideoCodecContext, clock: Clock, limits: Limits) -> None:
        context.thread_count = 1  # frame threads would hold several pictures back
        # FFmpeg takes the keyframe of an open group for an error, too, where it has not seen what was before
        strict = "" if context.name in _CONCEALING else "+explode"
        context.options = {**context.options, "err_detect": _CHECKS + strict}
        self.pictures: deque[av.VideoFrame | str] = deque()
        self.decode_ns = 0
        self.intra_only = context.codec.intra_only
        self._context = context
        self._clock = clock
        self._limits = limits
        self._ends = EndCheck(context, limits) if context.name in _ENDED else None
        self._held: list[av.VideoFrame] = []
        self._streaming = False
        self._waiting = False  # for a clean keyframe

    def stream(self, packet: Packet) -> None:
        """Decode the next packet of a sequence that is decoded whole."""
        if packet.is_keyframe or self.intra_only:
            self._waiting = False
        elif self._waiting and self._context.name not in _RECOVERING:
            self.lose(_PREDICTED)
            return
        self._streaming = True
        told = len(self.pictures)
        self._feed(packet)
        if self._waiting and len(self.pictures) == told:  # the decoder withholds it
            self.pictures.append(_PREDICTED)

    def alone(self, packet: Packet) -> Literal["picture", "nothing", "corrupt"]:
        """Decode a packet that stands alone; say what came of it."""
        if self._streaming:
            self.drain()
        self._waiting = False
        before = len(self.pictures)
        # drained, so that it holds no picture back for followers that never come
        if not (self._feed(packet) and self.drain()):
            return "corrupt"
        return "picture" if len(self.pictures) > before else "nothing"

    def drain(self) -> bool:
        """Hand on the pictures that were still held back; say whether they are whole."""
        self._streaming = False
        whole = self._waiting or self._decode(None)
        self.pictures.extend(self._held)
        self._held.clear()
        self._context.flush_buffers()
        return whole

    def close(self) -> None:
        """Forget what has not been taken."""
        self.pictures.clear()
        self._held.clear()

    def _feed(self, packet: Packet) -> bool:
        """Decode a packet; say whether it and what came out are whole."""
        if packet.is_corrupt:
            return self.lose("it was damaged on its way")
        if self._context.name == "mjpeg" and cut(bytes(packet)):
            return self.lose("it is cut off")
        if self._ends is not None and packet.is_keyframe:
            started_ns = self._clock.mono_ns()
            whole = self._ends.whole(bytes(packet))
            self.decode_ns += self._clock.mono_ns() - started_ns
            if not whole:
                return self.lose("its data and its picture do not end together")
        return self._decode(packet)

    def _decode(self, packet: Packet | None) -> bool:
        started_ns = self._clock.mono_ns()
        frames: list[av.VideoFrame] = []
        failure, own = "", False
        try:
            frames = decode_within(self._context, packet, self._limits)
        except av.error.EOFError:
            pass
        except PyAvError as error:
            failure, own = reason(error), isinstance(error, FrameError)  # too large, whatever came before
        self.decode_ns += self._clock.mono_ns() - started_ns
        if failure:
            return self.lose(failure, own=own)
        for number, frame in enumerate(frames):
            if frame.is_corrupt:
                self._held += frames[number + 1 :]
                return self.lose("the decoder marks it as damaged")
            self._hand_on(frame)
        return True

    def _hand_on(self, frame: av.VideoFrame) -> None:
        """Hand a picture on; one between two others not before the later one, which it may be predicted from."""
        self._waiting = False
        self._held.append(frame)
        if self._context.name not in _CONCEALING or frame.pict_type != PictureType.B:
            self.pictures.extend(self._held)
            self._held.clear()

    def lose(self, why: str, *, own: bool = False) -> bool:
        """Take a picture, and those that are still held back, for corrupt, and wait for a clean keyframe.

        Args:
            why: for people.
            own: say why even where it is also predicted from a damaged one.

        Returns:
            False: nothing whole came of it.
        """
        told = why if own or not self._waiting else _PREDICTED
        self.pictures.extend([told] * (len(self._held) + 1))
        self._held.clear()
        self._context.flush_buffers()
        self._waiting = True
        return False
