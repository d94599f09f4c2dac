"""Folders of images: order, times, and images that are none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.folder import SUFFIXES, FolderOptions, FolderSource, natural_key
from edge.camera.limit import Limits
from edge.camera.still import decode_still
from edge.errors import CameraError, FrameError
from tests.camera.conftest import session

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
