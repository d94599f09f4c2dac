"""Two arms of made results: delays, finds and false alarms as counted by hand; the command and its page."""

import json
from pathlib import Path

import msgspec
import pytest

from scoring import gate
from tests.scoring.test_gate import day
from tests.training.gate import arms
from training.__main__ import command
from training.gate import comparison, comparison_page
from training.gate.arm import join
from training.gate.comparison import compare

EARLY = {0: [4, 6, 8, 10, arms.MISS], 1: [6, 8, 8, 12, arms.MISS]}
LATE = {0: [10, 12, 16, 20, arms.MISS], 1: [12, 14, 20, 22, 40]}


def results(recipe, delays, openings=(0, 0), fast=(0, 0), later=3):
    return [
        (
            f"{recipe}-{seed}.json",
            arms.result(
                recipe, seed, arms.folds(some, later=later, openings=openings[seed], fast=fast[seed])
            ),
        )
        for seed, some in delays.items()
    ]


@pytest.fixture(scope="module")
def found():
    a = join(results("early", EARLY, openings=(1, 3), fast=(0, 2)))
    b = join(results("late", LATE, fast=(5, 4)))
    return compare(a, b, None)


def test_delays_are_capped_and_paired_by_group_seeds_inside(found):
    """As alerts, group 5: missed by all but one, which comes after the cap: no difference."""
    assert [one.differences for one in found.alerts.groups] == [
        (-6, -6), (-6, -6), (-8, -12), (-10, -10), (0, 0),
    ]  # fmt: skip
    assert found.alerts.difference == pytest.approx((-6 - 6 - 10 - 10 + 0) / 5)
    assert found.alerts.a_by_view == pytest.approx((4 + 6 + 8 + 10 + 30 + 6 + 8 + 8 + 12 + 30) / 10)
    assert found.alerts.p == pytest.approx(4 / 32)  # the nought flips for nothing
    assert found.verdict.null
    assert [view.b_alerts for view in found.views][4] == (30, 30)


def test_candidates_are_three_minutes_earlier_and_counted_apart(found):
    assert found.events.a_by_view == pytest.approx((1 + 3 + 5 + 7 + 30 + 3 + 5 + 5 + 9 + 30) / 10)
    assert [one.b for one in found.events.groups][4] == 30
    assert found.views[0].a_events == (1, 3)
    assert found.views[0].a_alerts == (4, 6)


def test_finds_are_told_by_seed(found):
    assert [(one.views.count, one.views.total) for one in found.a.alerts] == [(4, 5), (4, 5)]
    assert [(one.seed, one.fires.count) for one in found.b.alerts] == [(0, 4), (1, 5)]
    assert [one.delay_min for one in found.a.alerts] == [pytest.approx(58 / 5), pytest.approx(64 / 5)]


def test_false_alarms_are_those_of_the_mean_of_seeds_and_of_one_seeds_hours(found):
    before, road, site = found.alarms
    assert (road.name, road.unit) == ("road", "per watched hour")
    assert road.a.alerts.counts == (1, 3)
    assert (road.a.alerts.rate.value, road.a.alerts.rate.count) == (pytest.approx(2.0), 2.0)
    assert road.a.alerts.rate.exposure == pytest.approx(1.0)
    assert road.a.alerts.open == pytest.approx(2 * 2 / 60)
    assert site.name == "site, laid closer (stress)"
    assert (site.a.events.counts, site.b.events.counts) == ((0, 2), (5, 4))
    assert site.b.events.rate.value == pytest.approx(100 * 4.5 / 60)
    assert before.a.alerts.rate.exposure == pytest.approx(5 * 3 / 60)


def test_more_seeds_are_no_more_hours(found):
    """No alarm in an hour allows three an hour, however many seeds saw that hour."""
    quiet = found.alarms[1].b.alerts.rate
    assert (quiet.count, quiet.high) == (0, pytest.approx(3.0))
    assert "one-sided" in quiet.method


def test_the_worst_stream_is_named_by_the_mean_of_seeds(found):
    assert found.a.worst_alerts.stream == "road"
    assert found.a.worst_alerts.alarm.rate.value == pytest.approx(2.0)
    assert found.b.worst_alerts is None


def test_the_worst_stream_is_never_that_of_the_best_seed():
    """Camera g1 has an alarm in one seed's three minutes, the road one in each seed's hour: 10 an hour against 1."""
    days = arms.folds([5, 5, 5, 5, 5], openings=1)
    alarm = day("nnn" + "s" * 45, (0, 1), (8,), name="v1", stream="cam-g1")
    result = msgspec.structs.replace(alarm.result, group="g1")
    noisy = {**days, "1": [msgspec.structs.replace(alarm, result=result)]}
    a = join([("a0", arms.result("a", 0, days)), ("a1", arms.result("a", 1, noisy))])
    b = join([(f"b{seed}", arms.result("b", seed, days)) for seed in (0, 1)])
    worst = compare(a, b, None).a.worst_events
    assert worst.stream == "cam-g1"
    assert worst.alarm.counts == (0, 1)
    assert worst.alarm.rate.value == pytest.approx(0.5 / (3 / 60))


def test_arms_that_find_alike_are_a_null_result():
    """The same finds under two names."""
    told = compare(join(results("x", EARLY)), join(results("y", EARLY)), None)
    assert (told.alerts.difference, told.alerts.p) == (0, 1)
    assert told.verdict.null
    assert told.verdict.text.startswith("Null result")


def test_runs_that_judged_other_views_are_refused():
    days = arms.folds(EARLY[0])
    one = days["2"][0]
    unboxed = msgspec.structs.replace(one, result=msgspec.structs.replace(one.result, boxed=False))
    with pytest.raises(ValueError, match="judged other views of the same folds"):
        compare(
            join([("a", arms.result("a", 0, days))]),
            join([("b", arms.result("b", 0, {**days, "2": [unboxed]}))]),
            None,
        )


def test_quiet_folds_alone_have_nothing_to_compare():
    days = {"road": arms.folds([])["road"]}
    with pytest.raises(ValueError, match="no outer fold has a view"):
        compare(join([("a", arms.result("a", 0, days))]), join([("b", arms.result("b", 0, days))]), None)


def files(folder, some):
    for name, one in some:
        (folder / name).write_bytes(msgspec.json.encode(one))
    return [str(folder / name) for name, _ in some]


def words(folder, a, b, *more):
    return [
        "compare-arms", "--a", *files(folder, a), "--b", *files(folder, b),
        "--result", str(folder / "arms.json"), "--page", str(folder / "arms.md"), *more,
    ]  # fmt: skip


def test_the_command_writes_what_compare_says(tmp_path, capsys):
    a, b = results("early", EARLY), results("late", LATE)
    assert command(words(tmp_path, a, b, "--worth-min", "3")) == 0
    told = comparison.read(tmp_path / "arms.json")
    assert told == compare(join(a), join(b), None, worth_min=3, command=told.command)
    assert told.command == (
        "python -m training compare-arms --a early-0.json early-1.json --b late-0.json late-1.json --worth-min 3 "
        "--seed 0"
    )
    shown = json.loads(capsys.readouterr().out)
    assert shown["verdict"]["text"] == told.verdict.text
    page = (tmp_path / "arms.md").read_text()
    assert page == comparison_page.render(told, Path("arms.json"))
    assert f"**{told.verdict.text}**" in page


def test_the_page_says_what_the_result_holds(found):
    page = comparison_page.render(found, None)
    assert "| as alert (primary) | 12.2 | 18.6 | -6.4" in page
    assert "| views, seeds 0, 1 | 4 of 5, 4 of 5 | 4 of 5, 5 of 5 |" in page
    assert (
        "| road | per watched hour | 1.0 watched hours | 2.00; 1, 3; 0.067 | 0.00 (0.00 to 3.00); 0, 0;"
        in page
    )
    assert "| worst stream at true times | per watched hour | | road: 2.00 in 1.0 h | none has any |" in page
    assert "Not all outer folds" not in page
    assert "## Planted fires" not in page
    part = msgspec.structs.replace(found, missing=("2", "4"))
    assert "**Not all outer folds**: 2, 4 missing." in comparison_page.render(part, None)


def test_files_that_do_not_match_end_the_command_with_one_line(tmp_path):
    with pytest.raises(ValueError, match="the arms differ in seeds"):
        command(words(tmp_path, results("early", EARLY), results("late", {0: LATE[0]})))
    assert not (tmp_path / "arms.json").exists()


def test_planted_fires_of_one_arm_alone_are_refused(tmp_path):
    asked = words(tmp_path, results("early", EARLY), results("late", LATE), "--planted-a", "x.json")
    with pytest.raises(ValueError, match="--planted-a and --planted-b belong together"):
        command(asked)


def test_the_default_effect_worth_having_is_two_minutes(found):
    assert found.verdict.worth_min == comparison.WORTH_MIN == 2.0
    assert gate.CAP_S == 30 * 60
