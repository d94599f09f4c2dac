"""What the pool holds: each real sequence, fires planted in its quiet stretch, and all of it under other weather."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from firmware_sim.scene.fire import COLOURS, CONDITIONS, GREY_LEVELS, SMALL_EVERY, Fire, fire
from firmware_sim.scene.side import SEEDS, seed_of
from scoring.truth import TruthSequence
from training.gate.stream import Part

QUIET_LEAST = 24  # frames without smoke in a row, in which a fire is planted
CLEAR = "clear"
WEATHER = tuple(name for name in CONDITIONS if name != CLEAR)
NIGHTS = ("lit_night", "infrared_night", "lit_night", "fog")  # more of what few real frames show
_NIGHT_EVERY = 3  # sequences, of which one gets one more of NIGHTS
_CUT_EVERY = 6  # fires, of which one is cut where its group has a plume to cut
_SEVERITY = (0.35, 0.85)
METHODS = {
    "pool": 1,
    "pool-map": 1,
    "pool-change": 1,
}  # raised when the same inputs would give something else


@dataclass(frozen=True, slots=True)
class Variant:
    """One sequence of the pool before it is drawn.

    Attributes:
        name: of the real sequence and what was done to it.
        part: the real sequence.
        frames: which of its frames, in order.
        weather: a key of `scene.fire.CONDITIONS`; `clear` changes nothing.
        severity: of the weather.
        seed: of the weather where there is no fire.
        fire: planted, None for none.
        cut: the sequence that its plume is cut from, of the same group.
    """

    name: str
    part: Part
    frames: range
    weather: str
    severity: float
    seed: int
    fire: Fire | None = None
    cut: Part | None = None

    @property
    def real(self) -> bool:
        """Whether it is the sequence as it was taken."""
        return self.fire is None and self.weather == CLEAR

    @property
    def source(self) -> Literal["real", "planted", "weather"]:
        """What kind of sequence it is; a planted one may be under weather, too."""
        return "planted" if self.fire is not None else "real" if self.real else "weather"


def variants(parts: Sequence[Part], seed: int = 0) -> list[Variant]:
    """List what is made of sequences: about four variants each, at most; the same arguments give the same list.

    Per sequence: itself; fires in its quiet stretch (two where something burns in the data, else one), half of them
    under weather; itself under one weather; and for each third one more night or fog. Weather, contrast and colour
    are dealt in the order of the sequences' names.

    Args:
        parts: real sequences, of any data.
        seed: of all lots.
    """
    ordered = sorted(parts, key=lambda part: part.truth.id)
    plumes = _plumes(ordered)
    made, planted = list[Variant](), 0
    for number, part in enumerate(ordered):
        name, every = part.truth.id, range(len(part.truth.frames))
        made.append(Variant(f"{name}-real", part, every, CLEAR, 0.0, 0))
        quiet = quiet_of(part.truth)
        for _ in range(0 if quiet is None else 2 if _burns(part.truth) else 1):
            assert quiet is not None
            made.append(_fire(part, quiet, planted, seed, plumes.get(part.truth.group, ())))
            planted += 1
        made += [
            _under(part, weather, f"{seed}/{name}/weather{lot}")
            for lot, weather in enumerate(_weathers(number))
        ]
    return made


def quiet_of(sequence: TruthSequence) -> range | None:
    """Return the first stretch of frames without smoke, None where it is shorter than QUIET_LEAST."""
    labels = [frame.label for frame in sequence.frames]
    first = next((i for i, label in enumerate(labels) if label == "no_smoke"), len(labels))
    end = next((i for i in range(first, len(labels)) if labels[i] != "no_smoke"), len(labels))
    return range(first, end) if end - first >= QUIET_LEAST else None


def _weathers(number: int) -> Iterator[str]:
    first = WEATHER[number % len(WEATHER)]
    yield first
    if number % _NIGHT_EVERY == 0:
        lot = number // _NIGHT_EVERY
        yield next(one for one in NIGHTS[lot % len(NIGHTS) :] + NIGHTS if one != first)


def _under(part: Part, weather: str, lot: str) -> Variant:
    chosen = _number(lot)
    severity = round(float(np.random.default_rng((chosen, 21)).uniform(*_SEVERITY)), 3)
    every = range(len(part.truth.frames))
    return Variant(f"{part.truth.id}-{weather}", part, every, weather, severity, seed_of("train", chosen))


def _fire(part: Part, quiet: range, number: int, seed: int, plumes: Sequence[Part]) -> Variant:
    """Plant fire `number`: its contrast, colour, size and weather are dealt by it, the rest drawn."""
    weather = CLEAR if number % 2 else WEATHER[number // 2 % len(WEATHER)]
    chosen = _number(f"{seed}/{part.truth.id}/fire{number}")
    cut = plumes[number // _CUT_EVERY % len(plumes)] if plumes and number % _CUT_EVERY == 3 else None
    planted = fire(
        seed_of("train", chosen),
        part.truth.id,
        weather,
        contrast=tuple(GREY_LEVELS)[number % len(GREY_LEVELS)],
        colour=COLOURS[number // len(GREY_LEVELS) % len(COLOURS)],
        small=number % SMALL_EVERY == 0,
        cut=None if cut is None else cut.truth.id,
    )
    name = f"{part.truth.id}-fire{number}-{weather}"
    return Variant(name, part, quiet, weather, planted.severity, planted.seed, planted, cut)


def without_cut(planted: Fire) -> Fire:
    """Return the same fire with a drawn plume."""
    return replace(planted, cut=None)


def _number(lot: str) -> int:
    """Return a number below the training side's seeds that depends on the lot's name alone."""
    return int.from_bytes(hashlib.sha256(lot.encode()).digest()[:8]) % len(SEEDS["train"])


def _burns(sequence: TruthSequence) -> bool:
    return sequence.ignition_epoch is not None or any(frame.label == "smoke" for frame in sequence.frames)


def _plumes(parts: Sequence[Part]) -> Mapping[str, list[Part]]:
    """Return by group the sequences that have boxes and frames before them."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        boxed = any(frame.boxes for frame in part.truth.frames)
        if boxed and sum(frame.label == "no_smoke" for frame in part.truth.frames) >= 3:
            found.setdefault(part.truth.group, []).append(part)
    return found
