# ruff: noqa: E501 — tables of made-up facts
"""Made-up runs for the report: a quiet week with everything in it, and the struct that is nearly empty."""

import math
from pathlib import Path

import cv2
import numpy as np

from firmware_sim.tower.run import (
    Beat,
    Camera,
    Day,
    Fire,
    Mail,
    Run,
    Sample,
    Seen,
    Spell,
    Word,
)

BEGIN = 1794528000.0  # 2026-11-13 00:00 UTC
DAY = 86_400.0
HOUR = 3600.0
EMPTY = Run(
    scenario="empty",
    purpose="Nothing is there.",
    clock="fast",
    seed=1,
    from_s=BEGIN,
    to_s=BEGIN + HOUR,
    bundle="firetower-smoke@0.1.0#deb244ce066f",
    power_source="",
    sources={},
    late_s=300.0,
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
    decoded=60,
    scored=50,
    waiting=0,
    dropped={"not_due": 6, "dark": 4},
    watched_s=HOUR,
    fire_s=0.0,
    fire_watched_s=0.0,
    reconnects=0,
)
EVENT = Seen(
    id="e0",
    camera="north",
    opened_s=BEGIN + 600,
    closed_s=BEGIN + 1200,
    alerted_s=None,
    severity="candidate",
    by=None,
    peak=0.81,
    box_px=(10, 10, 40, 40),
    frame_px=(480, 640),
    verdict="false_alarm",
)
FIRE = Fire(fire="plume", camera="north", kind="rendered", ignition_s=BEGIN + 600, shown_s=BEGIN + 660)
MAIL = Mail(
    key="k0",
    sink="hq",
    kind="event",
    event="e0",
    severity="alert",
    committed_s=BEGIN + 700,
    delivered_s=BEGIN + 704,
    copies=1,
    fate="delivered",
    bytes=900,
)
SAMPLE = Sample(
    at_s=BEGIN,
    charge=0.8,
    battery_v=13.1,
    panel_w=10.0,
    load_w=4.0,
    soc_c=40.0,
    air_c=5.0,
    snow=0.0,
    cadence_s={"north": 60.0},
    bands=(),
    asleep=False,
    health="ok",
    queue=0,
    queue_bytes=0,
    link_up=True,
    sent_bytes=0,
)
BEAT = Beat(sequence=1, made_s=BEGIN, arrived_s=BEGIN + 1, next_s=BEGIN + 900)


def sample(at_s, **changed):
    """A sample at a moment, else as `SAMPLE`."""
    return Sample(
        **{**{name: getattr(SAMPLE, name) for name in Sample.__struct_fields__}, "at_s": at_s, **changed}
    )


def picture(path: Path, size_px=(360, 480), seed=0, quality=85) -> None:
    """Write a picture that looks like a landscape."""
    height, width = size_px
    rows, columns = np.mgrid[0:height, 0:width]
    ridge = height * (0.45 + 0.08 * np.sin(columns / width * 9 + seed))
    sky = np.stack([200 - rows / height * 40, 190 - rows / height * 30, 180 + 0 * rows], -1)
    land = np.stack([50 + 0 * rows, 80 + 20 * np.sin(rows / 7), 70 + 0 * rows], -1)
    pixels = np.where((rows < ridge)[..., None], sky, land)
    smoke = np.exp(-(((columns - width * 0.6) / 30) ** 2 + ((rows - height * 0.4) / 45) ** 2))[..., None]
    pixels = pixels * (1 - 0.7 * smoke) + 225 * 0.7 * smoke
    pixels = pixels + np.random.default_rng(seed).normal(0, 4, pixels.shape)
    cv2.imwrite(str(path), np.clip(pixels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])


def week(days: int = 7, step_s: float = 300.0, folder: Path | None = None) -> Run:
    """A week in November with sleep, a cut-off, an hour without power, fires and a link that comes and goes."""
    end = BEGIN + days * DAY
    samples, charge, sent = [], 0.75, 0
    for number in range(int(days * DAY / step_s)):
        at_s = BEGIN + number * step_s
        hour, day = at_s % DAY / HOUR, number * step_s / DAY
        sun = max(0.0, math.sin((hour - 7) / 10 * math.pi)) * (0.9 if int(day) % 3 == 0 else 0.25)
        charge = min(1.0, max(0.05, charge + (sun * 30 - 4) * step_s / HOUR / 400))
        asleep = charge < 0.3 and (hour > 21 or hour < 5)
        up = number % 12 < 8
        sent += 4000 if up else 0
        bands = (("save",) if charge < 0.5 else ()) + (("slow",) if charge < 0.4 else ())
        samples.append(
            sample(
                at_s,
                charge=charge,
                battery_v=11.8 + 1.6 * charge,
                panel_w=30 * sun,
                load_w=3.8 - asleep * 0.6,
                soc_c=38 + 14 * sun + 3 * math.sin(hour),
                air_c=2 + 8 * sun + 2 * math.sin(hour / 4),
                cadence_s=dict.fromkeys(
                    ("north", "valley"), None if asleep else 300.0 if charge < 0.4 else 60.0
                ),
                bands=bands + (("night",) if asleep else ()),
                asleep=asleep,
                queue=0 if up else number % 12 - 5,
                queue_bytes=0 if up else 20_000 * (number % 12 - 5),
                link_up=up,
                sent_bytes=sent,
            )
        )
    events, mails = [], []
    for number in range(int(days * 3)):
        opened = BEGIN + 9 * HOUR + number * DAY / 3
        alert = opened + 240 if number % 3 == 0 else None
        name = f"e{number}"
        events.append(
            Seen(
                id=name,
                camera=("north", "valley")[number % 2],
                opened_s=opened,
                closed_s=min(end, opened + 1500),
                alerted_s=alert,
                severity="candidate" if alert is None else "alert",
                by=None if alert is None else "growth",
                peak=0.4 + number % 5 / 10,
                box_px=(200, 150, 260, 200),
                frame_px=(480, 640),
                fires=("ridge",) if number == 3 else ("quarry",) if number == 6 else (),
                verdict="find" if number in {3, 6} else "mislocalised" if number == 7 else "false_alarm",
                picture=f"{name}.jpg" if number % 4 else None,
                revisions=2,
            )
        )
        for kind in ("event", "image"):
            lost = kind == "image" and number == 5
            mails.append(
                Mail(
                    key=f"{name}/{kind}",
                    sink="hq",
                    kind=kind,
                    event=name,
                    severity="candidate" if alert is None else "alert",
                    committed_s=opened + 5,
                    delivered_s=None if lost else opened + 5 + (900 if number == 6 else 30 + 5 * number),
                    copies=0 if lost else 1 + (number == 4),
                    fate="lost" if lost else "delivered",
                    bytes=900 if kind == "event" else 42_000,
                    why="shed: no room" if lost else "",
                )
            )
        if folder is not None and number % 4:
            picture(folder / f"{name}.jpg", seed=number)
    fires = (
        Fire(fire="ridge", camera="north", kind="rendered", ignition_s=BEGIN + DAY + 8.5 * HOUR, shown_s=BEGIN + DAY + 8.6 * HOUR, end_s=BEGIN + DAY + 13 * HOUR),
        Fire(fire="ridge", camera="valley", kind="rendered", ignition_s=BEGIN + DAY + 8.5 * HOUR, shown_s=BEGIN + DAY + 8.8 * HOUR, end_s=BEGIN + DAY + 13 * HOUR),
        Fire(fire="quarry", camera="north", kind="rendered", ignition_s=BEGIN + 2 * DAY + 8.9 * HOUR, shown_s=BEGIN + 2 * DAY + 8.95 * HOUR, end_s=BEGIN + 2 * DAY + 11 * HOUR),
    )  # fmt: skip
    frames = int(days * 1440)
    camera = Camera(
        kind="rendered",
        decoded=frames,
        scored=frames - 900,
        waiting=1,
        dropped={"governed": 400, "dark": 299, "not_due": 200},
        watched_s=days * DAY * 0.91,
        fire_s=6.6 * HOUR,
        fire_watched_s=6.1 * HOUR,
        reconnects=2,
    )
    beats = [
        Beat(sequence=number + 1, made_s=BEGIN + number * HOUR, arrived_s=BEGIN + number * HOUR + (2400 if number == 30 else 3), next_s=BEGIN + (number + 1) * HOUR)
        for number in range(days * 24)
    ]  # fmt: skip
    spells = [
        Spell(cause="sleep", from_s=BEGIN + n * DAY + 21 * HOUR, to_s=BEGIN + n * DAY + 22 * HOUR, told_s=BEGIN + n * DAY + 21 * HOUR - 60, why="not watching from 21:00 to 22:00 UTC: night: battery at 12.0 V, until above 12.4 V")
        for n in range(days)
    ]  # fmt: skip
    spells.append(Spell(cause="off", from_s=end - 5 * HOUR, to_s=end - 4 * HOUR, told_s=None))
    spend = [
        Day(from_s=BEGIN + n * DAY, joules={"idle": 250_000.0, "camera": 60_000.0, "decode": 9000.0 + n, "score": 4000.0, "send": 700.0}, panel_wh=60.0 + 20 * n, load_wh=91.0)
        for n in range(days)
    ]  # fmt: skip
    return Run(
        scenario="november-week",
        purpose="Seven days in mid-November under grey skies: does the battery last, and what is not watched?",
        clock="fast",
        seed=7,
        from_s=BEGIN,
        to_s=end,
        bundle="firetower-smoke@0.1.0#deb244ce066f",
        power_source="simulated:pi4",
        sources={
            "idle_w": (2.7, "published measurements, docs/boards.md"),
            "camera_w": (0.7, "assumed"),
            "sent_j_per_mb": (8.0, "assumed"),
        },
        late_s=300.0,
        cameras={"north": camera, "valley": camera},
        fires=fires,
        events=tuple(events),
        samples=tuple(samples),
        spells=tuple(spells),
        mails=tuple(mails),
        beats=tuple(beats),
        days=tuple(spend),
        words=(
            Word(at_s=BEGIN + DAY, command="fire_risk high 24h", answer="done"),
            Word(at_s=BEGIN + 2 * DAY, command="ack e6", answer=None),
        ),
        demands={"watched_share": 0.85, "unannounced_max": 0.0, "found_share": 0.9},
        link_budget_bytes=20_000_000,
    )
