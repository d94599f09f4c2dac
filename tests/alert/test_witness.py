"""What people get of an event: each picture within its bytes, with its time, and nothing private in any of them."""

import dataclasses
import hashlib

import cv2
import msgspec
import numpy as np
import pytest

from edge.alert import series as series_module
from edge.alert.event import Stamp
from edge.alert.evidence import CROP, FULL, MAX_BYTES, THUMBNAIL, kind
from edge.alert.privacy import BLANK
from edge.alert.series import AFTER, FOLLOWED
from edge.alert.witness import BEFORE_MOST, CAMERA_BYTES, SERIES_BYTES, Witness
from edge.frame import Frame
from edge.image import RgbImage
from edge.model.bundle import Bundle, bundled_path
from edge.model.manifest import Threshold
from edge.pipeline import Scored
from tests.alert.event import event

MANIFEST = Bundle.open(bundled_path()).manifest
WINDOW = MANIFEST.confirmation.window
SIZE_PX = (240, 320)
BOX = (200, 100, 232, 120)
SECRET = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]


def stamp(frame):
    return Stamp(
        model_s=frame.model_ns / 1e9,
        mono_ns=1,
        utc=f"2026-07-01T14:{frame.sequence // 60:02}:{frame.sequence % 60:02}.000+00:00",
        utc_trusted=True,
    )


def frame(number, pixels=None):
    if pixels is None:
        pixels = np.full((*SIZE_PX, 3), 90, np.uint8)
        pixels[110, 210] = number  # no two are the same
    return Frame(RgbImage(pixels), number, number, 0, None, number * 10**9)


def noisy(number, size_px=SIZE_PX):
    return frame(number, np.random.default_rng(number).integers(0, 256, (*size_px, 3), np.uint8))


def scored(shown, *events, restarted=False, camera="north"):
    scores = np.full((30, 40, 1), -9, np.float32)
    scores[12:16, 25:30] = 3
    height, width = shown.image.size_px
    return Scored(camera, shown, scores, (0, 0, width, height), events, len(events), restarted)


def revision(number, phase="opened", name="a", box=BOX, **more):
    one = event(name, number, phase, **more)
    return msgspec.structs.replace(one, box_px=box, opening_box_px=box)


def witness(privacy=(), cameras=("north",), manifest=MANIFEST):
    return Witness("tower-7", dict.fromkeys(cameras, privacy), manifest, stamp)


def pixels_of(picture):
    bgr = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr.shape[:2] == picture.size_px
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def said_in(picture):
    length = int.from_bytes(picture.jpeg[4:6], "big")
    return picture.jpeg[6 : 4 + length].decode()


def roles(found):
    return [[picture.role for picture in one.pictures] for one in found]


def check(picture):
    """Hold what every picture keeps to."""
    assert len(picture.jpeg) <= MAX_BYTES[kind(picture.role)]
    assert picture.sha256 == hashlib.sha256(picture.jpeg).hexdigest()
    assert picture.captured.utc[11:19] in said_in(picture)
    return pixels_of(picture)


def test_an_opening_has_a_thumbnail_a_crop_what_was_before_it_and_the_whole_frame():
    seen = witness()
    for number in range(WINDOW + 3):
        assert seen.see(scored(frame(number))) == []
    (one,) = seen.see(scored(frame(50), revision(1)))
    assert one.told
    names = [f"series.{number}" for number in range(1, WINDOW + 2)]
    assert [picture.role for picture in one.pictures] == [THUMBNAIL, CROP, *names, FULL]
    for picture in one.pictures:
        check(picture)
    series = one.pictures[2:-1]
    times = [picture.captured.utc[17:19] for picture in series]
    assert times == [*(f"{number:02}" for number in range(3, WINDOW + 3)), "50"]
    assert len({picture.size_px for picture in series}) == 1  # of one place
    assert one.pictures[-1].captured.utc[17:19] == "50"
    assert seen.made.pictures == len(one.pictures)
    assert seen.made.failed == 0


def test_the_map_is_drawn_down_to_the_threshold_at_which_the_event_opened():
    high = msgspec.structs.replace(MANIFEST, thresholds={"smoke": Threshold(open=6.0, keep=5.0)})
    full, lowered = revision(1), msgspec.structs.replace(revision(1), threshold=2.5)
    clear, tinted = (
        pixels_of(witness(manifest=high).see(scored(frame(0), one))[0].pictures[0]) for one in (full, lowered)
    )
    inside = slice(105, 115), slice(206, 226)  # of the box, where the scores are 3
    red = [
        int(picture[inside][..., 0].mean()) - int(picture[inside][..., 2].mean())
        for picture in (clear, tinted)
    ]
    assert red[1] > red[0] + 30


def test_the_frames_after_an_opening_go_on_with_its_series():
    seen = witness()
    seen.see(scored(frame(0), revision(1)))
    update = revision(2, "updated")
    first = seen.see(scored(frame(1), update))
    assert roles(first) == [[THUMBNAIL, CROP], ["series.2"]]
    assert [(one.event.revision, one.told) for one in first] == [(2, True), (1, False)]
    later = [seen.see(scored(frame(number))) for number in range(2, AFTER + 3)]
    assert [roles(one) for one in later] == [[["series.3"]], [["series.4"]], [], []]
    for found in later[: AFTER - 1]:
        check(found[0].pictures[0])
        assert (found[0].event.id, found[0].event.revision, found[0].told) == ("a", 1, False)


def test_a_closing_has_no_picture_and_ends_the_series():
    seen = witness()
    seen.see(scored(frame(0), revision(1)))
    found = seen.see(scored(frame(1), revision(2, "closed")))
    assert [(one.event.phase, one.told, len(one.pictures)) for one in found] == [("closed", True, 0)]
    assert seen.see(scored(frame(2))) == []


def test_what_becomes_an_alert_has_its_whole_frame_too():
    seen = witness()
    seen.see(scored(frame(0), revision(1, severity="candidate")))
    found = seen.see(scored(frame(1), revision(2, "updated", alerted=2)))
    assert roles(found)[0] == [THUMBNAIL, CROP, FULL]


def test_all_pictures_keep_to_their_bytes_whatever_a_camera_sends():
    seen, size_px = witness(), (500, 700)
    for number in range(2):
        seen.see(scored(noisy(number, size_px)))
    box = (50, 50, 650, 450)
    found = seen.see(scored(noisy(9, size_px), revision(1, box=box)))
    found += seen.see(scored(noisy(10, size_px), revision(2, "updated", box=box)))
    pictures = [picture for one in found for picture in one.pictures]
    assert len(pictures) == 2 + 2 + 1 + 1 + 2 + 1
    for picture in pictures:
        check(picture)


def test_the_thumbnail_shows_the_score_map_and_the_box_where_they_are():
    (one,) = witness().see(scored(frame(0), revision(1)))
    shown = pixels_of(one.pictures[0])[: SIZE_PX[0]].astype(int)
    red = (shown[:, :, 0] - shown[:, :, 2]) > 50
    y, x = np.argwhere(red).T
    assert abs(np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) - (200, 96, 240, 128)).max() <= 8
    cyan = (shown[:, :, 2] - shown[:, :, 0]) > 40
    y, x = np.argwhere(cyan).T
    assert abs(np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) - BOX).max() <= 6


def test_a_classifiers_one_cell_is_not_laid_over_the_frame():
    classifier = msgspec.structs.replace(MANIFEST, task="classify")
    (one,) = witness(manifest=classifier).see(scored(frame(0), revision(1)))
    shown = pixels_of(one.pictures[0])[: SIZE_PX[0]].astype(int)
    assert not ((shown[:, :, 0] - shown[:, :, 2]) > 50).any()


def test_nothing_private_is_in_any_picture():
    seen = witness([SECRET])
    pixels = np.full((*SIZE_PX, 3), 90, np.uint8)
    pixels[:, :160] = (255, 0, 0)
    box = (140, 60, 200, 100)  # half of it
    found = [one for number in range(WINDOW) for one in seen.see(scored(frame(number, pixels)))]
    found += seen.see(scored(frame(8, pixels), revision(1, box=box)))
    found += seen.see(scored(frame(9, pixels), revision(2, "updated", alerted=2, box=box)))
    found += seen.see(scored(frame(10, pixels)))
    pictures = [picture for one in found for picture in one.pictures]
    pictures += [seen.full("north", frame(11, pixels)), seen.now("north", frame(11, pixels))]
    pictures += seen.see(
        scored(frame(12, pixels), msgspec.structs.replace(revision(1, box=box), id="drill.a"))
    )[0].pictures
    assert {kind(picture.role) for picture in pictures} == set(MAX_BYTES)
    for picture in pictures:
        shown = pixels_of(picture).astype(int)
        if picture.role == THUMBNAIL:  # the map is red itself, on what is not private
            shown = shown[:, :140]
        assert not ((shown[:, :, 0] - shown[:, :, 1]) > 90).any(), picture.role
        assert (abs(shown[5] - BLANK) < 12).all(axis=1).mean() > 0.2, picture.role


def test_a_drill_is_burnt_into_every_picture_of_it_and_into_no_other():
    seen = witness()
    drill = msgspec.structs.replace(revision(1), id="drill.a")
    one, other = seen.see(scored(frame(0), drill, revision(1, name="b")))
    later = seen.see(scored(frame(1)))
    assert [one.event.id for one in later] == ["drill.a", "b"]
    drilled = [
        *one.pictures,
        *later[0].pictures,
        *(make("north", frame(2), drill=True) for make in (seen.full, seen.now)),
    ]
    real = [*other.pictures, *later[1].pictures, *(make("north", frame(2)) for make in (seen.full, seen.now))]
    for picture, plain in zip(drilled, real, strict=True):
        assert said_in(picture).split()[0] == "DRILL"
        assert said_in(plain).split()[0] == "tower-7"
        burnt = (pixels_of(picture).astype(int) - pixels_of(plain))[
            : min(picture.size_px[0], SIZE_PX[0]) - 40
        ]
        assert (abs(burnt) > 60).mean() > 0.02, picture.role


@pytest.mark.parametrize("shown", [frame(0), None])
def test_a_drill_shows_the_newest_frame_or_one_that_is_made_up(shown):
    seen = witness([SECRET])
    at = Stamp(model_s=9.0, utc="2026-07-02T00:00:00.000+00:00", utc_trusted=True)
    made = seen.drill("drill.a", "north", shown, "m@1#0", at)
    assert [picture.role for picture in made.pictures] == [THUMBNAIL, CROP]
    assert (made.event.id, made.event.opened, made.event.phase) == ("drill.a", at, "opened")
    assert made.event.frame_px == (SIZE_PX if shown else (360, 640))
    for picture in made.pictures:
        assert said_in(picture).split()[0] == "DRILL"
        assert len(picture.jpeg) <= MAX_BYTES[picture.role]
        assert picture.captured == (stamp(shown) if shown else at)
        pixels = pixels_of(picture)
        assert (pixels[: pixels.shape[0] // 2] > 240).mean() > 0.01, "white letters across it"
        assert (abs(pixels[2, :20].astype(int) - BLANK) < 12).all(), "what is private is blank"
    assert seen.made.pictures == 0


def test_after_a_restart_nothing_from_before_is_in_a_series():
    seen = witness()
    for number in range(WINDOW):
        seen.see(scored(frame(number)))
    (one,) = seen.see(scored(frame(9), revision(1), restarted=True))
    assert [picture.role for picture in one.pictures] == [THUMBNAIL, CROP, "series.1", FULL]


def test_frames_of_another_size_are_not_in_a_series():
    seen = witness()
    seen.see(scored(frame(0, np.full((480, 320, 3), 90, np.uint8))))
    (one,) = seen.see(scored(frame(1), revision(1)))
    assert [picture.role for picture in one.pictures][2:-1] == ["series.1"]
    assert seen.see(scored(frame(2, np.full((480, 320, 3), 90, np.uint8)))) == []
    assert roles(seen.see(scored(frame(3)))) == [["series.2"]]


def test_of_a_storm_some_are_followed():
    seen = witness()
    found = seen.see(scored(frame(0), *(revision(1, name=f"e{number}") for number in range(FOLLOWED + 3))))
    assert len(found) == FOLLOWED + 3
    assert all(len(one.pictures) == 4 for one in found)
    assert len(seen.see(scored(frame(1)))) == FOLLOWED


@pytest.mark.parametrize("cameras", [1, 9, 40])
def test_what_is_kept_for_openings_to_come_stays_within_its_bytes(cameras):
    names = tuple(f"c{number}" for number in range(cameras))
    seen = witness(cameras=names, manifest=confirmed_in(window=50))
    most = min(CAMERA_BYTES * cameras, SERIES_BYTES)
    assert seen.made.kept_most_bytes <= most
    for number in range(BEFORE_MOST + 2):
        for name in names[:2]:
            seen.see(scored(noisy(number), camera=name))
            made = seen.made
            assert made.kept_bytes == held_bytes(seen) <= made.kept_most_bytes
    assert seen.made.kept_bytes > 0
    assert all(len(one._kept) <= BEFORE_MOST for one in seen._series.values())


def confirmed_in(window):
    return msgspec.structs.replace(
        MANIFEST, confirmation=msgspec.structs.replace(MANIFEST.confirmation, window=window)
    )


def held_bytes(seen):
    """Count what the series hold, by all that their objects reach."""
    kept = [one for series in seen._series.values() for one in series._kept]
    assert all(
        {field.name for field in dataclasses.fields(one)} == {"captured", "size_px", "jpeg"} for one in kept
    )
    return sum(len(one.jpeg) for one in kept)


def test_a_picture_that_cannot_be_made_is_counted_and_the_others_are_there(monkeypatch, caplog):
    seen = witness()
    (one,) = seen.see(scored(frame(0), revision(1, box=(900, 900, 950, 950))))  # outside of the frame
    assert [picture.role for picture in one.pictures] == [THUMBNAIL, FULL]
    assert seen.made.failed == 2
    assert "event a, revision 1: a picture cannot be made" in caplog.text

    def broken(*_args, **_more):
        raise MemoryError

    monkeypatch.setattr(series_module, "fit", broken)
    assert roles(seen.see(scored(frame(1), revision(1, name="b")))) == [[THUMBNAIL, CROP, FULL]]
    assert seen.made.failed == 4


def test_who_spares_makes_the_thumbnail_and_the_crop_alone_and_keeps_nothing():
    seen = witness()
    for number in range(WINDOW):
        seen.see(scored(frame(number)))
    seen.spare(True)
    (one,) = seen.see(scored(frame(50), revision(1)))
    assert [picture.role for picture in one.pictures] == [THUMBNAIL, CROP]
    assert seen.made.kept_bytes == 0
    assert seen.see(scored(frame(51))) == []
    seen.spare(False)
    (later,) = seen.see(scored(frame(52), revision(1, name="b")))
    assert [picture.role for picture in later.pictures] == [THUMBNAIL, CROP, "series.1", FULL]
