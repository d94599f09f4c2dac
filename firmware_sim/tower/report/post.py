"""The page's account of the link, of messages, heartbeats, and of what people said."""

from __future__ import annotations

from firmware_sim.tower.account import Summary
from firmware_sim.tower.figure.delivery import Sent
from firmware_sim.tower.report import word
from firmware_sim.tower.report.markup import Html, element
from firmware_sim.tower.report.plot import Series, lines, stretches
from firmware_sim.tower.report.scale import Level, Point, Time
from firmware_sim.tower.report.table import facts, table
from firmware_sim.tower.run import Run

_EXCUSES = {
    "link": "the link was away",
    "power": "the board had no power",
    "none": "neither link nor power was away",
}


def post(run: Run, summary: Summary, time: Time) -> Html:
    """Return the section; its arguments are those of `event.events`."""
    return element(
        "section",
        element("h2", "Link and messages"),
        _queue(run, summary, time),
        _progress(run, summary, time),
        _sinks(summary),
        _facts(summary),
        _overdue(summary),
        _words(run),
    )


def _queue(run: Run, summary: Summary, time: Time) -> Html | None:
    if not run.samples:
        return None
    waiting = Series(
        "waiting messages", [Point(one.at_s, float(one.queue)) for one in run.samples], step=True
    )
    down = stretches(time, [(one.at_s, not one.link_up) for one in run.samples], "down")
    link = summary.delivery.link
    says = (
        f"At most {link.queue_high} messages waited ({word.size(link.queue_bytes_high)});"
        f" the link was there for {word.percent(link.up_share)} of the time."
    )
    return lines("Queue.", says, time, Level.of(waiting.values, "", low=0.0, high=4.0), [waiting], down)


def _progress(run: Run, summary: Summary, time: Time) -> Html | None:
    if not run.mails:
        return None
    delivered = sorted(mail.delivered_s for mail in run.mails if mail.delivered_s is not None)
    both = [
        _running("committed", sorted(mail.committed_s for mail in run.mails), time),
        _running("delivered", delivered, time),
    ]
    whole = summary.delivery.whole
    says = f"{whole.committed} messages were committed, {whole.delivered} delivered by the end."
    return lines("Messages.", says, time, Level.of(both[0].values, "", low=0.0, high=4.0), both)


def _running(name: str, moments: list[float], time: Time) -> Series:
    points = [Point(time.from_s, 0.0)]
    points += [Point(at_s, float(number + 1)) for number, at_s in enumerate(moments)]
    return Series(name, points, step=True)


def _sinks(summary: Summary) -> Html | None:
    delivery = summary.delivery
    rows = [_row(f"to {name}", one) for name, one in delivery.sinks.items()]
    rows += [_row(name, one) for name, one in delivery.kinds.items()]
    head = (
        *("messages", "committed", "delivered", "late", "escalated", "twice"),
        *("waiting", "unheard", "lost", "median", "longest"),
    )
    return table("Messages by receiver and by kind", head, rows)


def _row(name: str, one: Sent) -> tuple[str, ...]:
    lost = f"{one.lost}: {word.counted(one.why_lost)}" if one.lost else "0"
    return (
        name,
        *(str(count) for count in (one.committed, one.delivered, one.late, one.escalated, one.twice)),
        *(str(count) for count in (one.waiting, one.unheard)),
        lost,
        word.lasting(one.median_s),
        word.lasting(one.longest_s),
    )


def _facts(summary: Summary) -> Html:
    told, link = summary.delivery.told, summary.delivery.link
    budget = (
        "no bound"
        if link.budget_bytes is None
        else f"{word.percent(link.budget_share)} of {word.size(link.budget_bytes)}"
    )
    late = word.lasting(summary.delivery.late_after_s)
    pairs = [
        ("alerts that somebody heard of", f"{told.told} of {told.alerts}"),
        (f"… later than {late}", str(told.late)),
        (f"… nobody, {late} after", str(told.never)),
        ("longest from alert to its text", word.lasting(told.longest_s)),
        ("sent over the link", word.size(link.sent_bytes)),
        ("of its budget", budget),
        ("heartbeats that arrived", str(summary.delivery.beats)),
        ("… overdue", str(len(summary.delivery.overdue))),
    ]
    return facts("Alerts, link, heartbeats", pairs)


def _overdue(summary: Summary) -> Html | None:
    rows = [
        (
            word.moment(one.due_s),
            "not before the end" if one.heard_s is None else word.moment(one.heard_s),
            _EXCUSES[one.excuse],
        )
        for one in summary.delivery.overdue
    ]
    return table("Heartbeats that did not come when promised", ("promised for", "came", "because"), rows)


def _words(run: Run) -> Html | None:
    rows = [(word.moment(one.at_s), one.command, one.answer or "no answer") for one in run.words]
    return table("What people told the tower", ("at", "command", "answer"), rows)
