"""What a run of a simulated tower leaves: the raw facts, as JSON, from which every report and comparison is made.

Times are seconds since 1970 UTC of the simulated world, but where a name says otherwise. Lists are in the order of
time; nothing in it depends on the machine or on its clock but `wall`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from edge.alert.event import Severity
from scoring.score import Verdict

Clock: TypeAlias = Literal["fast", "live"]
Kind: TypeAlias = Literal["real", "rendered", "clip"]
Fate: TypeAlias = Literal["delivered", "waiting", "unheard", "lost"]


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """One fire that cameras could see.

    Attributes:
        fire: its name, the same in all cameras.
        camera: that could see it; one entry for each.
        kind: `rendered` is no evidence about real fires.
        ignition_s: when it began to smoke.
        end_s: when its smoke was gone; None: not before the end of the run.
        shown_s: when the camera first showed its smoke by the truth's box; None where it never did.
    """

    fire: str
    camera: str
    kind: Kind
    ignition_s: float
    end_s: float | None = None
    shown_s: float | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the daemon.

    Attributes:
        id: the event's.
        camera: whose.
        opened_s, closed_s: first and last; `closed_s` None while it was open at the end.
        alerted_s: when it became an alert; None for a candidate.
        severity: at the end.
        by: what made it an alert.
        peak: largest score.
        box_px: at its opening, (x0, y0, x1, y1) px of the frame.
        frame_px: (height, width) of its frames.
        fires: names of the fires that it meets, by the rule of `scoring`.
        verdict: of its opening, by the same rule: `find` where it meets a fire.
        picture: file name of its picture in the run's folder; None without one.
        revisions: how many there were.
    """

    id: str
    camera: str
    opened_s: float
    closed_s: float | None
    alerted_s: float | None
    severity: Severity
    by: str | None
    peak: float
    box_px: tuple[int, int, int, int]
    frame_px: tuple[int, int]
    fires: tuple[str, ...] = ()
    verdict: Verdict = "false_alarm"
    picture: str | None = None
    revisions: int = 1


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one camera's frames.

    Attributes:
        kind: of its footage.
        decoded, scored, waiting: frames.
        dropped: by cause; `decoded` is the sum of it all.
        watched_s: time within reach of a scored or dark-looked-at frame: each due frame that was looked at covers its
            own cadence, as the gate counts it.
        fire_s, fire_watched_s: the same of the time in which a fire burnt in its view.
        reconnects: how often it was opened again.
        turns: changed views that the daemon noticed.
    """

    kind: Kind
    decoded: int
    scored: int
    waiting: int
    dropped: dict[str, int]
    watched_s: float
    fire_s: float
    fire_watched_s: float
    reconnects: int
    turns: int = 0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The tower at one moment. Power, charge and heat are simulated, by the profile of `Run.power_source`.

    Attributes:
        at_s: when.
        charge: 0 to 1, the battery's own, which the daemon need not know.
        battery_v, panel_w, load_w, soc_c, air_c, snow: of the plant; these and `charge` None in a run without one.
        cadence_s: of each camera as set, by name; None while it is closed.
        bands: of the governor in force.
        asleep: whether cameras were closed by it.
        health: `ok`, or the reasons joined by `; `.
        queue: messages that waited.
        queue_bytes: their bytes.
        link_up: whether the link was.
        sent_bytes: over the link since the begin.
    """

    at_s: float
    charge: float | None
    battery_v: float | None
    panel_w: float | None
    load_w: float | None
    soc_c: float | None
    air_c: float | None
    snow: float | None
    cadence_s: dict[str, float | None]
    bands: tuple[str, ...]
    asleep: bool
    health: str
    queue: int
    queue_bytes: int
    link_up: bool
    sent_bytes: int


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which cameras were closed by the governor, or the board had no power.

    Attributes:
        cause: `sleep`, `cut_off` (the governor's), `off` (no power).
        from_s, to_s: its times; `to_s` None: not before the end.
        told_s: when it was announced; None where it never was.
        why: as it was told.
    """

    cause: Literal["sleep", "cut_off", "off"]
    from_s: float
    to_s: float | None
    told_s: float | None
    why: str = ""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one sink.

    Attributes:
        key: the same however often it is sent.
        sink: its name.
        kind: `event`, `image`, `governor`, `sensor`, …: the first part of its type.
        event: whose; None of the tower's own.
        severity: of the event then.
        committed_s: when it was on disk.
        delivered_s: when the receiver had it first; None where it never had.
        copies: how often the receiver got it.
        fate: at the end.
        bytes: of its body.
        step: of escalation that sent it; 0: none.
        why: what the outbox says of a lost one.
    """

    key: str
    sink: str
    kind: str
    event: str | None
    severity: Severity | None
    committed_s: float
    delivered_s: float | None
    copies: int
    fate: Fate
    bytes: int
    step: int = 0
    why: str = ""


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """One heartbeat that arrived.

    Attributes:
        sequence: its number.
        made_s, arrived_s: when it was made, and when it arrived.
        next_s: when it promised the next one.
    """

    sequence: int
    made_s: float
    arrived_s: float
    next_s: float


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Energy of one day of UTC; simulated.

    Attributes:
        from_s: its begin within the run.
        joules: at the board's input, by cause.
        panel_wh, load_wh: into and out of the battery's bus.
    """

    from_s: float
    joules: dict[str, float]
    panel_wh: float
    load_wh: float


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a person told the tower, and its answer.

    Attributes:
        at_s: when.
        command: name and arguments, as given.
        answer: what came back; None where nothing did.
    """

    at_s: float
    command: str
    answer: str | None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one scenario.

    Attributes:
        scenario: its name.
        purpose: its one line.
        clock: which one.
        seed: of everything that is drawn.
        from_s, to_s: begin and end.
        bundle: name, version and digest of the model.
        power_source: `simulated:<profile>`; empty in a run without power.
        sources: of the profile's figures, by name: value and who says so.
        late_s: by the scenario, after how many seconds a message counts as late.
        cameras, fires, events, samples, spells, mails, beats, days, words: what happened.
        demands: what the scenario demands, as it is written.
        link_budget_bytes: that the link may carry in the time of the run; None: there is no bound.
        wall_s: how long the run took on the machine; None in a file that is to be the same on every machine.
    """

    scenario: str
    purpose: str
    clock: Clock
    seed: int
    from_s: float
    to_s: float
    bundle: str
    power_source: str
    sources: dict[str, tuple[float, str]]
    late_s: float
    cameras: dict[str, Camera]
    fires: tuple[Fire, ...]
    events: tuple[Seen, ...]
    samples: tuple[Sample, ...]
    spells: tuple[Spell, ...]
    mails: tuple[Mail, ...]
    beats: tuple[Beat, ...]
    days: tuple[Day, ...]
    words: tuple[Word, ...] = ()
    demands: dict[str, float] = {}
    link_budget_bytes: int | None = None
    wall_s: float | None = None
