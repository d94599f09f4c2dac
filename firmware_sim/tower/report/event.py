"""The page's events and fires: against the truth, with pictures, by kind of footage."""

from __future__ import annotations

from firmware_sim.tower.account import Summary
from firmware_sim.tower.figure.finding import Alarms, Finding, View
from firmware_sim.tower.report import word
from firmware_sim.tower.report.markup import Html, element, join
from firmware_sim.tower.report.picture import Picture, Pictures
from firmware_sim.tower.report.plot import Lane, Mark, lanes
from firmware_sim.tower.report.scale import Time
from firmware_sim.tower.report.table import table
from firmware_sim.tower.run import Run, Seen

CAMERAS_MAX = 24
_VERDICTS = {
    "find": "a fire",
    "false_alarm": "false alarm",
    "mislocalised": "elsewhere in smoke",
    "left_out": "not judged",
}


def events(run: Run, summary: Summary, pictures: Pictures, time: Time, spells: list[Mark]) -> Html:
    """Return the section.

    Args:
        run: all that happened.
        summary: its account.
        pictures: that fit.
        time: axis of the plots.
        spells: times without a watch.
    """
    return element(
        "section",
        element("h2", "Fires and alarms"),
        _timeline(run, time, spells),
        _found(summary),
        _views(summary),
        _false(summary),
        _gallery(run, pictures),
        _table(run),
    )


def _timeline(run: Run, time: Time, spells: list[Mark]) -> Html:
    rows = []
    for name in list(run.cameras)[:CAMERAS_MAX]:
        marks = [
            Mark(fire.ignition_s, run.to_s if fire.end_s is None else fire.end_s, "fire")
            for fire in run.fires
            if fire.camera == name
        ]
        own = [event for event in run.events if event.camera == name]
        marks += [_mark(run, event) for event in sorted(own, key=lambda one: one.alerted_s is not None)]
        rows.append(Lane(name, marks))
    alerts = sum(event.alerted_s is not None for event in run.events)
    fires = len({fire.fire for fire in run.fires})
    says = (
        f"{_many(fires, 'fire')}, {_many(len(run.events), 'event')} of which {alerts} became alerts,"
        f" {_many(len(run.spells), 'time')} without a watch."
    )
    if len(run.cameras) > CAMERAS_MAX:
        says = f"{says} The first {CAMERAS_MAX} of {len(run.cameras)} cameras are drawn."
    return lanes("Timeline.", says, time, rows, spells)


def _many(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _mark(run: Run, event: Seen) -> Mark:
    look = "candidate" if event.alerted_s is None else "alert"
    return Mark(event.opened_s, run.to_s if event.closed_s is None else event.closed_s, look)


def _found(summary: Summary) -> Html | None:
    rows = []
    for kind, one in summary.finding.items():
        if not one.views:
            continue
        real = kind == "real"
        for name, found in (("any event", one.candidates), ("alerts", one.alerts)):
            rows.append(
                (
                    f"{one.evidence}: {name}",
                    word.of(found.fires, interval=real),
                    word.of(found.views, interval=real),
                    word.lasting(found.median_s),
                    word.lasting(found.capped_s),
                )
            )
    head = ("found", "fires", "views", "median after ignition", "capped mean after first box")
    return table("Fires that were found", head, rows)


def _views(summary: Summary) -> Html | None:
    views = [(one, view) for one in summary.finding.values() for view in one.views]
    rows = [
        (
            view.fire,
            view.camera,
            one.evidence,
            word.moment(view.ignition_s),
            "never" if view.shown_s is None else f"after {word.lasting(view.shown_s)}",
            _delay(view.candidate_s, view),
            _delay(view.alert_s, view),
        )
        for one, view in views
    ]
    head = ("fire", "camera", "kind", "began", "first box of the truth", "found after", "alert after")
    return table("Each fire by each camera that could see it; delays from ignition", head, rows)


def _delay(delay_s: float | None, view: View) -> str:
    if delay_s is not None:
        return word.lasting(delay_s)
    return "could not be seen" if view.kind == "rendered" and view.shown_s is None else "missed"


def _false(summary: Summary) -> Html | None:
    rows = [
        _alarm_row(f"{one.evidence}: {name}", found)
        for one in summary.finding.values()
        for name, found in _alarms(one)
    ]
    head = (
        "false alarms",
        "count",
        "watched without fire",
        "per hour",
        "per 24 h",
        "elsewhere in smoke",
        "not judged",
    )
    return table("False alarms; each counts again every 15 minutes while it stays open", head, rows)


def _alarms(one: Finding) -> tuple[tuple[str, Alarms], tuple[str, Alarms]]:
    return ("any event", one.false_candidates), ("alerts", one.false_alerts)


def _alarm_row(name: str, found: Alarms) -> tuple[str, ...]:
    hourly = found.hourly
    return (
        name,
        str(hourly.count),
        word.lasting(hourly.hours * 3600),
        word.number(hourly.per_hour, "", 2),
        word.number(found.daily, "", 1),
        str(found.elsewhere),
        str(found.left_out),
    )


def _gallery(run: Run, pictures: Pictures) -> Html | None:
    cards = [_card(event, pictures.shown[event.id]) for event in run.events if event.id in pictures.shown]
    notes = [
        f"{pictures.left_out} more pictures have no room here; they are in the run's folder."
        * bool(pictures.left_out),
        f"{pictures.missing} pictures are missing or cannot be read." * bool(pictures.missing),
    ]
    said = [element("p", note, class_="note") for note in notes if note]
    if not cards and not said:
        return None
    return join(element("div", cards, class_="gallery") if cards else None, said)


def _card(event: Seen, picture: Picture) -> Html:
    height, width = picture.size_px
    severity = "candidate" if event.alerted_s is None else "alert"
    title = f"{event.camera}, {word.moment(event.opened_s)}"
    return element(
        "figure",
        element(
            "img",
            src=picture.uri,
            alt=f"{severity} of {title[:200]}",
            width=width,
            height=height,
            loading="lazy",
        ),
        element("figcaption", element("b", title), f" {severity}: {_meets(event)}"),
    )


def _meets(event: Seen) -> str:
    verdict = _VERDICTS.get(event.verdict, event.verdict)
    return f"{verdict}: {', '.join(event.fires)}" if event.fires else verdict


def _table(run: Run) -> Html | None:
    rows = [
        (
            word.moment(event.opened_s),
            event.camera,
            "–" if event.alerted_s is None else f"{word.moment(event.alerted_s)} ({event.by or 'at once'})",
            "open at the end" if event.closed_s is None else word.lasting(event.closed_s - event.opened_s),
            word.number(event.peak, "", 2),
            _meets(event),
        )
        for event in run.events
    ]
    head = ("opened", "camera", "alert", "open for", "largest score", "truth")
    return table("Events", head, rows)
