"""Counted work and its energy: counts times a profile's cost of each; never the CPU time of this machine."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a board did during some time.

    Attributes:
        awake_s: how long the daemon watched.
        asleep_s: how long it slept: cameras closed, process up.
        camera_s: seconds that cameras were open, summed over the cameras.
        decoded_mp: megapixels of the frames that were decoded.
        converted_mp: megapixels of those that were fitted to the model's input.
        scored: frames that went through the model.
        sent_bytes: what went out.
    """

    awake_s: float = 0.0
    asleep_s: float = 0.0
    camera_s: float = 0.0
    decoded_mp: float = 0.0
    converted_mp: float = 0.0
    scored: float = 0.0
    sent_bytes: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.awake_s + self.asleep_s

    def __post_init__(self) -> None:
        counts = (self.awake_s, self.asleep_s, self.camera_s, self.decoded_mp, self.converted_mp)
        if min(*counts, self.scored, self.sent_bytes) < 0:
            raise PhysicsError(f"work: got {self}; expected nothing below 0")

    def __add__(self, other: Work) -> Work:
        """Return both together."""
        return Work(
            awake_s=self.awake_s + other.awake_s,
            asleep_s=self.asleep_s + other.asleep_s,
            camera_s=self.camera_s + other.camera_s,
            decoded_mp=self.decoded_mp + other.decoded_mp,
            converted_mp=self.converted_mp + other.converted_mp,
            scored=self.scored + other.scored,
            sent_bytes=self.sent_bytes + other.sent_bytes,
        )


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of some work at the board's 5 V input.

    Attributes:
        source: `simulated:<profile>`.
        joules: by cause.
    """

    source: str
    joules: dict[str, float]

    @property
    def total_j(self) -> float:
        """All of it."""
        return sum(self.joules.values())


def energy_of(profile: Profile, work: Work) -> Energy:
    """Return what some work costs on a board."""
    return Energy(
        profile.label,
        {
            "awake": work.awake_s * profile.awake_w.value,
            "asleep": work.asleep_s * profile.asleep_w.value,
            "cameras": work.camera_s * profile.camera_w.value,
            "decode": work.decoded_mp * profile.decode_j_mp.value,
            "convert": work.converted_mp * profile.convert_j_mp.value,
            "score": work.scored * profile.score_j.value,
            "send": work.sent_bytes * profile.send_j_byte.value,
        },
    )


def steady(
    cadence_s: float, *, megapixels: float = 2.0736, cameras: int = 1, sent_bytes: float = 0.0
) -> Work:
    """Return the work of one second of watching at a cadence.

    Each frame that is due is decoded, fitted and scored, no other one; so the cameras hand out pictures, not streams.

    Args:
        cadence_s: seconds between the frames of a camera.
        megapixels: of a frame; 1920 × 1080 by default.
        cameras: how many, always open.
        sent_bytes: a second.

    Raises:
        PhysicsError: the cadence is not above 0.
    """
    if not cadence_s > 0:
        raise PhysicsError(f"work: got a cadence of {cadence_s} s; expected one above 0")
    frames = cameras / cadence_s
    mp = frames * megapixels
    return Work(
        awake_s=1.0,
        camera_s=float(cameras),
        decoded_mp=mp,
        converted_mp=mp,
        scored=frames,
        sent_bytes=sent_bytes,
    )


def battery_w(profile: Profile, work: Work, other_w: float = 0.0) -> float:
    """Return the mean power that some work draws from the battery, with what else hangs on it.

    Args:
        profile: of the board, which hangs behind a converter.
        work: that lasts some time.
        other_w: of cameras and modems with a supply of their own.
    """
    return energy_of(profile, work).total_j / work.seconds / profile.supply.value + other_w
