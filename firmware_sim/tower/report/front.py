"""The first screen of the page: what was run, three verdicts, and the demands."""

from __future__ import annotations

from firmware_sim.tower.account import Summary
from firmware_sim.tower.report import word
from firmware_sim.tower.report.markup import Html, element, join
from firmware_sim.tower.report.table import facts, table
from firmware_sim.tower.run import Run

_SIGNS = {"good": "✓", "strained": "!", "failed": "✗", "unknown": "?"}


def front(run: Run, summary: Summary) -> Html:
    """Return it.

    Args:
        run: all that happened.
        summary: its account.
    """
    return join(
        element("h1", run.scenario),
        element("p", run.purpose, class_="purpose"),
        _verdicts(summary),
        _evidence(summary),
        _demands(summary),
        _what(run, summary),
    )


def _verdicts(summary: Summary) -> Html:
    named = {
        "endurance": summary.verdicts.endurance,
        "watching": summary.verdicts.watching,
        "delivery": summary.verdicts.delivery,
    }
    cards = [
        element(
            "li",
            element("span", f"{_SIGNS[one.word]} {name}: {one.word}", class_="word"),
            element("span", one.why),
            class_=one.word,
        )
        for name, one in named.items()
    ]
    return element("ul", cards, class_="verdicts")


def _evidence(summary: Summary) -> Html:
    rendered = "rendered" in summary.finding
    text = "Everything about power, heat and the link is simulated."
    if rendered:
        text = f"{text} Rendered plumes are drawn: that one was found is no evidence about real fires."
    return element("p", text, class_="note")


def _demands(summary: Summary) -> Html | None:
    rows = [
        (
            name.removesuffix("_max").replace("_", " "),
            f"{'at most' if name.endswith('_max') else 'at least'} {word.number(one.wanted, '', 3)}",
            word.number(one.got, "", 3),
            element("span", "✓ met" if one.met else "✗ not met", class_="good" if one.met else "failed"),
        )
        for name, one in summary.demands.items()
    ]
    return table("What the scenario demands", ("demand", "wanted", "got", ""), rows)


def _what(run: Run, summary: Summary) -> Html:
    pairs = [
        (
            "simulated time",
            f"{word.date(run.from_s)} {word.clock(run.from_s)} to {word.moment(run.to_s)} UTC",
        ),
        ("length", word.lasting(run.to_s - run.from_s)),
        (
            "cameras",
            ", ".join(f"{name} ({camera.kind})" for name, camera in run.cameras.items()) or word.NONE,
        ),
        ("model", run.bundle),
        ("power", summary.endurance.source or "not simulated"),
        ("clock, seed", f"{run.clock}, {run.seed}"),
    ]
    return facts("The run", pairs)
