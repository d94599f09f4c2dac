"""Plots as SVG that fills whatever width there is, with their words in HTML beside it; the caption says the same.

Colours come from the page's style by class, so that dark and light are one picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from firmware_sim.tower.report import word
from firmware_sim.tower.report.markup import Html, Node, element
from firmware_sim.tower.report.scale import Level, Point, Tick, Time, thinned

WIDTH, HEIGHT = 1000, 100  # of the drawing's own units; stretched to the page
SERIES_MAX = 6  # colours that people tell apart
MARKS_MAX = 400  # of one lane
_EDGE = 0.07  # of the width
_LEAST = 4.0  # units: what is shorter is drawn so wide


@dataclass(frozen=True, slots=True)
class Series:
    """One line.

    Attributes:
        name: of it.
        points: in order of time.
        step: whether a value stands until the next one.
    """

    name: str
    points: Sequence[Point]
    step: bool = False

    @property
    def values(self) -> list[float]:
        """What is known."""
        return [point.value for point in self.points if point.value is not None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A time that is drawn as a bar.

    Attributes:
        from_s, to_s: seconds since 1970 UTC.
        look: `fire`, `alert`, `candidate`, `spell`, `down` or `band`, a class of the style.
    """

    from_s: float
    to_s: float
    look: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Bars beside each other under a name."""

    name: str
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Legend:
    """What a look means."""

    look: str
    means: str


def lines(
    title: str, says: str, time: Time, level: Level, series: Sequence[Series], behind: Sequence[Mark] = ()
) -> Html:
    """Return a plot of lines.

    Args:
        title: of it.
        says: what it shows, in words.
        time: the axis across.
        level: the axis up.
        series: `SERIES_MAX` of them at most are drawn, and the rest is told.
        behind: times that are shaded.
    """
    drawn = series[:SERIES_MAX]
    paths = [
        element("path", d=_path(one, time, level), class_=f"line s{number}")
        for number, one in enumerate(drawn)
    ]
    grid = [_rule(HEIGHT * (1 - tick.place)) for tick in level.ticks()]
    legend = [Legend(f"key s{number}", one.name) for number, one in enumerate(drawn)]
    if len(series) > len(drawn):
        says = f"{says} {len(series) - len(drawn)} more are in report.json."
    return element(
        "figure",
        _caption(title, says),
        _legend([*legend, *_looks(behind)]) if len(legend) > 1 or behind else None,
        element(
            "div",
            _svg([_bar(mark, time) for mark in behind[:MARKS_MAX]], grid, paths),
            _labels(level.ticks(), "y", "bottom"),
            _labels(time.ticks(), "x", "left"),
            class_="area",
            aria_hidden="true",
        ),
    )


def lanes(title: str, says: str, time: Time, rows: Sequence[Lane], behind: Sequence[Mark] = ()) -> Html:
    """Return a plot of bars under each other.

    Args:
        title: of it.
        says: what it shows, in words.
        time: its axis.
        rows: from the top down.
        behind: times that are shaded in all of them.
    """
    marks = [mark for row in rows for mark in row.marks]
    body = [
        (
            element("span", row.name, class_="name"),
            element(
                "div",
                _svg([_bar(mark, time) for mark in (*behind[:MARKS_MAX], *row.marks[:MARKS_MAX])]),
                class_="strip",
            ),
        )
        for row in rows
    ]
    left = sum(max(0, len(row.marks) - MARKS_MAX) for row in rows)
    if left:
        says = f"{says} {left} more bars are in report.json."
    return element(
        "figure",
        _caption(title, says),
        _legend(_looks([*marks, *behind])),
        element(
            "div",
            body,
            element("div", _labels(time.ticks(), "x", "left"), class_="axis"),
            class_="lanes",
            aria_hidden="true",
        ),
    )


_MEANINGS = {
    "fire": "a fire burns in view",
    "alert": "alert",
    "candidate": "candidate",
    "spell": "not watching",
    "down": "no link",
    "band": "in force",
}


def _looks(marks: Iterable[Mark]) -> list[Legend]:
    there = {mark.look for mark in marks}
    return [Legend(f"key {look}", means) for look, means in _MEANINGS.items() if look in there]


def _caption(title: str, says: str) -> Html:
    return element("figcaption", element("b", title), " ", says)


def _legend(entries: Sequence[Legend]) -> Html | None:
    if not entries:
        return None
    items = [element("li", element("i", class_=one.look), one.means) for one in entries]
    return element("ul", items, class_="legend", aria_hidden="true")


def _svg(*inside: Node) -> Html:
    return element("svg", *inside, viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none")


def _rule(at: float) -> Html:
    return element("path", d=f"M0 {at:.1f}H{WIDTH}", class_="rule")


def _bar(mark: Mark, time: Time) -> Html:
    left, right = WIDTH * time.place(mark.from_s), WIDTH * time.place(mark.to_s)
    width = max(_LEAST, right - left)
    return element(
        "rect",
        x=round(min(left, WIDTH - width), 1),
        y=HEIGHT / 2 if mark.look == "candidate" else 0,
        width=round(width, 1),
        height=HEIGHT / 2 if mark.look == "candidate" else HEIGHT,
        class_=mark.look,
    )


def _path(series: Series, time: Time, level: Level) -> str:
    """Return the line as a path that is broken where a value is unknown."""
    words: list[str] = []
    pen_down = False
    points = thinned(series.points)
    followers = [*points[1:], None]
    for point, follower in zip(points, followers, strict=True):
        if point.value is None:
            pen_down = False
            continue
        x, y = WIDTH * time.place(point.at_s), HEIGHT * (1 - level.place(point.value))
        words.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
        if series.step:
            until_s = time.to_s if follower is None else follower.at_s
            words.append(f"H{WIDTH * time.place(until_s):.1f}")
    return "".join(words) or "M0 0"


def _labels(ticks: Sequence[Tick], axis: str, side: str) -> list[Html]:
    return [
        element("span", tick.text, class_=_anchor(axis, tick.place), style=f"{side}:{100 * tick.place:.2f}%")
        for tick in ticks
    ]


def _anchor(axis: str, place: float) -> str:
    """Return the class of a label; at the ends of the width it stands within."""
    if axis == "x" and not _EDGE <= place <= 1 - _EDGE:
        return "x first" if place < _EDGE else "x last"
    return axis


def stretches(time: Time, samples: Sequence[tuple[float, bool]], look: str) -> list[Mark]:
    """Return bars for the times in which something held.

    Args:
        time: the axis, which ends the last one.
        samples: (moment, whether it held until the next one).
        look: of the bars.
    """
    found: list[Mark] = []
    since: float | None = None
    for at_s, holds in samples:
        if holds and since is None:
            since = at_s
        elif not holds and since is not None:
            found.append(Mark(since, at_s, look))
            since = None
    return found if since is None else [*found, Mark(since, time.to_s, look)]


def says_range(series: Series, unit: str, digits: int = 1) -> str:
    """Say a line in words: where it began and ended, its lowest and its highest."""
    values = series.values
    if not values:
        return f"{series.name}: unknown."
    first, last = (word.number(value, unit, digits) for value in (values[0], values[-1]))
    low, high = min(values), max(values)
    when = {point.value: word.moment(point.at_s) for point in reversed(series.points)}
    ends = (
        f"{word.number(low, unit, digits)} ({when[low]}) to {word.number(high, unit, digits)} ({when[high]})"
    )
    return f"{series.name}: {first} at first, {last} at the end, {ends}."


def mean(series: Series) -> float | None:
    """Return the mean of a line over time, its known pieces alone; None without one."""
    pairs = [
        (one.value, other.at_s - one.at_s) for one, other in pairwise(series.points) if one.value is not None
    ]
    whole_s = sum(seconds for _, seconds in pairs)
    return sum(value * seconds for value, seconds in pairs) / whole_s if whole_s > 0 else None
