import json
import os
from collections import Counter

import msgspec
import pytest

from scoring.truth import TruthError
from training.smoke.data import correction, table
from training.smoke.data.group import by_mast, camera_of, mast_of
from training.smoke.data.read import How, picture_digests, read
from training.smoke.data.split import check_apart, outer_folds


def sequence(name, files, **changes):
    frames = [
        {"file": file, "epoch": 1000 + 60 * number, "label": "no_smoke"} for number, file in enumerate(files)
    ]
    made = {
        "id": name,
        "camera": name,
        "fire": name,
        "group": name,
        "width": 64,
        "height": 48,
        "frames": frames,
    }
    return made | changes


def write(folder, sequences):
    (folder / "sequences.json").write_text(json.dumps({"sequences": sequences}))


def test_what_is_not_there_is_no_reason_to_walk_what_it_would_be_in(tmp_path):
    with pytest.raises(TruthError, match="there is no such folder or file"):
        read(tmp_path / "nowhere")


@pytest.fixture
def own(tmp_path, picture):
    files = [
        str(picture(tmp_path / f"s/{number}.jpg", seed=number).relative_to(tmp_path)) for number in range(3)
    ]
    write(tmp_path, [sequence("a", files)])
    return tmp_path


def test_our_own_format(own):
    data = read(own, looks=())
    assert (data.kind, len(data.sequences), data.passed, data.corrected) == ("sequences", 1, {}, 0)
    assert len(picture_digests(data)) == 3


def test_a_place_is_whole_and_on_earth(own):
    write(own, [sequence("a", ["s/0.jpg"], latitude_deg=33.2, longitude_deg=-116.8)])
    assert read(own, looks=()).sequences[0].latitude_deg == 33.2
    for wrong in ({"latitude_deg": 33.2}, {"latitude_deg": 91, "longitude_deg": 0}):
        write(own, [sequence("a", ["s/0.jpg"], **wrong)])
        with pytest.raises(TruthError, match="latitude"):
            read(own, looks=())


def test_pictures_that_are_not_as_stated(own, picture):
    picture(own / "s/1.jpg", width=32)
    with pytest.raises(TruthError, match=r"1 pictures are of another size than stated: s/1\.jpg 32x48"):
        read(own, looks=())
    (own / "s/1.jpg").write_bytes((own / "s/0.jpg").read_bytes()[:-100])
    with pytest.raises(TruthError, match=r"1\.jpg: the picture is cut off"):
        read(own, looks=())
    (own / "s/1.jpg").write_bytes(b"GIF89a")
    with pytest.raises(TruthError, match="got 6 bytes of something else"):
        read(own, looks=())


def test_nothing_outside_of_the_folder_is_read(tmp_path, picture):
    outside = picture(tmp_path / "outside.jpg")
    folder = tmp_path / "data"
    picture(folder / "in.jpg")
    write(folder, [sequence("a", ["../outside.jpg"])])
    with pytest.raises(TruthError, match="leads out of the folder"):
        read(folder, looks=())
    (folder / "link.jpg").symlink_to(outside)
    write(folder, [sequence("a", ["link.jpg"])])
    with pytest.raises(TruthError, match="leads out of the folder"):
        read(folder, looks=())
    (folder / "link.jpg").unlink()
    (folder / "link.jpg").symlink_to("in.jpg")  # inside is fine, and so is a link to the folder itself
    (tmp_path / "alias").symlink_to(folder)
    assert len(read(tmp_path / "alias", looks=()).sequences) == 1


def test_links_and_names_that_are_no_text_are_passed_over(tmp_path, picture):
    folder = tmp_path / "data"
    picture(folder / "1465065600_+00000.jpg")
    (folder / "1465065660_+00060.jpg").symlink_to(picture(tmp_path / "outside.jpg"))
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / os.fsdecode(b"1465065720_\xff.jpg")).write_bytes(b"")
    data = read(folder, looks=())
    assert len(data.sequences[0].frames) == 1
    assert Counter(data.passed) == {
        "links passed over, since they lead out of the folder or nowhere": 1,
        "folders passed over, since they are links": 1,
        "files passed over, since their names are not UTF-8": 1,
    }


def test_what_is_of_no_known_layout_says_what_was_looked_for(tmp_path, picture):
    with pytest.raises(TruthError, match=r"0 files; looked for sequences\.json; a COCO"):
        read(tmp_path, looks=())
    with pytest.raises(TruthError, match="there is no such"):
        read(tmp_path / "nowhere", looks=())
    picture(tmp_path / "1465065600_+00000.jpg")
    (tmp_path / "1465065600_+00000.txt").write_text("")
    with pytest.raises(TruthError, match="looks like yolo and figlib; say which by --kind"):
        read(tmp_path, looks=())
    assert read(tmp_path, How(kind="figlib"), looks=()).kind == "figlib"


def test_groups_may_be_stated(tmp_path, own):
    path = tmp_path / "groups.csv"
    path.write_bytes(b"\xef\xbb\xbfsequence,group\r\na*,ridge\r\n")
    before = read(own, looks=())
    after = read(own, How(groups=path), looks=())
    assert [s.group for s in after.sequences] == ["ridge"]
    assert after.digest == before.digest  # so that corrections still fit
    (tmp_path / "groups.json").write_text('{"a": "hill"}')
    assert read(own, How(groups=tmp_path / "groups.json"), looks=()).sequences[0].group == "hill"
    for text, said in (("sequence,group\nb,x\n", "no sequence has the id 'b'"), ("id,g\na,b\n", "first line"),
                       ("sequence,group\na\n", "an empty one")):  # fmt: skip
        path.write_text(text)
        with pytest.raises(TruthError, match=said):
            read(own, How(groups=path), looks=())


def test_masts_of_cameras():
    assert camera_of("rm-n-mobo-c") == camera_of("rm-n-mobo-m") == camera_of("rm-n") == "hpwren:rm-n"
    assert camera_of("ca-alder-hill-1") is None
    assert mast_of("hpwren:rm-n") == mast_of("hpwren:rm-w") == "hpwren:rm"
    assert mast_of("hpwren:smer-tcs8") == mast_of("hpwren:smer-tcs3")
    assert mast_of("vegas_oxblue") == "vegas_oxblue"


def test_a_table_of_stills(tmp_path, picture):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    path = tmp_path / "stills.csv"
    head = "file,label,boxes_xyxy,camera,group\n"
    path.write_text(
        head
        + 'a.jpg,smoke,"[[1, 2, 30, 40]]",c1,g1\nb.jpg,fire,"[[1, 2, 3, 4]]",c2,g2\nx.jpg,no_smoke,[],c,g\n'
    )
    data = read(path, looks=())
    assert [(s.group, s.frames[0].label, s.frames[0].boxes) for s in data.sequences] == [
        ("g1", "smoke", ((1, 2, 30, 40),)),
        ("g2", "uncertain", ()),
    ]
    assert data.passed == {"pictures passed over, named but not there": 1}
    for line, said in (
        ("a.jpg,smog,[],c,g", "line 2: expected a label"),
        ("a.jpg,smoke,[[1]],c,g", "line 2: expected boxes"),
        ("a.jpg,smoke,[],,g", "line 2: expected a camera"),
        ("a.jpg,no_smoke,[],c,g\na.jpg,no_smoke,[],c,g", "line 3: file 'a.jpg' stands there twice"),
    ):
        path.write_text(f"{head}{line}\n")
        with pytest.raises(TruthError, match=said):
            read(path, looks=())
    path.write_text("file,label\n")
    with pytest.raises(TruthError, match="boxes_xyxy, camera, group not there"):
        read(path, looks=())
    assert set(table._LABELS.values()) == {"no_smoke", "smoke", "uncertain", "unlabelled"}


def test_the_real_data_are_read_as_described(shared_dir):
    wildfire = read(shared_dir / "data/wildfire")
    labels = Counter(frame.label for s in wildfire.sequences for frame in s.frames)
    assert (len(wildfire.sequences), labels) == (33, {"no_smoke": 1222, "smoke": 842, "uncertain": 708})
    assert wildfire.passed == {}
    held = outer_folds(wildfire.sequences)
    assert held == outer_folds(wildfire.sequences[::-1])
    assert sorted(group for fold in held for group in fold) == sorted({s.group for s in wildfire.sequences})
    for sequences in (wildfire.sequences, by_mast(wildfire.sequences)):
        sides = {
            str(number): [s for s in sequences if s.group in groups]
            for number, groups in enumerate(outer_folds(sequences))
        }
        check_apart(sides, picture_digests(wildfire))
        views = [sum(s.box_annotated and s.reliable and s.timed for s in side) for side in sides.values()]
        assert sum(views) == 17
        assert min(views) >= 1
    for s in wildfire.sequences:
        assert camera_of(s.camera) in {s.camera, None}


def test_the_real_quiet_streams_and_stills(shared_dir):
    if not (shared_dir / "data/quiet").is_dir():
        pytest.skip(f"no quiet streams in {shared_dir}")
    quiet = read(shared_dir / "data/quiet")
    assert Counter((s.group, s.accelerated) for s in quiet.sequences) == {
        ("highway_fog_cn", False): 20,
        ("vegas_oxblue", True): 6,
    }
    assert {frame.label for s in quiet.sequences for frame in s.frames} == {"no_smoke"}
    stills = read(shared_dir / "data/wildfire/stills.csv")
    assert (len(stills.sequences), stills.passed) == (176, {})


def test_corrections_that_ship_are_well_formed():
    looks = correction.read_looks()
    assert msgspec.json.decode(msgspec.json.encode(looks), type=tuple[correction.Look, ...]) == looks
