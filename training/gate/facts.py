"""What a result says of the data that it was measured on: what was left out, corrected and looked at, and the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from scoring.day import Day
from scoring.truth import TruthSequence
from training.gate.stream import Part, is_still
from training.smoke.data.read import Dataset, picture_digests
from training.smoke.data.split import check_apart, record


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One data set.

    Attributes:
        kind: of layout.
        digest: `Dataset.digest`, as corrections quote it.
        sequences, frames: that were judged.
        left_out: sequences that were not, by reason; and those of the judged whose events do not count.
        corrected: frames that differ from the data by a correction.
        looks: frames that somebody looked at.
        passed: files that the reader passed over or bent, by cause.
    """

    name: str
    kind: str
    digest: str
    sequences: int
    frames: int
    left_out: dict[str, int]
    corrected: int
    looks: int
    passed: dict[str, int]


def split_of(datasets: Sequence[Dataset], parts: Sequence[Part]) -> dict[str, Any] | None:
    """Describe what was trained on and what was left out, and see that nothing meets both; None where all is left out.

    Args:
        datasets: that the parts are of.
        parts: all of them, marked by `with_seen`.
    Raises:
        ValueError: a group, camera, fire or, by digest, picture is on both sides.
    """
    sides = {
        name: [part.truth for part in parts if part.seen is seen]
        for name, seen in (("trained_on", True), ("left_out", False))
    }
    if not sides["trained_on"]:
        return None
    pictures = {place: digest for one in datasets for place, digest in picture_digests(one).items()}
    check_apart(sides, pictures)
    return record(sides)


def data_of(dataset: Dataset, days: Sequence[Day]) -> DataFacts:
    """Describe a data set for a result.

    Args:
        dataset: as it was read.
        days: that were judged, of any data.
    """
    of = {sequence.id: sequence for sequence in dataset.sequences}
    mine = [day for day in days if day.result.id in of]
    judged_ids = {day.result.id for day in mine}
    left_out = Counter(
        "stills, in which no event can open" if is_still(sequence) else "not asked for"
        for sequence in dataset.sequences
        if sequence.id not in judged_ids
    )
    left_out.update(_uncounted(of[day.result.id]) for day in mine if not day.result.judged)
    return DataFacts(
        name=dataset.folder.resolve().name,
        kind=dataset.kind,
        digest=dataset.digest,
        sequences=len(mine),
        frames=sum(len(day.frames) for day in mine),
        left_out=dict(left_out),
        corrected=dataset.corrected,
        looks=len(dataset.looked),
        passed=dataset.passed,
    )


def _uncounted(sequence: TruthSequence) -> str:
    """Say why the events of a sequence do not count."""
    if not sequence.timed:
        return "whose events do not count: frames without times"
    return "whose events do not count: " + (
        "smoke without an ignition" if sequence.reliable else "its ignition is unreliable"
    )
