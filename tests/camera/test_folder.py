"""Folders of images: order, times, and images that are none."""

import logging
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.folder import SUFFIXES, FolderOptions, FolderSource, natural_key, open_folder
from edge.camera.limit import Limits
from edge.camera.still import decode_still
from edge.errors import CameraError, FrameError
from tests.camera.conftest import opened, session

S = 1_000_000_000


def put(folder: Path, *names: str) -> None:
    for name in names:
        cv2.imwrite(str(folder / name), np.full((32, 48, 3), (10, 80, 200), np.uint8))


def source_of(folder: Path, cadence_s: float = 0.0, **keys) -> FolderSource:
    return FolderSource(FolderOptions(uri=f"folder:{folder}", **keys), session(cadence_s))


def times(folder: Path, cadence_s: float = 0.0, **keys) -> list[tuple[str, float, float | None]]:
    source = source_of(folder, cadence_s, **keys)
    result = []
    while (picture := source.read()) is not None:
        wall_s = None if picture.wall_ns is None else picture.wall_ns / S
        result.append((picture.name, picture.source_ns / S, wall_s))
    return result


def test_offsets_in_the_names_count_from_the_first(tmp_path):
    put(tmp_path, "000_-02400.jpg", "001_-02340.jpg", "040_+00000.jpg")
    assert times(tmp_path) == [
        ("000_-02400.jpg", 0, None),
        ("001_-02340.jpg", 60, None),
        ("040_+00000.jpg", 2400, None),
    ]


def test_epochs_in_the_names_win_over_offsets(tmp_path):
    put(tmp_path, "1528998000_+00060.jpg", "1528997940_+00000.jpg", "1528998060500_+00120.png")
    assert times(tmp_path) == [
        ("1528997940_+00000.jpg", 1528997940, 1528997940),
        ("1528998000_+00060.jpg", 1528998000, 1528998000),
        ("1528998060500_+00120.png", 1528998060.5, 1528998060.5),
    ]


def test_plain_names_are_in_natural_order_at_the_cadence(tmp_path):
    put(tmp_path, "10.png", "9.png", "2.png")
    (tmp_path / "notes.txt").write_text("no image")
    assert times(tmp_path) == [("2.png", 0, None), ("9.png", 60, None), ("10.png", 120, None)]
    assert [time for _, time, _ in times(tmp_path, cadence_s=5)] == [0, 5, 10]
    assert [time for _, time, _ in times(tmp_path, folder_cadence_s=2.5, cadence_s=5)] == [0, 5]


def test_a_csv_gives_the_times(tmp_path):
    put(tmp_path, "a.png", "b.png")
    listed = tmp_path / "times.csv"
    listed.write_text("file,epoch\nb.png,1600000000\na.png,1600000060.25\nother.png,3\n")
    assert times(tmp_path, times_csv=listed) == [
        ("b.png", 1600000000, 1600000000),
        ("a.png", 1600000060.25, 1600000060.25),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,1600000000\n", "no time for 'b.png'"),
        ("a.png,soon\nb.png,1\n", "line 1: expected `file,epoch`"),
        ("a.png\n", "line 1"),
        ("a.png,inf\n", "line 1"),
    ],
)
def test_a_wrong_csv_says_where(tmp_path, text, message):
    put(tmp_path, "a.png", "b.png")
    listed = tmp_path / "times.csv"
    listed.write_text(text)
    with pytest.raises(CameraError, match=message):
        source_of(tmp_path, times_csv=listed)
    listed.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CameraError, match=r"times\.csv"):
        source_of(tmp_path, times_csv=listed)
    with pytest.raises(CameraError, match="cannot read the times"):
        source_of(tmp_path, times_csv=tmp_path / "none.csv")


def test_colours_are_rgb(tmp_path):
    put(tmp_path, "a.png")
    pixels = source_of(tmp_path).read().to_rgb()
    assert tuple(pixels[0, 0]) == (200, 80, 10)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(CameraError, match="holds no image"):
        source_of(tmp_path)


def test_a_corrupt_image_is_named_and_the_next_is_read(tmp_path):
    put(tmp_path, "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg")
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "2.jpg").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "3.jpg").write_bytes(b"")
    (tmp_path / "4.jpg").write_bytes(b"no image at all")
    source = source_of(tmp_path)
    assert source.read().name == "1.jpg"
    for name in ("2.jpg", "3.jpg", "4.jpg"):
        with pytest.raises(FrameError, match=name):
            source.read()
    assert source.read().name == "5.jpg"
    assert source.read() is None


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("ended", [False, True])
def test_a_part_of_an_image_is_corrupt_whatever_its_kind(tmp_path, suffix, ended):
    """An end is put behind the part, too, as a camera does that sends what fits."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    for number, tenths in enumerate((1, 3, 5, 9, 9.7)):
        part = data[: round(len(data) * tenths / 10)]
        (tmp_path / f"{number}{suffix}").write_bytes(part + data[-2:] * ended)
    (tmp_path / f"5{suffix}").write_bytes(data)
    source = source_of(tmp_path)
    for number in range(5):
        with pytest.raises(FrameError, match=rf"{number}\{suffix}"):
            source.read()
    assert source.read().name == f"5{suffix}"


def test_a_jpeg_without_its_end_marker_is_read_where_nothing_else_misses(tmp_path):
    put(tmp_path, "1.jpg")
    whole = source_of(tmp_path).read().to_rgb()
    path = tmp_path / "1.jpg"
    path.write_bytes(path.read_bytes()[:-2])
    assert np.array_equal(source_of(tmp_path).read().to_rgb(), whole)


def test_the_image_after_a_corrupt_one_is_taken_in_its_place(tmp_path):
    put(tmp_path, *(f"{number}.jpg" for number in range(9)))
    (tmp_path / "3.jpg").write_bytes(b"no image at all")
    source = source_of(tmp_path, cadence_s=180.0, folder_cadence_s=60.0)
    assert source.read().name == "0.jpg"
    with pytest.raises(FrameError, match=r"3\.jpg"):
        source.read()
    assert [source.read().name, source.read().name] == ["4.jpg", "6.jpg"]


@given(st.lists(st.text(max_size=12)))
def test_natural_order_is_an_order(names):
    assert [natural_key(name) for name in sorted(names, key=natural_key)] == sorted(map(natural_key, names))
    assert natural_key("image-2.jpg") < natural_key("image-10.jpg")


def test_a_png_that_is_damaged_says_nothing_past_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = cv2.imencode(".png", np.full((96, 96, 3), 90, np.uint8))[1].tobytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"IDAT") + 9] ^= 4
    for number, data in enumerate((whole[:-20], whole[:60], bytes(flipped))):
        (tmp_path / f"{number}.png").write_bytes(data)
        with pytest.raises(FrameError, match=r"corrupt: (it is cut off|a checksum of it is wrong)"):
            decode_still(tmp_path / f"{number}.png", Limits())
    (tmp_path / "whole.png").write_bytes(whole + b"more")
    assert decode_still(tmp_path / "whole.png", Limits()).shape == (96, 96, 3)
    assert capfd.readouterr().err == ""


def told(folder: Path, caplog: pytest.LogCaptureFixture, **keys) -> str:
    """The one line that an opening logs."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "edge.camera.folder"):
        source_of(folder, **keys)
    (record,) = caplog.records
    return record.getMessage()


def test_what_is_no_picture_is_passed_over_and_counted_once(tmp_path, caplog):
    put(tmp_path, *(f"IMG_000{number}.jpg" for number in range(3)))
    for number in range(3):
        (tmp_path / f"._IMG_000{number}.jpg").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(100))
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.jpg").mkdir()
    options = FolderOptions(uri=f"folder:{tmp_path}", loop=True)
    with caplog.at_level(logging.INFO, "edge.camera.folder"):
        loop = open_folder(options, session())
        names = [loop.read().name for _ in range(9)]
    assert names == ["IMG_0000.jpg", "IMG_0001.jpg", "IMG_0002.jpg"] * 3
    (record,) = caplog.records
    assert record.getMessage().endswith(
        ": 3 images, taken as 60 s apart, since their names hold no times;"
        " passed over: hidden files (4), folders (1), files of other kinds (3)"
    )
    put(tmp_path, "IMG_0003.jpg")
    with caplog.at_level(logging.INFO, "edge.camera.folder"):
        names = [loop.read().name for _ in range(4)]
    assert names[-1] == "IMG_0003.jpg"
    assert [": 4 images," in record.getMessage() for record in caplog.records] == [False, True]


def test_a_folder_of_nothing_else_says_what_it_holds(tmp_path):
    (tmp_path / "._a.jpg").touch()
    (tmp_path / "100CANON").mkdir()
    with pytest.raises(CameraError, match=r"no image, only hidden files \(1\), folders \(1\); expected"):
        source_of(tmp_path)


def test_dates_in_the_names_are_the_times(tmp_path, caplog):
    put(tmp_path, *(f"IMG_20261129_01{minute:02}00.jpg" for minute in range(9)), "map.png")
    assert times(tmp_path)[:2] == [
        ("IMG_20261129_010000.jpg", 1795914000, 1795914000),
        ("IMG_20261129_010100.jpg", 1795914060, 1795914060),
    ]
    assert len(times(tmp_path)) == 9
    said = told(tmp_path, caplog)
    assert (
        ": 9 images, times: dates in their names (UTC), 'IMG_20261129_010000.jpg' is 2026-11-29T01:00" in said
    )
    assert said.endswith("; passed over: images without such a time (1): map.png")
    assert times(tmp_path, times_zone="Europe/Athens")[0][2] == 1795914000 - 7200
    assert "(Europe/Athens), 'IMG_20261129_010000.jpg' is 2026-11-28T23:00" in told(
        tmp_path, caplog, times_zone="Europe/Athens"
    )
    assert [time for _, time, _ in times(tmp_path, folder_cadence_s=5)][-1] == 45


def test_strays_are_listed_up_to_a_bound_and_too_many_mean_no_rule(tmp_path, caplog):
    put(tmp_path, *(f"{1700000000 + 60 * number}.png" for number in range(63)))
    put(tmp_path, *(f"stray{number}.png" for number in range(7)))
    said = told(tmp_path, caplog)
    assert said.endswith(
        "images without such a time (7): stray0.png, stray1.png, stray2.png, stray3.png, stray4.png and 2 more"
    )
    put(tmp_path, "stray7.png")
    said = told(tmp_path, caplog)
    assert said.endswith(
        "71 images, taken as 60 s apart, since 63 of 71 names hold Unix times (63 different)"
    )
    assert len(times(tmp_path)) == 71


def test_images_of_one_time_stay_in_the_order_of_their_names(tmp_path, caplog):
    put(tmp_path, *(f"20261129_0115{second}_{shot}.jpg" for second in ("00", "10") for shot in (10, 9, 8)))
    assert [name for name, _, _ in times(tmp_path)] == [
        f"20261129_0115{second}_{shot}.jpg" for second in ("00", "10") for shot in (8, 9, 10)
    ]
    assert "4 have the time of another" in told(tmp_path, caplog)
    assert [name for name, _, _ in times(tmp_path, cadence_s=10)] == [
        "20261129_011500_8.jpg", "20261129_011510_8.jpg",
    ]  # fmt: skip


def test_an_unknown_zone_is_a_wrong_option(tmp_path):
    put(tmp_path, "a.png")
    with pytest.raises(CameraError, match="times_zone: 'Europe/Berln' is no time zone"):
        opened(f"folder:{tmp_path}", times_zone="Europe/Berln")


@pytest.mark.parametrize("heading", ["file,epoch\r\n", "", "File;Epoch\r\n"])
def test_a_csv_of_a_spreadsheet_is_read(tmp_path, heading):
    put(tmp_path, "a.png", "b.png")
    comma = ";" if ";" in heading else ","
    text = f"{heading}b.png{comma}1717000000\r\na.png{comma}1717000060\r\n"
    (tmp_path / "times.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [time for _, time, _ in times(tmp_path, times_csv=tmp_path / "times.csv")] == [
        1717000000,
        1717000060,
    ]


def test_names_that_are_not_utf8(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    put(tmp_path, "a.png")
    for name in (b"\xff\xfe.png", b"\x80_20261129.png"):
        (folder / os.fsdecode(name)).write_bytes((tmp_path / "a.png").read_bytes())
    assert {name for name, _, _ in times(folder)} == {r"\udc80_20261129.png", r"\udcff\udcfe.png"}
    listed = tmp_path / "times.csv"
    listed.write_text("\\udc80_20261129.png,1700000060\n\\udcff\\udcfe.png,1700000000\n")
    assert [name for name, _, _ in times(folder, times_csv=listed)] == [
        r"\udcff\udcfe.png", r"\udc80_20261129.png",
    ]  # fmt: skip
