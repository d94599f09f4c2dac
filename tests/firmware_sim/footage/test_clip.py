"""Any moment of a real clip, decoded for real."""

import random

import av
import numpy as np
import pytest

from firmware_sim.footage.clip import ClipFootage
from firmware_sim.footage.errors import FootageError
from tests.camera.conftest import opened
from tests.firmware_sim.footage.conftest import START_S


def number(shot) -> int:
    """Which picture of the clip it is."""
    return round((float(shot.pixels.mean()) - 40) / 6)


def test_each_moment_shows_its_picture_in_any_order(clip):
    footage = ClipFootage(clip, START_S)
    assert footage.size_px == (64, 96)
    order = list(range(30))
    random.Random(0).shuffle(order)
    assert [number(footage.at(START_S + at / 10 + 0.05)) for at in order] == order
    assert footage.at(START_S - 0.1) is None
    footage.close()
    footage.close()


def test_pictures_are_those_that_the_daemon_decodes(clip):
    footage, source = ClipFootage(clip, START_S), opened(f"file:{clip}")
    for at in range(30):
        assert np.array_equal(footage.at(START_S + at / 10 + 0.01).pixels, source.read().to_rgb())
    source.close()


def test_it_begins_again_or_holds_its_last_picture(clip):
    looped, held = (ClipFootage(clip, START_S, end=end) for end in ("loop", "hold"))
    assert number(looped.at(START_S + 3.05)) == 0
    assert number(looped.at(START_S + 3000 * 3.0 + 1.25)) == 12
    assert number(held.at(START_S + 500)) == 29
    assert held.at(START_S + 500).taken_s == START_S + 500


def test_a_known_ignition_is_where_it_was_placed(clip):
    footage = ClipFootage(clip, START_S, end="hold", fire="mill", ignition_s=1.0)
    assert footage.ignitions[0].epoch_s == START_S + 1
    assert not footage.ignitions[0].rendered
    before, after = footage.at(START_S + 0.9).truth, footage.at(START_S + 1.0).truth
    assert (before.label, before.burning) == ("no_smoke", ())
    assert (after.label, after.burning) == ("uncertain", ("mill",))
    assert ClipFootage(clip, START_S).at(START_S).truth.label == "unlabelled"


def test_what_cannot_be_shown_is_an_error(clip, tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(FootageError, match=r"empty\.mp4"):
        ClipFootage(tmp_path / "empty.mp4", START_S)
    with pytest.raises(FootageError, match=r"none\.mp4"):
        ClipFootage(tmp_path / "none.mp4", START_S)
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        samples.rate = 8000
        container.mux(stream.encode(samples))
    with pytest.raises(FootageError, match="no video"):
        ClipFootage(tmp_path / "sound.mkv", START_S)
    with pytest.raises(FootageError, match="loop"):
        ClipFootage(clip, START_S, ignition_s=1.0)


def test_a_damaged_picture_is_passed_over(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    begin = data.index(b"mdat") + 2000
    for at in range(begin, len(data) - 3000, 701):
        data[at] ^= 0x5A
    (tmp_path / "worn.mp4").write_bytes(data)
    one, two = (ClipFootage(tmp_path / "worn.mp4", START_S) for _ in range(2))
    moments = [START_S + at / 10 for at in range(30)]
    ahead = [one.at(moment).pixels for moment in moments]
    back = [two.at(moment).pixels for moment in reversed(moments)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(ahead, back, strict=True))
