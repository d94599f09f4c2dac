"""The study: trials that several processes take from one journal, each once, until there are enough.

A process holds a lock on what it tries. A trial that nobody holds was interrupted, and is tried again.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import optuna
from optuna.storages import journal
from optuna.trial import FrozenTrial, TrialState

from training.distill.loop import DivergedError
from training.smoke.search import space
from training.smoke.search.rehearsal import Terms, Tried
from training.smoke.search.space import Parameters
from training.smoke.side import TrainingSide
from training.step.step import picture_digest

logger = logging.getLogger(__name__)

DRAWS = 5  # draws in a row of the sampler that were tried before, after which chance draws
STARTUP = 10  # trials before the sampler draws on them
IN_VAIN = 50  # draws in a row that were tried before, after which a study ends
DIVERGING = 5  # trials in a row of one process that diverge, after which it ends
SEED, TRIED, DIVERGED, REFERENCE_MS = "seed", "tried", "diverged", "reference_ms"


@dataclass(frozen=True, slots=True)
class Study:
    """A study that is shared by processes.

    Attributes:
        study: of Optuna, in a journal.
        folder: of its locks.
        terms: of all trials.
        trials: at most, those of all processes together.
        seed: of the sampler.
    """

    study: optuna.Study
    folder: Path
    terms: Terms
    trials: int
    seed: int

    def run(self, rehearse: Callable[[Parameters, int], Tried], reference_ms: Callable[[], float]) -> None:
        """Try until there are enough trials, done or at work in other processes.

        Args:
            rehearse: tries parameters with a seed.
            reference_ms: measures what milliseconds are counted in, once a study.

        Raises:
            ValueError: nothing new is left to try, or trials diverge.
        """
        in_vain = 0
        while in_vain < DIVERGING:
            with ExitStack() as held:
                trial = self._claim(held, reference_ms)
                if trial is None:
                    return
                in_vain = 0 if self._try(trial, rehearse) else in_vain + 1
            gc.collect()
        raise ValueError(f"the last {DIVERGING} trials diverged; something is wrong with all of them")

    def done(self) -> list[FrozenTrial]:
        """Return the finished trials, by number."""
        return self.study.get_trials(states=(TrialState.COMPLETE,))

    def ms(self, tried: Tried) -> float | None:
        """Return the milliseconds of an inference: the file's time in the reference's, times the reference's own."""
        unit: float = self.study.user_attrs[REFERENCE_MS]
        return None if tried.cost is None else tried.cost.timed.ratio * unit

    def _claim(self, held: ExitStack, reference_ms: Callable[[], float]) -> optuna.Trial | None:
        """Take a trial that nobody has tried; None where there are enough."""
        with _locked(self.folder / "claim.lock"):
            self._begin(reference_ms)
            self._again()
            for draw in range(IN_VAIN):
                states = (TrialState.COMPLETE, TrialState.RUNNING)
                if len(self.study.get_trials(deepcopy=False, states=states)) >= self.trials:
                    return None
                trial = self._ask(by_chance=draw >= DRAWS)
                if not self._known(trial):
                    held.enter_context(_locked(self._lock(trial.number)))
                    return trial
                self.study.tell(trial, state=TrialState.FAIL)
        raise ValueError(f"the last {IN_VAIN} draws had been tried before; ask for fewer trials")

    def _begin(self, reference_ms: Callable[[], float]) -> None:
        if REFERENCE_MS not in self.study.user_attrs:
            self.study.set_user_attr(REFERENCE_MS, reference_ms())
        if not self.study.get_trials(deepcopy=False):
            for parameters, seed in space.first(self.terms.backbones, self.terms.arm):
                self.study.enqueue_trial(parameters, user_attrs={SEED: seed})

    def _again(self) -> None:
        """Put trials of processes that died back into the queue."""
        for trial in self._running():
            with ExitStack() as held:
                try:
                    held.enter_context(_locked(self._lock(trial.number), wait=False))
                except BlockingIOError:
                    continue
                if trial.number not in {one.number for one in self._running()}:
                    continue  # it has ended since it was listed
                self.study.tell(trial.number, state=TrialState.FAIL)
                self.study.enqueue_trial(trial.params, user_attrs={SEED: trial.user_attrs.get(SEED, 0)})

    def _running(self) -> list[FrozenTrial]:
        return self.study.get_trials(states=(TrialState.RUNNING,))

    def _ask(self, *, by_chance: bool) -> optuna.Trial:
        """Ask for a trial; each number has lots of its own, whichever process asks."""
        number = len(self.study.get_trials(deepcopy=False))
        lot = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        drawn = optuna.samplers.TPESampler(seed=lot, n_startup_trials=STARTUP)
        self.study.sampler = optuna.samplers.RandomSampler(seed=lot) if by_chance else drawn
        trial = self.study.ask()
        space.suggest(trial, self.terms.backbones, self.terms.arm)
        if SEED not in trial.user_attrs:
            trial.set_user_attr(SEED, 0)
        return trial

    def _known(self, trial: optuna.Trial) -> bool:
        """Return whether another trial is, or would be, the same."""
        same = [
            one
            for one in self.study.get_trials(deepcopy=False)
            if one.number != trial.number
            and one.params == trial.params
            and one.user_attrs.get(SEED) == trial.user_attrs[SEED]
        ]
        counted = (TrialState.COMPLETE, TrialState.RUNNING)
        return any(one.state in counted or DIVERGED in one.user_attrs for one in same)

    def _try(self, trial: optuna.Trial, rehearse: Callable[[Parameters, int], Tried]) -> bool:
        """Try a trial that is held; return whether it came to an end."""
        try:
            tried = rehearse(dict(trial.params), trial.user_attrs[SEED])
        except DivergedError:
            trial.set_user_attr(DIVERGED, value=True)
            self.study.tell(trial, state=TrialState.FAIL)
            logger.warning("trial %d diverged: %s", trial.number, trial.params)
            return False
        trial.set_user_attr(TRIED, msgspec.to_builtins(tried))
        values = [tried.delay_min, *(ms for ms in [self.ms(tried)] if ms is not None)]
        self.study.tell(trial, values)
        logger.info("trial %d: %s in %.0f s, %s", trial.number, values, tried.seconds, trial.params)
        return True

    def _lock(self, number: int) -> Path:
        return self.folder / f"trial-{number}.lock"


def open_study(side: TrainingSide, terms: Terms, trials: int, seed: int) -> Study:
    """Open or begin a study in the journal of a workshop; other data, terms or seeds are another study.

    Args:
        side: that is searched on.
        terms: of all trials.
        trials: at most.
        seed: of the sampler.
    """
    name = f"{terms.arm or 'architecture'}-{_subject(side, terms, seed)[:12]}"
    place = side.shop.work / "search"
    (place / name).mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(journal.JournalFileBackend(str(place / "journal.log")))
    with _locked(place / "open.lock"):
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["minimize"] * (2 if terms.arm is None else 1),
            load_if_exists=True,
        )
    return Study(study, place / name, terms, trials, seed)


def _subject(side: TrainingSide, terms: Terms, seed: int) -> str:
    subject: list[Any] = [
        side.trained_on,
        sorted(picture_digest(path) for path in terms.stills),
        terms.backbones,
        terms.arm,
        asdict(terms.setting),
        seed,
    ]
    return hashlib.sha256(msgspec.json.encode(subject, order="deterministic")).hexdigest()


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a file's lock.

    Raises:
        BlockingIOError: another one holds it, and nobody is to wait.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
