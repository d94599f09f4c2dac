"""The whole command on made data with the small bundle of the fixtures, and what it refuses."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.errors import EdgeError
from edge.model.bundle import Bundle, write_bundle
from tests.training.gate import made
from training.__main__ import command
from training.gate import recording
from training.gate.cost import costs_of
from training.gate.horizon import Result as HorizonResult
from training.gate.memory import Result as MemoryResult
from training.gate.result import read

CELLS = Path(__file__).parents[2] / "model/fixtures/cells"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A quiet day of thirty frames, one corrupt; and a fire: a bright cell comes with frame 16 of 30."""
    folder = tmp_path_factory.mktemp("data")
    quiet = [made.picture(i, size=128) for i in range(30)]
    quiet[7] = None
    fire = [made.picture(100 + i, (0, 0) if i >= 16 else None, size=128) for i in range(30)]
    made.save(
        folder,
        [
            made.write(folder, "quiet", "n" * 30, quiet),
            made.write(folder, "fire", "n" * 16 + "s" * 14, fire, begin=made.EPOCH + 86_400),
        ],
    )
    return folder


def words(data, work, *more):
    return [
        "evaluate",
        "--bundle",
        str(CELLS),
        "--data",
        str(data),
        "--work",
        str(work),
        "--processes",
        "1",
        *more,
    ]


@pytest.fixture(scope="module")
def result(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    files = ("--result", str(out / "r.json"), "--page", str(out / "p.md"), "--memory", str(out / "m.json"))
    files = (*files, "--horizon", str(out / "h.json"))
    asked = words(data, out / "work", "--planted", "2", *files)
    assert command(asked) == 0
    return out


def test_a_memory_of_the_hour_is_judged_beside_it(result):
    found = msgspec.json.decode((result / "m.json").read_bytes(), type=MemoryResult)
    assert [(row.name, row.days, row.held) for row in found.streams] == [("cam", 2, 0)]
    assert (found.planted, found.lost) == (2, 0)
    assert "--memory m.json" in found.command


def test_a_horizon_is_judged_beside_it(result):
    found = msgspec.json.decode((result / "h.json").read_bytes(), type=HorizonResult)
    assert [(row.name, row.views, row.banded, row.held) for row in found.streams] == [("cam", 1, 0, 0)]
    assert (found.cameras, found.known, found.planted, found.lost) == (1, 0, 2, 0)
    assert "--horizon h.json" in found.command


def test_figures_are_those_of_the_days(result):
    found = read(result / "r.json")
    assert found.left_out.views == 1
    assert found.left_out.events.found.views.count == 1
    assert found.left_out.events.alarms.per_hour.exposure == pytest.approx((29 - 1 + 16 - 1) / 60)
    assert found.left_out.events.alarms.per_hour.count == 0
    assert found.left_out.watched.causes == {"corrupt": 1, "warm_up": 2}
    assert found.bundle.localised
    assert 1 << 20 < found.costs.rss_bytes < 1 << 30
    assert [row.name for row in found.streams] == ["cam"]
    fire = next(day for day in found.days if day.sequence == "fire")
    assert (fire.found, fire.openings, fire.alerts) == (True, 0, 0)


def test_controls_rules_curve_and_planted_fires_are_in_it(result):
    found = read(result / "r.json")
    names = [row.name for row in found.controls]
    assert names[:3] == ["as it is", "always open", "clock: open from frame 40 on"]
    assert {"begun at random", "time reversed", "smoke-free continuation"} <= set(names)
    always = next(row for row in found.controls if row.name == "always open")
    assert always.f1 == pytest.approx(2 * 14 / (2 * 14 + 16))  # of the sequence with a fire
    assert [row.name for row in found.rules] == ["shipped", "no confirmation", "no hysteresis", "no rules"]
    assert [point.by for point in found.curve] == list(np.arange(-2.0, 6.01, 0.5))
    shipped = next(point for point in found.curve if point.by == 0)
    assert shipped.fires.count == 1
    assert len(found.plants) == found.planted.all.events.total == 2
    assert all(plant.seed >= 1 << 30 for plant in found.plants)


def test_the_page_says_what_today_is(result):
    page = (result / "p.md").read_text()
    assert "| views found | 1 of 1" in page
    assert "| nested: views found of ? (fires of ?), as alert / as candidate | – |" in page
    assert "No cross-validation over all folds by camera was given" in page
    assert "None of these data is known to be what it was trained on" in page
    assert "Optimistic" in page
    assert (result / "p/curve.svg").exists()
    assert command(["gate-page", str(result / "r.json"), "--page", str(result / "q.md")]) == 0
    assert (result / "q.md").read_text().splitlines()[4:] == page.replace("p/curve", "q/curve").splitlines()[
        4:
    ]


def test_the_same_command_asks_the_network_nothing(data, result, monkeypatch):
    def refuse(*_):
        raise AssertionError("played again")

    monkeypatch.setattr(recording, "record", refuse)
    again = words(data, result / "work", "--planted", "2", "--result", str(result / "again.json"))
    assert command(again) == 0
    first, second = (json.loads((result / name).read_text()) for name in ("r.json", "again.json"))
    for key in ("left_out", "planted", "controls", "curve", "raw"):
        assert first[key] == second[key]


COUNTS = {"pi4 litert inference": {"total": 4}, "pi5 litert inference": {"total": 5}}


@pytest.mark.parametrize(
    ("mine", "counts", "told"),
    [(True, COUNTS, {"pi4": 4, "pi5": 5}), (False, COUNTS, None), (True, {}, None)],
    ids=["counted", "another bundle", "another board"],
)
def test_instructions_are_those_counted_with_this_bundle(tmp_path, mine, counts, told):
    opened = Bundle.open(CELLS)
    digest = opened.digest[:12] if mine else "0123456789ab"
    budget = tmp_path / "budget.json"
    budget.write_text(json.dumps({"counted_with": {"bundle": digest}, "counts": counts}))
    assert costs_of(opened, "litert", budget, measure=False).instructions == told


def test_a_malformed_budget_is_told(tmp_path):
    (tmp_path / "budget.json").write_text("[]")
    with pytest.raises(ValueError, match="not what `python -m arm64 instructions` writes"):
        costs_of(Bundle.open(CELLS), "litert", tmp_path / "budget.json", measure=False)


def bundle(tmp_path, **changes):
    """The small bundle with another manifest."""
    opened = Bundle.open(CELLS)
    files = {name: opened.read(name) for name in opened.manifest.files}
    write_bundle(tmp_path / "b", msgspec.structs.replace(opened.manifest, **changes), files)
    return tmp_path / "b"


def test_a_bundle_without_a_threshold_is_refused(data, tmp_path):
    asked = ["evaluate", "--bundle", str(bundle(tmp_path, thresholds={})), "--data", str(data)]
    with pytest.raises(EdgeError, match="no label has a threshold"):
        command([*asked, "--work", str(tmp_path / "w")])


def test_a_picture_of_another_size_than_its_truth_is_refused(tmp_path):
    sequence = made.write(tmp_path, "a", "nnn", [made.picture(i, size=128) for i in range(3)])
    made.save(tmp_path, [sequence | {"width": 96}])
    with pytest.raises(
        EdgeError,
        match=r"1 pictures are of another size than stated: a/000.png 128x128, stated 96x128|3 pictures",
    ):
        command(words(tmp_path, tmp_path / "w", "--planted", "0"))


def test_times_that_do_not_rise_are_refused(tmp_path):
    sequence = made.write(tmp_path, "a", "nnn", [made.picture(i) for i in range(3)])
    sequence["frames"][2]["epoch"] = sequence["frames"][0]["epoch"]
    (tmp_path / "sequences.json").write_text(json.dumps({"sequences": [sequence]}))
    with pytest.raises(EdgeError, match="epochs must rise"):
        command(words(tmp_path, tmp_path / "w"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--only", "x"], "no sequence has group x"),
        (["--data", "/nowhere"], "there is no such folder or file"),
    ],
)
def test_what_is_not_there_is_one_line(data, tmp_path, more, said):
    with pytest.raises(EdgeError, match=said) as raised:
        command(words(data, tmp_path / "w", *more))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("place", ["x", "x=1", "x=1,2,3", "=1,2", "x=91,0"])
def test_a_place_is_latitude_and_longitude(data, tmp_path, place, capsys):
    with pytest.raises(SystemExit):
        command(words(data, tmp_path / "w", "--place", place))
    assert "CAMERA=LATITUDE,LONGITUDE" in capsys.readouterr().err
