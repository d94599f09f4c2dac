"""Whether a camera looks elsewhere: its pictures agree with each other, but no longer with those before.

Edges are compared by where they are and which way they run, not by how strong they are, because light, gain and fog
change the strength. Where there are hardly any (fog, blur) nothing is known, and nothing is told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Edges: TypeAlias = NDArray[
    np.float32
]  # (rows, cols, 2): strength times cosine and sine of twice the direction
Shift: TypeAlias = tuple[int, int]  # (right, down) in px of what is compared

SIZE_PX = (120, 160)  # of what is compared
SHIFT = 0.025  # of the width; below, it is the same view
PICTURES = 5  # in a row must agree
VIEWS = 4  # earlier ones that are known

_BORDER = 10  # the upper and the lower tenth are not looked at: clocks and banners lie there
_AROUND_PX = 21  # the strength of an edge is relative to what is around it
_FLOOR = 1.0  # luma levels a px: much weaker edges are noise
_MEMORY = 10  # pictures in the mean of a view
_FAINT = 0.02  # mean square of edges; below, there are none
_CELL_PX = 20  # sides of the cells in which edges are counted
_MOST = 0.5  # of the view's cells with edges; with fewer, something lies over it
_SAME = 0.05  # correlation that is the same view, where it stands out
_STANDING_OUT = 1.2  # times what any larger shift has
_CLEAR = 0.3  # correlation that leaves no doubt
_FALLEN = 0.1  # by so much a shift must have more than the place of the reference
_STRIPS = 8  # of the picture's columns; each says whether it shifted
_AGREEING = 0.75  # of the strips with edges
_NEAR_PX = 2  # shifts that differ by less are one
_DOWN, _RIGHT = (np.round(np.fft.fftfreq(side) * side).astype(np.int32) for side in SIZE_PX)
_NEAR = np.hypot(_DOWN[:, None], _RIGHT) < SHIFT * SIZE_PX[1]


@dataclass(slots=True)
class _Mean:
    """The mean of the edges of the last pictures of one view.

    Attributes:
        clear: how many pictures lay on it without doubt.
    """

    edges: Edges
    pictures: int = 1
    clear: int = 0

    def add(self, edges: Edges) -> None:
        """Take a picture in."""
        self.pictures += 1
        self.edges = self.edges + (edges - self.edges) / np.float32(min(self.pictures, _MEMORY))


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


class Turns:
    """Follows what one camera looks at.

    Attributes:
        view: its number: 0 at first; a view that the camera comes back to has the number that it had.
    """

    def __init__(self) -> None:
        self.view = 0
        self._newest = 0
        self._here: _Mean | None = None
        self._known: deque[tuple[int, Edges]] = deque(maxlen=VIEWS)
        self._other: _Mean | None = None  # of the pictures in a row that are not of this view
        self._row = 0
        self._shift: Shift | None = None  # of the last of them

    def see(self, luma: NDArray[np.uint8]) -> bool:
        """Take the next picture in; say whether it makes sure that the view changed.

        Args:
            luma: (H, W), 0 to 255; a few hundred columns are enough.
        """
        edges = edges_of(luma)
        if _energy(edges) < _FAINT:
            return False
        here = self._here
        if here is None:
            self._here = _Mean(edges)
            return False
        enough = _MOST * _spread(here.edges)
        fogged = _spread(edges) < enough
        match = lay(edges, here.edges)
        if match.same:
            if not fogged:
                here.add(edges)
            here.clear += match.near >= _CLEAR
            self._other, self._row = None, 0
            return False
        shift = match.shift if _is_shifted(match, edges, here.edges) else None
        if shift is None and (fogged or match.near >= _CLEAR):
            return False
        self._count(edges, shift, enough)
        return self._row >= PICTURES and self._leave(here)

    def _count(self, edges: Edges, shift: Shift | None, enough: float) -> None:
        """Count a picture that is not of this view, together with those before it that it agrees with."""
        near = shift is not None and self._shift is not None and _are_near(shift, self._shift)
        if self._other is not None and (near or _agreement(edges, self._other.edges) >= enough):
            self._other.add(edges)
            self._row += 1
        else:
            self._other, self._row = _Mean(edges), 1
        self._shift = shift

    def _leave(self, here: _Mean) -> bool:
        """Go over to the other view; say whether this one was known well enough to call it another."""
        assert self._other is not None, "pictures in a row have a mean"
        sure = self._shift is not None or here.clear >= PICTURES
        self._here, self._other, self._row = self._other, None, 0
        if sure:
            left, self.view = self.view, self._name(self._here.edges)
            self._known = deque((one for one in self._known if one[0] != self.view), VIEWS)
            self._known.append((left, here.edges))
        return sure

    def _name(self, edges: Edges) -> int:
        """Return the number of a view, a new one where it is not known."""
        for number, known in self._known:
            match = lay(edges, known)
            if match.same and match.near >= _CLEAR:
                return number
        self._newest += 1
        return self._newest


def edges_of(luma: NDArray[np.uint8]) -> Edges:
    """Return the edges of a picture, (*SIZE_PX, 2) float32, their mean taken out of each surrounding.

    Twice the direction, because a ridge is the same edge whether it is darker or lighter than the sky.

    Args:
        luma: (H, W), 0 to 255.
    Source: structure tensor (Bigün and Granlund, 1987); the normalisation is ours.
    """
    border = luma.shape[0] // _BORDER
    inner = luma[border : luma.shape[0] - border]
    small = cv2.resize(inner, SIZE_PX[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.GaussianBlur(small, (3, 3), 0)
    right = cv2.Sobel(small, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = cv2.magnitude(right, down)
    weight = 1 / (np.maximum(strength, 1e-6) * (cv2.blur(strength, (_AROUND_PX, _AROUND_PX)) + _FLOOR))
    tensor = cv2.merge([(right * right - down * down) * weight, 2 * right * down * weight])
    return np.asarray(tensor - cv2.blur(tensor, (_AROUND_PX, _AROUND_PX)), np.float32)


def lay(edges: Edges, on: Edges) -> Match:
    """Find the shift at which edges agree most with others, by the correlation of their spectra."""
    spectrum = cv2.mulSpectrums(cv2.dft(edges), cv2.dft(on), 0, conjB=True)
    surface = cv2.dft(spectrum, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)[..., 0]
    surface /= edges.size * float(np.sqrt(_energy(edges) * _energy(on))) or 1.0
    unshifted, near = float(surface[0, 0]), float(surface[_NEAR].max())
    surface[_NEAR] = -1
    row, col = divmod(int(surface.argmax()), SIZE_PX[1])
    return Match(unshifted, near, float(surface[row, col]), (int(_RIGHT[col]), int(_DOWN[row])))


def _is_shifted(match: Match, edges: Edges, on: Edges) -> bool:
    """Say whether most of the picture moved, and not a cloud or a truck in it."""
    if match.far < max(_CLEAR, match.near, match.unshifted + _FALLEN):
        return False
    right, down = match.shift
    moved = np.roll(on, (down, right), (0, 1))
    width = SIZE_PX[1] // _STRIPS
    agreeing = asked = 0
    for left in range(0, SIZE_PX[1], width):
        if left < right or left + width > SIZE_PX[1] + right:  # came round from the other side
            continue
        strip = np.s_[:, left : left + width]
        if _energy(edges[strip]) >= _FAINT:
            asked += 1
            agreeing += float(np.vdot(edges[strip], moved[strip] - on[strip])) > 0
    return agreeing >= max(1, _AGREEING * asked)


def _cells(one: Edges, other: Edges) -> NDArray[np.float32]:
    """Return the mean product of edges in each cell."""
    (height, width), side = SIZE_PX, _CELL_PX
    return np.asarray((one * other).reshape(height // side, side, width // side, side, 2).mean((1, 3, 4)))


def _spread(edges: Edges) -> int:
    """Return in how many cells there are edges."""
    return int((_cells(edges, edges) >= _FAINT).sum())


def _agreement(one: Edges, other: Edges) -> int:
    """Return in how many cells two pictures have the same edges."""
    own, others = _cells(one, one), _cells(other, other)
    same = _cells(one, other) >= _CLEAR * np.sqrt(own * others)
    return int((same & (own >= _FAINT)).sum())


def _energy(edges: Edges) -> float:
    return float(np.vdot(edges, edges)) / edges.size


def _are_near(one: Shift, other: Shift) -> bool:
    return float(np.hypot(one[0] - other[0], one[1] - other[1])) < _NEAR_PX
