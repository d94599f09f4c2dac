"""Faults of a camera and of its stream, as data: which, from when to when, how strong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import msgspec
import numpy as np

PictureKind: TypeAlias = Literal["freeze", "moved_view", "rain", "snow", "dirt", "blur", "infrared", "black"]
StreamKind: TypeAlias = Literal["cut", "stall", "corrupt"]
Kind: TypeAlias = PictureKind | StreamKind
PICTURE_KINDS: tuple[PictureKind, ...] = get_args(PictureKind)  # in the order in which they lie on each other
STREAM_KINDS: tuple[StreamKind, ...] = get_args(StreamKind)  # the first one that holds counts


class Fault(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"from_s": "from", "to_s": "to"},
):
    """One fault; in a file its times are `from` and `to`.

    Attributes:
        kind: of the picture: `freeze` (the picture of its begin; below strength 1 encoded anew each time),
            `moved_view` (turned by up to a quarter of the picture), `rain`, `snow` and `dirt` (on the lens), `blur`,
            `infrared` (no colour, the gain of a camera at night), `black`. Of the stream: `cut` (no connection, none
            anew), `stall` (nothing comes), `corrupt` (strength is the share of damaged pictures).
        from_s: seconds from the begin of the scenario.
        to_s: end, excluded; None holds it to the end.
        strength: above 0, up to 1.
    """

    kind: Kind
    from_s: float
    to_s: float | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.from_s) or (self.to_s is not None and not self.from_s < self.to_s):
            raise ValueError(
                f"fault '{self.kind}': from {self.from_s} to {self.to_s}; expected seconds that rise"
            )
        if not 0 < self.strength <= 1:
            raise ValueError(f"fault '{self.kind}': strength {self.strength}; expected above 0, up to 1")

    def holds(self, now_s: float) -> bool:
        """Say whether it is there, so many seconds after the scenario's begin."""
        return self.from_s <= now_s and (self.to_s is None or now_s < self.to_s)


@dataclass(frozen=True, slots=True)
class StreamFaults:
    """What is wrong with a camera's stream, and when.

    Attributes:
        faults: of the camera; those of its picture are passed over.
        start_s: seconds since 1970 UTC that their times count from.
        seed: chooses which pictures are damaged.
    """

    faults: tuple[Fault, ...] = ()
    start_s: float = 0.0
    seed: int = 0

    def at(self, epoch_s: float) -> StreamKind | None:
        """Return what is wrong at a moment, in seconds since 1970 UTC; the same moment always has the same lot."""
        now_s = epoch_s - self.start_s
        held = [fault for fault in self.faults if fault.holds(now_s)]
        for kind in STREAM_KINDS:
            for fault in held:
                if fault.kind == kind and (kind != "corrupt" or self._lot(now_s) < fault.strength):
                    return kind
        return None

    def _lot(self, now_s: float) -> float:
        return float(np.random.default_rng((self.seed, 11, round(now_s * 1000) % (1 << 62))).random())
