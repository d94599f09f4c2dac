"""The horizon of a view over time, and what it raises on a score map."""

import numpy as np
import pytest

from edge.detect.horizon import LOOKS, PICTURES, REFRESH_S, SPACING_S, Horizon, lift
from edge.model.horizon import HorizonRule

WHOLE = (0.0, 0.0, 1.0, 1.0)
RULE = HorizonRule(above=2, below=3, rise=1.5)


def picture(share=0.5, sky=180, land=70, number=0):
    """Luma of 120 × 160 px: bright sky over rough land that begins at a share of the height."""
    rng = np.random.default_rng(number)
    luma = rng.normal(sky, 3, (120, 160))
    at = round(share * 120)
    luma[at:] = rng.normal(land, 15, (120 - at, 160))
    return luma.clip(0, 255).astype(np.uint8)


def play(horizon, begin_s, count=PICTURES, step_s=60.0, **more):
    """Show pictures where one is due; return the time after the last one."""
    for number in range(count):
        if horizon.due(begin_s + number * step_s):
            horizon.look(picture(number=number, **more), begin_s + number * step_s)
    return begin_s + count * step_s


def test_it_is_known_after_so_many_pictures():
    horizon = Horizon()
    after = play(horizon, 0.0, PICTURES - 1)
    assert horizon.line is None
    play(horizon, after, 1)
    assert np.nanmax(np.abs(horizon.line - 0.5)) < 0.03


def test_pictures_close_to_each_other_count_once():
    horizon = Horizon()
    play(horizon, 0.0, PICTURES, step_s=SPACING_S / 2)
    assert horizon.line is None


def test_dark_pictures_do_not_count():
    horizon = Horizon()
    after = play(horizon, 0.0, 30, sky=30, land=10)
    assert horizon.line is None
    play(horizon, after)
    assert horizon.line is not None


def test_it_is_looked_for_again_until_it_is_found_and_then_seldom():
    horizon = Horizon()
    after = play(horizon, 0.0, sky=150, land=148)
    assert horizon.line is None
    assert horizon.due(after)
    after = play(horizon, after)
    assert horizon.line is not None
    assert not horizon.due(after)
    assert horizon.due(after - 60 + REFRESH_S)


def test_fog_takes_away_no_line_until_six_looks_in_a_row_found_none():
    horizon = Horizon()
    after = play(horizon, 0.0)
    before = horizon.line
    for _ in range(5):
        after = play(horizon, after + REFRESH_S, sky=160, land=160)
        assert horizon.line is before
    after = play(horizon, after + REFRESH_S)
    assert horizon.line is not None  # seen again: counted anew
    for look in range(6):
        assert horizon.line is not None, look
        after = play(horizon, after + REFRESH_S, sky=160, land=160)
    assert LOOKS == 6
    assert horizon.line is None
    assert horizon.due(after)
    play(horizon, after)
    assert horizon.line is not None


def test_a_night_of_dark_pictures_is_no_look():
    horizon = Horizon()
    after = play(horizon, 0.0)
    before = horizon.line
    play(horizon, after + REFRESH_S, 2000, sky=30, land=10)
    assert horizon.line is before


def test_another_line_is_followed_slowly():
    horizon = Horizon()
    after = play(horizon, 0.0)
    play(horizon, after + REFRESH_S, share=0.5 + 4 / 120)
    assert 0.5 < np.nanmedian(horizon.line) < 0.5 + 2 / 120


def test_two_lines_that_do_not_agree_are_none():
    horizon = Horizon()
    after = play(horizon, 0.0)
    after = play(horizon, after + REFRESH_S, share=0.7)
    assert horizon.line is None
    assert horizon.due(after)
    play(horizon, after, share=0.7)
    assert np.nanmax(np.abs(horizon.line - 0.7)) < 0.03


def test_cells_far_from_it_are_raised_and_no_others():
    raised = lift(np.full(80, 0.5, np.float32), RULE, (20, 4), WHOLE)  # between rows 9 and 10
    assert raised.dtype == np.float32
    assert (raised[:8] == 1.5).all()
    assert (raised[8:13] == 0).all()
    assert (raised[13:] == 1.5).all()


def test_a_column_that_is_not_sure_is_never_raised():
    line = np.full(80, 0.5, np.float32)
    line[:25] = np.nan
    raised = lift(line, RULE, (20, 4), WHOLE)
    assert not raised[:, 0].any()
    assert raised[:, 1].any()


def test_a_slope_counts_at_its_nearest():
    line = np.linspace(0.2, 0.8, 80, dtype=np.float32)
    raised = lift(line, RULE, (20, 1), WHOLE)
    assert np.flatnonzero(raised[:, 0] == 0).tolist() == list(range(2, 19))


@pytest.mark.parametrize(
    ("content", "rows"), [((0.0, 0.25, 1.0, 0.75), range(8, 13)), ((0.0, 0.5, 1.0, 1.0), range(13, 18))]
)
def test_the_picture_lies_within_the_model_s_input(content, rows):
    raised = lift(np.full(80, 0.5, np.float32), RULE, (20, 4), content)
    assert np.flatnonzero(raised[:, 0] == 0).tolist() == list(rows)


def test_bars_at_the_sides_are_not_raised():
    raised = lift(np.full(80, 0.5, np.float32), RULE, (20, 8), (0.25, 0.0, 0.75, 1.0))
    assert raised.any(axis=0).tolist() == [False, False, True, True, True, True, False, False]
