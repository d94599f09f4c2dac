"""Pictures for a self-test, made anew on each machine from a seed: no bundle has to carry them.

Integers alone, of fixed width, and no random generator of a library: the pixels are the same on every machine and with
every numpy. A kind of pattern never changes; a better one gets another name.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import ManifestError

BYTES_MAX = 48_000_000  # some fifty pictures of 640×480
FRAMES_MAX = 1000
SIDE_PX_MIN, SIDE_PX_MAX = 4, 4096  # of longer ones the sums would leave 32 bits
_SKY_ABOVE, _SKY_BELOW = (88, 138, 204), (206, 214, 222)
_HILL, _GROUND = (116, 128, 146), (74, 82, 44)
# Of each plume: its foot in 16ths of the width, its strength in 8ths, its colour.
_PLUMES = ((3, 7, (214, 214, 220)), (8, 10, (150, 146, 142)), (13, 8, (236, 234, 230)))
_ROOFS = ((196, 52, 40), (40, 92, 196), (232, 196, 32), (24, 24, 28))

Values = NDArray[np.int32]


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn: hills, roofs and noise; after the first third of the frames, plumes that rise and grow.

    Attributes:
        kind: of the drawing.
        seed: of the noise and the hills, 0 to 2³² − 1.
        frames: how many, in order, of one camera.
        size_px: (height, width).
    """

    kind: Literal["hills-1"]
    seed: int
    frames: int
    size_px: tuple[int, int]


def check(pattern: Pattern) -> None:
    """Check what types alone cannot say.

    Raises:
        ManifestError: a number is out of its range, or the frames are too many bytes.
    """
    if not 0 <= pattern.seed < 1 << 32:
        raise ManifestError(f"manifest.selftest.seed: expected 0 to {(1 << 32) - 1}, got {pattern.seed}")
    if not 1 <= pattern.frames <= FRAMES_MAX:
        raise ManifestError(
            f"manifest.selftest.frames: expected 1 to {FRAMES_MAX} frames, got {pattern.frames}"
        )
    height, width = pattern.size_px
    if not SIDE_PX_MIN <= min(height, width) <= max(height, width) <= SIDE_PX_MAX:
        raise ManifestError(
            f"manifest.selftest.size_px: expected {SIDE_PX_MIN} to {SIDE_PX_MAX} px a side, got {height} × {width}"
        )
    if pattern.frames * height * width * 3 > BYTES_MAX:
        raise ManifestError(
            f"manifest.selftest: {pattern.frames} frames of {height} × {width} px are more than {BYTES_MAX} bytes"
        )


def draw(pattern: Pattern) -> NDArray[np.uint8]:
    """Return the frames, (frames, height, width, 3) uint8 RGB.

    Source: ours; the hash is `lowbias32` of github.com/skeeto/hash-prospector (public domain).
    """
    height, width = pattern.size_px
    scene = _scene(pattern)
    turbulence = _noise(pattern.seed + 5, height, width, max(1, height // 20))
    quiet = (pattern.frames + 2) // 3
    frames = np.empty((pattern.frames, height, width, 3), np.uint8)
    for index in range(pattern.frames):
        picture = scene.copy()
        if index >= quiet:
            _lay_plumes(picture, turbulence, index - quiet + 1, pattern.frames - quiet)
        grain = (_hashed(pattern.seed + 64 + index, height, width) & 7) - 4
        light = (index * 5) % 7 - 3
        frames[index] = (picture + (grain + light)[:, :, None]).clip(0, 255)
    return frames


def _scene(pattern: Pattern) -> Values:
    """Return what stands still: (height, width, 3) of 0 to 255."""
    (height, width), seed = pattern.size_px, pattern.seed
    y = np.arange(height, dtype=np.int32)[:, None]
    far, near = (
        height * share // 16 + (_noise(seed + line, 1, width, max(1, width // 7)) - 128) * height // 1600
        for line, share in ((1, 7), (2, 10))
    )
    picture = np.empty((height, width, 3), np.int32)
    picture[:] = _blend(_colour(_SKY_ABOVE), _colour(_SKY_BELOW), y * 256 // height)
    coarse = _noise(seed + 3, height, width, max(1, height // 12)) - 128
    fine = _noise(seed + 4, height, width, max(1, height // 96)) - 128
    texture = (coarse // 4 + fine // 3)[:, :, None]
    np.copyto(picture, _colour(_HILL) + texture // 3, where=(y >= far)[:, :, None])
    np.copyto(picture, _colour(_GROUND) + texture, where=(y >= near)[:, :, None])
    side = max(2, height // 14)
    for index, colour in enumerate(_ROOFS):
        top, left = height * (12 + index % 2) // 16, width * (1 + 4 * index) // 16
        picture[top : top + side, left : left + 2 * side] = colour
    return picture


def _lay_plumes(picture: Values, turbulence: Values, age: int, ages: int) -> None:
    """Lay plumes over a picture, as old as `age` of `ages` frames: puffs that rise, lean and widen."""
    height, width = picture.shape[:2]
    for column, strength, colour in _PLUMES:
        puffs = [
            (
                height * 10 // 16 - height * puff // 22,
                width * column // 16 + width * puff * puff // 900,
                max(2, height * (6 + 5 * puff) // 480 + height * age // 96),
            )
            for puff in range(2 + 8 * age // ages)
        ]
        rows = slice(max(0, min(y - r for y, _, r in puffs)), max(y + r for y, _, r in puffs))
        columns = slice(max(0, min(x - r for _, x, r in puffs)), max(x + r for _, x, r in puffs))
        part, swirl = picture[rows, columns], turbulence[rows, columns]
        y, x = (
            np.arange(at.start, at.start + side, dtype=np.int32)
            for at, side in zip((rows, columns), swirl.shape, strict=True)
        )
        thickness = np.zeros(swirl.shape, np.int32)
        for centre_y, centre_x, radius in puffs:
            apart = ((y - centre_y) ** 2)[:, None] + (x - centre_x) ** 2
            thickness += (radius * radius - apart).clip(0) * 160 // (radius * radius)
        thickness = thickness * (128 + swirl) * strength // 2048
        part[:] = _blend(part, _colour(colour) + (swirl // 8 - 16)[:, :, None], thickness)


def _blend(below: Values, above: Values, share: Values) -> Values:
    """Return one colour turned into another by `share` of 256, (height, width, 3)."""
    covered = share.clip(0, 256)[:, :, None]
    return np.asarray((below * (256 - covered) + above * covered) >> 8)


def _colour(rgb: tuple[int, int, int]) -> Values:
    return np.array(rgb, np.int32)


def _noise(seed: int, height: int, width: int, pitch: int) -> Values:
    """Return smooth noise of 0 to 255, (height, width): random on a grid of `pitch` px, linear in between."""
    (row, down), (column, right) = (
        np.divmod(np.arange(side, dtype=np.int32), np.int32(pitch)) for side in (height, width)
    )
    grid = _hashed(seed, int(row[-1]) + 2, int(column[-1]) + 2) & 255
    rows = grid[row] * (pitch - down)[:, None] + grid[row + 1] * down[:, None]
    both = rows[:, column] * (pitch - right) + rows[:, column + 1] * right
    return np.asarray(both // (pitch * pitch))


def _hashed(seed: int, height: int, width: int) -> Values:
    """Return a random number of 31 bits for each place, (height, width)."""
    y, x = np.arange(height, dtype=np.uint32)[:, None], np.arange(width, dtype=np.uint32)
    start = _mixed(np.array([seed & 0xFFFFFFFF], np.uint32))
    return (_mixed(_mixed(start ^ y) ^ x) >> np.uint32(1)).astype(np.int32)


def _mixed(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    value = (value ^ (value >> np.uint32(16))) * np.uint32(0x7FEB352D)
    value = (value ^ (value >> np.uint32(15))) * np.uint32(0x846CA68B)
    return value ^ (value >> np.uint32(16))
