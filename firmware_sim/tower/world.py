"""What outlasts one life of a simulated tower's daemon."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.model.loaded import Model
from firmware_sim.tower.air import Air
from firmware_sim.tower.board import Board
from firmware_sim.tower.clock import SimClock
from firmware_sim.tower.diary import Diary
from firmware_sim.tower.eye import Eye
from firmware_sim.tower.link import Ear
from firmware_sim.tower.mailbox import Mailbox
from firmware_sim.tower.people import People
from firmware_sim.tower.plan import Plan


@dataclass(frozen=True, slots=True)
class World:
    """What outlasts a life.

    Attributes:
        plan: of the scenario.
        clock: simulated.
        board: its power and sensors.
        air: the link.
        ears: who hears, by sink.
        people: who command.
        eyes: what cameras show, by name.
        diary, mailbox: what happened.
        model: loaded once; it keeps nothing from one life to the next.
        store: path of the events' file.
        pictures: of events, filled by each life.
    """

    plan: Plan
    clock: SimClock
    board: Board
    air: Air
    ears: dict[str, Ear]
    people: People
    eyes: dict[str, Eye]
    diary: Diary
    mailbox: Mailbox
    model: Model
    store: Path
    pictures: dict[str, bytes]
