"""Demands on made-up runs: each measure, and where the line between met and not met is."""

from __future__ import annotations

import msgspec
import pytest

from firmware_sim.tower import demand
from firmware_sim.tower.demand import judged
from firmware_sim.tower.run import Camera, Fire, Mail, Run, Seen, Spell, Word

EMPTY = Run(
    scenario="made-up",
    purpose="",
    clock="fast",
    seed=1,
    from_s=0.0,
    to_s=1000.0,
    bundle="none",
    power_source="simulated:pi4",
    sources={},
    late_s=60.0,
    cameras={},
    fires=(),
    events=(),
    samples=(),
    spells=(),
    mails=(),
    beats=(),
    days=(),
)
CAMERA = Camera(
    kind="rendered",
    decoded=10,
    scored=10,
    waiting=0,
    dropped={},
    watched_s=0.0,
    fire_s=0.0,
    fire_watched_s=0.0,
    reconnects=0,
)
EVENT = Seen(
    id="e",
    camera="north",
    opened_s=100.0,
    closed_s=None,
    alerted_s=None,
    severity="candidate",
    by=None,
    peak=0.5,
    box_px=(0, 0, 1, 1),
    frame_px=(480, 640),
)
MAIL = Mail(
    key="k",
    sink="hq",
    kind="event",
    event="e",
    severity="alert",
    committed_s=100.0,
    delivered_s=110.0,
    copies=1,
    fate="delivered",
    bytes=100,
)


def run(**fields: object) -> Run:
    return msgspec.structs.replace(EMPTY, **fields)


def camera(**fields: object) -> Camera:
    return msgspec.structs.replace(CAMERA, **fields)


def fire(name: str, camera_name: str = "north") -> Fire:
    return Fire(fire=name, camera=camera_name, kind="rendered", ignition_s=50.0)


def event(*fires: str, alert: bool = False) -> Seen:
    return msgspec.structs.replace(EVENT, fires=fires, alerted_s=200.0 if alert else None)


def mail(**fields: object) -> Mail:
    return msgspec.structs.replace(MAIL, **fields)


def spell(cause: str, from_s: float, to_s: float | None, told_s: float | None) -> Spell:
    return msgspec.convert({"cause": cause, "from_s": from_s, "to_s": to_s, "told_s": told_s}, Spell)


def test_a_least_and_a_most_are_met_at_their_very_number() -> None:
    cameras = {"north": camera(watched_s=900.0)}
    met = judged(run(cameras=cameras, demands={"watched_share": 0.9, "false_alerts_max": 0}))
    missed = judged(
        run(
            cameras=cameras,
            events=(event(alert=True),),
            demands={"watched_share": 0.91, "false_alerts_max": 0},
        )
    )
    assert [(one.name, one.got, one.met) for one in met] == [
        ("watched_share", 0.9, True),
        ("false_alerts_max", 0, True),
    ]
    assert [(one.wanted, one.got, one.met) for one in missed] == [(0.91, 0.9, False), (0, 1, False)]


def test_a_demand_that_there_is_not_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no 'seen_share'; there are watched_share, .*answered_share"):
        judged(run(demands={"seen_share": 1.0}))


@pytest.mark.parametrize(
    "name",
    [
        "watched_share",
        "fire_watched_share",
        "found_share",
        "alerted_share",
        "delivered_share",
        "answered_share",
    ],
)
def test_what_cannot_be_judged_is_unknown_and_not_met(name: str) -> None:
    (one,) = judged(run(demands={name: 0.0}))
    assert (one.got, one.met) == (None, False)


def test_watched_counts_the_time_of_all_cameras() -> None:
    cameras = {"a": camera(watched_s=1000.0), "b": camera(watched_s=500.0, fire_s=100.0, fire_watched_s=25.0)}
    assert demand.watched_share(run(cameras=cameras)) == 0.75
    assert demand.fire_watched_share(run(cameras=cameras)) == 0.25


def test_a_fire_in_two_cameras_is_found_once_and_by_either() -> None:
    fires = (fire("mill"), fire("mill", "south"), fire("ridge"))
    assert demand.found_share(run(fires=fires, events=(event("mill"), event("mill")))) == 0.5
    assert demand.found_share(run(fires=fires, events=(event("mill", "ridge"),))) == 1.0
    assert demand.found_share(run(fires=fires, events=(event(),))) == 0.0


def test_a_candidate_finds_but_does_not_alert() -> None:
    one = run(fires=(fire("mill"),), events=(event("mill"),))
    assert (demand.found_share(one), demand.alerted_share(one)) == (1.0, 0.0)
    assert demand.alerted_share(run(fires=(fire("mill"),), events=(event("mill", alert=True),))) == 1.0


def test_false_ones_are_those_that_meet_no_fire() -> None:
    events = (event(), event(), event(alert=True), event("mill"), event("mill", alert=True))
    assert (demand.false_candidates(run(events=events)), demand.false_alerts(run(events=events))) == (2, 1)
    elsewhere = run(events=(msgspec.structs.replace(event(alert=True), verdict="mislocalised"),))
    assert demand.false_alerts(elsewhere) == 0
    clip = run(events=events, cameras={"north": camera(kind="clip")})
    assert (demand.false_candidates(clip), demand.false_alerts(clip)) == (0, 0)


def test_delivered_counts_what_is_about_events() -> None:
    mails = (
        mail(),
        mail(kind="image"),
        mail(delivered_s=None),
        mail(kind="governor", event=None, delivered_s=None),
    )
    assert demand.delivered_share(run(mails=mails)) == pytest.approx(2 / 3)


def test_late_are_texts_of_alerts_that_took_longer_than_the_scenario_says() -> None:
    mails = (
        mail(key="in-time", delivered_s=160.0),
        mail(key="late", delivered_s=160.5),
        mail(key="never", delivered_s=None),
        mail(key="not-yet", committed_s=950.0, delivered_s=None),
        mail(key="picture", kind="image", delivered_s=900.0),
        mail(key="candidate", severity="candidate", delivered_s=900.0),
    )
    assert [one.key for one in demand.late(run(mails=mails))] == ["late", "never"]


def test_lost_are_those_that_the_outbox_gave_up() -> None:
    mails = (
        mail(),
        mail(key="shed", fate="lost", why="shed: no room"),
        mail(fate="waiting"),
        mail(fate="unheard"),
    )
    assert [one.key for one in demand.lost(run(mails=mails))] == ["shed"]


@pytest.mark.parametrize("why", ["coalesced", "snoozed: by warden", "ended"])
def test_what_a_newer_message_replaced_is_neither_lost_nor_late_nor_owed(why: str) -> None:
    one = run(mails=(mail(), mail(key="old", delivered_s=None, fate="lost", why=why)))
    assert (demand.lost(one), demand.late(one), demand.delivered_share(one)) == ((), (), 1.0)


def test_no_power_within_a_cut_off_is_one_cut_off_and_as_announced_as_that() -> None:
    told, silent = spell("cut_off", 100, 500, 80), spell("cut_off", 100, 500, None)
    off = spell("off", 200, 400, None)
    alone = spell("off", 700, None, None)
    assert demand.cut_offs(run(spells=(told, off, alone))) == (told, alone)
    assert demand.unannounced(run(spells=(told, off, alone))) == (alone,)
    assert demand.unannounced(run(spells=(silent, off))) == (silent, off)


def test_a_sleep_is_no_cut_off_and_must_be_told_before_it_begins() -> None:
    good, late_told = spell("sleep", 100, 200, 100), spell("sleep", 300, 400, 301)
    off = spell("off", 310, 320, None)
    assert demand.cut_offs(run(spells=(good, late_told))) == ()
    assert demand.unannounced(run(spells=(good, late_told, off))) == (late_told, off)


def test_turns_and_answers_are_counted() -> None:
    words = (Word(at_s=1.0, command="drill", answer="begun"), Word(at_s=2.0, command="drill", answer=None))
    assert demand.turns(run(cameras={"a": camera(turns=2), "b": camera(turns=1)})) == 3
    assert demand.answered_share(run(words=words)) == 0.5
