import pytest

from scoring.truth import TruthError
from training.smoke.data.read import How, read

IGNITION = 1_465_065_600


def view(picture, folder, offsets=(-120, -60, 0, 60, 120), **kwargs):
    for number, offset in enumerate(offsets):
        picture(folder / f"{IGNITION + offset}_{offset:+06}.jpg", seed=number, **kwargs)


def test_a_folder_of_folders(tmp_path, picture):
    view(picture, tmp_path / "20160604_FIRE_rm-n-mobo-c")
    view(picture, tmp_path / "20160604_FIRE_smer-tcs3-mobo-c")
    view(picture, tmp_path / "20180614_Bridle_hp-n-mobo-c", width=80)
    data = read(tmp_path, looks=())
    assert (data.kind, data.passed) == ("figlib", {})
    first, second, third = data.sequences
    assert (first.id, first.camera, first.fire) == (
        "20160604_FIRE_rm-n-mobo-c",
        "hpwren:rm-n",
        "20160604_FIRE",
    )
    assert second.camera == "hpwren:smer-tcs3"
    assert first.group == second.group != third.group  # one fire
    assert (first.width, first.height, third.width) == (64, 48, 80)
    assert first.ignition_epoch == IGNITION
    assert first.timed
    assert [frame.offset_s for frame in first.frames] == [-120, -60, 0, 60, 120]
    assert [frame.label for frame in first.frames] == ["no_smoke"] * 2 + ["uncertain"] * 3


def test_one_folder_alone_and_smoke_that_is_told(tmp_path, picture):
    view(picture, tmp_path / "some view")
    (sequence,) = read(tmp_path / "some view", How(smoke_after_s=60), looks=()).sequences
    assert sequence.id == sequence.camera == sequence.fire == sequence.group == "some view"
    assert [frame.label for frame in sequence.frames] == ["no_smoke"] * 2 + ["uncertain"] + ["smoke"] * 2


def test_the_twin_on_the_same_arm_is_the_same_camera(tmp_path, picture):
    view(picture, tmp_path / "20170708_Whittier_syp-n-mobo-c")
    view(picture, tmp_path / "20190610_Pauma_syp-n-mobo-m")
    assert {sequence.group for sequence in read(tmp_path, looks=()).sequences} == {"hpwren:syp-n"}


def test_what_does_not_fit_is_passed_over_and_counted(tmp_path, picture):
    folder = tmp_path / "20160604_FIRE_rm-n-mobo-c"
    view(picture, folder)
    picture(folder / "cover.jpg")
    picture(folder / f"{IGNITION + 60}_+00060.png")  # the time of another
    picture(folder / f"{IGNITION + 180}_+00180.jpg", width=32)
    cut = folder / f"{IGNITION + 240}_+00240.jpg"
    cut.write_bytes(picture(cut, seed=9).read_bytes()[:-200])
    (folder / f"{IGNITION + 300}_+00300.jpg").write_bytes(b"")
    (folder / ".hidden.jpg").write_bytes(b"")
    data = read(tmp_path, looks=())
    assert len(data.sequences[0].frames) == 5
    assert data.passed == {
        "pictures passed over, not named <epoch>_<±offset>": 1,
        "pictures passed over, of the time of another": 1,
        "pictures passed over, of another size than most of their folder": 1,
        "damaged pictures passed over": 2,
    }
    assert any("cover.jpg" in line for line in data.passed_lines)


def test_an_ignition_that_is_another_is_an_error(tmp_path, picture):
    view(picture, tmp_path)
    picture(tmp_path / f"{IGNITION + 180}_+00000.jpg")
    with pytest.raises(TruthError, match=f"{IGNITION + 180}_.00000.jpg: its name puts ignition at"):
        read(tmp_path, looks=())
