"""Scene conditions that a bundle may tell beside its scores: their names, and the shape in which they come."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.errors import ManifestError

KNOWN = ("clear", "fog", "low_sun", "night", "infrared", "dirty")  # others are kept and shown as they are
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOST = 32


def check(conditions: Sequence[str]) -> None:
    """Check the names of a manifest's conditions.

    Raises:
        ManifestError: a name that is none, or one that is there twice.
    """
    for name in conditions:
        if not _NAME.fullmatch(name):
            raise ManifestError(
                f"manifest.conditions: expected names of a-z 0-9 _ such as {', '.join(KNOWN)}, got {name!r}"
            )
    if len(set(conditions)) != len(conditions) or len(conditions) > _MOST:
        raise ManifestError(f"manifest.conditions: expected each once, {_MOST} at most")


def check_held(held: Sequence[str], conditions: Sequence[str]) -> None:
    """Check which conditions hold alerts back.

    Raises:
        ManifestError: one that the manifest does not name, or one that is there twice.
    """
    for name in held:
        if name not in conditions:
            raise ManifestError(
                f"manifest.alert.held: {name!r} is not among the conditions {list(conditions)}"
            )
    if len(set(held)) != len(held):
        raise ManifestError("manifest.alert.held: expected each once")


def check_output(where: str, shape: tuple[int, ...] | None, conditions: Sequence[str]) -> None:
    """Check that a model file gives the conditions that the manifest names, as (1, N) or (1, 1, 1, N).

    Args:
        where: of the file, for messages.
        shape: of its tensor with role `conditions`; None where it has none.
        conditions: of the manifest.
    Raises:
        ManifestError: it gives others.
    """
    count = len(conditions)
    if shape is None and not count:
        return
    if not count or shape not in {(1, count), (1, 1, 1, count)}:
        got = "no tensor with that role" if shape is None else f"{shape}"
        raise ManifestError(
            f"{where}: role 'conditions' needs one tensor of (1, {count}) or (1, 1, 1, {count}), as "
            f"manifest.conditions has {count} names; got {got}"
        )
