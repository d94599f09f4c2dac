"""Whether a camera looks elsewhere: its pictures agree with each other, but no longer with those before.

Where there are hardly any edges (fog, blur) nothing is known, and nothing is told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.camera.outline import (
    CLEAR,
    Edges,
    Shift,
    agreement,
    edges_of,
    is_shifted,
    lay,
    spread,
)

PICTURES = 5  # in a row must agree
VIEWS = 4  # earlier ones that are known

_MEMORY = 10  # pictures in the mean of a view
_MOST = 0.5  # of the view's cells with edges; with fewer, something lies over it
_STAYED = 0.4  # of the view's cells with edges; where so many have the same, only a part is hidden
_VIEW = 16  # of 48 cells must have edges in what is called a view
_LIT = 0.5  # brightness of two views, one by the other; lamps at night make other edges on the same view
_NEAR_PX = 2  # shifts that differ by less are one


@dataclass(slots=True)
class _Mean:
    """The mean of the edges of the last pictures of one view.

    Attributes:
        level: mean brightness, 0 to 255.
        clear: how many pictures lay on it without doubt.
    """

    edges: Edges
    level: float
    pictures: int = 1
    clear: int = 0

    def add(self, edges: Edges, level: float) -> None:
        """Take a picture in."""
        self.pictures += 1
        few = min(self.pictures, _MEMORY)
        self.edges = self.edges + (edges - self.edges) / np.float32(few)
        self.level += (level - self.level) / few


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
        edges, level = edges_of(luma), float(luma.mean())
        here = self._here
        cells = 0 if here is None else spread(here.edges)
        if here is None or not cells:  # nothing was seen yet that another picture could differ from
            self._here = _Mean(edges, level)
            return False
        fogged = spread(edges) < _MOST * cells
        match = lay(edges, here.edges)
        if match.same:
            if not fogged:
                here.add(edges, level)
            here.clear += match.near >= CLEAR
            self._other, self._row = None, 0
            return False
        shift = match.shift if is_shifted(match, edges, here.edges) else None
        hidden = fogged or match.near >= CLEAR or agreement(edges, here.edges) >= _STAYED * cells
        if shift is None and hidden:
            return False
        self._count(edges, level, shift, _MOST * cells)
        return self._row >= PICTURES and self._leave(here)

    def _count(self, edges: Edges, level: float, shift: Shift | None, enough: float) -> None:
        """Count a picture that is not of this view, together with those before it that it agrees with."""
        near = shift is not None and self._shift is not None and _are_near(shift, self._shift)
        if self._other is not None and (near or agreement(edges, self._other.edges) >= enough):
            self._other.add(edges, level)
            self._row += 1
        else:
            self._other, self._row = _Mean(edges, level), 1
        self._shift = shift

    def _leave(self, here: _Mean) -> bool:
        """Go over to the other view; say whether this one was known well enough to call it another."""
        assert self._other is not None, "pictures in a row have a mean"
        levels = sorted((here.level, self._other.level))
        lit = levels[0] >= _LIT * levels[1]
        known = here.clear >= PICTURES and spread(here.edges) >= _VIEW
        sure = self._shift is not None or (known and lit)
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
            if match.same and match.near >= CLEAR:
                return number
        self._newest += 1
        return self._newest


def _are_near(one: Shift, other: Shift) -> bool:
    return float(np.hypot(one[0] - other[0], one[1] - other[1])) < _NEAR_PX
