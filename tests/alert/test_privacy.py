"""What is private is in no picture, and there is one door only from a frame to a picture."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alert.privacy import BLANK, PUBLIC, Privacy, Shown
from edge.camera.planes import BT601, PlanarImage
from edge.errors import FrameError
from edge.image import RgbImage

EDGE = Path(__file__).parents[2] / "edge"
TEXTS = {path.relative_to(EDGE).as_posix(): path.read_text() for path in EDGE.rglob("*.py")}
LEFT = [(0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0)]
STAR = [(0.5, 0.0), (0.8, 0.95), (0.0, 0.35), (1.0, 0.35), (0.2, 0.95)]  # crosses itself around its middle


def secret(height, width, of):
    """Make a picture that is white where `of` says, else black."""
    y, x = np.mgrid[:height, :width]
    inside = of((x + 0.5) / width, (y + 0.5) / height)
    return np.where(inside[:, :, None], np.uint8(255), np.uint8(0)).repeat(3, axis=2)


def left(x, _y):
    return x < 0.4


def planar(pixels):
    """Make it a picture of half the chroma, as cameras send it."""
    luma = np.ascontiguousarray(pixels[:, :, 0])
    chroma = np.ascontiguousarray(luma[::2, ::2] // 2 + 64)
    return PlanarImage((luma, chroma, chroma), BT601, full_range=True)


@pytest.mark.parametrize("image", [RgbImage(secret(240, 320, left)), planar(secret(240, 320, left))])
@pytest.mark.parametrize("most_px", [320, 319, 200, 160, 100, 33])
def test_nothing_of_it_is_left_at_any_size(image, most_px):
    shown = Privacy([LEFT]).whole(image, most_px)
    assert max(shown.size_px) == most_px
    until = round(0.4 * shown.size_px[1])
    assert (shown.pixels[:, : until + 2] == BLANK).all()
    assert (shown.pixels[:, until + 4 :] == PUBLIC.whole(image, most_px).pixels[:, until + 4 :]).all()
    beside, plain = shown.pixels[:, until:].astype(int), shown.pixels[0, -1].astype(int)
    assert ((beside == BLANK) | (abs(beside - plain) <= 1)).all()  # nothing has come through beside it


def test_a_part_of_a_frame_is_blank_where_the_frame_is():
    pixels = np.random.default_rng(3).integers(0, 120, (200, 300, 3), np.uint8)
    privacy = Privacy([STAR, LEFT[:3]])
    whole = privacy.show(pixels).pixels
    for x0, y0, x1, y1 in ((0, 0, 300, 200), (120, 60, 180, 120), (140, 75, 150, 80), (0, 190, 300, 200)):
        part = privacy.part(RgbImage(pixels), (x0, y0, x1, y1))
        assert (part.pixels == whole[y0:y1, x0:x1]).all()
    assert (privacy.part(RgbImage(pixels), (140, 75, 150, 80)).pixels == BLANK).all()


def test_what_a_polygon_encloses_by_crossing_itself_is_private():
    shown = Privacy([STAR]).show(np.zeros((200, 200, 3), np.uint8))
    assert (shown.pixels[80:110, 90:110] == BLANK).all()
    assert (shown.pixels[5, 5] == 0).all()


def test_polygons_that_overlap_hide_what_each_hides():
    right = [(0.3, 0.0), (1.0, 0.0), (1.0, 1.0), (0.3, 1.0)]
    assert (Privacy([LEFT, right]).show(np.zeros((50, 60, 3), np.uint8)).pixels == BLANK).all()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=6), st.integers(4, 90))
def test_every_corner_of_a_polygon_is_blank_and_the_frame_stays_as_it_is(polygon, side):
    pixels = np.zeros((side, side + 7, 3), np.uint8)
    shown = Privacy([polygon]).show(pixels).pixels
    for x, y in polygon:
        at = min(side - 1, int(y * side)), min(side + 6, int(x * (side + 7)))
        assert (shown[at] == BLANK).all()
    assert not pixels.any()


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_a_wrong_picture_is_an_error(bad):
    with pytest.raises(FrameError, match=r"expected a picture of \(H, W, 3\) uint8"):
        PUBLIC.show(bad)


def test_a_polygon_that_is_none_is_an_error():
    with pytest.raises(ValueError, match=r"^\[0\]: a polygon needs three"):
        Privacy([[(0.0, 0.0), (1.0, 1.0)]])


def callers(*names):
    """Return the modules of the device that call a function or a class by one of these names."""
    found = set()
    for path, text in TEXTS.items():
        for node in ast.walk(ast.parse(text)) if any(name in text for name in names) else ():
            if isinstance(node, ast.Call):
                called = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if called in names:
                    found.add(path)
    return found


def test_one_module_encodes_pictures_and_takes_only_what_may_be_shown():
    assert callers("imencode", "imwrite", "imencodemulti", "imwritemulti", "VideoWriter", "add_stream") == {
        "alert/jpeg.py"
    }
    assert callers("Shown") == {"alert/privacy.py"}
    tree = ast.parse(TEXTS["alert/jpeg.py"])
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("encode", "fit"):
        first = functions[name].args.args[0]
        assert isinstance(first.annotation, ast.Name)
        assert first.annotation.id == Shown.__name__


def test_the_device_shows_no_frame_as_public():
    assert {path for path, text in TEXTS.items() if re.search(r"\bPUBLIC\b", text)} == {"alert/privacy.py"}
