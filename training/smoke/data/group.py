"""What must not be split: views of one camera and one fire; with `by_mast`, all cameras of one mast."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from edge.document import read_text
from scoring.truth import TruthError, TruthSequence

_BYTES_MAX = 16 << 20
# rm-n-mobo-c, bm-n-iqeye, smer-tcs3-mobo-m, and rm-n where the kind of camera was left out. `c` is in colour, `m` the
# near-infrared twin on the same arm: one camera.
_HPWREN = re.compile(
    r"(?:hpwren:)?(?P<mast>[a-z0-9]{2,9})-(?P<way>[news]{1,2}|tcs\d+)(?:-(?:mobo|iqeye)(?:-[cm])?)?"
)


def camera_of(name: str) -> str | None:
    """Return the camera that an HPWREN name means, `hpwren:rm-n` of `rm-n-mobo-c`; None of any other name."""
    known = _HPWREN.fullmatch(name)
    return None if known is None else f"hpwren:{known['mast']}-{known['way']}"


def mast_of(camera: str) -> str:
    """Return the mast that a camera stands on: `hpwren:rm` of `hpwren:rm-n`; of another camera itself."""
    known = _HPWREN.fullmatch(camera)
    return camera if known is None else f"hpwren:{known['mast']}"


def by_mast(sequences: Sequence[TruthSequence]) -> list[TruthSequence]:
    """Join the groups whose cameras share a mast; a joined group has the first of the names."""
    return _joined(
        sequences, lambda sequence: (("group", sequence.group), ("mast", mast_of(sequence.camera)))
    )


def by_view(sequences: Sequence[TruthSequence]) -> list[TruthSequence]:
    """Join what was grouped by camera with what shares a fire; a joined group has the first of the names."""
    return _joined(
        sequences,
        lambda sequence: (("group", sequence.group), ("camera", sequence.camera), ("fire", sequence.fire)),
    )


def _joined(
    sequences: Sequence[TruthSequence], keys: Callable[[TruthSequence], Iterable[Hashable]]
) -> list[TruthSequence]:
    parent: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for sequence in sequences:
        first, *others = keys(sequence)
        for other in others:
            parent[root(other)] = root(first)
    names: dict[Hashable, str] = {}
    for sequence in sequences:
        at = root(("group", sequence.group))
        names[at] = min(names.get(at, sequence.group), sequence.group)
    return [
        msgspec.structs.replace(sequence, group=names[root(("group", sequence.group))])
        for sequence in sequences
    ]


def regrouped(sequences: Sequence[TruthSequence], path: Path) -> list[TruthSequence]:
    """Give sequences the groups that a file states.

    Args:
        sequences: of one data set.
        path: CSV with the columns `sequence` and `group`, or JSON `{"sequence": "group"}`. A sequence is an id or a
            pattern such as `AoF*`; the first that fits counts.

    Raises:
        TruthError: it cannot be read, is malformed, or a line fits no sequence.
    """
    stated = _stated(path)
    for pattern in stated:
        if not any(fnmatchcase(sequence.id, pattern) for sequence in sequences):
            raise TruthError(f"{path}: no sequence has the id '{pattern}'")
    return [
        msgspec.structs.replace(
            sequence,
            group=next(
                (group for name, group in stated.items() if fnmatchcase(sequence.id, name)), sequence.group
            ),
        )
        for sequence in sequences
    ]


def _stated(path: Path) -> Mapping[str, str]:
    try:
        text = read_text(path, _BYTES_MAX)
        if path.suffix.lower() == ".json":
            stated = msgspec.json.decode(text, type=dict[str, str])
        else:
            rows = csv.DictReader(text.splitlines())
            if not {"sequence", "group"} <= set(rows.fieldnames or ()):
                raise TruthError("expected a first line with the columns sequence,group")
            stated = {row["sequence"]: row["group"] or "" for row in rows}
    except (OSError, ValueError, csv.Error) as error:
        raise TruthError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error
    if not stated or not all(stated.values()):
        raise TruthError(
            f"{path}: expected a group for each sequence, got {'none' if not stated else 'an empty one'}"
        )
    return stated
