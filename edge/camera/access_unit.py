"""Access units: all slices of a picture in one packet, however many packets they came in.

FFmpeg's parser begins a new packet at each parameter set, and some encoders repeat those before each slice; some
muxers write a packet per slice. Neither the choice of packets nor a check of damage can do with half a picture.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

import av
from av.video.codeccontext import VideoCodecContext

from edge.camera.container import Packet
from edge.camera.limit import Limits
from edge.camera.nal import CODECS, NalUnits
from edge.errors import FrameError

_SAME_TIME_S = Fraction(
    2, 1000
)  # a muxer that takes no equal times moves each slice by a tick, 1 ms in Matroska
_MOST_PACKETS = 1024  # of one picture
_MOST_AHEAD = 64  # packets without a slice; what holds none at all is the decoder's to judge

Unit: TypeAlias = "Packet | str"  # or why a picture is lost


class AccessUnits:
    """Takes the packets of a video one by one and gives access units.

    What has no slice (parameter sets, delimiters, SEI) goes with the slice behind it, or, as a checksum of H.265, with
    the one before. Whether a picture is whole is known when the next one begins, so each comes one packet late; of
    other codecs than H.264 and H.265 at once.

    Args:
        context: the stream's decoder.
        limits: of an access unit.
    """

    def __init__(self, context: VideoCodecContext, limits: Limits) -> None:
        self._nal = NalUnits.of(context.name, context.extradata) if context.name in CODECS else None
        self._limits = limits
        self._unit: list[Packet] = []  # of the last picture, to which more may belong
        self._first: Packet | None = None  # of them the one with the first slice
        self._ahead: list[Packet] = []  # without a slice, since then

    def take(self, packet: Packet) -> list[Unit]:
        """Take a packet that is not empty; return what is whole by now, or why it is lost."""
        if self._nal is None:
            return [packet]
        pieces = _cut(packet, self._nal)
        return [
            unit for piece in pieces for unit in self._take(piece, self._nal.begins_picture(bytes(piece)))
        ]

    def flush(self) -> list[Unit]:
        """Return what is still held, at the end or before a gap."""
        self._ahead.clear()
        return self._whole()

    def _take(self, packet: Packet, begins: bool | None) -> list[Unit]:  # noqa: FBT001 — of three values
        if begins is None and self._is_behind(packet):
            self._unit.append(packet)
            return self._bounded(self._unit)
        if begins is None:
            self._ahead.append(packet)
            return self._bounded(self._ahead) or self._unsliced()
        units: list[Unit] = []
        if begins or not self._goes_on_with(packet):
            units += self._whole()
            self._first = packet
        self._unit += [*self._ahead, packet]
        self._ahead.clear()
        return [*units, *self._bounded(self._unit)]

    def _is_behind(self, packet: Packet) -> bool:
        """Say whether a packet without a slice belongs to the picture that is held."""
        assert self._nal is not None
        return bool(self._unit) and not self._ahead and self._nal.belongs_behind(bytes(packet))

    def _unsliced(self) -> list[Unit]:
        """Return what came without a slice, once that is more than stands before a picture."""
        if len(self._ahead) <= _MOST_AHEAD:
            return []
        units: list[Unit] = [*self._whole(), *self._ahead]
        self._ahead.clear()
        return units

    def _whole(self) -> list[Unit]:
        first, packets = self._first, self._unit.copy()
        self._unit.clear()
        self._first = None
        return [] if first is None else [_joined(packets, first)]

    def _goes_on_with(self, packet: Packet) -> bool:
        """Say whether a packet that begins no picture belongs to the last one; else the begin of its own is lost."""
        if self._first is None:
            return False
        known = [one.pts for one in self._unit if one.pts is not None]
        if not known or packet.pts is None or not packet.time_base:
            return True
        return abs(packet.pts - known[-1]) * packet.time_base <= max(_SAME_TIME_S, packet.time_base)

    def _bounded(self, packets: list[Packet]) -> list[Unit]:
        """Drop what belongs together and is too long; return why."""
        why = f"it came in more than {_MOST_PACKETS} packets" if len(packets) > _MOST_PACKETS else ""
        try:
            self._limits.check_packet(sum(packet.size for packet in packets))
        except FrameError as error:
            why = str(error)
        if why:
            packets.clear()
            self._first = self._first if self._unit else None
        return [why] if why else []


def _cut(packet: Packet, nal: NalUnits) -> list[Packet]:
    """Return a packet as one for each picture that it holds slices of; the time of it is that of the first."""
    data = bytes(packet)
    cuts = nal.cuts(data)
    if not cuts:
        return [packet]
    pieces: list[Packet] = []
    for begin, end in pairwise((0, *cuts, len(data))):
        piece = _packet(data[begin:end], packet)
        piece.pts, piece.dts = (None, None) if pieces else (packet.pts, packet.dts)
        piece.is_keyframe = nal.stands_alone(data[begin:end])
        piece.is_corrupt = packet.is_corrupt
        pieces.append(piece)
    return pieces


def _packet(data: bytes, like: Packet) -> Packet:
    packet: Packet = av.Packet(data)
    if like.time_base is not None:
        packet.time_base = like.time_base
    return packet


def _joined(packets: list[Packet], first: Packet) -> Packet:
    """Return packets as one, with the time of the one with the first slice where it has one."""
    if len(packets) == 1:
        return first
    joined = _packet(b"".join(map(bytes, packets)), first)
    joined.pts = next((one.pts for one in (first, *packets) if one.pts is not None), None)
    joined.dts = next((one.dts for one in (first, *packets) if one.dts is not None), None)
    joined.is_keyframe = any(one.is_keyframe for one in packets)
    joined.is_corrupt = any(one.is_corrupt for one in packets)
    for packet in packets:
        for side in packet.iter_sidedata():
            joined.set_sidedata(side)
    return joined
