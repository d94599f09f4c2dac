"""The edges of a picture, and how they lie on those of another.

They are compared by where they are and which way they run, not by how strong they are, because light, gain and fog
change the strength.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

# (rows, cols, 2): strength times cosine and sine of twice the direction
Edges: TypeAlias = NDArray[np.float32]
Shift: TypeAlias = tuple[int, int]  # (right, down) in px of what is compared

SIZE_PX = (120, 160)  # of what is compared
SHIFT = 0.025  # of the width; below, it is the same view
FAINT = 0.02  # mean square of edges; below, there are none
CLEAR = 0.3  # correlation that leaves no doubt

_BORDER = 10  # the upper and the lower tenth are not looked at: clocks and banners lie there
_AROUND_PX = 21  # the strength of an edge is relative to what is around it
_FLOOR = 1.0  # luma levels a px: much weaker edges are noise
_SAME = 0.05  # correlation that is the same view, where it stands out
_STANDING_OUT = 1.2  # times what any larger shift has
_FALLEN = 0.1  # by so much a shift must have more than the place of the reference
_STRIPS = 8  # of the picture's columns; each says whether it shifted
_AGREEING = 0.75  # of the strips with edges
_CELL_PX = 20  # sides of the cells in which edges are counted
_DOWN, _RIGHT = (np.round(np.fft.fftfreq(side) * side).astype(np.int32) for side in SIZE_PX)
_NEAR = np.hypot(_DOWN[:, None], _RIGHT) < SHIFT * SIZE_PX[1]


@dataclass(frozen=True, slots=True)
class Match:
    """How edges lie on others.

    Attributes:
        unshifted: their correlation where they are, −1 to 1.
        near: the largest with a shift that is too small for another view.
        far: the largest with any other.
        shift: at which they have that.
    """

    unshifted: float
    near: float
    far: float
    shift: Shift

    @property
    def same(self) -> bool:
        """Whether both are of one view."""
        return self.near >= max(_SAME, _STANDING_OUT * self.far)


def edges_of(luma: NDArray[np.uint8]) -> Edges:
    """Return the edges of a picture, (*SIZE_PX, 2) float32, their mean taken out of each surrounding.

    Twice the direction, because a ridge is the same edge whether it is darker or lighter than the sky.

    Args:
        luma: (H, W), 0 to 255.
    Source: structure tensor (Bigün and Granlund, 1987); the normalisation is ours.
    """
    border = luma.shape[0] // _BORDER
    inner = luma[border : luma.shape[0] - border]
    small = cv2.resize(inner, SIZE_PX[::-1], interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small.astype(np.float32), (3, 3), 0)
    right = cv2.Sobel(small, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = cv2.magnitude(right, down)
    weight = 1 / (np.maximum(strength, 1e-6) * (cv2.blur(strength, (_AROUND_PX, _AROUND_PX)) + _FLOOR))
    tensor = cv2.merge([(right * right - down * down) * weight, 2 * right * down * weight])
    return np.asarray(tensor - cv2.blur(tensor, (_AROUND_PX, _AROUND_PX)), np.float32)


def lay(edges: Edges, on: Edges) -> Match:
    """Find the shift at which edges agree most with others, by the correlation of their spectra."""
    spectrum = cv2.mulSpectrums(cv2.dft(edges), cv2.dft(on), 0, conjB=True)
    surface = np.asarray(cv2.dft(spectrum, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)[..., 0], np.float32)
    surface /= edges.size * float(np.sqrt(energy(edges) * energy(on))) or 1.0
    unshifted, near = float(surface[0, 0]), float(surface[_NEAR].max())
    surface[_NEAR] = -1
    row, col = divmod(int(surface.argmax()), SIZE_PX[1])
    return Match(unshifted, near, float(surface[row, col]), (int(_RIGHT[col]), int(_DOWN[row])))


def is_shifted(match: Match, edges: Edges, on: Edges) -> bool:
    """Say whether most of the picture moved, and not a cloud or a truck in it."""
    if match.far < max(CLEAR, match.near, match.unshifted + _FALLEN):
        return False
    right, down = match.shift
    moved = np.roll(on, (down, right), (0, 1))
    width = SIZE_PX[1] // _STRIPS
    agreeing = asked = 0
    for left in range(0, SIZE_PX[1], width):
        if left < right or left + width > SIZE_PX[1] + right:  # came round from the other side
            continue
        strip = np.s_[:, left : left + width]
        if energy(edges[strip]) >= FAINT:
            asked += 1
            agreeing += float(np.vdot(edges[strip], moved[strip] - on[strip])) > 0
    return agreeing >= max(1, _AGREEING * asked)


def _cells(one: Edges, other: Edges) -> NDArray[np.float32]:
    """Return the mean product of edges in each cell."""
    (height, width), side = SIZE_PX, _CELL_PX
    return np.asarray((one * other).reshape(height // side, side, width // side, side, 2).mean((1, 3, 4)))


def spread(edges: Edges) -> int:
    """Return in how many cells there are edges."""
    return int((_cells(edges, edges) >= FAINT).sum())


def agreement(one: Edges, other: Edges) -> int:
    """Return in how many cells two pictures have the same edges."""
    own, others = _cells(one, one), _cells(other, other)
    same = _cells(one, other) >= CLEAR * np.sqrt(own * others)
    return int((same & (own >= FAINT)).sum())


def energy(edges: Edges) -> float:
    """Return their mean square."""
    return float(np.vdot(edges, edges)) / edges.size
