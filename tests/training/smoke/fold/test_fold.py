"""The whole command over made data, with recipes that train nothing: folds, resuming, ledger, pooled figures."""

import argparse
import json
from pathlib import Path

import pytest

from edge.model.bundle import Bundle
from scoring import gate
from tests.training.smoke.fold import made
from training.__main__ import command
from training.gate import ledger
from training.gate import result as gate_result
from training.gate.aim import aims
from training.gate.folds import read
from training.gate.stream import TRAINED_ON, parts_of, with_seen
from training.smoke.data.correction import Look
from training.smoke.data.read import read as read_data
from training.smoke.fold.command import register
from training.smoke.fold.main import handle
from training.smoke.fold.plan import plan
from training.smoke.fold.recipe import Shipped
from training.smoke.recipe import Recipe
from training.smoke.side import TrainingSide, pictures_of
from training.smoke.train import METHODS
from training.step.workshop import Workshop


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [made.fires(tmp_path_factory.mktemp("fires")), made.quiet(tmp_path_factory.mktemp("quiet"))]


def options(data: list[Path], out: Path, *more: str):
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    words = ["cross-validate", *(word for folder in data for word in ("--data", str(folder)))]
    words += ["--work", str(out / "work"), "--result", str(out / "r.json"), "--ledger", str(out / "l.jsonl")]
    return parser.parse_args([*words, "--processes", "1", *more])


@pytest.fixture(scope="module")
def done(data: list[Path], tmp_path_factory: pytest.TempPathFactory):
    """A run that was killed in its third fold, then run again, then once more."""
    out, recipe = tmp_path_factory.mktemp("out"), made.Copied(die_at=2)
    asked = options(data, out, "--bundle-out", str(out / "bundles"))
    with pytest.raises(KeyboardInterrupt):
        handle(asked, recipe)
    assert not (out / "l.jsonl").exists()
    assert len(recipe.trained) == 2
    assert handle(asked, recipe) == 0
    return out, recipe


def test_every_group_is_left_out_once_and_trained_on_otherwise(done) -> None:
    found = read(done[0] / "r.json")
    outer = [row for row in found.folds if row.kind == "outer"]
    assert [row.name for row in outer] == ["1", "2", "3", "4", "5"]
    held = [group for row in outer for group in row.left_out.groups]
    assert sorted(held) == [f"g{n}" for n in range(len(made.CAMERAS))]
    for row in outer:
        assert set(row.training.groups) == set(held) - set(row.left_out.groups)
        assert row.used == {"training": made.FRAMES * row.training.sequences}
    assert found.complete
    assert len({row.bundle for row in outer}) == 5


def test_quiet_streams_are_left_out_one_at_a_time_by_one_training(done) -> None:
    found = read(done[0] / "r.json")
    road, site = (row for row in found.folds if row.kind == "quiet")
    assert (road.left_out.groups, site.left_out.groups) == (("road",), ("site",))
    assert (road.same_bundle_as, site.same_bundle_as) == (None, "road")
    assert road.report is not None
    assert road.stress is None
    assert site.report is None
    assert site.stress is not None


def test_pooled_figures_are_those_of_the_folds_days(done) -> None:
    found = read(done[0] / "r.json")
    outer = [row.name for row in found.folds if row.kind == "outer"]
    assert found.pooled == gate.report([day for name in outer for day in found.days[name]])
    assert found.pooled.views == len(made.CAMERAS) == sum(row.report.views for row in found.folds[:5])
    assert found.pooled.events.found.views.count > 0
    assert found.fold_1 == found.folds[0].report
    assert found.fold_1.views + found.others.views == found.pooled.views


def test_false_alarms_that_nobody_saw_are_listed(done) -> None:
    found = read(done[0] / "r.json")
    every = [day for days in found.days.values() for day in days]
    counted = sum(gate.false_alarms_of(day, alerts=False) for day in every)
    assert len(found.not_looked) == counted == found.looked.others.alarms + found.looked.quiet.alarms
    assert found.looked.others.looked == 0


def evaluating(done, out: Path, *folders: Path) -> list[str]:
    """Return the words that measure the small bundle with the folds of a run."""
    words = [
        "evaluate",
        "--bundle",
        str(made.CELLS),
        "--folds",
        str(done[0] / "r.json"),
        "--work",
        str(out / "w"),
    ]
    words += ["--planted", "0", "--no-controls", "--processes", "1"]
    return [*words, *(word for folder in folders for word in ("--data", str(folder)))]


def test_the_page_of_a_bundle_quotes_the_folds(done, data: list[Path], tmp_path: Path) -> None:
    asked = evaluating(done, tmp_path, *data)
    assert command([*asked, "--result", str(tmp_path / "r.json"), "--page", str(tmp_path / "p.md")]) == 0
    told, found = gate_result.read(tmp_path / "r.json"), read(done[0] / "r.json")
    assert told.folds == (found,)
    row = next(row for row in aims(told) if row.what.startswith("nested: views found of 7 (fires of 7)"))
    one = found.pooled.events.found
    assert row.today == f"{one.views.count} ({one.fires.count}) / {one.views.count} ({one.fires.count})"
    page = (tmp_path / "p.md").read_text()
    assert "## Cross-validation, by camera group" in page
    assert "| fold 1 | " in page
    assert f"| 5 | {' '.join(found.folds[4].left_out.groups)} | no |" in page


def test_a_killed_run_goes_on_where_it_was(done) -> None:
    out, recipe = done
    assert len(recipe.trained) == len(set(recipe.trained)) == 6
    assert [row.tries for row in read(out / "r.json").folds] == [1, 1, 2, 1, 1, 1, 1]


def test_a_run_is_one_line_in_the_ledger_and_the_result_quotes_all(done, data: list[Path]) -> None:
    out, recipe = done
    first = (out / "l.jsonl").read_bytes()
    assert handle(options(data, out), recipe) == 0  # the same figures again: no further look
    assert (out / "l.jsonl").read_bytes() == first
    assert read(out / "r.json").looks == 0
    assert handle(options(data, out, "--fold", "2"), recipe) == 0
    found = read(out / "r.json")
    assert [row.name for row in found.folds] == ["2"]
    assert (found.complete, found.looks, found.fold_1) == (False, 1, None)
    looks = ledger.read(out / "l.jsonl")
    assert (out / "l.jsonl").read_bytes().startswith(first)
    assert found.ledger == looks
    assert [look.folds for look in looks] == [("1", "2", "3", "4", "5", "road", "site"), ("2",)]
    assert looks[0].figures["events"]["views_found"][1] == len(made.CAMERAS)
    assert ledger.looks_at(looks, [read_data(data[0]).digest]) == 2
    assert ledger.looks_at(looks, ["another"]) == 0


def test_each_fold_has_its_bundle(done) -> None:
    out, _ = done
    for row in read(out / "r.json").folds:
        assert Bundle.open(out / "bundles" / f"fold-{row.name}").digest == row.bundle


def test_a_recipe_of_quiet_streams_is_trained_without_the_one_left_out(data: list[Path]) -> None:
    folds = {fold.name: fold for fold in plan([*map(read_data, data)], by_mast=False, trains_on_quiet=True)}

    def trained_on(name: str) -> set[str]:
        return {part.truth.group for part in folds[name].training}

    burning = {f"g{n}" for n in range(len(made.CAMERAS))}
    assert trained_on("road") == burning | {"site"}
    assert trained_on("site") == burning | {"road"}
    assert trained_on("1") == burning - set(folds["1"].groups) | {"road", "site"}


def test_smoke_that_somebody_saw_leaves_a_quiet_stream_quiet(data: list[Path]) -> None:
    plain = read_data(data[1], looks=())
    place = plain.sequences[0].id, plain.sequences[0].frames[2].name
    saw = Look(plain.digest, *place, "smoke", "a plume", "x", "2026-01-01", blind=True)
    seen = read_data(data[1], looks=[saw])
    assert seen.sequences[0].frames[2].label == "smoke"
    held = [
        [fold.groups for fold in plan([read_data(data[0]), one], by_mast=False, trains_on_quiet=False)]
        for one in (plain, seen)
    ]
    assert held[0] == held[1]


def test_a_folds_bundle_says_what_it_was_trained_on(tmp_path: Path, data: list[Path]) -> None:
    dataset = read_data(data[0])
    fold = plan([dataset], by_mast=False, trains_on_quiet=False)[0]
    side = TrainingSide(Workshop(tmp_path, METHODS), fold.training, pictures_of(fold.held), tmp_path / "b")
    marked = with_seen(parts_of([dataset]), {TRAINED_ON: side.trained_on})
    assert {part.truth.group for part in marked if not part.seen} == set(fold.groups)


def test_folds_of_other_data_are_refused(done, data: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"r\.json: was measured on other data"):
        command(evaluating(done, tmp_path, data[1]))


def test_cameras_of_one_mast_are_one_group_by_mast(data: list[Path]) -> None:
    dataset = read_data(data[0])
    assert dataset.burns

    def homes(*, by_mast: bool) -> list[set[str]]:
        folds = plan([dataset], by_mast=by_mast, trains_on_quiet=False)
        return [{part.truth.camera for part in fold.held} & set(made.CAMERAS[:2]) for fold in folds]

    assert sorted(map(len, homes(by_mast=True))) == [0, 0, 0, 0, 2]
    assert sorted(map(len, homes(by_mast=False))) == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("chosen_on", "saw"),
    [("nothing", []), ("every fold", ["1", "2"]), ("the training side of fold 1", ["2"])],
)
def test_the_result_says_which_folds_saw_the_choice(data: list[Path], tmp_path: Path, chosen_on, saw) -> None:
    recipe = made.Copied(chosen_on=chosen_on)
    assert handle(options(data[:1], tmp_path, "--fold", "1", "--fold", "2"), recipe) == 0
    found = read(tmp_path / "r.json")
    assert [row.name for row in found.folds if row.saw_choice] == saw
    assert found.recipe.chosen_on == chosen_on


def test_an_unknown_fold_is_told_with_those_that_are(data: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no fold is called 9; the folds are 1, 2, 3, 4, 5, road, site"):
        handle(options(data, tmp_path, "--fold", "9"), made.Copied())


def test_a_picture_in_two_groups_is_told_with_both_sides(tmp_path: Path) -> None:
    folder = made.fires(tmp_path)
    (folder / "s5/002.png").write_bytes((folder / "s2/001.png").read_bytes())
    with pytest.raises(ValueError, match=r"a picture equal to one of sequence 's[25]'|sequence 's[25]'"):
        plan([read_data(folder)], by_mast=False, trains_on_quiet=False)


def test_a_folder_given_twice_is_told(data: list[Path]) -> None:
    with pytest.raises(ValueError, match="sequence 's0' comes twice"):
        plan([read_data(data[0])] * 2, by_mast=False, trains_on_quiet=False)


def test_a_broken_ledger_is_told_before_anything_is_trained(data: list[Path], tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text(json.dumps({"schema": "other"}) + "\n")
    recipe = made.Copied()
    with pytest.raises(ValueError, match="line 1"):
        handle(options(data, tmp_path), recipe)
    assert recipe.trained == []


def test_what_is_stated_of_the_shipped_recipe_tells_seeds_settings_and_methods_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stated = Shipped(Recipe()).stated()
    monkeypatch.setitem(METHODS, "head", 99)
    assert Shipped(Recipe()).stated() != stated
    assert Shipped(Recipe(seed=0)).stated() != Shipped(Recipe(seed=1)).stated()
    assert Shipped(Recipe(steps=400)).stated() != Shipped(Recipe(steps=12)).stated()
