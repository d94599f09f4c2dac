"""The page's account of watching: shares by camera, drops, cadence, bands, and times without a watch."""

from __future__ import annotations

from firmware_sim.tower.account import Summary
from firmware_sim.tower.figure.watching import CLOSED, Watched, spell_s
from firmware_sim.tower.report import word
from firmware_sim.tower.report.markup import Html, element
from firmware_sim.tower.report.plot import Lane, Mark, Series, lanes, lines, stretches
from firmware_sim.tower.report.scale import Level, Point, Time
from firmware_sim.tower.report.table import table
from firmware_sim.tower.run import Run, Spell

_BANDS_MAX = 16
_CAUSES = {"sleep": "asleep", "cut_off": "battery about to be empty", "off": "no power"}


def watch(run: Run, summary: Summary, time: Time, spells: list[Mark]) -> Html:
    """Return the section; its arguments are those of `event.events`."""
    return element(
        "section",
        element("h2", "Watching"),
        _shares(summary),
        _cadence(run, summary, time, spells),
        _bands(run, summary, time),
        _spells(run),
    )


def _shares(summary: Summary) -> Html | None:
    cameras = list(summary.watching.cameras.items())
    rows = [_row(name, one) for name, one in cameras]
    if len(cameras) > 1:
        rows.append(_row("all", summary.watching.whole))
    head = (
        "camera",
        "watched",
        "while a fire burnt",
        "frames",
        "scored",
        "waiting",
        "dropped",
        "opened again",
        "view changed",
    )
    return table("What was watched", head, rows)


def _row(name: str, one: Watched) -> tuple[str, ...]:
    fire = (
        word.NONE
        if one.fire_share is None
        else f"{word.percent(one.fire_share)} of {word.lasting(one.fire_h * 3600)}"
    )
    return (
        name,
        word.percent(one.share),
        fire,
        str(one.decoded),
        str(one.scored),
        str(one.waiting),
        word.counted(one.dropped),
        str(one.reconnects),
        str(one.turns),
    )


def _cadence(run: Run, summary: Summary, time: Time, spells: list[Mark]) -> Html | None:
    if not run.samples:
        return None
    series = [
        Series(name, [Point(one.at_s, one.cadence_s.get(name)) for one in run.samples], step=True)
        for name in run.cameras
    ]
    values = [value for one in series for value in one.values]
    said = " ".join(_says(name, one) for name, one in list(summary.watching.cameras.items())[:6])
    level = Level.of(values, " s", low=0.0)
    return lines("Cadence.", f"Seconds between scored frames. {said}", time, level, series, spells)


def _says(name: str, one: Watched) -> str:
    parts = [
        f"{'closed' if key == CLOSED else f'{key} s'} {word.percent(share)}"
        for key, share in sorted(one.cadence.items(), key=lambda item: -item[1])[:5]
    ]
    return f"{name}: {', '.join(parts) or 'unknown'} of the time."


def _bands(run: Run, summary: Summary, time: Time) -> Html | None:
    shares = summary.endurance.bands
    names = [name for name in shares if name != "none"]
    if not names:
        return None
    rows = [
        Lane(name, stretches(time, [(one.at_s, name in one.bands) for one in run.samples], "band"))
        for name in names[:_BANDS_MAX]
    ]
    says = ", ".join(f"{name} {word.percent(share)}" for name, share in shares.items())
    return lanes("Bands of the governor.", f"Share of the time: {says}.", time, rows)


def _spells(run: Run) -> Html | None:
    rows = [
        (
            word.moment(spell.from_s),
            "the end" if spell.to_s is None else word.moment(spell.to_s),
            word.lasting(spell_s(run, spell)),
            _CAUSES.get(spell.cause, spell.cause),
            _told(spell),
            spell.why or word.NONE,
        )
        for spell in run.spells
    ]
    return table(
        "Times without a watch", ("from", "to", "length", "cause", "announced", "as it was told"), rows
    )


def _told(spell: Spell) -> str:
    if spell.told_s is None:
        return "never"
    before_s = spell.from_s - spell.told_s
    return f"{word.lasting(before_s)} before" if before_s >= 0 else f"{word.lasting(-before_s)} too late"
