"""What the gate takes from the data (layouts, looks, corrections, splits), and bundles unlike the shipped one."""

import hashlib
import json
from pathlib import Path

import cv2
import msgspec
import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import EdgeError
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle, write_bundle
from edge.model.importer import ImportOptions, import_model
from edge.model.manifest import Threshold
from tests.training.gate import made
from training.__main__ import command
from training.gate.look import Alarm, Count
from training.gate.plant import lots
from training.gate.result import read
from training.gate.stream import Part, streams
from training.gate.work import inputs_of

CELLS = Path(__file__).parents[2] / "model/fixtures/cells"


def judged(folder, bundle, data, *more):
    """Run the command; return its result and its page."""
    words = ["evaluate", "--bundle", str(bundle), "--data", str(data), "--work", str(folder / "work")]
    words += ["--processes", "1", "--planted", "0", "--no-controls", "--result", str(folder / "r.json")]
    assert command([*words, "--page", str(folder / "p.md"), *map(str, more)]) == 0
    return read(folder / "r.json"), (folder / "p.md").read_text()


def changed(folder, **changes):
    """The small bundle with another manifest."""
    opened = Bundle.open(CELLS)
    files = {name: opened.read(name) for name in opened.manifest.files}
    write_bundle(folder, msgspec.structs.replace(opened.manifest, **changes), files)
    return folder


@pytest.fixture(scope="module")
def flare(tmp_path_factory):
    """A quiet day on which the sun flares in frames 10 to 13, and a fire from frame 16 of 30 on."""
    folder = tmp_path_factory.mktemp("flare")
    quiet = [made.picture(i, (0, 0) if 10 <= i < 14 else None, size=128) for i in range(30)]
    fire = [made.picture(100 + i, (0, 0) if i >= 16 else None, size=128) for i in range(30)]
    made.save(
        folder,
        [
            made.write(folder, "quiet", "n" * 30, quiet),
            made.write(folder, "fire", "n" * 16 + "s" * 14, fire, begin=made.EPOCH + 86_400, camera="east"),
        ],
    )
    return folder


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    """The small bundle, by which an event becomes an alert once it is five minutes old."""
    return changed(
        tmp_path_factory.mktemp("ruled") / "b",
        schema="1.2",
        alert=AlertRule(persistence_s=300.0, escalate_s=1800.0),
    )


def look(data, path, **changes):
    """Write a file of one look at the frame with which the flare opened an event."""
    digest = hashlib.sha256((data / "sequences.json").read_bytes()).hexdigest()
    one = {
        "data": digest, "sequence": "quiet", "frame": "011.png", "label": "no_smoke", "why": "flare",
        "by": "t", "date": "2026-11-29", "blind": True,
    }  # fmt: skip
    path.write_text(json.dumps({"schema": "firetower.corrections/1", "frames": [one | changes]}))
    return path


def test_candidates_and_alerts_differ_by_the_rule_of_the_bundle(flare, ruled, tmp_path):
    """The flare of four minutes stays a candidate; the fire is found by both, as an alert five minutes later."""
    found, page = judged(tmp_path, ruled, flare)
    events, alerts = found.left_out.events, found.left_out.alerts
    assert (events.alarms.per_hour.count, alerts.alarms.per_hour.count) == (1, 0)
    assert (events.found.views.count, alerts.found.views.count) == (1, 1)
    assert alerts.delay_min.value == pytest.approx(events.delay_min.value + 5)
    assert events.open.count > alerts.open.count == 0
    quiet = next(day for day in found.days if day.sequence == "quiet")
    assert (quiet.openings, quiet.alerts) == (1, 0)
    assert "no rule for alerts" not in page


def test_false_alarms_that_nobody_looked_at_are_listed(flare, ruled, tmp_path):
    found, page = judged(tmp_path, ruled, flare)
    alarm = Alarm(stream="cam", sequence="quiet", frame="011.png", quiet=True, alert=False)
    assert (found.looked.quiet, found.not_looked) == (Count(alarms=1, looked=0), (alarm,))
    assert "0 of 1 on quiet streams" in page
    assert found.pictures == ("false-alarm-quiet-0011.jpg",)
    assert "| cam | quiet | 011.png | yes | no |" in page
    found, page = judged(
        tmp_path, ruled, flare, "--corrections", look(flare, tmp_path / "c.json")
    )  # the same steps
    assert (found.looked.quiet, found.not_looked) == (Count(alarms=1, looked=1), ())
    assert (found.data[0].looks, found.data[0].corrected) == (1, 0)
    assert "1 of 1 on quiet streams" in page
    assert next(row for row in found.streams if row.name == "cam").looked.quiet.looked == 1


def test_an_alarm_that_was_corrected_counts_no_more_and_its_day_still_does(flare, ruled, tmp_path):
    corrections = look(flare, tmp_path / "c.json", label="uncertain")
    found, _ = judged(tmp_path, ruled, flare, "--corrections", corrections)
    alarms = found.left_out.events.alarms
    assert (alarms.per_hour.count, found.left_out.events.left_out) == (0, 1)
    assert alarms.per_hour.exposure == pytest.approx((30 - 1 - 1 + 16 - 1) / 60)
    assert (found.data[0].corrected, found.looked.quiet) == (1, Count(alarms=0, looked=0))


def classifier(folder):
    """Import a third party's classifier: how bright a picture is on the whole."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["m", "w", "b"], ["y"]),
    ]
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, (3, 1), [100 / 3] * 3),
        helper.make_tensor("b", TensorProto.FLOAT, (1,), [-37.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1))],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "mean.onnx"))
    options = ImportOptions(
        labels=("smoke",),
        mean=(0.0,),
        std=(1.0,),
        kind="logits",
        alerts={"smoke": Threshold(open=0.0, keep=-1.0)},
    )
    import_model(folder / "mean.onnx", folder / "classifier", options)
    return folder / "classifier"


def test_a_classifier_finds_in_a_column_of_its_own(flare, tmp_path):
    found, page = judged(tmp_path, classifier(tmp_path), flare)
    events = found.left_out.events
    assert not found.bundle.localised
    assert (events.found.views.total, events.found.views.share, events.delay_min.value) == (0, None, None)
    assert (events.anywhere.views.count, events.anywhere.views.total) == (1, 1)
    assert events.anywhere_delay_min.value == pytest.approx(0)
    assert events.alarms.per_hour.count == 1  # the flare
    assert "| views found | – | – | 1 of 1" in page
    assert "**not localised**" in page
    assert next(point for point in found.curve if point.by == 0).fires.count == 1


def figlib(folder):
    for index in range(20):
        offset = (index - 12) * 60
        name = folder / "20200101_FIRE_aa-n-mobo-c" / f"{made.EPOCH + offset}_{offset:+06}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(name), made.picture(index, size=128))
    return folder


def test_any_layout_is_judged_and_stills_are_left_out_and_counted(tmp_path):
    stills = tmp_path / "stills"
    stills.mkdir()
    for index in range(2):
        cv2.imwrite(str(stills / f"{index}.png"), made.picture(index))
        (stills / f"{index}.txt").write_text("")
    found, page = judged(tmp_path, CELLS, figlib(tmp_path / "figlib"), "--data", stills)
    kinds = [(one.kind, one.sequences, one.frames, one.left_out) for one in found.data]
    assert kinds == [("figlib", 1, 20, {}), ("yolo", 0, 0, {"stills, in which no event can open": 2})]
    assert found.left_out.events.alarms.per_hour.exposure == pytest.approx((12 - 1) / 60)
    assert found.streams[0].camera == "hpwren:aa-n"
    assert (
        found.by_night.events.per_hour.exposure + found.by_day.events.per_hour.exposure > 0
    )  # the mast is known
    assert "2 stills, in which no event can open" in page


def test_the_split_is_in_the_result_and_nothing_stands_on_both_sides(flare, tmp_path):
    digest = hashlib.sha256((flare / "sequences.json").read_bytes()).hexdigest()
    trained = {"data": {"sequences_json_sha256": digest}, "validation_groups": ["g-fire"]}
    found, _ = judged(tmp_path, changed(tmp_path / "b", provenance=trained), flare)
    assert found.split is not None
    assert {side: facts["groups"] for side, facts in found.split.items()} == {
        "trained_on": ["g-quiet"],
        "left_out": ["g-fire"],
    }
    assert (found.left_out.views, found.left_out.sequences, found.trained_on.sequences) == (1, 1, 1)
    assert (found.by_unknown.events.days, found.not_looked) == (1, ())  # the flare is of the day trained on
    assert {row.name: row.seen for row in found.streams} == {"cam": True, "east": False}
    again = tmp_path / "again"
    copied = [made.picture(i, size=128) for i in range(4)]  # the first four of the quiet day
    again.mkdir()
    made.save(again, [made.write(again, "other", "nnnn", copied, camera="west")])
    with pytest.raises(EdgeError, match="a picture equal to one of sequence"):
        judged(tmp_path, tmp_path / "b", flare, "--data", again)


def test_planted_fires_are_made_again_where_a_picture_is_another(tmp_path):
    pictures = [made.picture(i) for i in range(24)]
    (truth,) = made.save(tmp_path, [made.write(tmp_path, "a", "n" * 24, pictures)])
    part = Part(truth, tuple(tmp_path / frame.file for frame in truth.frames))
    (lot,) = lots(streams([part]), 1)
    before = inputs_of(lot)
    assert inputs_of(lot) == before
    data = bytearray(part.paths[3].read_bytes())
    data[len(data) // 2] ^= 1
    part.paths[3].write_bytes(data)  # of the same name, time and size
    assert inputs_of(lot) != before
