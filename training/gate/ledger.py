"""The ledger of looks: one line for every run over the outer folds, appended and never changed."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge.document import read_text

SCHEMA: Literal["firetower.look/1"] = "firetower.look/1"
_BYTES_MAX = 16 << 20


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One run over outer folds.

    Attributes:
        date: UTC, when the figures were known.
        commit: of the code.
        recipe: its name.
        recipe_sha256: of all that it states of itself.
        seed: of the training.
        by_mast: whether all cameras of one mast were one group.
        folds: those that were judged, by name.
        data: sha256 of each data set.
        bundles: digests of the bundles that were judged, in the order of the folds.
        figures: headline figures, by name.
    """

    schema: Literal["firetower.look/1"]
    date: str
    commit: str | None
    recipe: str
    recipe_sha256: str
    seed: int
    by_mast: bool
    folds: tuple[str, ...]
    data: tuple[str, ...]
    bundles: tuple[str, ...]
    figures: dict[str, Any]

    @property
    def key(self) -> str:
        """The same for the same figures of the same bundles: to see them again is no further look."""
        shown = [
            self.recipe_sha256,
            self.seed,
            self.by_mast,
            self.folds,
            self.data,
            self.bundles,
            self.figures,
        ]
        return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()


def read(path: Path) -> tuple[Look, ...]:
    """Read a ledger; none yet is an empty one.

    Raises:
        ValueError: a line is malformed; names it.
    """
    try:
        text = read_text(path, _BYTES_MAX)
    except FileNotFoundError:
        return ()
    looks = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            looks.append(msgspec.json.decode(line, type=Look))
        except msgspec.MsgspecError as error:
            raise ValueError(
                f"{path}, line {number}: {error}; put the line back as it is in the checkout"
            ) from error
    return tuple(looks)


def append(path: Path, look: Look) -> tuple[Look, ...]:
    """Append a look, unless the same figures of the same bundles stand there already.

    Returns:
        The looks that had been taken before this one.

    Raises:
        ValueError: a line is malformed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = read(path)
        known = [one.key for one in before]
        if look.key in known:
            return before[: known.index(look.key)]
        ended = path.stat().st_size == 0 or path.read_bytes().endswith(b"\n")
        file.write(("" if ended else "\n") + msgspec.json.encode(look).decode() + "\n")
    return before


def looks_at(looks: Sequence[Look], data: Sequence[str]) -> int:
    """Count the looks at any of some data sets.

    Args:
        looks: of a ledger.
        data: sha256 of each data set.
    """
    wanted = set(data)
    return sum(not wanted.isdisjoint(look.data) for look in looks)
