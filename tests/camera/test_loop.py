"""Loops over recordings."""

import numpy as np
import pytest

from edge.camera.loop import LoopSource
from edge.camera.source import Picture, Played
from edge.errors import CameraError, FrameError
from edge.image import RgbImage


class Recording:
    live = False

    def __init__(self, times: list[int | None], opened: list) -> None:
        self._times = list(times)
        opened.append(self)
        self.closed = False

    def read(self):
        if not self._times:
            return None
        time_ns = self._times.pop(0)
        if time_ns is None:
            raise FrameError("corrupt")
        return Picture((1, 1), time_ns, 1000 + time_ns, 0, lambda: RgbImage(np.zeros((1, 1, 3), np.uint8)))

    def close(self) -> None:
        self.closed = True


def test_time_goes_on_by_the_last_step_and_old_dates_are_not_repeated():
    opened: list[Recording] = []
    loop = LoopSource(lambda: Recording([100, 110, 130], opened), Played())
    pictures = [loop.read() for _ in range(7)]
    assert [picture.source_ns for picture in pictures] == [100, 110, 130, 150, 160, 180, 200]
    assert [picture.wall_ns for picture in pictures] == [1100, 1110, 1130, None, None, None, None]
    assert [one.closed for one in opened] == [True, True, False]
    loop.close()
    assert opened[-1].closed


def test_a_single_image_steps_by_a_second():
    loop = LoopSource(lambda: Recording([7], []), Played())
    assert [loop.read().source_ns for _ in range(3)] == [7, 1_000_000_007, 2_000_000_007]


def test_corrupt_pictures_pass_through_and_a_recording_of_nothing_else_ends():
    loop = LoopSource(lambda: Recording([None, None], []), Played())
    for _ in range(2):
        with pytest.raises(FrameError):
            loop.read()
    with pytest.raises(CameraError, match=r"no whole picture.*; the last error: corrupt; record it again"):
        loop.read()


def test_a_loop_that_was_opened_again_goes_on_in_time():
    played = Played()
    before = LoopSource(lambda: Recording([100, 110, 130], []), played)
    times = [before.read().source_ns for _ in range(5)]
    after = LoopSource(lambda: Recording([100, 110, 130], []), played)
    pictures = [after.read() for _ in range(4)]
    assert times + [picture.source_ns for picture in pictures] == [
        100,
        110,
        130,
        150,
        160,
        170,
        180,
        200,
        220,
    ]
    assert all(picture.wall_ns is None for picture in pictures)  # old dates are not repeated here either
