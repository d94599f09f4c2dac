"""The fast clock: a plan is run in one process, on one simulated clock that jumps from what is due to what is due next.

Cameras, pipeline, governor, recorder, outbox and courier are the daemon's own, and every frame goes through its model.
The same plan gives the same run, in another process, too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.camera.option import RecordingOptions
from edge.model.loaded import load_model
from edge.scratch import temporary_folder
from firmware_sim.tower.air import Air
from firmware_sim.tower.board import Board
from firmware_sim.tower.clock import NS, SimClock
from firmware_sim.tower.diary import Diary
from firmware_sim.tower.errors import PlanError
from firmware_sim.tower.eye import Eye
from firmware_sim.tower.life import Life, World
from firmware_sim.tower.link import Ear
from firmware_sim.tower.mailbox import Mailbox, beats, save
from firmware_sim.tower.people import People
from firmware_sim.tower.plan import Plan, Receiver
from firmware_sim.tower.run import Run, Sample

PLANT_S = 60.0  # between two steps of the physics
BOOT_S = 30.0  # from power to the daemon's start; assumed
PROBE_S = 90.0  # a camera that was silent for longer is looked at for the truth's sake
_HOUR_NS = 3600 * NS


def no_progress(_share: float) -> None:
    """Tell nobody how far it is."""


def run(plan: Plan, folder: Path, *, progress: Callable[[float], None] = no_progress) -> Run:
    """Run a plan.

    Args:
        plan: of the scenario.
        folder: gets a picture of each event; it is made where it is not there.
        progress: told the share that is done, once for each simulated hour.

    Raises:
        PlanError: it cannot be run as it is.
        BundleError, MissingExtraError, RuntimeModelError: the model cannot be loaded.
        SettingsError: its settings are unfit for the model.
    """
    _check(plan)
    folder.mkdir(parents=True, exist_ok=True)
    with temporary_folder("tower-") as scratch:
        return _Running(plan, scratch).run(folder, progress)


class _Running:
    """One run."""

    def __init__(self, plan: Plan, scratch: Path) -> None:
        clock = SimClock(plan.begin_s)
        board, air, mailbox = Board(plan, clock, scratch / "root"), Air(plan.line, plan.begin_s), Mailbox()
        ears = {
            name: Ear(name, plan.receivers.get(name, Receiver()), plan.begin_s, plan.seed)
            for name in plan.settings.sinks
        }
        eyes = {name: Eye(name, view) for name, view in plan.cameras.items()}
        self._world = World(
            plan=plan,
            clock=clock,
            board=board,
            air=air,
            ears=ears,
            people=People(plan, ears),
            eyes=eyes,
            diary=Diary(clock, eyes, mailbox),
            mailbox=mailbox,
            model=load_model(plan.settings.model.bundle, plan.settings.model.backend, 1),
            store=scratch / "events.sqlite",
            pictures={},
        )
        self._plan, self._clock, self._board = plan, clock, board
        self._begin_ns, self._end_ns = clock.now_ns, round(plan.end_s * NS)
        self._life: Life | None = None
        self._boots = 0
        self._boot_ns: int | None = None  # when the daemon starts; None: it runs, or there is no power
        self._plant_ns = self._sample_ns = clock.now_ns
        self._pulled_ns = sorted(
            round((plan.begin_s + at_s) * NS)
            for span in plan.unplugged
            for at_s in (span.from_s, span.to_s)
            if at_s is not None
        )

    def run(self, folder: Path, progress: Callable[[float], None]) -> Run:
        """Run it to its end."""
        hour_ns = self._begin_ns
        self._power()
        self._boot_ns = None if self._boot_ns is None else self._clock.now_ns  # it was on before
        while (due_ns := self._due_ns) < self._end_ns:
            self._clock.move_to(due_ns)
            self._step()
            if self._clock.now_ns >= hour_ns:
                progress((self._clock.now_ns - self._begin_ns) / max(1, self._end_ns - self._begin_ns))
                hour_ns += _HOUR_NS
        self._clock.move_to(self._end_ns)
        self._board.advance()
        self._sample()
        if self._life is not None:
            self._life.end()
        return self._told(folder)

    @property
    def _due_ns(self) -> int:
        """When the next thing is due."""
        others = (self._boot_ns, self._world.people.due_ns, self._life and self._life.due_ns)
        soon = [at_ns for at_ns in (*others, *self._pulled_ns[:1]) if at_ns is not None]
        return max(self._clock.now_ns, min([self._plant_ns, self._sample_ns, *soon]))

    def _step(self) -> None:
        """Do all that is due now: the physics first, then people, the tower, and at last the sample."""
        now_ns = self._clock.now_ns
        pulled = bool(self._pulled_ns) and self._pulled_ns[0] <= now_ns
        if pulled or self._plant_ns <= now_ns:
            self._pulled_ns = [at_ns for at_ns in self._pulled_ns if at_ns > now_ns]
            self._plant_ns = now_ns + round(PLANT_S * NS)
            self._board.advance()
            self._power()
            self._probe()
        if self._boot_ns is not None and self._boot_ns <= now_ns:
            self._boot()
        people = self._world.people
        if (
            people.due_ns is not None
            and people.due_ns <= now_ns
            and people.say(now_ns)
            and self._life is not None
        ):
            self._life.nudge()
        if self._life is not None:
            self._life.step()
        if self._sample_ns <= now_ns:
            self._sample_ns = now_ns + round(self._plan.sample_s * NS)
            self._sample()

    def _power(self) -> None:
        """Cut the board's power, or give it back, as the physics has it."""
        doing = self._board.doing
        if self._board.fed == doing.on:
            return
        self._board.pass_time()
        if doing.on:
            if self._life is not None:
                self._life.end()
                self._world.diary.off()
            self._life = self._boot_ns = None
            doing.on = doing.asleep = False
        else:
            doing.on = True
            self._boot_ns = self._clock.now_ns + round(BOOT_S * NS)

    def _boot(self) -> None:
        self._boot_ns = None
        self._boots += 1
        self._clock.boot(BOOT_S)
        self._board.boot(f"{self._boots:08x}-0000-4000-8000-{self._plan.seed % (1 << 48):012x}")
        self._life = Life(self._world, self._boots)
        self._life.begin()

    def _probe(self) -> None:
        """Look for smoke where no camera looks, for the truth alone."""
        now_s = self._clock.now_s()
        for eye in self._world.eyes.values():
            if now_s - eye.seen_s > PROBE_S:
                eye.probe(now_s)

    def _sample(self) -> None:
        moment, life, air = self._board.moment, self._life, self._world.air
        report = None if life is None else life.report()
        queue = None if report is None else report.queue
        self._world.diary.samples.append(
            Sample(
                at_s=self._clock.now_s(),
                charge=None if moment is None else moment.charge,
                battery_v=None if moment is None else moment.battery_v,
                panel_w=None if moment is None else moment.panel_w,
                load_w=None if moment is None else moment.load_w,
                soc_c=None if moment is None else moment.soc_c,
                air_c=None if moment is None else moment.air_c,
                snow=None if moment is None else moment.snow,
                cadence_s=dict.fromkeys(self._plan.cameras) if life is None else life.cadences(),
                bands=() if life is None else life.bands,
                asleep=life is not None and life.asleep,
                health="off" if life is None else life.health(),
                queue=0 if queue is None else queue.unsent,
                queue_bytes=0 if queue is None else queue.bytes,
                link_up=air.is_up(self._clock.now_ns),
                sent_bytes=air.sent_bytes,
            )
        )

    def _told(self, folder: Path) -> Run:
        plan, world = self._plan, self._world
        begin_s, end_s = plan.begin_s, plan.end_s
        fires = [fire for eye in world.eyes.values() for fire in eye.fires(begin_s, end_s)]
        power = plan.power
        figures = {} if power is None else power.profile.figures()
        return Run(
            scenario=plan.name,
            purpose=plan.purpose,
            clock="fast",
            seed=plan.seed,
            from_s=begin_s,
            to_s=end_s,
            bundle=world.model.name,
            power_source="" if power is None else power.profile.label,
            sources={name: (figure.value, figure.source) for name, figure in figures.items()},
            late_s=plan.late_s,
            cameras={name: world.diary.camera(name, begin_s, end_s) for name in world.eyes},
            fires=tuple(sorted(fires, key=lambda fire: (fire.ignition_s, fire.fire, fire.camera))),
            events=world.diary.events(world.model, save(world.pictures, folder)),
            samples=tuple(world.diary.samples),
            spells=world.diary.spells(),
            mails=world.mailbox.mails(world.ears),
            beats=beats(world.ears),
            days=tuple(self._board.days),
            words=world.people.words(),
            demands=dict(plan.demands),
        )


def _check(plan: Plan) -> None:
    """See that a plan can be run."""
    if not plan.lasts_s > 0 or not plan.sample_s > 0:
        raise PlanError(f"plan '{plan.name}': expected to last some seconds, and some between samples")
    if plan.cameras.keys() != plan.settings.cameras.keys():
        raise PlanError(
            f"plan '{plan.name}': footage of {sorted(plan.cameras)}, settings of {sorted(plan.settings.cameras)};"
            " expected the same cameras"
        )
    for name, camera in plan.settings.cameras.items():
        if isinstance(camera, RecordingOptions):
            raise PlanError(
                f"plan '{plan.name}': cameras.{name} is a recording; expected a live one, such as"
                " rtsp://simulated.invalid/north"
            )
    for sink in {*plan.receivers, *(say.sink for say in plan.said if say.sink is not None)}:
        if sink not in plan.settings.sinks:
            raise PlanError(f"plan '{plan.name}': there is no sink '{sink}'")
    weather = None if plan.power is None else plan.power.weather
    if weather is not None and (weather.start_s != plan.begin_s or len(weather.cover) * 3600 < plan.lasts_s):
        raise PlanError(
            f"plan '{plan.name}': its weather begins at {weather.start_s:.0f} and lasts {len(weather.cover)} h;"
            " expected that it begins with the scenario and lasts as long"
        )
