"""The page's account of power and heat, all of it simulated."""

from __future__ import annotations

from collections.abc import Callable

from firmware_sim.tower.account import Summary
from firmware_sim.tower.report import word
from firmware_sim.tower.report.markup import Html, element
from firmware_sim.tower.report.plot import Mark, Series, lines, mean, says_range
from firmware_sim.tower.report.scale import Level, Point, Time
from firmware_sim.tower.report.table import table
from firmware_sim.tower.run import Run, Sample


def power(run: Run, summary: Summary, time: Time, spells: list[Mark]) -> Html | None:
    """Return the section, None in a run without power; its arguments are those of `event.events`."""
    if summary.endurance.source is None:
        return None
    return element(
        "section",
        element("h2", "Power and heat"),
        element("p", f"Every figure here is simulated: {summary.endurance.source}.", class_="note"),
        _charge(run, time, spells),
        _watts(run, time, spells),
        _heat(run, time, spells),
        _days(summary),
        _causes(summary),
        _sources(run),
    )


def _charge(run: Run, time: Time, spells: list[Mark]) -> Html | None:
    series = _series("Charge", run, lambda one: None if one.charge is None else 100 * one.charge)
    if not series.values:
        return None
    level = Level.of(series.values, "%", low=0.0, high=100.0)
    return lines("Battery.", says_range(series, "%", 0), time, level, [series], spells)


def _watts(run: Run, time: Time, spells: list[Mark]) -> Html | None:
    both = [_series("Panel", run, lambda one: one.panel_w), _series("Load", run, lambda one: one.load_w)]
    values = [value for one in both for value in one.values]
    if not values:
        return None
    said = " ".join(
        f"{one.name}: {word.number(mean(one), 'W')} in the mean, at most {word.number(max(one.values), 'W')}."
        for one in both
        if one.values
    )
    return lines("Power.", said, time, Level.of(values, " W", low=0.0), both, spells)


def _heat(run: Run, time: Time, spells: list[Mark]) -> Html | None:
    both = [_series("Chip", run, lambda one: one.soc_c), _series("Air", run, lambda one: one.air_c)]
    values = [value for one in both for value in one.values]
    if not values:
        return None
    said = " ".join(says_range(one, "°C") for one in both)
    return lines("Temperature.", said, time, Level.of(values, " °C"), both, spells)


def _days(summary: Summary) -> Html | None:
    rows = [
        (
            word.date(day.from_s),
            word.number(day.panel_wh, "Wh"),
            word.number(day.load_wh, "Wh"),
            word.number(day.board_wh, "Wh"),
        )
        for day in summary.endurance.days
    ]
    return table("Energy by day of UTC", ("day", "from the panel", "out of the battery", "board"), rows)


def _causes(summary: Summary) -> Html | None:
    causes = summary.endurance.causes
    whole = sum(causes.values())
    rows = [
        (name.replace("_", " "), word.number(spent, "Wh", 2), word.percent(spent / whole if whole else None))
        for name, spent in sorted(causes.items(), key=lambda item: -item[1])
    ]
    return table("What the board spent it on", ("for", "energy", "share"), rows)


def _sources(run: Run) -> Html | None:
    rows = [
        (name.replace("_", " "), word.number(value, "", 4), source)
        for name, (value, source) in run.sources.items()
    ]
    return table("The figures behind it, and who says so", ("figure", "value", "source"), rows)


def _series(name: str, run: Run, reading: Callable[[Sample], float | None]) -> Series:
    return Series(name, [Point(sample.at_s, reading(sample)) for sample in run.samples])
