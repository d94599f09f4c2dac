"""The page of a run: one file without scripts or outside resources, for phones, screens and paper, dark and light."""

from __future__ import annotations

from firmware_sim.tower.account import Summary
from firmware_sim.tower.report import word
from firmware_sim.tower.report.event import events
from firmware_sim.tower.report.front import front
from firmware_sim.tower.report.markup import Html, element, join
from firmware_sim.tower.report.picture import Pictures
from firmware_sim.tower.report.plot import MARKS_MAX, Mark
from firmware_sim.tower.report.post import post
from firmware_sim.tower.report.power import power
from firmware_sim.tower.report.scale import Time
from firmware_sim.tower.report.style import STYLE
from firmware_sim.tower.report.watch import watch
from firmware_sim.tower.run import Run

PAGE_BYTES_MAX = 3_000_000


def render(run: Run, summary: Summary, pictures: Pictures) -> str:
    """Return the page.

    Args:
        run: all that happened.
        summary: its account.
        pictures: that fit.
    """
    time = Time(run.from_s, run.to_s)
    spells = [
        Mark(spell.from_s, run.to_s if spell.to_s is None else spell.to_s, "spell")
        for spell in run.spells[:MARKS_MAX]
    ]
    body = join(
        front(run, summary),
        events(run, summary, pictures, time, spells),
        watch(run, summary, time, spells),
        power(run, summary, time, spells),
        post(run, summary, time),
        element(
            "footer",
            f"Times are UTC of the simulated world. {word.NONE} is unknown or nothing to judge."
            " All figures, and every sample, are in report.json.",
        ),
    )
    return f"<!doctype html>\n{_document(run.scenario, body)}\n"


def _document(title: str, body: Html) -> Html:
    return element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name_="viewport", content="width=device-width,initial-scale=1"),
            element("meta", name_="color-scheme", content="light dark"),
            element("title", f"{title} · firetower"),
            element("style", Html(STYLE)),
        ),
        element("body", element("main", body)),
        lang="en",
    )
