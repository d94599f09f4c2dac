import numpy as np
import pytest

from edge.alert.caption import Caption, caption_of, moment, write
from edge.alert.event import Stamp
from edge.alert.privacy import PUBLIC

UTC = "2026-07-01T14:32:05.250+00:00"


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        (Stamp(model_s=5.0, mono_ns=1, utc=UTC, utc_trusted=True), "2026-07-01 14:32:05Z"),
        (
            Stamp(model_s=5.0, mono_ns=1, utc=UTC, utc_trusted=False),
            "2026-07-01 14:32:05Z (clock not synchronised)",
        ),
        (Stamp(model_s=5.0, mono_ns=1, utc=UTC), "2026-07-01 14:32:05Z (clock not known)"),
        (Stamp(model_s=5.0, utc=UTC), "2026-07-01 14:32:05Z"),
        (Stamp(model_s=90.04), "90.0 s"),
    ],
)
def test_a_moment_is_told_with_its_doubts(stamp, told):
    assert moment(stamp) == told


def test_the_word_drill_comes_first():
    stamp = Stamp(model_s=5.0, utc=UTC)
    assert caption_of("tower-7", "north", stamp).text == "tower-7 north 2026-07-01 14:32:05Z"
    assert (
        caption_of("tower-7", "north", stamp, drill=True).text == "DRILL tower-7 north 2026-07-01 14:32:05Z"
    )


def grey(height=90, width=320):
    return PUBLIC.show(np.full((height, width, 3), 100, np.uint8))


def test_the_caption_hides_nothing_and_differs_with_the_time():
    strips = []
    for second in range(3):
        made = write(
            grey(), caption_of("tower-7", "north", Stamp(model_s=0.0, utc=f"2026-07-01T14:32:0{second}"))
        ).pixels
        assert (made[:90] == 100).all()
        strip = made[90:]
        assert strip.shape[1] == 320
        assert (strip.max(axis=(0, 2)) > 200).sum() > 100  # white, over most of its text's width
        strips.append(strip)
    assert not any((one == strips[0]).all() for one in strips[1:])


@pytest.mark.parametrize("width", [1, 64, 160, 640, 1920])
@pytest.mark.parametrize("name", ["n", "W" * 64, "Zürich 東 " * 6])
def test_all_of_a_caption_is_to_be_seen_at_any_width(width, name):
    stamp = Stamp(model_s=0.0, mono_ns=1, utc=UTC, utc_trusted=False)
    caption = caption_of(name, "m" * 64, stamp)
    made = write(grey(9, width), caption).pixels
    assert made.shape[1] == max(width, 160)
    white = np.asarray((made[9:] > 200).all(axis=2))
    assert white.any()
    assert not white[-1].any()  # no line is cut off below
    assert not white[:, -1].any()  # or at its end
    shorter = write(grey(9, width), Caption(caption.text[:-1])).pixels
    assert shorter.shape != made.shape or (shorter != made).any()  # its last letter is there


def test_a_drill_is_burnt_into_the_picture_itself():
    shown = grey(180)
    plain, drill = (write(shown, Caption("x", drill=burnt)).pixels for burnt in (False, True))
    changed = (plain[:180] != drill[:180]).any(axis=2)
    assert 0.05 < changed.mean() < 0.8
    across = np.flatnonzero(changed.any(axis=0))
    assert across[-1] - across[0] > 160
    for tile in np.array_split(changed, 4, axis=1)[1:3]:
        assert tile.any()  # a part that somebody cuts out of it says so, too
    assert (shown.pixels == 100).all()
