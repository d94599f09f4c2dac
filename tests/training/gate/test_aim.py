"""The table of aims quotes what is left out, what the decision loses, and whole cross-validations alone."""

import msgspec
import pytest

from scoring import gate
from scoring.planted import planted
from tests.scoring.test_gate import day
from tests.scoring.test_planted import plant
from training.gate import folds
from training.gate.aim import aims
from training.gate.look import Count, Looked
from training.gate.result import SCHEMA, BundleFacts, Costs, Result, StreamRow

NOBODY = Looked(quiet=Count(alarms=0, looked=0), others=Count(alarms=0, looked=0))
NO_DAYS = gate.report([])
NO_STRESS = gate.stress([])
NO_NIGHT = gate.half([], night=None)


def stream(name, *, seen, causes=None, events=()):
    """A quiet camera over thirty hours."""
    some = [day("n" * 60, *events, step_s=1800.0, stream=name, seen=seen, causes=causes)]
    return StreamRow(
        name=name, camera=name, groups=("g",), seen=seen, report=gate.report(some, draws=9), stress=None,
        looked=NOBODY,
    )  # fmt: skip


def result(**known):
    """A result that says nothing but what is given."""
    nothing = {
        "schema": SCHEMA, "date": "", "commit": None, "machine": {}, "command": "", "seed": 0, "looks": None,
        "method": {}, "data": (), "split": None, "looked": NOBODY, "stress_looked": NOBODY, "not_looked": (),
        "left_out": NO_DAYS, "trained_on": NO_DAYS, "by_day": NO_NIGHT, "by_night": NO_NIGHT,
        "by_unknown": NO_NIGHT, "stress": NO_STRESS, "stress_by_day": NO_STRESS, "stress_by_night": NO_STRESS,
        "stress_by_unknown": NO_STRESS, "streams": (), "worst": {}, "days": (), "planted": None, "controls": (),
        "rules": (), "curve": (), "costs": Costs(rss_bytes=None, instructions=None), "folds": (),
        "pictures": (), "raw": (), "plants": (),
        "bundle": BundleFacts(
            name="b", version="1", digest="d", backend="litert", localised=True, kind="logits", thresholds={},
            confirmation={}, alert=None, left_out=None,
        ),
    }  # fmt: skip
    return Result(**nothing | known)


def today(told, what):
    """What the lines of the table that have these words say of today, by their whole text."""
    return {aim.what: aim.today for aim in aims(told) if what in aim.what}


def test_quiet_days_and_watched_frames_are_of_streams_that_are_left_out():
    """The one that was trained on has an alarm and ten frames in the dark."""
    rows = (
        stream("old", seen=True, causes=dict.fromkeys(range(50, 60), "dark"), events=[(1, 5)]),
        stream("new", seen=False, causes={59: "dark"}),
    )
    told = result(streams=rows)
    quiet = {what.split(",")[0]: alarms for what, alarms in today(told, "false alarms (recounted)").items()}
    assert quiet == {"new": "0.0 / 0.0"}
    assert list(today(told, "share of due frames watched").values()) == ["0.983"]
    unseen = msgspec.structs.replace(rows[0], seen=False, report=stream("old", seen=False).report)
    names = [what.split(",")[0] for what in today(result(streams=(unseen, rows[1])), "(recounted)")]
    assert names == ["old", "new"]


def test_what_the_decision_loses_is_told_of_alerts_and_of_events_each_in_its_worst_condition():
    """Of ten finds of the bare score: in fog five are no alert and one no event, in rain four and three."""
    plants = [
        plant(condition, bare=True, found=None if i < lost else 1.0, alert=None if i < unalerted else 2.0)
        for condition, lost, unalerted in (("clear", 0, 0), ("fog", 1, 5), ("rain", 3, 4))
        for i in range(10)
    ]
    plants += [
        plant("night", bare=False, found=None) for _ in range(10)
    ]  # not lost: nothing was there to find
    ((_, told),) = today(result(planted=planted(plants)), "lost to all decision rules").items()
    assert told.startswith("50 (fog, 5 of 10) / 30 (rain, 3 of 10)")


def test_of_a_few_finds_nobody_can_tell_what_the_decision_loses():
    plants = [plant("night", bare=True, found=None) for _ in range(7)]
    ((_, told),) = today(result(planted=planted(plants)), "lost to all decision rules").items()
    assert told == "–"


def crossed(*, complete, by_mast=False):
    """A cross-validation of one view; it is found where all folds were judged, by camera."""
    events = [(5, 9)] if complete and not by_mast else []
    pooled = gate.report([day("nnn" + "s" * 20, *events)], draws=9)
    return folds.Result(
        schema=folds.SCHEMA, date="", commit=None, machine={}, command="", seed=0, by_mast=by_mast, method={},
        recipe=folds.RecipeFacts(
            name="r", sha256="0", stated={}, trains_on_quiet=False, chosen="", chosen_on="",
        ),
        data=(), folds=(), complete=complete, pooled=pooled, fold_1=None, others=None, looked=NOBODY,
        stress_looked=NOBODY, not_looked=(), looks=0, ledger=(), days={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([crossed(complete=True)], "1 (1) / 1 (1)"),
        ([crossed(complete=False)], "–"),
        ([crossed(complete=True, by_mast=True)], "–"),
        ([crossed(complete=False), crossed(complete=True, by_mast=True), crossed(complete=True)], "1 (1) / 1 (1)"),
    ],
    ids=["whole", "some folds", "by mast", "the whole one of three"],
)  # fmt: skip
def test_finds_are_of_a_whole_cross_validation_by_camera(given, found):
    assert list(today(result(folds=tuple(given)), "nested: views found").values()) == [found]
