"""Pictures and videos that are small on disk and huge in memory; made by hand, for no encoder has the room for them."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

SIDE = 16_000  # pixels


def jpeg(side: int = SIDE) -> bytes:
    """A whole grey JPEG: of each block the DC difference 0 and the end of block, six bits by the usual tables."""
    small = cv2.imencode(".jpg", np.full((16, 16), 128, np.uint8))[1].tobytes()
    frame = small.index(b"\xff\xc0") + 5
    scan = small.index(b"\xff\xda")
    head = small[:frame] + struct.pack(">HH", side, side) + small[frame + 4 : scan + 2 + 8]
    blocks = (side // 8) ** 2  # whole ones, four to three bytes
    return head + b"\x28\xa2\x8a" * (blocks // 4) + b"\xff\xd9"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    side: int = SIDE, bits: int = 1, interlaced: bool = False, extra: bytes = b"", kind: int = 0
) -> bytes:
    """A whole black PNG; 3 as its kind has a palette. Interlaced, it is truncated."""
    row = bytes(1 + -(-side * bits // 8))
    packed = zlib.compress(row * side, 1)
    palette = chunk(b"PLTE", bytes(6)) if kind == 3 else b""
    header = struct.pack(">IIBBBBB", side, side, bits, kind, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + palette
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


def texts(kind: bytes, count: int = 12) -> bytes:
    """Chunks of a PNG that unpack to 7 MB each."""
    begin = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[kind]
    return chunk(kind, begin + zlib.compress(bytes(7_000_000), 9)) * count


def apng(side: int = 100, frames: int = 3) -> bytes:
    """An animation whose first picture is small."""
    control = chunk(b"acTL", struct.pack(">II", frames, 0))
    first = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 1, 0, 0))
    return png(side, extra=control + first)


def bmp(side: int = SIDE) -> bytes:
    """Run-length coded, and ended at once: the rest is black."""
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, 4, 0, 0, 256, 0)
    offset = 14 + len(info) + 1024
    return struct.pack("<2sIHHI", b"BM", offset + 4, 0, 0, offset) + info + bytes(1024) + b"\0\1\0\0"


def tiff(side: int = SIDE, tile: int | None = None, order: str = "<") -> bytes:
    """One deflated strip of black, or one tile of that size around an image of 64 pixels."""
    rows = side if tile is None else tile
    data = zlib.compress(bytes(-(-rows // 8)) * rows, 1)
    side = side if tile is None else 64
    tags = [(256, side), (257, side), (258, 1), (259, 8), (262, 1), (277, 1)]
    if tile is None:
        tags += [(273, 8), (278, side), (279, len(data))]
    else:
        tags += [(322, tile), (323, tile), (324, 8), (325, len(data))]
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(data))
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def webp(side: int = SIDE, lossless: bool = False) -> bytes:
    """A small one whose header says otherwise."""
    quality = 101 if lossless else 80
    small = bytearray(
        cv2.imencode(".webp", np.full((16, 16, 3), 90, np.uint8), (cv2.IMWRITE_WEBP_QUALITY, quality))[1]
    )
    if lossless:
        small[21:25] = ((side - 1) | (side - 1) << 14).to_bytes(4, "little")
    else:
        small[26:30] = struct.pack("<HH", side, side)
    return bytes(small)


def canvas(side: int = SIDE) -> bytes:
    """A WebP of a small picture on a huge canvas."""
    small = webp(16)[12:]
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (side - 1).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + len(extended) + len(small)) + b"WEBP" + extended + small


def sps(side: int = SIDE) -> bytes:
    """A sequence parameter set of H.264, baseline, id 0. Source: ITU-T H.264, 7.3.2.1."""

    def golomb(value: int) -> str:
        return f"{value + 1:b}".zfill(2 * (value + 1).bit_length() - 1)

    macroblocks = side // 16 - 1
    bits = golomb(0) * 2 + golomb(2) + golomb(1) + "0" + golomb(macroblocks) * 2 + "1100" + "1"
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return b"\0\0\0\1\x67\x42\xc0\x33" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def units(stream: bytes) -> list[bytes]:
    """The NAL units of an Annex B stream, each with its start code."""
    starts = [at for at in range(len(stream) - 3) if stream[at : at + 3] == b"\0\0\1"]
    return [b"\0" + stream[at:end] for at, end in zip(starts, [*starts[1:], len(stream)], strict=True)]


def sparse(path: Path, head: bytes, size: int = 1_000_000_000) -> Path:
    """A file that is all hole behind its head."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


def avi(clip: bytes, size: int = 900_000_000) -> bytes:
    """An AVI up to its first picture, whose chunk is said to be huge."""
    at = clip.index(b"00dc", clip.index(b"movi"))
    data = bytearray(clip[: at + 8])
    struct.pack_into("<I", data, at + 4, size)
    struct.pack_into("<I", data, 4, size + at)
    movi = data.index(b"movi")
    struct.pack_into("<I", data, movi - 4, size + 12)
    return bytes(data)
