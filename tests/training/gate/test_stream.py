import cv2
import pytest

from tests.training.gate import made
from training.gate.control import CONTINUED, RANDOM, REVERSED, controls, late
from training.gate.stream import TRAINED_ON, Part, parts_of, streams, trained_on, with_seen
from training.smoke.data.place import place_of
from training.smoke.data.read import read


def parts(folder, *sequences):
    truths = made.save(folder, [made.write(folder, **one) for one in sequences])
    return [Part(truth, tuple(folder / f.file for f in truth.frames)) for truth in truths]


def sequence(name, labels="nnnn", **more):
    return {"name": name, "labels": labels, "pictures": [made.picture(i) for i in range(len(labels))], **more}


def test_sequences_of_one_camera_run_on_and_what_overlaps_does_not(tmp_path):
    day = 86_400
    some = parts(
        tmp_path,
        sequence("b", begin=made.EPOCH + day),
        sequence("a"),
        sequence("other", camera="east"),
        sequence("fast", begin=made.EPOCH + 2 * day, accelerated=True),
        sequence("twin", begin=made.EPOCH + 60),
    )
    made_of = {s.name: [part.truth.id for part in s.parts] for s in streams(some)}
    assert made_of == {"cam": ["a", "b"], "cam (2)": ["twin"], "east": ["other"], "cam (3)": ["fast"]}
    first = next(s for s in streams(some) if s.name == "cam")
    times = [shot.time_ns // 10**9 - made.EPOCH for shot in first.shots()]
    assert times == [0, 60, 120, 180, day, day + 60, day + 120, day + 180]


def test_what_was_trained_on_is_told_by_the_bundles_own_data(tmp_path):
    parts(tmp_path, sequence("a"), sequence("b", begin=made.EPOCH + 9000))
    some = parts_of([read(tmp_path)])
    own = {"data": {"sequences_json_sha256": some[0].data}, "validation_groups": ["g-b"]}
    assert [part.seen for part in with_seen(some, own)] == [True, False]
    assert not any(part.seen for part in with_seen(some, own | {"data": {"sequences_json_sha256": "0"}}))
    assert not any(part.seen for part in with_seen(some, {}))


def test_what_was_trained_on_is_known_in_other_data_too(tmp_path):
    """By its name, and by its pictures under another name."""
    (tmp_path / "own").mkdir()
    (tmp_path / "other").mkdir()
    own = parts(tmp_path / "own", sequence("a"))
    some = parts(
        tmp_path / "other",
        {**sequence("a"), "pictures": [made.picture(50 + i) for i in range(4)]},
        sequence("renamed", begin=made.EPOCH + 9000),
        {**sequence("new", begin=made.EPOCH + 19_000), "pictures": [made.picture(60 + i) for i in range(4)]},
    )
    provenance = {TRAINED_ON: trained_on(own), "data": {"sequences_json_sha256": ""}, "validation_groups": []}
    assert {p.truth.id: p.seen for p in with_seen(some, provenance)} == {
        "a": True,
        "renamed": True,
        "new": False,
    }


def test_a_sequence_that_comes_twice_is_refused(tmp_path):
    parts(tmp_path, sequence("a"))
    with pytest.raises(ValueError, match="'a' comes twice"):
        parts_of([read(tmp_path), read(tmp_path)])


def test_stills_are_no_sequences_of_the_gate(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), made.picture(1))
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match="only stills or nothing"):
        parts_of([read(tmp_path)])


def test_a_place_that_is_given_goes_before_all_others_and_must_be_of_a_camera(tmp_path):
    parts(tmp_path, sequence("a", camera="hpwren:x"), sequence("b", begin=made.EPOCH + 9000))
    dataset = read(tmp_path)
    placed = {part.truth.id: part.truth for part in parts_of([dataset], {"hpwren:x": (1.0, 2.0)})}
    assert place_of(placed["a"]) == (1.0, 2.0)
    assert place_of(placed["b"]) is None
    with pytest.raises(ValueError, match=r"no sequence is of camera east; there are cam, hpwren:x"):
        parts_of([dataset], {"east": (1.0, 2.0)})


def test_controls_are_made_of_the_same_frames(tmp_path):
    """Eight quiet frames, ignition with frame 8, the first box with frame 10."""
    (part,) = parts(tmp_path, sequence("a", "n" * 8 + "uu" + "s" * 12))
    found = {one.kind: one for one in controls([part], 0)}
    assert set(found) == {RANDOM, REVERSED, CONTINUED, late(5)}  # after 15 minutes there is no frame any more
    begun = found[late(5)]
    assert begun.begun_s == 7 * 60
    assert [shot.path.name for shot in begun.stream.shots()] == [f"{i:03}.png" for i in range(15, 22)]
    turned = found[REVERSED].stream
    assert [shot.path.name for shot in turned.shots()] == [f"{i:03}.png" for i in reversed(range(22))]
    times = [shot.time_ns for shot in turned.shots()]
    assert times == sorted(times)
    assert turned.parts[0].truth.ignition_epoch == turned.parts[0].truth.frames[0].epoch
    on = found[CONTINUED].stream
    assert [shot.path.name[:3] for shot in on.shots()] == [
        f"{i:03}" for i in [*range(8), *reversed(range(7))]
    ]
    labels = [frame.label for frame in on.parts[0].truth.frames]
    assert labels == ["unlabelled"] * 8 + ["no_smoke"] * 7
    assert len({frame.name for frame in on.parts[0].truth.frames}) == 15
    start = int(found[RANDOM].stream.shots()[0].path.name[:3])
    assert 0 <= start < 8
    assert controls([part], 0)[0].stream.shots() == found[RANDOM].stream.shots()


def test_a_day_without_a_fire_has_no_control(tmp_path):
    assert controls(parts(tmp_path, sequence("a", "n" * 20)), 0) == []
