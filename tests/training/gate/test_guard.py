"""What a bundle was trained on never judges it; what begins in smoke is timed from then; every miss is drawn."""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from scoring import gate
from scoring.planted import SHIPPED, Plant
from tests.firmware_sim.scene.conftest import drawn
from tests.firmware_sim.scene.test_cut import burning
from tests.scoring.test_gate import day
from tests.training.gate import made
from training.gate import judged, picture, work
from training.gate.control import RANDOM, late
from training.gate.evaluate import _controls, worst
from training.gate.judged import Controlled, Recorded
from training.gate.look import Count, Looked
from training.gate.plant import backgrounds, lots
from training.gate.recording import from_files, record
from training.gate.result import StreamRow
from training.gate.stream import Part, Stream, streams

CELLS = Path(__file__).parents[2] / "model/fixtures/cells"
NONE_LOOKED = Looked(quiet=Count(alarms=0, looked=0), others=Count(alarms=0, looked=0))


def part(folder, name, labels, pictures, *, seen=False, **more):
    """Write one sequence; return it as trained on, or not."""
    (truth,) = made.save(folder, [made.write(folder, name, labels, pictures, **more)])
    return Part(truth, tuple(folder / frame.file for frame in truth.frames), seen)


def stated(one, *, seen=False, **changes):
    """The same frames under another truth."""
    return replace(one, truth=msgspec.structs.replace(one.truth, **changes), seen=seen)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Two fires that no score shows, after a flash in frames 1 and 2; the bundle was trained on the old one."""
    folder = tmp_path_factory.mktemp("parts")
    labels = "n" * 8 + "s" * 10
    pictures = [made.picture(i, (2, 3) if i in {1, 2} else None) for i in range(len(labels))]
    return [
        part(folder, "old", labels, pictures, seen=True),
        part(folder, "new", labels, pictures, begin=made.EPOCH + 86_400),
    ]


@pytest.fixture(scope="module")
def recorded(parts):
    """Both, and the old one once more, laid closer than it was taken."""
    model, fast = made.model(), stated(parts[0], seen=True, id="fast", accelerated=True)
    return [
        Recorded(stream, record(model, stream.name, stream.shots(), from_files(stream.shots())))
        for stream in streams([*parts, fast])
    ]


def test_what_was_trained_on_is_not_unseen():
    seen, left_out = day("nnn", seen=True, name="a"), day("nnn", name="b")
    assert judged.unseen([seen, left_out]) == [left_out]


def test_rules_and_curve_are_of_what_is_left_out(recorded):
    rows = judged.rules(made.model(), recorded, [], 0)
    assert {(row.report.sequences, row.report.views, row.stress.sequences) for row in rows} == {(1, 1, 0)}
    assert {point.fires.total for point in judged.curve(made.model(), recorded, [], 0)} == {1}


def test_controls_are_made_of_what_is_left_out(parts, tmp_path):
    options = argparse.Namespace(bundle=CELLS, backend=None, work=tmp_path, seed=0, processes=1)
    found = _controls(options, work.model_of(CELLS, None), parts)
    assert {one.kind for one in found} > {RANDOM, late(5)}
    assert {one.result.group for control in found for one in control.days} == {"g-new"}


def test_the_worst_stream_is_one_that_is_left_out():
    """The one that was trained on is worse in everything."""
    bad = [day("n" * 60, (1, 50), causes=dict.fromkeys(range(55, 60), "dark"), stream="bad", seen=True)]
    mild = [day("n" * 60, (1, 5), causes={59: "dark"}, stream="mild")]
    rows = [
        StreamRow(
            name=some[0].stream, camera="cam", groups=("g",), seen=some[0].seen, report=gate.report(some, draws=9),
            stress=None, looked=NONE_LOOKED,
        )
        for some in (bad, mild)
    ]  # fmt: skip
    assert set(worst(rows).values()) == {"mild"}
    assert set(worst([msgspec.structs.replace(rows[0], seen=False), rows[1]]).values()) == {"bad"}


def quiet(folder):
    return part(folder, "quiet", "n" * 30, [made.picture(i) for i in range(30)])


def test_a_background_is_left_out_at_true_times_and_long_enough(tmp_path):
    one = quiet(tmp_path)
    untimed = tuple(msgspec.structs.replace(frame, epoch=None) for frame in one.truth.frames)
    ways = {
        "good": one,
        "trained on": stated(one, seen=True),
        "accelerated": stated(one, accelerated=True),
        "untimed": stated(one, frames=untimed),
        "short": replace(stated(one, frames=one.truth.frames[:23]), paths=one.paths[:23]),
    }
    found = {name: list(backgrounds([Stream("cam", (way,))])) for name, way in ways.items()}
    assert found == {
        "good": ["quiet"], "trained on": [], "accelerated": [], "untimed": [], "short": [],
    }  # fmt: skip


@pytest.mark.parametrize(("seen", "cut"), [(False, {"fire"}), (True, set())], ids=["left out", "trained on"])
def test_plumes_are_cut_from_what_is_left_out(tmp_path, seen, cut):
    rng = np.random.default_rng(11)
    before = [np.clip(drawn() + rng.normal(0, 1, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(5)]
    pixels, _, box = burning(300.0)
    fire = made.write(
        tmp_path, "fire", "nnnnns", [*before, pixels], width=320, height=240, begin=made.EPOCH + 86_400
    )
    fire["frames"][-1]["boxes"] = [box]
    (truth,) = made.save(tmp_path, [fire])
    burns = Part(truth, tuple(tmp_path / frame.file for frame in truth.frames), seen)
    some = lots(streams([quiet(tmp_path), burns]), 13)
    assert {name for lot in some for name in lot.cuts} == cut
    assert {fire.cut for lot in some for fire in lot.fires} == cut | {None}


def view(name, found_s, alerted_s):
    """One view, found so many seconds after ignition."""
    one = day("nnn" + "s" * 40, name=name)
    alerts = msgspec.structs.replace(one.result.alerts, found_s=alerted_s)
    result = msgspec.structs.replace(one.result, found_s=found_s, alerts=alerts)
    return msgspec.structs.replace(one, result=result)


def test_within_15_minutes_is_of_the_first_frame_played():
    """Found, and as an alert: 10 and 14 minutes after the first frame, 14 and 16, 16 and 16, never."""
    begun = [300.0, 300.0, 300.0, 600.0]
    views = [
        view("a", 300 + 600, 300 + 840),
        view("b", 300 + 840, 300 + 960),
        view("c", 300 + 960, 300 + 960),
        view("d", None, None),
    ]
    rows = judged.controls(views, [Controlled(kind, views, begun) for kind in (late(5), RANDOM)], 0)
    told = {row.name: row for row in rows}
    row = told[late(5)]
    assert (row.within_15.count, row.within_15.total) == (2, 4)
    assert (row.alerted_within_15.count, row.alerted_within_15.total) == (1, 4)
    assert told[RANDOM].within_15 is None  # no smoke is there when it begins


def plant(seed, found_s, alert_s):
    return Plant(
        seed=seed, background="b", stream="cam", condition="fog", contrast="faint", colour="grey", cut=None,
        small=False, grey_levels=5.0, bare=True, void=False, found_s={SHIPPED: found_s},
        alert_s={SHIPPED: alert_s},
    )  # fmt: skip


def test_misses_and_false_alarms_of_what_is_left_out_are_drawn(recorded, tmp_path):
    days = judged.days_of(made.model(), recorded)
    assert {gate.false_alarms_of(one, alerts=False) for one in days} == {1}
    plants = [plant(7, None, None), plant(8, 60.0, 120.0), plant(9, 60.0, None)]
    for one in plants:
        cv2.imwrite(str(tmp_path / f"{one.seed}.jpg"), made.picture(one.seed))
    folders = {one.seed: tmp_path for one in plants}
    names = picture.draw_all(made.model(), recorded, days, tmp_path / "drawn", folders, plants)
    assert sorted(names) == [
        "false-alarm-new-0002.jpg",
        "miss-new-0017.jpg",
        "planted-miss-fog-faint-7.jpg",
        "planted-miss-fog-faint-9.jpg",
    ]
    (folder,) = (tmp_path / "drawn").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert all(cv2.imread(str(path)) is not None for path in folder.iterdir())
